"""Tries of property names: from each spot of an object, the names that may come next.

    trie = NameTrie(graph, draft, live, writer)
    state = trie.names(spot)            # reads a name behind its opening quote; 0: no name may follow
    vector = trie.end(spot)             # with which the object may end here, or None

The trie of a spot is that of the spot to which skipping leads, with one name more; what they share is one state.
Where other names may follow, every way out of the trie goes on in the automaton of other names, and the names in the
trie that may not come (again) are dead ends of it.
"""

from typing import Protocol

import numpy as np

from ..automata.automaton import Dfa
from ..automata.bytedfa import ByteDfa
from ..machine.rule import Move
from ..regex.pattern import Pattern, any_text
from ..regex.spelling import QUOTE, spell
from .draft import Draft
from .leaves.labels import live_states
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


def _has_others(spot: Spot) -> bool:
    return any(isinstance(edge.label, int) for edge in spot.edges)


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
        self._colon = writer.colon
        self._is_open = writer.is_open
        self._found: dict[Spot, tuple[_Fork, Vector | None, OtherNames | None]] = {}
        self._marked: dict[Spot, int] = {}
        self._merged: dict[Spot, Spot] = {}
        self._over: dict[str | int | None, tuple[int, int]] = {}  # a name's bit, and those up to it
        self._all_over = 0
        self._keys = {name: writer.key(name)[1:] for name in graph.order}
        self._plain = all(map(is_plain, set(b"".join(self._keys.values()))))
        self._merge()

    def merged(self, spot: Spot) -> Spot:
        """The spot whose state stands for this one: where only names that may be left out are to come, and others may
        come as well, one trie serves every position, and bits of the register say which names are over."""
        return self._merged.get(spot, spot)

    def _merge(self) -> None:
        """Finds the spots behind the last name that is needed, and gives their names bits."""
        graph = self._graph
        if not graph.simple or graph.bits or graph.names.automaton is not None:
            return
        lasts = [s for s in graph.spots if s in self._live and s.skip is None and _has_others(s)]
        if len(lasts) != 1 or not any(self._is_open(e) for e in lasts[0].edges):
            return
        before = {s.skip: s for s in graph.spots if s.skip is not None and s in self._live}
        chain = lasts
        while chain[-1] in before:
            chain.append(before[chain[-1]])
        named = [e for s in reversed(chain) for e in s.edges if isinstance(e.label, str)]
        if len(named) > MOST_BITS or any(e.limit is not None for s in chain for e in s.edges):
            return
        self._merged = dict.fromkeys(chain, chain[-1])
        self._over = {e.label: (1 << i, (2 << i) - 1) for i, e in enumerate(named)}
        self._all_over = (1 << len(named)) - 1

    def end(self, spot: Spot) -> Vector | None:
        """The vector with which the object may end at a spot."""
        return self._of(spot)[1]

    def names(self, spot: Spot) -> int:
        """The state that reads the next name."""
        choices = self.choices(spot)
        if choices is not None:
            if not choices:
                return 0
            if spot not in self._marked:
                self._marked[spot] = self._draft.state()
                write_marked(self._draft, [self._marked[spot]], choices)
            return self._marked[spot]
        fork, _, others = self._of(spot)
        return self._write(fork, others)

    def _of(self, spot: Spot) -> tuple[_Fork, Vector | None, OtherNames | None]:
        chain: list[Spot] = []
        while spot not in self._found:
            chain.append(spot)
            if spot.skip is None or spot.skip not in self._live:
                self._found[spot] = self._last(spot)
                break
            spot = spot.skip
        for each in reversed(chain):
            fork, end, others = self._found[each if each.skip not in self._live else each.skip]
            for edge in each.edges:
                if isinstance(edge.label, str) and self._is_open(edge):
                    target = self._target(edge.label, self._colon(edge))
                    fork = self._insert(fork, self._keys[edge.label], target, others)
            self._found[each] = (fork, end, others)
        return self._found[chain[0] if chain else spot]

    def _target(self, name: str, colon: int) -> int:
        """The entry behind a name: a move, where bits say which names have been."""
        if name in self._over:
            bit, up_to = self._over[name]
            return self._draft.move(Move((colon,), unseen=bit, mark=up_to))
        bit = self._graph.bits.get(name)
        return colon if bit is None else self._draft.move(Move((colon,), unseen=bit, mark=bit))

    def choices(self, spot: Spot) -> list[Choice] | None:
        """The names that may come, with their bits, where only they may; None where others may as well."""
        if not self._graph.bits or any(
            isinstance(e.label, int) and self._is_open(e) for e in spot.edges
        ):
            return None
        found: list[Choice] = []
        for edge in spot.edges:
            if isinstance(edge.label, str) and self._is_open(edge):
                bit = self._graph.bits[edge.label]
                found.append((self._keys[edge.label], bit, self._colon(edge)))
        return found

    def _last(self, spot: Spot) -> tuple[_Fork, Vector | None, OtherNames | None]:
        """Where no listed name may be skipped any more."""
        edges = [e for e in spot.edges if isinstance(e.label, int) and self._is_open(e)]
        if not edges:
            return _Fork({}, 0), spot.end, None
        others = self._others(edges)
        fork = _Fork({}, others.start)
        for key in self._keys.values():
            fork = self._insert(fork, key, 0, others)
        return fork, spot.end, others

    def _others(self, edges: list[Edge]) -> OtherNames:
        names, texts = self._graph.names, self._graph.sites.texts
        if names.automaton is None:
            behind = (self._colon(edges[0]),)
            entry = self._draft.move(Move(behind, TAIL, mark=self._all_over))
            if self._plain:
                return AnyNames(self._draft, entry, None)
            any_name = any_text(0, None)
            part = texts.fragments.keep(
                ("other names", texts.ascii),
                lambda: spell(any_name, texts.spelling(any_name), texts.budget),
            )
            return AnyNames(self._draft, entry, part)
        found = names.automaton
        by_class = {edge.label: self._colon(edge) for edge in edges}
        ends = [by_class.get(names.class_of.get(n, -1), 0) for n in found.labels.tolist()]
        ends[0] = 0
        targets = {state: colon for state, colon in enumerate(ends) if colon}
        accepting = np.array(ends) > 0

        def make() -> ByteDfa:
            live = live_states(found.table, accepting)
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
        ways = [
            (byte, way if type(way) is int else self._state(way, others))
            for byte, way in fork.ways.items()
        ]
        if not any(way for _, way in ways) and not (
            others and others.goes_on(fork.other, fork.ways)
        ):
            return 0
        state = self._draft.state()
        if others is not None:
            others.lay(state, fork.other)
        self._draft.cells.extend([n for byte, way in ways for n in (state, byte, way)])
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
