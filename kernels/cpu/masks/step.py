"""One byte whose entry is not plain, as native code: calls, returns, counters and bits. See kernels/masks/step.py.

    emit_resolve(module)        # resolve(block, from, to, address, entry, column) -> the address after it, or 0

A token is not walked alone but with all that begin alike, so frames are never overwritten: each links to the one below
it, and a stand (see blocks.py) has the topmost. `from` and `to` may be one stand. Slow: some ten nanoseconds.
"""

from dataclasses import dataclass

from llvmlite import ir

from ...masks.layout import ACTION, AHEAD, CALLER, FRAMES, PUSHED
from ..emit import I64, POINTER, Code, Value, Variable, open_function
from .blocks import BELOW, KEPT, LEVEL, LINK, PUSH, SPARE, Block, load32


def emit_resolve(module: ir.Module) -> None:
    """Adds `resolve`. Where a byte is refused the stand is left as far as its frames had come to an end."""
    code = open_function(module, "resolve", [POINTER, POINTER, POINTER, I64, I64, I64], I64)
    pointer, stand, to, address, entry, column = code.arguments
    writer = _Writer.begin(code, Block(code, pointer), stand, (address, entry))
    with code.forever() as (_, refused):
        writer.leave(column, refused)
        writer.act(refused)
        with code.when(writer.entry.get().equals(0)):
            writer.address.set(code.constant(0))
            code.go(refused)
        writer.settle(refused)
        writer.store(to)
        code.finish(writer.address.get())
    writer.store(to)
    code.finish(code.constant(0))


@dataclass(frozen=True, slots=True)
class _Writer:
    code: Code
    arena: Value
    actions: Value
    returns: Value
    links: Value
    scale: Value
    address: Variable
    entry: Variable
    stand: tuple[Variable, ...]

    @classmethod
    def begin(cls, code: Code, block: Block, stand: Value, where: tuple[Value, Value]) -> "_Writer":
        arena, actions, returns, links = (
            block.pointer(name) for name in ("arena", "actions", "returns", "links")
        )
        parts = (code.load(I64, stand, i) for i in range(SPARE + 1))
        return cls(
            code, arena, actions, returns, links, block.number("scale"), Variable(code, where[0]),
            Variable(code, where[1]), tuple(Variable(code, part) for part in parts),
        )  # fmt: skip

    def store(self, to: Value) -> None:
        """Writes the stand."""
        for i, part in enumerate(self.stand):
            self.code.store(part.get(), to, i)

    def leave(self, column: Value, refused: ir.Block) -> None:
        """Hands the byte to the caller, and to its caller, until one of them reads it."""
        code = self.code
        with code.forever() as (_, out):
            with code.when(code.compare("!=", self.entry.get(), CALLER)):
                code.go(out)
            self._pop(refused)
            self.entry.set(load32(code, self.arena, self.address.get() + AHEAD + column))
        with code.when(self.entry.get() >= 0):
            self.address.set(self.entry.get() * self.scale)

    def act(self, refused: ir.Block) -> None:
        """Carries out actions until one leads to a state."""
        code = self.code
        register, _, level, lowest, _ = self.stand
        with code.forever() as (again, out):
            entry = self.entry.get()
            with code.when(entry >= 0):
                code.go(out)
            action = code.at(self.actions, (code.constant(-2) - entry) * ACTION, I64)
            unseen, seen, mark, limit = (code.load(I64, action, i) for i in range(4))
            raised = (register.get() | mark) + code.extend(code.compare("!=", limit, 0))
            at_limit = code.extend(code.compare("!=", limit, 0) & raised.equals(limit))
            missing = register.get() ^ -1
            barred = code.compare("!=", seen & missing, 0)
            barred = barred | (code.compare("!=", unseen, 0) & (unseen & missing).equals(0))
            short = code.load(I64, action, at_limit + 8) + level.get() >= FRAMES + 1
            with code.when(short):
                instead = code.select(barred, code.constant(0), code.load(I64, action, 10))
                self.entry.set(instead)
                code.go(again)
            register.set(raised)
            go = code.load(I64, action, at_limit + 4)
            go = code.select(barred, code.constant(0), go)
            push = code.load(I64, action, at_limit + 6)
            self.entry.set(go)
            with code.when(code.compare("!=", push, 0) & code.compare("!=", go, 0)):
                with code.when(level.get() - lowest.get() >= PUSHED):
                    self.address.set(code.constant(0))
                    code.go(refused)
                self._push(push)
            self.address.set(go * self.scale)

    def settle(self, refused: ir.Block) -> None:
        """Leaves rules that have ended."""
        code = self.code
        with code.forever() as (_, out):
            with code.when(self.stand[LEVEL].get().equals(0)):
                code.go(out)
            with code.when(load32(code, self.arena, self.address.get()) >= 0):
                code.go(out)
            self._pop(refused)

    def _push(self, push: Value) -> None:
        code = self.code
        register, top, level, _, spare = self.stand
        link = code.at(self.links, spare.get() * LINK, I64)
        for value, part in ((push, PUSH), (register.get(), KEPT), (top.get(), BELOW)):
            code.store(value, link, part)
        top.set(spare.get())
        spare.set(spare.get() + 1)
        level.set(level.get() + 1)
        register.set(code.constant(0))

    def _pop(self, refused: ir.Block) -> None:
        """Ends the running rule with the verdict of its state; the caller's address."""
        code = self.code
        register, top, level, lowest, _ = self.stand
        verdict = load32(code, self.arena, self.address.get())
        with code.when(verdict.equals(0) | level.get().equals(0)):
            code.go(refused)
        link = code.at(self.links, top.get() * LINK, I64)
        verdict = code.larger(verdict, code.constant(0) - verdict)
        row = code.load(I64, link, PUSH) + verdict - 1
        register.set(code.load(I64, link, KEPT))
        top.set(code.load(I64, link, BELOW))
        level.set(level.get() - 1)
        lowest.set(code.smaller(lowest.get(), level.get()))
        after = load32(code, self.returns, row)
        with code.when(after.equals(0)):
            code.go(refused)
        self.address.set(after * self.scale)
