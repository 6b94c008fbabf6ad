"""Tries of property names: from each spot of an object, the names that may come next.

    trie = NameTrie(graph, draft, live, writer)
    state = trie.names(spot, writer)    # reads a name behind its opening quote; 0: no name may follow
    vector = trie.end(spot, writer)     # with which the object may end here, or None

The trie of a spot is that of the spot to which skipping leads, with one name more; what they share is one state.
Where other names may follow, every way out of the trie goes on in the automaton of other names, and the names in the
trie that may not come (again) are dead ends of it.
"""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from ...automata.automaton import Dfa
from ...automata.bytedfa import ByteDfa
from ...automata.reaching import find_leading
from ...machine.rule import Move
from ...regex.pattern import Pattern
from ...regex.spelling import QUOTE, spell
from ..graph import Edge, Spot
from ..line import Line
from ..properties.objects import ObjectGraph
from ..site import Vector
from .counted_names import CountedNames, unroll
from .draft import Draft
from .forks import Fork, insert, write
from .line_writer import LineWriter
from .marked import Choice, write_marked
from .other_names import PLAIN, AnyNames, OtherNames, spell_any

if TYPE_CHECKING:
    from .emit import Emitter

MOST_BITS = 62
TAIL = 0  # the place of the rule that reads any rest of a name


class Writer(Protocol):
    """Who writes the object. emitter: that of all rules; key: a name with its quotes; colon: the state behind the name
    of an edge; is_open: whether some value may be read along it; line: who writes a line."""

    emitter: "Emitter"

    def key(self, name: str) -> bytes: ...
    def colon(self, edge: Edge) -> int: ...
    def is_open(self, edge: Edge) -> bool: ...
    def line(self, line: Line) -> LineWriter: ...


class NameTrie:
    """The names of one object."""

    def __init__(self, graph: ObjectGraph, draft: Draft, live: set[Spot], writer: Writer) -> None:
        self._graph = graph
        self._draft = draft
        self._live = live
        self._adopt = writer.emitter.adopt
        self._found: dict[Spot, tuple[Fork, Vector | None, OtherNames | None]] = {}
        self._marked: dict[Spot, int] = {}
        self._merged: dict[Spot, Spot] = {}
        self._over: dict[str, int] | None = None
        self._skipped = {spot.skip for spot in graph.spots}
        self._tails = {line.tail for line in graph.lines}
        # Whether bits may say which names are over where others may come.
        self.marks = not (graph.bits or graph.names.automaton is not None or graph.counts)
        self.keys = {name: writer.key(name)[1:] for name in graph.order}
        self._merge(writer)

    @property
    def over(self) -> dict[str, int]:
        """The bits that say that names are over, of the last names in their order."""
        if self._over is None:
            names = self._graph.order[-MOST_BITS:]
            self._over = {name: 1 << bit for bit, name in enumerate(names)}
        return self._over

    def asks(self, line: Line) -> bool:
        """Whether the names of a line may follow where others do, which are not of the line."""
        return not self._skipped.isdisjoint(line.spots.values()) or line in self._tails

    def merged(self, spot: Spot) -> Spot:
        """The spot whose state stands for this one: where only names that may be left out are to come, and others may
        come as well, one trie serves several positions, and bits of the register say which names are over."""
        return self._merged.get(spot, spot)

    @property
    def merges(self) -> bool:
        """Whether some spot's state stands for others."""
        return bool(self._merged)

    def _merge(self, writer: Writer) -> None:
        """Finds the spots behind the last name that is needed, and gives their names bits."""
        graph = self._graph
        lasts = (spot for spot in graph.spots if spot.skip is None)
        if not any(isinstance(edge.label, int) for spot in lasts for edge in spot.edges):
            return
        if not self.marks:
            return
        is_open: dict[
            Spot, bool
        ] = {}  # whether others may come behind a spot, whatever is left out
        lines: dict[Spot, list[Spot]] = {}  # spots that lead one to the next, by the first
        for spot in filter(self._live.__contains__, graph.spots):
            chain: list[Spot] = []
            while spot not in is_open:
                chain.append(spot)
                if spot.line is not None:
                    is_open[spot] = False  # it is merged by itself
                    break
                if spot.skip is None or spot.skip not in self._live:
                    is_open[spot] = any(
                        isinstance(e.label, int) and writer.is_open(e) for e in spot.edges
                    )
                    break
                spot = spot.skip
            for each in reversed(chain):
                if is_open.setdefault(each, is_open[spot]) and self._stays(each):
                    following = lines.pop(each.skip, []) if each.skip is not None else []
                    lines[each] = [*following, each]
        for first, line in lines.items():
            self._merged |= dict.fromkeys(line, first)

    def _stays(self, spot: Spot) -> bool:
        """Whether whatever is read at a spot leads to the one behind it, or, at the last, to itself."""
        only = {spot if spot.skip is None else spot.skip}
        return all(
            only.issuperset(self._live.intersection(edge.targets.values()))
            and (isinstance(edge.label, int) or edge.label in self.over)
            for edge in spot.edges
        )

    def end(self, spot: Spot, writer: Writer) -> Vector | None:
        """The vector with which the object may end at a spot."""
        return self._of(spot, writer)[1]

    def names(self, spot: Spot, writer: Writer) -> int:
        """The state that reads the next name."""
        choices = self.choices(spot, writer)
        if choices is not None:
            if not choices:
                return 0
            if spot not in self._marked:
                self._marked[spot] = self._draft.state()
                write_marked(self._draft, [self._marked[spot]], choices)
            return self._marked[spot]
        fork, _, others = self._of(spot, writer)
        return write(fork, self._draft, others)

    def unseen(self, spot: Spot, writer: Writer) -> int:
        """The bits of which one must not be set for a name to follow; 0: one may whatever has been. Asked once they
        are written."""
        choices = self.choices(spot, writer)
        if choices is not None:
            return sum(bit for _, bit, _ in choices)
        return self._of(spot, writer)[0].unseen if self._graph.bits else 0

    def _of(self, spot: Spot, writer: Writer) -> tuple[Fork, Vector | None, OtherNames | None]:
        chain: list[Spot] = []
        while spot not in self._found:
            chain.append(spot)
            if spot.line is not None:
                fork, ends, others = writer.line(spot.line).fork(spot.place)
                self._found[spot] = fork, spot.line.vector if ends else None, others
                break
            if spot.skip is None or spot.skip not in self._live:
                self._found[spot] = self._last(spot, writer)
                break
            spot = spot.skip
        for each in reversed(chain):
            fork, end, others = self._found[each if each.skip not in self._live else each.skip]
            for edge in each.edges:
                if isinstance(edge.label, str) and writer.is_open(edge):
                    target = self._target(edge, writer)
                    fork = insert(fork, [(self.keys[edge.label], target)], others)
            self._found[each] = (fork, end, others)
        return self._found[chain[0] if chain else spot]

    def _target(self, edge: Edge, writer: Writer) -> int:
        """The entry behind a name: a move, where bits say which names have been."""
        name, colon = edge.label, writer.colon(edge)
        leads = any(self._is_merged(target, writer) for target in edge.targets.values())
        if (leads or edge.source in self._merged) and isinstance(name, str) and name in self.over:
            bit = self.over[name]
            unseen = bit if edge.source in self._merged else 0
            return self._draft.move(Move((colon,), unseen=unseen, mark=2 * bit - 1))
        bit = self._graph.bits.get(name) if isinstance(name, str) else None
        return colon if bit is None else self._draft.move(Move((colon,), unseen=bit, mark=bit))

    def _is_merged(self, spot: Spot, writer: Writer) -> bool:
        if spot.line is not None and spot in self._live:
            return writer.line(spot.line).merges(spot.place)
        return spot in self._merged

    def choices(self, spot: Spot, writer: Writer) -> list[Choice] | None:
        """The names that may come, with their bits, where only they may; None where others may as well."""
        bits = self._graph.bits
        if not bits or any(e.label not in bits and writer.is_open(e) for e in spot.edges):
            return None
        found: list[Choice] = []
        for edge in spot.edges:
            if isinstance(edge.label, str) and writer.is_open(edge):
                bit = self._graph.bits[edge.label]
                found.append((self.keys[edge.label], bit, writer.colon(edge)))
        return found

    def _last(self, spot: Spot, writer: Writer) -> tuple[Fork, Vector | None, OtherNames | None]:
        """Where no listed name may be skipped any more."""
        edges = [e for e in spot.edges if isinstance(e.label, int) and writer.is_open(e)]
        if not edges:
            return Fork({}, 0), spot.end, None
        targets = [t for e in edges for t in e.targets.values()]
        colons = {e.label: writer.colon(e) for e in edges if isinstance(e.label, int)}
        others = self.others(colons, any(self._is_merged(t, writer) for t in targets))
        fork = insert(Fork({}, others.start), [(key, 0) for key in self.keys.values()], others)
        return fork, spot.end, others

    def others(self, colons: dict[int, int], merged: bool) -> OtherNames:
        """The names that are not listed. colons: what follows them, by their class; merged: whether bits say that all
        listed ones are over then."""
        names, texts = self._graph.names, self._graph.sites.texts
        if names.automaton is None:
            mark = (1 << len(self.over)) - 1 if merged else 0
            entry = self._draft.move(Move((colons[0],), TAIL, mark=mark))
            if PLAIN.issuperset(b"".join(self.keys.values())):
                return AnyNames(self._draft, entry, None)
            return AnyNames(self._draft, entry, spell_any(texts))
        if names.counted is not None:
            depth = max(map(len, self._graph.order), default=0)
            unrolled = unroll(names, texts, depth, tuple(colons))
            return CountedNames(self._draft, unrolled, colons, self._adopt)
        found = names.automaton
        ends = [colons.get(names.class_of.get((0, n), -1), 0) for n in found.labels.tolist()]
        ends[0] = 0
        targets = {state: colon for state, colon in enumerate(ends) if colon}
        accepting = np.array(ends) > 0

        def make() -> ByteDfa:
            live = find_leading(found.table, accepting)
            table = np.where(live[found.table], found.table, 0).astype(np.int32)
            pattern = Pattern(found.alphabet, Dfa(table, accepting, found.start))
            return spell(pattern, texts.spelling(pattern), texts.budget)

        part = texts.fragments.keep((names.key, texts.ascii, accepting.tobytes()), make)
        base = self._draft.copy(part)
        for state, colon in targets.items():
            self._draft.edge(base + state, QUOTE, colon)
        return OtherNames(self._draft, part, base, targets)
