"""Tries of property names: from each spot of an object, the names that may come next.

    trie = NameTrie(graph, draft, live, writer)
    state = trie.names(spot, writer)    # reads a name behind its opening quote; 0: no name may follow
    vector = trie.end(spot, writer)     # with which the object may end here, or None

The trie of a spot is that of the spot to which skipping leads, with one name more; what they share is one state.
Where other names may follow, every way out of the trie goes on in the automaton of other names, and the names in the
trie that may not come (again) are dead ends of it.
"""

from typing import Protocol

import numpy as np

from ..automata.automaton import Dfa
from ..automata.bytedfa import ByteDfa
from ..automata.reaching import find_leading
from ..machine.rule import Move
from ..regex.pattern import Pattern, any_text
from ..regex.spelling import QUOTE, spell
from .draft import Draft
from .marked import Choice, write_marked
from .objects import ObjectGraph
from .other_names import AnyNames, OtherNames, is_plain
from .sites import Edge, Spot, Vector


class _Fork:
    """A place in a name. ways: by byte, the fork or state it leads to, 0 for none; other: the state of the automaton
    of other names, 0 where there is none."""

    __slots__ = ("other", "state", "ways")

    def __init__(self, ways: "dict[int, _Fork | _Rest | int]", other: int) -> None:
        self.ways = ways
        self.other = other
        self.state: int | None = None


class _Rest:
    """The rest of a name where no other one branches off. target: what it leads to, 0 if it may not come."""

    __slots__ = ("other", "state", "target", "text")

    def __init__(self, text: bytes, target: int, other: int) -> None:
        self.text = text
        self.target = target
        self.other = other
        self.state: int | None = None


MOST_BITS = 62
TAIL = 0  # the place of the rule that reads any rest of a name


class Writer(Protocol):
    """Who writes the object. key: a name with its quotes; colon: the state behind the name of an edge; is_open: whether
    some value may be read along it."""

    def key(self, name: str) -> bytes: ...
    def colon(self, edge: Edge) -> int: ...
    def is_open(self, edge: Edge) -> bool: ...


class NameTrie:
    """The names of one object."""

    def __init__(self, graph: ObjectGraph, draft: Draft, live: set[Spot], writer: Writer) -> None:
        self._graph = graph
        self._draft = draft
        self._live = live
        self._found: dict[Spot, tuple[_Fork, Vector | None, OtherNames | None]] = {}
        self._marked: dict[Spot, int] = {}
        self._merged: dict[Spot, Spot] = {}
        self._over: dict[str | int | None, int] = {}  # the bit that says that a name is over
        self._keys = {name: writer.key(name)[1:] for name in graph.order}
        self._plain = all(map(is_plain, set(b"".join(self._keys.values()))))
        self._merge(writer)

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
        if graph.bits or graph.names.automaton is not None or graph.counts:
            return
        self._over = {name: 1 << bit for bit, name in enumerate(graph.order[-MOST_BITS:])}
        is_open: dict[
            Spot, bool
        ] = {}  # whether others may come behind a spot, whatever is left out
        lines: dict[Spot, list[Spot]] = {}  # spots that lead one to the next, by the first
        for spot in filter(self._live.__contains__, graph.spots):
            chain: list[Spot] = []
            while spot not in is_open:
                chain.append(spot)
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
            and (isinstance(edge.label, int) or edge.label in self._over)
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
        return self._write(fork, others)

    def _of(self, spot: Spot, writer: Writer) -> tuple[_Fork, Vector | None, OtherNames | None]:
        chain: list[Spot] = []
        while spot not in self._found:
            chain.append(spot)
            if spot.skip is None or spot.skip not in self._live:
                self._found[spot] = self._last(spot, writer)
                break
            spot = spot.skip
        for each in reversed(chain):
            fork, end, others = self._found[each if each.skip not in self._live else each.skip]
            for edge in each.edges:
                if isinstance(edge.label, str) and writer.is_open(edge):
                    target = self._target(edge, writer.colon(edge))
                    fork = self._insert(fork, self._keys[edge.label], target, others)
            self._found[each] = (fork, end, others)
        return self._found[chain[0] if chain else spot]

    def _target(self, edge: Edge, colon: int) -> int:
        """The entry behind a name: a move, where bits say which names have been."""
        merged, name = self._merged, edge.label
        if name in self._over and (
            edge.source in merged or any(t in merged for t in edge.targets.values())
        ):
            bit = self._over[name]
            unseen = bit if edge.source in merged else 0
            return self._draft.move(Move((colon,), unseen=unseen, mark=2 * bit - 1))
        bit = self._graph.bits.get(name) if isinstance(name, str) else None
        return colon if bit is None else self._draft.move(Move((colon,), unseen=bit, mark=bit))

    def choices(self, spot: Spot, writer: Writer) -> list[Choice] | None:
        """The names that may come, with their bits, where only they may; None where others may as well."""
        if not self._graph.bits or any(
            isinstance(e.label, int) and writer.is_open(e) for e in spot.edges
        ):
            return None
        found: list[Choice] = []
        for edge in spot.edges:
            if isinstance(edge.label, str) and writer.is_open(edge):
                bit = self._graph.bits[edge.label]
                found.append((self._keys[edge.label], bit, writer.colon(edge)))
        return found

    def _last(self, spot: Spot, writer: Writer) -> tuple[_Fork, Vector | None, OtherNames | None]:
        """Where no listed name may be skipped any more."""
        edges = [e for e in spot.edges if isinstance(e.label, int) and writer.is_open(e)]
        if not edges:
            return _Fork({}, 0), spot.end, None
        over = (1 << len(self._over)) - 1 if spot in self._merged else 0
        others = self._others(edges, over, writer)
        fork = _Fork({}, others.start)
        for key in self._keys.values():
            fork = self._insert(fork, key, 0, others)
        return fork, spot.end, others

    def _others(self, edges: list[Edge], over: int, writer: Writer) -> OtherNames:
        names, texts = self._graph.names, self._graph.sites.texts
        if names.automaton is None:
            behind = (writer.colon(edges[0]),)
            entry = self._draft.move(Move(behind, TAIL, mark=over))
            if self._plain:
                return AnyNames(self._draft, entry, None)
            any_name = any_text(0, None)
            part = texts.fragments.keep(
                ("other names", texts.ascii),
                lambda: spell(any_name, texts.spelling(any_name), texts.budget),
            )
            return AnyNames(self._draft, entry, part)
        found = names.automaton
        by_class = {edge.label: writer.colon(edge) for edge in edges}
        ends = [by_class.get(names.class_of.get(n, -1), 0) for n in found.labels.tolist()]
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

    def _insert(self, fork: _Fork, key: bytes, target: int, others: OtherNames | None) -> _Fork:
        """The fork with one name more; 0 as its target blocks it."""
        root = at = _Fork(dict(fork.ways), fork.other)
        for index, byte in enumerate(key[:-1], 1):
            known = at.ways.get(byte)
            other = 0 if others is None else others.step(at.other, byte)
            if known is None or (type(known) is _Rest and known.text == key[index:]):
                at.ways[byte] = _Rest(key[index:], target, other)
                return root
            ways: dict[int, _Fork | _Rest | int] = {}
            if isinstance(known, _Fork):
                ways = dict(known.ways)
            elif isinstance(known, _Rest):
                ways = {known.text[0]: _shorten(known, others)}
            below = _Fork(ways, other)
            at.ways[byte] = below
            at = below
        at.ways[key[-1]] = target
        return root

    def _write(self, fork: _Fork, others: OtherNames | None) -> int:
        """The state of a fork, with all below it that leads anywhere; 0 if nothing does."""
        if fork.state is None:
            order: list[_Fork] = []
            stack = [fork]
            while stack:
                each = stack.pop()
                order.append(each)
                for way in each.ways.values():
                    if type(way) is _Fork and way.state is None:
                        stack.append(way)
            for each in reversed(order):
                if each.state is None:
                    each.state = self._write_one(each, others)
        return fork.state or 0

    def _write_one(self, fork: _Fork, others: OtherNames | None) -> int:
        ways: list[tuple[int, int]] = []
        leads = False
        for byte, way in fork.ways.items():
            entry = way if type(way) is int else self._state(way, others)
            leads = leads or entry != 0
            ways.append((byte, entry))
        if not leads and not (others and others.goes_on(fork.other, fork.ways)):
            return 0
        state = self._draft.state()
        if others is not None:
            others.lay(state, fork.other)
        self._draft.cells.extend([n for byte, entry in ways for n in (state, byte, entry)])
        return state

    def _state(self, way: "_Fork | _Rest | int", others: OtherNames | None) -> int:
        """The state that a byte leads to, 0 if it leads nowhere."""
        if isinstance(way, int):
            return way
        if way.state is None:
            assert isinstance(way, _Rest), way
            if others is not None:
                way.state = others.chain(way.text, way.target, way.other)
            else:
                way.state = self._draft.chain(way.text, way.target, 0) if way.target else 0
        return way.state


def _shorten(rest: _Rest, others: OtherNames | None) -> "_Rest | int":
    """The rest of a name behind one byte more."""
    if len(rest.text) == 1:
        return rest.target
    other = 0 if others is None else others.step(rest.other, rest.text[0])
    return _Rest(rest.text[1:], rest.target, other)
