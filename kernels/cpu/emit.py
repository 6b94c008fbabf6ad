"""Code: native functions written as Python expressions, which become LLVM IR when they run once.

    code = open_function(ir.Module("example"), "twice", [POINTER, I64])
    x, n = code.arguments
    with code.loop(0, n) as i:
        code.store(code.load(F32, x, i) * 2.0, x, i)
    code.finish()

Python's own loops unroll; `code.loop` runs. Values add, subtract and multiply with numbers and with each other;
integers have // and % as well, for numbers of zero or more. A Variable is what a loop may change. It refuses to know
machines: vectors may have any number of lanes, the compiler splits them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

I1, I8, I32, I64, F32, POINTER = (
    ir.IntType(1),
    ir.IntType(8),
    ir.IntType(32),
    ir.IntType(64),
    ir.FloatType(),
    ir.PointerType(),
)


def vector(element: ir.Type, lanes: int) -> ir.Type:
    """The type of `lanes` elements; of one lane too, so that code need not tell them apart."""
    return ir.VectorType(element, lanes)


class Value:
    """A scalar or vector that the code will have computed."""

    __slots__ = ("code", "raw")

    # The builder's own values and types come without annotations.
    def __init__(self, code: "Code", raw: Any) -> None:
        self.code = code
        self.raw = raw

    @property
    def type(self) -> Any:
        return self.raw.type

    @property
    def lanes(self) -> int:
        """Of a vector."""
        return self.type.count

    def __add__(self, other: "Value | float") -> "Value":
        return self.code.binary("add", self, other)

    def __sub__(self, other: "Value | float") -> "Value":
        return self.code.binary("sub", self, other)

    def __mul__(self, other: "Value | float") -> "Value":
        return self.code.binary("mul", self, other)

    def __truediv__(self, other: "Value | float") -> "Value":
        return self.code.binary("div", self, other)

    def __floordiv__(self, other: "Value | int") -> "Value":
        return self.code.binary("udiv", self, other)

    def __mod__(self, other: "Value | int") -> "Value":
        return self.code.binary("urem", self, other)

    def __and__(self, other: "Value | int") -> "Value":
        return self.code.binary("and_", self, other)

    def __or__(self, other: "Value | int") -> "Value":
        return self.code.binary("or_", self, other)

    def __xor__(self, other: "Value | int") -> "Value":
        return self.code.binary("xor", self, other)

    def __lshift__(self, other: "Value | int") -> "Value":
        return self.code.binary("shl", self, other)

    def __rshift__(self, other: "Value | int") -> "Value":
        return self.code.binary("lshr", self, other)

    def __lt__(self, other: "Value | float") -> "Value":
        return self.code.compare("<", self, other)

    def __ge__(self, other: "Value | float") -> "Value":
        return self.code.compare(">=", self, other)

    def equals(self, other: "Value | int") -> "Value":
        return self.code.compare("==", self, other)


class Variable:
    """A place for one value that may change; it ends up in a register."""

    __slots__ = ("_code", "_place", "_type")

    def __init__(self, code: "Code", initial: Value) -> None:
        self._code, self._type = code, initial.type
        with code.builder.goto_entry_block():
            self._place = code.builder.alloca(initial.type)
        self.set(initial)

    def get(self) -> Value:
        return Value(self._code, self._code.builder.load(self._place, typ=self._type))

    def set(self, value: Value) -> None:
        self._code.builder.store(value.raw, self._place)


class Code:
    """The function being written, at the place where its next instruction goes."""

    def __init__(self, function: ir.Function) -> None:
        self.function = function
        self.builder: Any = ir.IRBuilder(function.append_basic_block("entry"))
        self.arguments = [Value(self, a) for a in function.args]

    # -- values ------------------------------------------------------------------------------------------------------

    def constant(self, number: float | Sequence[float], kind: ir.Type = I64) -> Value:
        """A number of this type, in every lane if it has lanes; or a sequence, one number a lane."""
        if number == 0 and kind != I64:
            return Value(
                self, ir.Constant(kind, None if isinstance(kind, ir.VectorType) else number)
            )
        if isinstance(kind, ir.VectorType) and isinstance(number, int | float):
            number = [number] * kind.count
        return Value(
            self, ir.Constant(kind, number if isinstance(number, int | float) else list(number))
        )

    def binary(self, name: str, left: Value, right: "Value | float") -> Value:
        right = self._like(left, right)
        if _lane(left.type) == F32:
            operation = getattr(self.builder, f"f{name}")
            return Value(self, operation(left.raw, right.raw, flags=("contract",)))
        return Value(self, getattr(self.builder, name)(left.raw, right.raw))

    def compare(self, sign: str, left: Value, right: "Value | float") -> Value:
        right = self._like(left, right)
        kind = self.builder.fcmp_ordered if _lane(left.type) == F32 else self.builder.icmp_signed
        return Value(self, kind(sign, left.raw, right.raw))

    def select(self, condition: Value, yes: Value, no: "Value | float") -> Value:
        return Value(self, self.builder.select(condition.raw, yes.raw, self._like(yes, no).raw))

    def call(self, name: str, result: ir.Type, *arguments: Value) -> Value:
        """A function by its linker's name, an intrinsic for one."""
        module = self.function.module
        function = module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(result, [a.type for a in arguments])
            function = ir.Function(module, kind, name)
        return Value(self, self.builder.call(function, [a.raw for a in arguments]))

    def intrinsic(self, name: str, *arguments: Value) -> Value:
        """An intrinsic that is overloaded by the type of its first argument, and gives that type."""
        kind = arguments[0].type
        lanes = f"v{kind.count}" if isinstance(kind, ir.VectorType) else ""
        suffix = "f32" if _lane(kind) == F32 else f"i{_lane(kind).width}"
        return self.call(f"llvm.{name}.{lanes}{suffix}", kind, *arguments)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """a * b + c, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def larger(self, a: Value, b: "Value | float") -> Value:
        b = self._like(a, b)
        return self.select(self.compare(">=", a, b), a, b)

    def smaller(self, a: Value, b: "Value | float") -> Value:
        b = self._like(a, b)
        return self.select(self.compare("<", a, b), a, b)

    def spread(self, scalar: Value, lanes: int) -> Value:
        """The scalar in every lane."""
        kind = vector(scalar.type, lanes)
        one = self.builder.insert_element(
            ir.Constant(kind, ir.Undefined), scalar.raw, ir.Constant(I32, 0)
        )
        nought = ir.Constant(vector(I32, lanes), None)
        return Value(self, self.builder.shuffle_vector(one, one, nought))

    def shuffle(self, a: Value, b: Value, order: Sequence[int]) -> Value:
        """Lanes of a, then of b, picked by their index."""
        mask = ir.Constant(vector(I32, len(order)), list(order))
        return Value(self, self.builder.shuffle_vector(a.raw, b.raw, mask))

    def reduce_max(self, a: Value) -> Value:
        return self.call(f"llvm.vector.reduce.fmax.v{a.lanes}f32", F32, a)

    def reduce_min(self, a: Value) -> Value:
        """The smallest of int32 lanes."""
        return self.call(f"llvm.vector.reduce.smin.v{a.lanes}i32", I32, a)

    def reduce_add(self, a: Value) -> Value:
        """The sum of the lanes, pairwise."""
        while a.lanes > 1:
            half = a.lanes // 2
            a = self.shuffle(a, a, range(half)) + self.shuffle(a, a, range(half, 2 * half))
        return Value(self, self.builder.extract_element(a.raw, ir.Constant(I32, 0)))

    def bits(self, a: Value, kind: ir.Type) -> Value:
        """The same bits as another type."""
        return Value(self, self.builder.bitcast(a.raw, kind))

    def to_int(self, a: Value, kind: ir.Type) -> Value:
        return Value(self, self.builder.fptosi(a.raw, kind))

    def widen(self, a: Value) -> Value:
        """An int32 as int64."""
        return Value(self, self.builder.sext(a.raw, I64))

    def shift_signed(self, a: Value, count: int) -> Value:
        """a >> count, where the sign is shifted in."""
        return self.binary("ashr", a, count)

    def extend(self, a: Value) -> Value:
        """A bit, or an integer of fewer bits and no sign, as int64."""
        return Value(self, self.builder.zext(a.raw, I64))

    def narrow(self, a: Value) -> Value:
        """An int64 as int32."""
        return Value(self, self.builder.trunc(a.raw, I32))

    def _like(self, value: Value, other: "Value | float") -> Value:
        return other if isinstance(other, Value) else self.constant(other, value.type)

    # -- memory ------------------------------------------------------------------------------------------------------

    def at(self, pointer: Value, index: "Value | int", element: ir.Type = F32) -> Value:
        """The address of an element."""
        index = index if isinstance(index, Value) else self.constant(index)
        return Value(self, self.builder.gep(pointer.raw, [index.raw], source_etype=element))

    def load(self, kind: ir.Type, pointer: Value, index: "Value | int" = 0) -> Value:
        """A value from pointer + index, counted in elements of its lanes' type."""
        lane = _lane(kind)
        place = self.at(pointer, index, lane)
        return Value(self, self.builder.load(place.raw, typ=kind, align=_bytes(lane)))

    def store(self, value: Value, pointer: Value, index: "Value | int" = 0) -> None:
        lane = _lane(value.type)
        place = self.at(pointer, index, lane)
        self.builder.store(value.raw, place.raw, align=_bytes(lane))

    def pointer(self, address: Value) -> Value:
        """An address, int64, as a pointer."""
        return Value(self, self.builder.inttoptr(address.raw, POINTER))

    def room(self, kind: ir.Type, count: int) -> Value:
        """Memory of the function's own, for `count` values."""
        with self.builder.goto_entry_block():
            place = self.builder.alloca(kind, size=count)
            # By way of a number, since the builder remembers what an alloca is for and checks what is stored.
            return self.pointer(Value(self, self.builder.ptrtoint(place, I64)))

    # -- order -------------------------------------------------------------------------------------------------------

    @contextmanager
    def loop(
        self, begin: "Value | int", end: "Value | int", step: "Value | int" = 1
    ) -> Iterator[Value]:
        """Runs the body for begin, begin + step, .. below end."""
        first, last, by = (
            v if isinstance(v, Value) else self.constant(v) for v in (begin, end, step)
        )
        builder, before = self.builder, self.builder.block
        head, body, after = (self.function.append_basic_block() for _ in range(3))
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(I64)
        index.add_incoming(first.raw, before)
        builder.cbranch(builder.icmp_signed("<", index, last.raw), body, after)
        builder.position_at_end(body)
        yield Value(self, index)
        index.add_incoming(builder.add(index, by.raw), builder.block)
        builder.branch(head)
        builder.position_at_end(after)

    @contextmanager
    def forever(self) -> Iterator[tuple[ir.Block, ir.Block]]:
        """Runs the body again and again; gives (again, out), the places to `go` to."""
        again, out = (self.function.append_basic_block() for _ in range(2))
        self.go(again)
        self.builder.position_at_end(again)
        yield again, out
        self.go(again)
        self.builder.position_at_end(out)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Runs the body where the condition holds; the body may leave by `go`."""
        body, after = (self.function.append_basic_block() for _ in range(2))
        self.builder.cbranch(condition.raw, body, after)
        self.builder.position_at_end(body)
        yield
        self.go(after)
        self.builder.position_at_end(after)

    def go(self, place: ir.Block) -> None:
        """Goes on at another place, unless the code went elsewhere already."""
        if not self.builder.block.is_terminated:
            self.builder.branch(place)

    def finish(self, value: Value | None = None) -> None:
        """Returns from the function."""
        if value is None:
            self.builder.ret_void()
        else:
            self.builder.ret(value.raw)


def open_function(
    module: ir.Module, name: str, arguments: Sequence[ir.Type], result: ir.Type | None = None
) -> Code:
    """A new function, to be written and finished."""
    kind = ir.FunctionType(result or ir.VoidType(), list(arguments))
    return Code(ir.Function(module, kind, name))


def _lane(kind: Any) -> Any:
    """The type of each lane, or of the scalar."""
    return kind.element if isinstance(kind, ir.VectorType) else kind


def _bytes(kind: Any) -> int:
    return 4 if kind == F32 else kind.width // 8
