"""Closing: whether open arrays whose items must differ can still come to their ends.

    closing = Closing(tables, step)
    closing.look(spot)              # "plenty", "some": they can; "dead": they cannot, whatever follows; "unsure"

A way to the outermost bracket is searched, byte by byte, the nearest end first; "dead" is said when there is none. Most
places need no search: from there so many values can be the innermost item, with the same behind them, that those which
were there before cannot be all of them. How many is found out once for each place, by finding that many. "Plenty" says
that this is so: then it is so for every text of that item which leads to the same place.

Where equal items are of use to some branch, a way on which each item may be equal to an earlier one is as good: if it
is, the tables alone lead on.

Slow: a few milliseconds for a new place, some tenths for each search, which is given up after MOST_STEPS: "unsure".
"""

from collections.abc import Generator, Hashable, Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np

from .grammar import Grammar
from .place import AHEAD, REPEAT, Place, Stack
from .search import Search, Step
from .trail import Behind, Spot, Trail, ended_by, is_behind, see_behind

Way = Literal["plenty", "some", "unsure", "dead"]
FEWEST, MORE = 12, 4  # values that are looked for, and times so many once half of them have been
STEPS_EACH = 16  # that finding a value may take
FEW_STEPS, MOST_STEPS = 1 << 9, 1 << 14
EITHER_STEPS = 1 << 8  # in search of a way on which items may be equal
MOST_ITEMS = 32  # that must follow, for plenty to be asked
MOST_KEPT = 1 << 14
CLOSE = 0x5D
LETTERS = bytes(
    b for b in range(0x20, 0x7F) if b not in b'"\\'
)  # each a character of a string, and only that

Relative = tuple[
    Place, bool, str
]  # a place as an array sees it, whether in an item, and in a string


class Closing:
    """Looks ahead in one grammar."""

    def __init__(self, tables: Grammar, step: Step) -> None:
        self._tables = tables
        self._step = step
        self._search = Search(tables, step)
        # Whether equal items are ever allowed.
        self.repeats = bool((tables.edges[:, AHEAD + tables.classes[REPEAT]] > 0).any())
        self._closable: dict[tuple[Relative, int], bool] = {}
        self._frames: dict[tuple[Stack, int], bool] = {}
        self._endless: dict[Relative, bool] = {}
        self._common: dict[tuple[Relative, int], frozenset[Behind]] = {}
        columns = tables.classes.tolist()
        letters = {c: bytes(b for b in LETTERS if columns[b] == c) for c in set(columns)}
        self._letters = sorted(filter(None, letters.values()), key=len, reverse=True)

    @contextmanager
    def sparing(self, steps: int) -> Generator[None]:
        """Inside, all that is looked at takes so many steps together; what is looked at behind them is "unsure"."""
        self._search.left = steps
        try:
            yield
        finally:
            self._search.left = None

    @property
    def tired(self) -> bool:
        """Whether no steps are left."""
        return self._search.left == 0

    def look(self, spot: Spot) -> Way:
        """Whether every open array can still be closed."""
        trail = spot.trail
        assert trail is not None, spot
        seen = sum(len(level.seen) for level in trail.levels)
        if len(trail.levels) == 1 and self._has_plenty(spot, _scale(seen)):
            return "plenty"
        path = self._search.find(spot, MOST_STEPS, lambda _, after: after.trail is None)
        if path is None:
            return "dead"
        if trail.levels[-1].begin is None or not path:
            return "some" if path else "unsure"
        count = len(trail.levels)
        ends = next(i for i, after in enumerate(path) if is_behind(after, count))
        behind, many = see_behind(path[ends], count), _scale(seen + len(path))
        lowest = min(reversed([spot, *path[:ends]]), key=lambda each: len(each.place.stack))
        for each in (lowest, spot):
            if behind in self._find_common(each, many):
                return "plenty"
        return "some"

    def ends_freely(self, spot: Spot) -> bool:
        """Whether a lone array's item can be ended with some text behind which the array can be closed, whatever it
        has had: then so it is with every text of that item which leads to the same place, unless equal to it."""
        trail = spot.trail
        assert trail is not None, spot
        if len(trail.levels) != 1 or trail.levels[0].begin is None:
            return False
        path = self._end_item(spot)
        return bool(path) and self._goes_on(path[-1], _scale(len(trail.levels[0].seen) + 1), 0)

    def _end_item(self, spot: Spot) -> list[Spot] | None:
        """The nearest way to the end of the innermost item, whatever has been."""
        assert spot.trail is not None, spot
        start = spot._replace(trail=spot.trail.alone())
        return self._search.find(start, FEW_STEPS, lambda _, after: is_behind(after, 1))

    def _goes_on(self, spot: Spot, many: int, items: int) -> bool:
        """Whether a lone array is closed, or can be whatever it has had, up to half of `many` values."""
        return spot.trail is None or self._always_closes(spot, many, items)

    def _has_plenty(self, spot: Spot, many: int) -> bool:
        """Whether a lone array can be closed whatever it has had, up to half of `many` values. That is so where it is
        so once some frame that waits inside the item goes on; of frames there are fewer than of places."""
        assert spot.trail is not None, spot
        key = self._relative(spot.place, spot.trail), many
        if key in self._closable:
            return self._closable[key]
        base = spot.trail.levels[0].base
        for height in range(base + 1, len(spot.place.stack)):
            if self._frame_has_plenty(spot, height, many):
                self._closable[key] = True
                return True
        return self._always_closes(spot, many, 0)

    def _frame_has_plenty(self, spot: Spot, height: int, many: int) -> bool:
        assert spot.trail is not None, spot
        pushed = spot.place.stack[height][0]
        returns = self._tables.returns[pushed : pushed + self._tables.verdicts]
        if np.count_nonzero(returns) != 1:
            return False
        cut = self._search.cut(spot.place, spot.trail.levels[0].base)
        key = cut.stack[: height + 1 - spot.trail.levels[0].base], many
        known = self._frames.get(key)
        if known is None:
            if len(self._frames) >= MOST_KEPT:
                self._frames = {}
            path = self._search.find(
                spot, MOST_STEPS, lambda _, after: len(after.place.stack) <= height
            )
            known = (
                bool(path)
                and self._resumes(path[-1], height)
                and self._always_closes(path[-1], many, 0)
            )
            self._frames[key] = known
        return known

    def _resumes(self, spot: Spot, height: int) -> bool:
        """Whether this frame is the one that goes on, the item not ended."""
        trail = spot.trail
        return len(spot.place.stack) == height and trail is not None and len(trail.levels) == 1

    def _always_closes(self, spot: Spot, many: int, items: int) -> bool:
        """Whether a lone array can be closed whatever it has had, up to half of `many` values."""
        assert spot.trail is not None, spot
        key = self._relative(spot.place, spot.trail), many
        known = self._closable.get(key)
        if known is None:
            if len(self._closable) >= MOST_KEPT:
                self._closable = {}
            self._closable[key] = False  # while it is asked, a way round to itself is none
            known = self.repeats and items == 0 and self._closes_either_way(spot)
            if not known and many > FEWEST and self._always_closes(spot, FEWEST, items):
                known = self._pumps(spot)
            known = known or (items <= MOST_ITEMS and self._try_closing(spot, many, items))
            self._closable[key] = known
        return known

    def _closes_either_way(self, spot: Spot) -> bool:
        """Whether a lone array can be closed on a way on which each item may be equal to an earlier one."""
        assert spot.trail is not None, spot

        def judge(before: Spot, after: Spot) -> bool | None:
            if not is_behind(after, 1):
                return False
            ended = after.place
            if before.trail is not None and after.trail is None:
                ended = before.place if before.trail.levels[0].begin is not None else None
            elif after.trail is not None:
                ended = after.trail.levels[0].ended
            if ended is not None and self._tables.step(ended, REPEAT) is None:
                return None
            return after.trail is None

        start = spot._replace(trail=spot.trail.alone())
        return bool(self._search.find(start, EITHER_STEPS, judge))

    def _try_closing(self, spot: Spot, many: int, items: int) -> bool:
        assert spot.trail is not None, spot
        if spot.trail.levels[0].begin is None:
            after = self._step(spot, CLOSE)
            if after is not None and after.trail is None:
                return True
        end = self._fan_out(spot, many)
        if end is not None and self._goes_on(end, many, items + 1):
            return True
        values: set[Hashable] = set()

        def judge(before: Spot, after: Spot) -> bool | None:
            if not is_behind(after, 1) or (after.trail and not after.trail.levels[0].seen):
                return False
            if self._goes_on(after, many, items + 1):
                values.add(ended_by(before, after))
            return True if len(values) >= many else None

        self._search.find(spot._replace(trail=spot.trail.alone()), STEPS_EACH * many, judge)
        return len(values) >= many

    def _fan_out(self, spot: Spot, many: int) -> Spot | None:
        """What is behind a lone array's item, if a string in it is being read, and so many different values, which
        differ in the letters of that string that come next, have the same behind them."""
        trail, letters = spot.trail, self._letters[0]
        assert trail is not None, spot
        if trail.inside != "string":
            return None
        start = spot._replace(trail=trail.alone())
        if many > len(LETTERS):
            after = self._step(start, letters[0]) if len(letters) > 1 else None
            return None if after is None else self._fan_out(after, -(-many // len(letters)))
        counts: dict[Behind, int] = {}
        values: list[Hashable] = []
        for letters in self._letters:
            ends = [end for byte in letters[:2] if (end := self._end_with(start, byte))]
            values += [value for value, _ in ends]
            if len(values) > len(set(values)):
                return None  # the string is nowhere in the value: its name comes again
            if len(ends) == len(letters[:2]):
                after = ends[0][1]
                count = counts[see_behind(after, 1)] = counts.get(see_behind(after, 1), 0) + len(
                    letters
                )
                if count >= many:
                    return after
        return None

    def _end_with(self, start: Spot, letter: int) -> tuple[Hashable, Spot] | None:
        """The value of a lone array's item that goes on with a letter of a string, and what is behind it."""
        after = self._step(start, letter)
        path = None if after is None else self._end_item(after)
        if after is None or not path:
            return None
        before = path[-2] if len(path) > 1 else after
        return ended_by(before, path[-1]), path[-1]

    def _find_common(self, spot: Spot, many: int) -> frozenset[Behind]:
        """What can be behind the innermost item after so many different values of it."""
        trail = spot.trail
        assert trail is not None, spot
        key = self._relative(spot.place, trail), many
        known = self._common.get(key)
        if known is None:
            if len(self._common) >= MOST_KEPT:
                self._common = {}
            pumped = many > FEWEST and self._pumps(spot)
            known = self._count_behind(spot, trail, FEWEST if pumped else many)
            self._common[key] = known
        return known

    def _pumps(self, spot: Spot) -> bool:
        """Whether the innermost item can go on for ever, round and round, before it ends: as a string can, or a list.
        Limits that are not near count as none."""
        assert spot.trail is not None, spot
        key = self._relative(spot.place, spot.trail)
        known = self._endless.get(key)
        if known is None:
            if len(self._endless) >= MOST_KEPT:
                self._endless = {}
            known = self._endless[key] = self._goes_round(spot._replace(trail=spot.trail.alone()))
        return known

    def _goes_round(self, start: Spot) -> bool:
        assert start.trail is not None, start
        base, seen = start.trail.levels[0].base, {start.place}
        stack = [(start, self._kinds(start, base))]
        path = [self._relative(start.place, start.trail)]
        for _ in range(FEW_STEPS):
            after = self._search.next(*stack[-1])
            if after is None:
                stack.pop()
                path.pop()
                if not stack:
                    return False
                continue
            if after.trail is None or is_behind(after, 1):
                continue
            place = self._relative(after.place, after.trail)
            if place in path[-8:]:
                self._endless |= dict.fromkeys(path, True)
                return True
            if after.place not in seen:
                seen.add(after.place)
                stack.append((after, self._kinds(after, base)))
                path.append(place)
        return False

    def _kinds(self, spot: Spot, base: int) -> Iterator[int]:
        """A byte of each class that the tables allow, the nearest end last."""
        classes = self._tables.classes
        kinds = {int(classes[b]): b for b in reversed(self._search.ways(spot, base))}
        return iter(kinds.values())

    def _count_behind(self, spot: Spot, trail: Trail, many: int) -> frozenset[Behind]:
        end = self._fan_out(spot, many)
        if end is not None:
            return frozenset((see_behind(end, 1),))
        values: dict[Behind, set[Hashable]] = {}

        def judge(before: Spot, after: Spot) -> bool | None:
            if not is_behind(after, 1):
                return False
            found = values.setdefault(see_behind(after, 1), set())
            found.add(ended_by(before, after))
            return True if len(found) >= many else None

        self._search.find(spot._replace(trail=trail.alone()), STEPS_EACH * many, judge)
        return frozenset(behind for behind, found in values.items() if len(found) >= many)

    def _relative(self, place: Place, trail: Trail) -> Relative:
        """A place as the innermost array sees it, whatever is around, and however far limits are that are not near."""
        level = trail.levels[-1]
        return self._search.cut(place, level.base), level.begin is not None, trail.inside


def _scale(count: int) -> int:
    """How many values are plenty beside so many, in steps."""
    many = FEWEST
    while many < 2 * count:
        many *= MORE
    return many
