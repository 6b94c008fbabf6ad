"""Search: ways through a grammar in which the items of some arrays are told apart, the nearest end first.

    search = Search(tables, step)
    path = search.find(spot, 512, lambda before, after: after.trail is None)

A way is found byte by byte, depth first. Slow: some ten microseconds for each step. It refuses to know what is looked
for.
"""

from collections.abc import Callable, Iterator

from .distances import Distances
from .grammar import Grammar
from .place import AHEAD, CALLER, Place
from .trail import Spot

MOST_BYTES = 1 << 11  # of a way
MOST_KEPT = 1 << 14
NEAR = 256  # bytes, within which a limit matters
ENDING = b",]} \n\r\t"  # what a caller reads behind a value
# What ends something, then what begins something short, then what goes on.
FIRST = b'"]},: 123456789truefalsn0' + bytes(range(0x61, 0x7B)) + bytes(range(0x41, 0x5B))
LAST = b"-.[{\\"
ORDER = bytes(dict.fromkeys((*FIRST, *(b for b in range(256) if b not in LAST), *LAST)))
RANK = bytes(map(ORDER.index, range(256)))
SPACES = b" \n\r\t"

Step = Callable[[Spot, int], Spot | None]
Judge = Callable[[Spot, Spot], bool | None]


class Search:
    """Looks for ways in one grammar. step: the spot after one more byte, which may be a dead end.

    left: steps that all searches together may still take; None: as many as each may.
    """

    def __init__(self, tables: Grammar, step: Step) -> None:
        self._tables = tables
        self._step = step
        self.left: int | None = None
        self._ways_of: dict[tuple[Place, bool], bytes] = {}
        self._distances: Distances | None = None
        columns = tables.classes.tolist()
        self._of_class = {c: bytes(b for b in ORDER if columns[b] == c) for c in set(columns)}

    def cut(self, place: Place, base: int) -> Place:
        """A place as the array on top of so many frames sees it, however far limits are that are not near."""
        state, register, stack = self._tables.mask_key(place, NEAR)
        return Place(state, register, stack[base:])

    def find(self, start: Spot, most: int, judge: Judge) -> list[Spot] | None:
        """The way to a step that is what is looked for: `judge` says True, or None for no further this way. Nothing
        where there is none, and a way without steps where the search was given up, after `most` of them."""
        allowed = most if self.left is None else min(most, self.left)
        path, taken = self._find(start, allowed, judge)
        if self.left is not None:
            self.left -= taken
        return path

    def _find(self, start: Spot, most: int, judge: Judge) -> tuple[list[Spot] | None, int]:
        """The way, and the steps that were taken."""
        assert start.trail is not None, start
        base = start.trail.levels[0].base
        stack = [(start, iter(self.ways(start, base)))]
        between: set[Spot] = set()
        whole = True
        for taken in range(1, most + 1):
            before, left = stack[-1]
            after = self.next(before, left)
            if after is None:
                stack.pop()
                if not stack:
                    return (None if whole else []), taken
                continue
            found = judge(before, after)
            if found:
                return [*(spot for spot, _ in stack[1:]), after], taken
            if after.trail is not None and not after.trail.data:
                # Between items only which values have been matters, in whatever order and spelling.
                found = None if after in between else found
                between.add(after)
            if found is False and len(stack) < MOST_BYTES:
                stack.append((after, iter(self.ways(after, base))))
            else:
                whole = whole and found is None
        return [], most

    def next(self, spot: Spot, left: Iterator[int]) -> Spot | None:
        """The spot behind the first of these bytes that may be read."""
        for byte in left:
            after = self._step(spot, byte)
            if after is not None:
                return after
        return None

    def ways(self, spot: Spot, base: int) -> bytes:
        """The bytes that the tables allow, those first behind which the array's end is near. Of white space that may
        be left out, none."""
        inside = spot.trail is not None and spot.trail.inside != ""
        key = self.cut(spot.place, base), inside
        found = self._ways_of.get(key)
        if found is None:
            if len(self._ways_of) >= MOST_KEPT:
                self._ways_of = {}
            every = self._find_ways(spot.place, base)
            found = every if inside else every.translate(None, SPACES) or every
            self._ways_of[key] = found
        return found

    def _find_ways(self, place: Place, base: int) -> bytes:
        if self._distances is None:
            self._distances = Distances(self._tables)
        row = self._tables.edges[place.state, AHEAD:].tolist()
        found: dict[int, bytes] = {}
        for column in (c for c, entry in enumerate(row) if entry):
            data = self._of_class[column]
            if row[column] == CALLER:
                data = bytes(b for b in data if b in ENDING)
            after = self._tables.step(place, data[0]) if data else None
            if after is not None:
                left = self._distances.left(after, base) if len(after.stack) >= base else 0
                found[left] = found.get(left, b"") + data
        return b"".join(bytes(sorted(found[left], key=RANK.__getitem__)) for left in sorted(found))
