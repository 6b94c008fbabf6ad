"""Trail: the open arrays whose items must differ, and which values each has had.

    trail = Trail((Level(base=len(place.stack)),))  # behind the bracket of the outermost
    trail = trail.read(byte, None)                  # trail.again: whether an item has ended that was there before

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
BEFORE, BEHIND = 1, 2  # where an item has ended: in front of the byte that says so, or with it


# State and register behind an item, and whether the array is closed there.
Behind = tuple[int, int, bool]


class Level(NamedTuple):
    """One open array. base: how many frames wait below its own; depth: containers around its items, counted from the
    outermost such array; begin: where in the trail's data the item begins that is being read; seen: the values of
    those before. ended, gap: the place behind the last of those, and the text from there to the next, where it can
    matter that one is equal to another."""

    base: int
    depth: int = 0
    begin: int | None = None
    seen: frozenset[Hashable] = frozenset()
    ended: Place | None = None
    gap: bytes = b""

    def follow(self, before: "Level", byte: int, place: Place, after: Place) -> "Level":
        """The level behind a byte which it stood `before`, with what is noted between items. place, after: where the
        byte was read, and where it led."""
        if self.begin is not None:
            return self
        if before.begin is None:
            return self._replace(gap=self.gap + bytes((byte,)))
        if byte in BETWEEN:
            return self._replace(ended=place, gap=bytes((byte,)))
        return self._replace(ended=after, gap=b"")


class Trail(NamedTuple):
    """The open arrays, the outermost first; none once that one is closed. again: BEFORE, BEHIND, or both as bits, for
    items that the last byte has ended and that were there before; to be cleared."""

    levels: tuple[Level, ...]
    data: bytes = b""
    depth: int = 0
    inside: Literal["", "string", "escape"] = ""
    again: int = 0

    def read(self, byte: int, opens: int | None) -> "Trail":
        """The trail after one more byte. opens: the base of the array that a bracket opens, if its items must
        differ."""
        if self.inside:
            return self._read_string(byte)
        if byte in BETWEEN:
            return self._end_scalar()._add(byte)
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

    def may_end_scalar(self, byte: int) -> bool:
        """Whether a byte ends the innermost array's item in front of itself, if that is a number or literal."""
        level = self.levels[-1]
        ends = not self.inside and (byte in BETWEEN or byte == CLOSING[0])
        return ends and level.begin is not None and level.depth == self.depth

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

    def _read_string(self, byte: int) -> "Trail":
        added = self._add(byte)
        if self.inside == "escape" or byte not in (QUOTE, BACKSLASH):
            return added if self.inside == "string" else added._replace(inside="string")
        if byte == BACKSLASH:
            return added._replace(inside="escape")
        return added._replace(inside="")._end_item(BEHIND)

    def _end_scalar(self) -> "Trail":
        """Ends a number or literal, which nothing but what follows does."""
        return self if self.levels[-1].begin is None else self._end_item(BEFORE)

    def _end_item(self, at: int) -> "Trail":
        """Ends the innermost array's item, if that is what the depth says."""
        level = self.levels[-1]
        if level.depth != self.depth:
            return self
        assert level.begin is not None, self
        value = value_of(self.data[level.begin :])
        again = self.again | at if value in level.seen else self.again
        level = Level(level.base, level.depth, None, level.seen | {value}, level.ended)
        data = self.data if len(self.levels) > 1 else b""
        return Trail((*self.levels[:-1], level), data, self.depth, self.inside, again)

    def _close(self, byte: int) -> "Trail":
        trail = self
        if self.levels[-1].depth == self.depth:
            trail = self._end_scalar()
            if len(trail.levels) == 1:
                return trail._replace(levels=(), data=b"")
            trail = trail._replace(levels=trail.levels[:-1])
        return trail._replace(depth=self.depth - 1)._add(byte)._end_item(BEHIND)


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


def is_behind(spot: Spot, count: int) -> bool:
    """Whether the item of the array that is the last of `count` has ended."""
    if spot.trail is None:
        return True
    levels = spot.trail.levels
    return len(levels) < count or (len(levels) == count and levels[-1].begin is None)


def see_behind(spot: Spot, count: int) -> Behind:
    """What stands behind the item of the array that is the last of `count`."""
    closed = spot.trail is None or len(spot.trail.levels) < count
    return spot.place.state, spot.place.register, closed


def ended_by(before: Spot, after: Spot) -> Hashable:
    """The value of a lone array's item that this step has ended."""
    if after.trail is not None:
        return next(iter(after.trail.levels[0].seen))
    assert before.trail is not None, before
    return value_of(before.trail.pending)
