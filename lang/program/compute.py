"""Compute: what a Value comes to in a run.

    bound = bind(value, environment, arguments)      # now: which cells it means
    result = await bound.settled()                   # later: what they hold

An id means another cell in every round of a repeat, so values are bound where they stand and waited for where they are
needed. It refuses to know about states.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..errors import InvalidProgram, ProgramError
from ..nodes.ir import Awaited
from ..state.cell import Cell
from ..written import written
from .symbols import plain_of
from .values import (
    Argument,
    Compare,
    Concat,
    Const,
    Get,
    Listing,
    Record,
    Ref,
    Value,
    Written,
)

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Ready:
    """What a case, map, repeat or item is: known already."""

    value: Any


Environment = dict[str, Cell | Ready]


@dataclass(frozen=True, slots=True)
class Bound:
    """A value, and what its ids mean here. where: the line, for messages."""

    value: Value
    cells: Environment
    arguments: Mapping[str, Any]
    where: str

    async def settled(self) -> Any:
        """What it comes to. Raises the error of a variable it needs, ProgramError for what cannot be meant."""
        known = {
            made: cell.value if isinstance(cell, Ready) else await cell.wait()
            for made, cell in self.cells.items()
        }
        try:
            return _compute(self.value, known, self.arguments)
        except InvalidProgram as error:
            raise ProgramError(f"{self.where}: {error}", where=self.where) from error


class Pending(Awaited):
    """Text that a bound value will be."""

    __slots__ = ("_bound",)

    def __init__(self, bound: Bound) -> None:
        self._bound = bound

    async def settled(self) -> str:
        """The text. Raises ProgramError for a value that is none."""
        value = await self._bound.settled()
        if not isinstance(value, str):
            raise ProgramError(
                f"{self._bound.where}: {value!r:.80} is no text: append tr.text(value)",
                where=self._bound.where,
            )
        return value


def _compute(value: Value, known: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    def inside(part: Value) -> Any:
        return _compute(part, known, arguments)

    match value:
        case Const(const=const):
            return const
        case Argument(name=name):
            return arguments[name]
        case Ref(id=made):
            return known[made]
        case Get(of=of, key=key):
            return _part(inside(of), key)
        case Concat(parts=parts):
            return "".join([_text(inside(part)) for part in parts])
        case Written(of=of):
            return written(inside(of))
        case Listing(items=items):
            return [inside(item) for item in items]
        case Record(fields=fields):
            return {key: inside(field) for key, field in fields.items()}
        case Compare(left=left, how=how, right=right):
            return _compared(plain_of(inside(left)), how, plain_of(inside(right)))


def _part(value: Any, key: str | int) -> Any:
    plain = value is None or isinstance(value, str | int | float | list | tuple)
    try:
        if isinstance(value, Mapping):
            return cast(Mapping[Any, Any], value)[key]
        if isinstance(key, int):
            return cast(Sequence[Any], value)[key]
        # Data has no attributes; only the fields of typed values are meant.
        if plain or key.startswith("_"):
            raise AttributeError(key)
        return getattr(cast(object, value), key)
    except (KeyError, IndexError, AttributeError, TypeError) as error:
        raise InvalidProgram(f"there is no {key!r} in {value!r:.80}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidProgram(f"{value!r:.80} is no text to join: write tr.text(value)")
    return value


def _compared(left: Any, how: str, right: Any) -> bool:
    try:
        return COMPARISONS[how](left, right)
    except TypeError as error:
        raise InvalidProgram(f"{left!r:.40} {how} {right!r:.40} has no answer: {error}") from error
