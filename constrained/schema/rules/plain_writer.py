"""Plain writer: the rule of an object that is one line of names and nothing else, as nearly all are, in one go.

    if is_plain(graph):
        draft = PlainWriter(emitter, graph).write()

What comes out is what the object writer makes of it, state for state: the same tries (see line_writer, forks), without
the spots, forks and writers that unions, patterns, counts and white space of one's choice need. It refuses to know
those.
"""

from typing import TYPE_CHECKING

from ...machine.rule import Move
from ..line import Line
from ..properties.objects import ObjectGraph
from ..site import Site
from .draft import Draft
from .forks import Fork, insert, write
from .line_writer import write_names, write_tries
from .other_names import PLAIN, AnyNames, spell_any
from .trie import MOST_BITS, TAIL

if TYPE_CHECKING:
    from .emit import Emitter

START, FIRST = 1, 2  # the state in front of the object, and behind its opening bracket


def is_plain(graph: ObjectGraph, emitter: "Emitter") -> bool:
    """Whether an object is one line, and its names so few that each has a bit."""
    line = None if graph.begin is None else graph.begin.line
    if line is None or line.tail is not None or not graph.simple or graph.bits:
        return False
    loose, patterns = emitter.layout.loose, graph.names.automaton is not None
    return not loose and not patterns and len(graph.order) <= MOST_BITS


class PlainWriter:
    """Writes one object. Numbers count the names that have values; number n stands for the place in front of the n-th
    of them too. Where others may come, one state stands for all places behind the last name that must come."""

    def __init__(self, emitter: "Emitter", graph: ObjectGraph) -> None:
        begin = graph.begin
        assert begin is not None and begin.line is not None, "an object without a line"
        line: Line = begin.line
        assert line.lives(0) and not line.low, "a goal that no value meets"
        self._emitter = emitter
        self._budget = emitter.sites.budget
        self._line = line
        self._draft = Draft()
        self._every = [emitter.key(name)[1:] for name in graph.order]
        self._places: list[int] = []
        self._sites: list[Site] = []
        self._keys: list[bytes] = []
        free = 0
        for place, site in enumerate(line.sites):
            if site is not None and site.vectors:
                self._places.append(place)
                self._sites.append(site)
                self._keys.append(self._every[place])
                free += place < line.last
        self._free = free  # the number of the first that need not come
        self._colons: dict[Site, int] = {}
        self._end = 0
        other = line.others.get(0)
        self._other = None if other is None or not other.vectors else other
        self._last = len(self._keys) if self._other is None else free  # number of the last state
        self._begun = int(self._other is None or free > 0)  # nothing leads back to the first place
        self._behind = 0  # the state of number 0, if it had one

    def write(self) -> Draft:
        """The rule, but for its table."""
        draft, begun, last = self._draft, self._begun, self._last
        draft.states(FIRST)
        draft.cells.extend((START, 0x7B, FIRST))
        self._behind = draft.states(last + 1 - begun) - begun
        names = self._spell_all()
        if self._other is not None:
            names_left = self._write_open(self._other)
            if last >= begun:
                between = draft.chain(b' "', names_left, 0)
                draft.cells.extend((self._behind + last, 0x2C, between))
            names = names or names_left
        for number in range(max(self._free, begun), last + 1):
            self._close(self._behind + number)
        if not self._free:
            self._close(FIRST)
        if names:
            draft.cells.extend((FIRST, 0x22, names))
        return draft

    def _close(self, state: int) -> None:
        """The object may end here."""
        if not self._end:
            self._end = self._draft.state()
            self._draft.end(self._end, 0)
        self._draft.cells.extend((state, 0x7D, self._end))

    def _spell_all(self) -> int:
        """Writes the names up to the last one behind which others may come, or to the end. Returns what reads the
        first of them, 0 if there are none."""
        order, needed, places = self._line.graph.order, self._line.needed, self._places
        first, names = 0, 0
        for number in range(self._last):
            if order[places[number]] in needed or number == len(places) - 1:
                trie = self._spell(first, number)
                names = names or trie
                first = number + 1
        return names

    def _spell(self, first: int, last: int) -> int:
        """Writes the names from one number to another where no others may come: for each place those from there on.
        Returns the state that reads the first."""
        draft = self._draft
        self._budget.spend(last + 1 - first)
        trie = write_tries(draft, self._keys, (first, last), self._read)
        low = first or self._begun
        count = last + 1 - low
        if count:
            commas = draft.states(2 * count)
            draft.march(self._behind + low, 0x2C, commas, count)
            draft.march(commas, 0x20, commas + count, count)
            draft.march(commas + count, 0x22, trie + low - first, count)
        return trie

    def _read(self, number: int, rest: bytes) -> int:
        """The entry that reads the rest of a key, and its value."""
        draft = self._draft
        if number == self._last - 1 and self._other is not None:
            entry = self._target(number)
            return draft.chain(rest, entry, 0) if rest else entry
        value = draft.state()
        after = (self._behind + number + 1,)
        named = draft.chain(rest + b": ", value, 0)
        draft.read((value,), self._emitter.reads(self._sites[number]), after)
        return named

    def _target(self, number: int) -> int:
        """The entry behind a key where bits say which names are over."""
        colon = self._colon(self._sites[number])
        bit = 1 << self._places[number]
        unseen = bit if number >= self._free else 0
        return self._draft.add(Move((colon,), unseen=unseen, mark=2 * bit - 1))

    def _colon(self, site: Site) -> int:
        """The state behind a name whose value leads to the last state."""
        after = self._behind + self._last
        found = self._colons.get(site)
        if found is None:
            draft = self._draft
            value = draft.state()
            found = self._colons[site] = draft.chain(b": ", value, 0)
            for group, place in self._emitter.reads(site):
                draft.edges(value, group, draft.call(place, (after,)))
        return found

    def _write_open(self, other: Site) -> int:
        """The state that reads the names which need not come, and others; those that are over lead nowhere."""
        draft, places = self._draft, self._places
        targets = [0] * len(self._every)
        for number in range(self._free, len(places)):
            targets[places[number]] = self._target(number)
        over = (1 << len(targets)) - 1
        entry = draft.move(Move((self._colon(other),), TAIL, mark=over))
        self._budget.spend(len(places) - self._free)
        if PLAIN.issuperset(b"".join(self._every)):
            return write_names(draft, self._every, targets, entry)
        others = AnyNames(draft, entry, spell_any(self._emitter.sites.texts))
        named = zip(self._every, targets, strict=True)
        return write(insert(Fork({}, others.start), named, others), draft, others)
