"""Line writer: the names of a line all at once, from the first place that is entered to its end.

    writer = LineWriter(objects, trie, line)
    state = writer.behind(3)            # what follows a value in front of the fourth name
    fork = writer.fork(3)               # the names that may follow there, for who has more of them

Between two names that must come there is one trie for each place, of the names from there on; states of the same names
are shared, and an edge that holds for several places is noted once. Behind the last name that must come, if others may
follow, one state stands for all places, and bits of the register say which names are over (see trie).
"""

from bisect import bisect_left
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from ...machine.rule import Move
from ..line import Line
from ..site import Site
from .draft import Draft
from .forks import Fork, insert, write
from .other_names import AnyNames, OtherNames

if TYPE_CHECKING:
    from .object_writer import ObjectWriter
    from .trie import NameTrie

# By byte, the names that go on with it, or the state that reads them.
Ways: TypeAlias = "dict[int, list[int] | int]"


class LineWriter:
    """Writes one line. Numbers count the names that have values, from the first place on that anything enters; number
    n stands for the place in front of the n-th of them too, and the last number for the place behind all."""

    def __init__(self, objects: "ObjectWriter", trie: "NameTrie", line: Line) -> None:
        self._objects = objects
        self._trie = trie
        self._line = line
        self._draft = objects.draft
        self._budget = line.graph.sites.budget
        self._tail = None if line.tail is None else objects.line(line.tail)
        self._places: list[int] = []
        self._sites: list[Site] = []
        self._silent: list[bytes] = []  # names without values
        order = line.graph.order
        first = min([place for place in line.spots if line.lives(place)])
        for at, site in enumerate(line.sites[first - line.low :], first):
            if site is not None and site.vectors:
                self._places.append(at)
                self._sites.append(site)
            else:
                self._silent.append(trie.keys[order[at]])
        self._names = [order[at] for at in self._places]
        self._keys = [trie.keys[name] for name in self._names]
        self._count = len(self._places)
        # The number of the first that need not come.
        self._free = bisect_left(self._places, line.last)
        self._open = line.is_open
        self._merged = self._find_merged()
        # Whether one fork is all that is asked for where others may come.
        self._alone = self._merged == self._free and (
            line.graph.simple or all(self._number(place) <= self._free for place in line.spots)
        )
        self._colons: dict[tuple[Site, int], int] = {}
        self._forks: dict[int, Fork] = {}
        self._others: OtherNames | None = None
        self._tries: list[int] = []  # the states that read names, by number
        self._ends_in_tail = self._tail is not None and self._merged >= self._count
        # Nothing leads back to the first place of a whole object, unless others follow there.
        self._begun = int(
            line.graph.simple and min(self._merged, self._count + (not self._open)) > 0
        )
        states = min(self._count + (not self._ends_in_tail), self._merged + 1)
        first = self._draft.states(states - self._begun) - self._begun
        # By number: the state behind a value, and whether it stands for all places from there on.
        self._behind = [first + min(number, self._merged) for number in range(self._count + 1)]
        self._stands = [number >= self._merged for number in range(self._count + 1)]
        if self._tail is not None and self._ends_in_tail:
            self._behind[-1] = self._tail.behind(line.end)
            self._stands[-1] = self._tail.merges(line.end)
        self._write(states)

    def _find_merged(self) -> int:
        """The number from which on one state stands for all; beyond the last if there is none."""
        if not self._open or not self._trie.marks:
            return self._count + 1
        first = len(self._line.graph.order) - len(self._trie.over)
        return max(self._free, bisect_left(self._places, first))

    def _number(self, place: int) -> int:
        return bisect_left(self._places, place)

    def behind(self, place: int) -> int:
        """The state behind a value, in front of the name at a place."""
        return self._behind[self._number(place)]

    def merges(self, place: int) -> bool:
        """Whether one state stands for a place and all behind it."""
        return self._stands[self._number(place)]

    def open(self, states: list[int]) -> None:
        """Writes what follows an opening bracket, in front of the first place."""
        if self._tail is not None and not self._tries:
            self._tail.open(states)
            return
        for state in states:
            if not self._free:
                self._objects.close(state, self._line.vector)
            if self._tries[0]:
                self._draft.edge(state, 0x22, self._tries[0])

    def _write(self, states: int) -> None:
        self._tries = [0] * states
        first = 0
        for number in range(min(self._count, states)):
            ends = number == self._count - 1 and not self._open
            if self._names[number] in self._line.needed or ends:
                self._spell(first, number)
                first = number + 1
        if self._open:
            for number in range(self._free, states):
                self._tries[number] = self._write_fork(number)
                if number >= self._begun and self._tries[number]:
                    self._objects.next_name(self._behind[number], self._tries[number])
        for number in range(max(self._free, self._begun), states):
            self._objects.end(self._behind[number], self._line.vector)

    def _spell(self, first: int, last: int) -> None:
        """Writes the names from one number to another where no others may come: for each place those from there on."""
        draft = self._draft
        self._budget.spend(last + 1 - first)
        trie = write_tries(draft, self._keys, (first, last), self._read)
        self._tries[first : last + 1] = range(trie, trie + last + 1 - first)
        low = max(first, self._begun)
        count = last + 1 - low
        if self._objects.loose:
            for number in range(low, last + 1):
                self._objects.next_name(self._behind[number], self._tries[number])
        elif count:
            commas = draft.states(2 * count)
            draft.march(self._behind[low], 0x2C, commas, count)
            draft.march(commas, 0x20, commas + count, count)
            draft.march(commas + count, 0x22, self._tries[low], count)

    def _read(self, number: int, rest: bytes) -> int:
        """The entry that reads the rest of a key, and its value."""
        draft = self._draft
        if self._stands[number + 1]:
            entry = self._target(number)
            return draft.chain(rest, entry, 0) if rest else entry
        value = draft.state()
        text = rest + b": "
        named = draft.chain(text, value, 0)
        states = [named + len(text) - 1, value] if self._objects.loose else [value]
        rules = self._objects.emitter.reads(self._sites[number])
        draft.read(states, rules, (self._behind[number + 1],))
        return named

    def _colon(self, site: Site, after: int) -> int:
        """The state behind a name, whose value leads to a state."""
        found = self._colons.get((site, after))
        if found is None:
            value = self._draft.state()
            found = self._colons[site, after] = self._draft.chain(b": ", value, 0)
            states = [found + 1, value] if self._objects.loose else [value]
            for group, place in self._objects.emitter.reads(site):
                entry = self._draft.call(place, (after,))
                for state in states:
                    self._draft.edges(state, group, entry)
        return found

    def _target(self, number: int) -> int:
        """The entry behind a key: a move, where bits say which names are over."""
        colon = self._colon(self._sites[number], self._behind[number + 1])
        bit = self._trie.over.get(self._names[number])
        if bit is None or not self._stands[number + 1]:
            return colon
        unseen = bit if self._stands[number] else 0
        return self._draft.add(Move((colon,), unseen=unseen, mark=2 * bit - 1))

    def fork(self, place: int) -> tuple[Fork, bool, OtherNames | None]:
        """The names that may come in front of the name at a place, whether the object may end there, and the names
        that may come besides."""
        number = self._number(place)
        found = self._fork(number)
        return found, number >= self._free, self._others if number >= self._free else None

    def _fork(self, number: int) -> Fork:
        last = number
        if self._open and number >= self._free and not self._alone:
            while last not in self._forks and last < self._count:
                last += 1
        for each in range(last, number - 1, -1):  # no recursion: there may be many
            if each not in self._forks:
                self._forks[each] = self._make_fork(each)
        return self._forks[number]

    def _write_fork(self, number: int) -> int:
        """The state that reads the names from a number on, and others."""
        if not self._alone or self._line.tail is not None or self._trie.asks(self._line):
            return write(self._fork(number), self._draft, self._others)
        known = self._last_names(self._entries(number, self._count))
        others = self._others
        if isinstance(others, AnyNames) and others.plain:
            return write_names(self._draft, list(known), list(known.values()), others.entry)
        assert others is not None, number
        return write(insert(Fork({}, others.start), known.items(), others), self._draft, others)

    def _make_fork(self, number: int) -> Fork:
        if number < self._free or not self._open:
            last = number
            while last < self._count and self._names[last] not in self._line.needed:
                last += 1
            return insert(Fork({}, 0), self._entries(number, min(last + 1, self._count)), None)
        if number == self._count or self._alone:
            return self._last_fork(self._entries(number, self._count))
        # Forks of other places are asked for as well, which share what they can.
        return insert(self._fork(number + 1), self._entries(number, number + 1), self._others)

    def _entries(self, first: int, last: int) -> list[tuple[bytes, int]]:
        self._budget.spend(last - first)
        return [(self._keys[number], self._target(number)) for number in range(first, last)]

    def _last_fork(self, named: list[tuple[bytes, int]]) -> Fork:
        """These names, and those that may come behind all of the line: others, and those of the tail."""
        if self._tail is not None:
            found, _, self._others = self._tail.fork(self._line.end)
            return insert(found, [*((key, 0) for key in self._silent), *named], self._others)
        known = self._last_names(named)
        assert self._others is not None, named
        return insert(Fork({}, self._others.start), known.items(), self._others)

    def _last_names(self, named: list[tuple[bytes, int]]) -> dict[bytes, int]:
        """All listed names, but for these without a target, where others may come besides."""
        after = self._behind[-1]
        colons = {
            label: self._colon(site, after)
            for label, site in self._line.others.items()
            if site.vectors and isinstance(label, int)
        }
        self._others = self._trie.others(colons, self._stands[-1])
        return dict.fromkeys(self._trie.keys.values(), 0) | dict(named)


def write_tries(
    draft: Draft,
    keys: list[bytes],
    numbers: tuple[int, int],
    read: Callable[[int, bytes], int],
) -> int:
    """The first of as many states as there are numbers from the first to the last, of which each reads the keys from
    its own number on. read: the entry that reads the rest of a key of a number, and what follows."""
    root = draft.states(numbers[1] + 1 - numbers[0])
    todo = [(root, list(range(numbers[0], numbers[1] + 1)), 0)]
    cells, runs = draft.cells, draft.runs
    while todo:
        first, below, at = todo.pop()
        groups: dict[int, list[int]] = {}
        for place, number in enumerate(below):
            groups.setdefault(keys[number][at], []).append(place)
        for byte, places in groups.items():
            if len(places) == 1:
                (place,) = places
                number = below[place]
                entry = read(number, keys[number][at + 1 :])
                if place:
                    runs.extend((first, byte, entry, place + 1, 0))
                else:
                    cells.extend((first, byte, entry))
                continue
            following, low = draft.states(len(places)), 0
            todo.append((following, [below[place] for place in places], at + 1))
            for entry, place in enumerate(places, following):
                draft.span(first + low, first + place, byte, entry)
                low = place + 1
    return root


def write_names(draft: Draft, keys: list[bytes], targets: list[int], other: int) -> int:
    """The state that reads one of these keys, all of plain characters, and goes to its target, or any other name. What
    forks of them would say, written at once."""
    root: Ways = {}
    forks: list[tuple[Ways, int, Ways, int]] = []
    todo: list[tuple[list[int], int, Ways, int]] = [(list(range(len(keys))), 0, root, 0)]
    while todo:
        below, at, before, by = todo.pop()
        groups: dict[int, list[int]] = {}
        for each in below:
            groups.setdefault(keys[each][at], []).append(each)
        ways: Ways = {**groups}
        forks.append((ways, at + 1, before, by))
        todo += [(group, at + 1, ways, b) for b, group in groups.items() if len(group) > 1]
    for ways, at, before, by in reversed(forks):  # what a fork leads to comes behind it
        found: list[int] = []
        for byte, way in ways.items():
            if isinstance(way, list):
                rest, target = keys[way[0]][at:], targets[way[0]]
                way = draft.chain(rest, target, other) if rest else target
            found += (byte, way)
        before[by] = state = draft.state()
        draft.spread(state, other)
        for byte, entry in zip(found[::2], found[1::2], strict=True):
            draft.cells.extend((state, byte, entry))
    state = root[0]
    assert isinstance(state, int), state
    return state
