"""Symbol: a value that is known only when the program runs, as the tracer hands it to the function.

    "Q: " + symbol + "\\nA: " + gen("answer")     # joins like text
    symbol["name"], symbol.name                  # a field of it
    symbol == "yes"                              # a condition, for tr.repeat(until=...)

Whatever needs the value at once, such as `if`, `for`, an f-string or a method of it, raises Untraceable with the
remedy. It refuses to know which function is traced.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, cast

from ..errors import Untraceable
from ..nodes import ir
from .values import Compare, Comparison, Concat, Const, Get, Listing, Record, Ref, Value, Written

REMEDY = (
    "a Python function of it runs only where Python runs: use tr.match, tr.map or tr.repeat, or run the "
    "function as it is"
)


class Symbol(ir.Later):
    """A traced value. value: how a Program says it; label: how the function says it."""

    __slots__ = ("_label", "_value")

    def __init__(self, value: Value, label: str) -> None:
        self._value = value
        self._label = label

    def written(self) -> "Symbol":
        """The value as text."""
        return Symbol(Written(self._value), f"text({self._label})")

    def __getitem__(self, key: str | int) -> "Symbol":
        if not isinstance(key, str | int) or isinstance(key, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise Untraceable(
                f"{self._label}[{key!r}]: a traced value takes a text or an integer as its key"
            )
        return Symbol(Get(self._value, key), f"{self._label}[{key!r}]")

    def __getattr__(self, name: str) -> "Symbol":
        if name.startswith("__"):
            raise AttributeError(name)
        return Symbol(Get(self._value, name), f"{self._label}.{name}")

    def __call__(self, *arguments: Any, **named: Any) -> NoReturn:
        raise Untraceable(f"{self._label}() is called while it is traced: {REMEDY}")

    def __repr__(self) -> str:
        return f"<{self._label}, known only when the program runs>"

    def __str__(self) -> str:
        raise Untraceable(
            f"str({self._label}) is not known while it is traced: use tr.text({self._label})"
        )

    def __format__(self, format_spec: str) -> str:
        raise Untraceable(
            f"{self._label} inside an f-string is not known while it is traced: join it with +, as in "
            f"'text' + {self._label}"
        )

    def __bool__(self) -> bool:
        raise Untraceable(
            f"Python's if, while, and, or, not, in need {self._label} at once: use tr.match(value, "
            "{label: case, ...}) or tr.repeat(body, until=..., at_most=...)"
        )

    def __iter__(self) -> Iterator[Any]:
        raise Untraceable(
            f"the items of {self._label} are not known while it is traced: use tr.map(items, branch)"
        )

    def __len__(self) -> int:
        raise Untraceable(f"len({self._label}) is not known while it is traced: {REMEDY}")

    def __hash__(self) -> int:
        raise Untraceable(
            f"{self._label} cannot be a key or in a set while it is traced: use tr.match"
        )

    def _number(self) -> NoReturn:
        raise Untraceable(f"{self._label} is not known as a number while it is traced: {REMEDY}")

    __int__ = __float__ = __index__ = _number

    def __eq__(self, other: object) -> "Symbol":  # pyright: ignore[reportIncompatibleMethodOverride]: a condition
        return self._compared("==", other)

    def __ne__(self, other: object) -> "Symbol":  # pyright: ignore[reportIncompatibleMethodOverride]: a condition
        return self._compared("!=", other)

    def __lt__(self, other: object) -> "Symbol":
        return self._compared("<", other)

    def __le__(self, other: object) -> "Symbol":
        return self._compared("<=", other)

    def __gt__(self, other: object) -> "Symbol":
        return self._compared(">", other)

    def __ge__(self, other: object) -> "Symbol":
        return self._compared(">=", other)

    def _compared(self, how: Comparison, other: object) -> "Symbol":
        right = value_of(other)
        return Symbol(Compare(self._value, how, right), f"({self._label} {how} {other!r})")


def value_of(given: Any) -> Value:
    """How a Program says what a function holds: symbols, texts joined of them, and plain data. Raises Untraceable."""
    if isinstance(given, Symbol):
        return given._value  # pyright: ignore[reportPrivateUsage]: a symbol has no public fields, they would hide the value's
    if isinstance(given, ir.Node):
        return _text_of(given)
    if isinstance(given, list | tuple):
        items: tuple[Any, ...] = tuple(cast(Any, given))
        return _folded(Listing(tuple(value_of(item) for item in items)))
    if isinstance(given, Mapping) and all(
        isinstance(key, str) for key in cast(Mapping[Any, Any], given)
    ):
        fields = cast(Mapping[str, Any], given)
        return _folded(Record({key: value_of(field) for key, field in fields.items()}))
    return Const(plain_of(given))


def plain_of(given: Any) -> Any:
    if (
        given is None
        or isinstance(given, str | int | float)
        and type(given) in (str, int, float, bool)
    ):
        return given
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return to_jsonable_python(given)
    except (PydanticSerializationError, ValueError) as error:
        raise Untraceable(
            f"{given!r:.80} is no plain data, so no Program can hold it: {error}"
        ) from error


def _text_of(node: ir.Node) -> Value:
    parts: list[Value] = []
    for leaf in ir.leaves(node):
        if isinstance(leaf, ir.Text):
            parts.append(Const(leaf.text))
        elif isinstance(leaf, Symbol):
            parts.append(value_of(leaf))
        else:
            raise Untraceable(
                f"a {type(leaf).__name__} is no value: append it to the state with +="
            )
    return Concat(tuple(parts))


def _folded(value: Listing | Record) -> Value:
    """The constant, if all of its parts are."""
    if isinstance(value, Listing):
        if all(isinstance(item, Const) for item in value.items):
            return Const([item.const for item in value.items if isinstance(item, Const)])
        return value
    if all(isinstance(item, Const) for item in value.fields.values()):
        return Const({k: v.const for k, v in value.fields.items() if isinstance(v, Const)})
    return value


def of_ref(made: str, label: str) -> Symbol:
    """The symbol of what an instruction sets."""
    return Symbol(Ref(made), label)
