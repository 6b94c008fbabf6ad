"""Trail: the open arrays whose items must differ, and which values each has had.

    trail = Trail((Level(base=len(place.stack)),))  # behind the bracket of the outermost
    trail = trail.read(byte, None)                  # None: this byte would make an item equal to an earlier one

Values are equal as JSON Schema has it: 1 is 1.0, members may come in any order, escapes are what they stand for. Of the
text only the item that is being read is kept. It refuses to know grammars, but for
the Place that a Spot has beside it: that the bytes are JSON is others' care, and which brackets begin such an array.
"""

import json
from collections.abc import Hashable
from decimal import Decimal
from typing import Literal, NamedTuple, cast

from .place import Place

QUOTE, BACKSLASH = 0x22, 0x5C
CLOSING, OPENING, BETWEEN = b"]}", b"[{", b", \n\t\r"


class Level(NamedTuple):
    """One open array. base: how many frames wait below its own; depth: containers around its items, counted from the
    outermost such array; begin: where in the trail's data the item begins that is being read; seen: the values of
    those before."""

    base: int
    depth: int = 0
    begin: int | None = None
    seen: frozenset[Hashable] = frozenset()


class Trail(NamedTuple):
    """The open arrays, the outermost first; none once that one is closed."""

    levels: tuple[Level, ...]
    data: bytes = b""
    depth: int = 0
    inside: Literal["", "string", "escape"] = ""

    def read(self, byte: int, opens: int | None) -> "Trail | None":
        """The trail after one more byte; None if an item ends that was there before. opens: the base of the array
        that a bracket opens, if its items must differ."""
        if self.inside:
            return self._read_string(byte)
        if byte in BETWEEN:
            ended = self._end_scalar()
            return None if ended is None else ended._add(byte)
        if byte in CLOSING:
            return self._close(byte)
        begun = self._begin()._add(byte)
        if byte == QUOTE:
            return begun._replace(inside="string")
        if byte not in OPENING:
            return begun
        depth = self.depth + 1
        levels = begun.levels if opens is None else (*begun.levels, Level(opens, depth))
        return begun._replace(depth=depth, levels=levels)

    def alone(self) -> "Trail":
        """The innermost array by itself, as if nothing had been in it."""
        level = self.levels[-1]
        begin = None if level.begin is None else 0
        data = b"" if level.begin is None else self.data[level.begin :]
        return Trail((Level(level.base, 0, begin),), data, self.depth - level.depth, self.inside)

    @property
    def pending(self) -> bytes:
        """The text so far of the innermost array's item."""
        return self.data[self.levels[-1].begin :]

    def _begin(self) -> "Trail":
        level = self.levels[-1]
        if level.begin is not None or level.depth != self.depth:
            return self
        return self._replace(levels=(*self.levels[:-1], level._replace(begin=len(self.data))))

    def _add(self, byte: int) -> "Trail":
        if self.levels[0].begin is None:
            return self
        return self._replace(data=self.data + bytes((byte,)))

    def _read_string(self, byte: int) -> "Trail | None":
        added = self._add(byte)
        if self.inside == "escape" or byte not in (QUOTE, BACKSLASH):
            return added if self.inside == "string" else added._replace(inside="string")
        if byte == BACKSLASH:
            return added._replace(inside="escape")
        return added._replace(inside="")._end_item()

    def _end_scalar(self) -> "Trail | None":
        """Ends a number or literal, which nothing but what follows does."""
        return self if self.levels[-1].begin is None else self._end_item()

    def _end_item(self) -> "Trail | None":
        """Ends the innermost array's item, if that is what the depth says."""
        level = self.levels[-1]
        if level.depth != self.depth:
            return self
        assert level.begin is not None, self
        value = value_of(self.data[level.begin :])
        if value in level.seen:
            return None
        level = Level(level.base, level.depth, None, level.seen | {value})
        data = self.data if len(self.levels) > 1 else b""
        return self._replace(levels=(*self.levels[:-1], level), data=data)

    def _close(self, byte: int) -> "Trail | None":
        trail: Trail | None = self
        if self.levels[-1].depth == self.depth:
            trail = self._end_scalar()
            if trail is None or len(trail.levels) == 1:
                return None if trail is None else trail._replace(levels=(), data=b"")
            trail = trail._replace(levels=trail.levels[:-1])
        return trail._replace(depth=self.depth - 1)._add(byte)._end_item()


def value_of(text: bytes) -> Hashable:
    """What a JSON text stands for; equal for equal values, and only for these."""
    return _freeze(
        json.loads(text, parse_int=_number, parse_float=_number, object_pairs_hook=_members)
    )


def _number(text: str) -> Hashable:
    """(sign, digits, exponent) without zeros at either end."""
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int), text
    shown = "".join(map(str, digits)).lstrip("0")
    bare = shown.rstrip("0")
    return (sign, bare, exponent + len(shown) - len(bare)) if bare else (0, "", 0)


def _members(pairs: list[tuple[str, object]]) -> Hashable:
    return frozenset((name, _freeze(value)) for name, value in dict(pairs).items())


def _freeze(value: object) -> Hashable:
    """Lists and literals as tuples behind a mark that no number has."""
    if isinstance(value, list):
        return ("[]", *map(_freeze, cast("list[object]", value)))
    if value is None or isinstance(value, bool):
        return ("literal", value)
    return cast(Hashable, value)


class Spot(NamedTuple):
    """Where a text stands: its place in the tables, and the open arrays whose items must differ."""

    place: Place
    trail: Trail | None = None
