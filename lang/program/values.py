"""Values: what a Program says instead of a Python value, as frozen data.

    Argument("text")                              # an argument of the run
    Ref("city")                                   # what the instruction with this id sets
    Get(Ref("person"), "name")                    # a field, a key or an index of it
    Concat((Const("Q: "), Argument("text")))      # texts, one after the other

A value is a tree of these, told apart by `kind`. `refs` lists what one depends on. It refuses to know how they are
traced and computed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

STRICT = {"extra": "forbid", "strict": True}
Comparison = Literal["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Const:
    """A JSON value."""

    const: Any
    kind: Literal["const"] = "const"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of the run, by its parameter's name."""

    name: str
    kind: Literal["argument"] = "argument"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Ref:
    """What the instruction with this id sets, or the item that a map is at."""

    id: str
    kind: Literal["ref"] = "ref"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Get:
    """A field or key (a text) or an index (an integer) of a value."""

    of: "Value"
    key: str | int
    kind: Literal["get"] = "get"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Concat:
    """Texts, one after the other."""

    parts: "tuple[Value, ...]"
    kind: Literal["concat"] = "concat"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Written:
    """A value as text: a text as it is, numbers and labels as one word, all else as JSON."""

    of: "Value"
    kind: Literal["written"] = "written"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of values."""

    items: "tuple[Value, ...]"
    kind: Literal["list"] = "list"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Record:
    """A dict of values."""

    fields: "dict[str, Value]"
    kind: Literal["record"] = "record"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Compare:
    """Whether two values compare so."""

    left: "Value"
    how: Comparison
    right: "Value"
    kind: Literal["compare"] = "compare"
    __pydantic_config__ = STRICT


Value = Annotated[
    Const | Argument | Ref | Get | Concat | Written | Listing | Record | Compare,
    Field(discriminator="kind"),
]


def parts_of(value: Value) -> tuple[Value, ...]:
    """The values that a value is made of, directly."""
    match value:
        case Get(of=of) | Written(of=of):
            return (of,)
        case Concat(parts=parts):
            return parts
        case Listing(items=items):
            return items
        case Record(fields=fields):
            return tuple(fields.values())
        case Compare(left=left, right=right):
            return (left, right)
        case _:
            return ()


def refs(value: Value) -> Iterator[str]:
    """The ids that a value depends on, in the order written."""
    if isinstance(value, Ref):
        yield value.id
    for part in parts_of(value):
        yield from refs(part)


def arguments(value: Value) -> Iterator[str]:
    """The arguments that a value depends on."""
    if isinstance(value, Argument):
        yield value.name
    for part in parts_of(value):
        yield from arguments(part)
