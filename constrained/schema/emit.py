"""Emission: the graphs of a schema's sites as rules of a machine.

    emitter = Emitter(sites, layout, base)
    machine = emitter.machine(root_site)

A rule reads one value of one kind at one site, and ends with the number of its vector in the goal: the vectors after
which its reader can still come to an end. So no rule leads where its reader cannot go on. The rules of free values come
first, in a fixed order, and are the same objects in every machine.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass

from ..grammar.place import DISTINCT
from ..machine.rule import Machine, Move, Rule
from .arrays import ArrayGraph
from .draft import Draft, distinguish, finish
from .leaves.numbers import NumberPart
from .leaves.texts import TextPart
from .leaves.writing import write_text
from .marked import write_marked
from .objects import ObjectGraph
from .sites import Constant, Edge, Graph, Part, Site, Sites, Spot, Vector
from .trie import NameTrie

BASE = ("tail", "string", "number", "true", "false", "null", "array", "object", "break")
PLACE = {name: number for number, name in enumerate(BASE)}
FIRST = {
    "string": b'"',
    "true": b"t",
    "false": b"f",
    "null": b"n",
    "array": b"[",
    "object": b"{",
    "number": b"-0123456789",
}
STRUCTURE = b'{}[]:,"\n tfn-0'
SPACES = b" \n"

Goal = tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """loose: white space may be left out, or be a line break with its indent, where json.dumps writes a space."""

    loose: bool
    ascii: bool


class Emitter:
    """Writes the rules of one machine."""

    def __init__(self, sites: Sites, layout: Layout, base: tuple[Rule, ...]) -> None:
        self.sites = sites
        self.layout = layout
        self._rules: list[Rule | Draft] = [*base]
        self._places: dict[tuple[Part, Goal], int] = {}
        self._same: dict[int, int] = {}  # the places of rules that several parts have, by identity
        self._todo: list[tuple[Graph, Goal, int]] = []
        self._calls: dict[tuple[Site, Goal], list[tuple[bytes, int, Goal]]] = {}
        self._keys: dict[str, bytes] = {}

    def machine(self, root: Site) -> Machine:
        """The machine that reads a value with which all of the site's roots are true."""
        start = self._start(root, (True,) * len(root.roots))
        return Machine(self._finish(), start)

    def machine_of(self, graph: Graph, vector: Vector) -> Machine:
        """The machine that reads the arrays or objects of a graph, with this vector alone."""
        start = self._place(graph, (vector,))
        return Machine(self._finish(), start)

    def free(self, graphs: "list[Graph]") -> list[Rule]:
        """The rules of free arrays and objects."""
        for graph in graphs:
            self._place(graph, ((),))
        return list(self._finish()[-len(graphs) :])

    def key(self, name: str) -> bytes:
        """How a name is spelled, with its quotes."""
        found = self._keys.get(name)
        if found is None:
            found = self._keys[name] = write_text(name, self.layout.ascii)
        return found

    def _finish(self) -> tuple[Rule, ...]:
        while self._todo:
            graph, goal, place = self._todo.pop()
            writer = _Objects if isinstance(graph, ObjectGraph) else _Arrays
            self._rules[place] = writer(self, graph, goal).write()
        drafts = [rule for rule in self._rules if isinstance(rule, Draft)]
        classes, inside = distinguish([*STRUCTURE, *self._written_bytes()])
        written = iter(finish(drafts, classes, inside, self.sites.budget))
        return tuple(next(written) if isinstance(r, Draft) else r for r in self._rules)

    def _written_bytes(self) -> set[int]:
        found = set(b"".join(self._keys.values()))
        for part, _ in self._places:
            if isinstance(part, ArrayGraph):
                found.update(byte for text in part.unique for byte in text)
        return found

    def _start(self, root: Site, goal: Vector) -> int:
        kinds = [k for k, part in root.parts.items() if goal in part.vectors]
        if len(kinds) == 1:
            return self.call(kinds[0], root.parts[kinds[0]], (goal,))
        draft = Draft()
        first, last = draft.state(), draft.state()
        draft.end(last, 0)
        for kind in kinds:
            move = draft.move(Move((last,), self.call(kind, root.parts[kind], (goal,))))
            draft.edges(first, FIRST[kind], move)
        self._rules.append(draft)
        return len(self._rules) - 1

    def calls(self, site: Site, wanted: Goal) -> list[tuple[bytes, int, Goal]]:
        """What reads a value of a site that has one of these vectors: the bytes that it begins with, the place of the
        rule, and its verdicts in order."""
        found = self._calls.get((site, wanted))
        if found is None:
            found = self._calls[site, wanted] = []
            for kind, part in site.parts.items():
                goal = tuple([v for v in part.vectors if v in wanted])
                if goal:
                    found.append((FIRST[kind], self.call(kind, part, goal), goal))
        return found

    def call(self, kind: str, part: Part, goal: Goal) -> int:
        """The place of the rule that reads a kind of value with one of these vectors."""
        if isinstance(part, Constant):
            return PLACE[kind]
        place = self._places.get((part, goal))
        return self._place(part, goal) if place is None else place

    def _place(self, part: Part, goal: Goal) -> int:
        place = len(self._rules)
        if isinstance(part, Graph):
            self._rules.append(Draft())
            self._todo.append((part, goal, place))
        else:
            assert isinstance(part, TextPart | NumberPart), part
            rule = part.rule(goal)
            place = self._same.setdefault(id(rule), place)
            if place == len(self._rules):
                self._rules.append(rule)
        self._places[part, goal] = place
        return place


class _Writer(ABC):
    """What arrays and objects have in common."""

    opening = b"["
    closing = b"]"
    counts_from = 0  # what the register holds behind the opening bracket

    def __init__(self, emitter: Emitter, graph: Graph, goal: Goal) -> None:
        self._emitter = emitter
        self._graph = graph
        self._goal = goal
        self._live = graph.live(frozenset(goal))
        self._loose = emitter.layout.loose
        self.draft = Draft()
        self._ends: dict[Vector, int] = {}
        self._behind: dict[Spot, int] = {}
        self._todo: list[Spot] = []

    def write(self) -> Draft:
        """The rule, but for its table."""
        draft = self.draft
        begin = self._begin()
        assert begin is not None and begin in self._live, "a goal that no value meets"
        start, first = draft.state(), draft.state()
        draft.edge(start, self.opening[0], self._entry(first))
        self._open(begin, first)
        while self._todo:
            spot = self._todo.pop()
            self._follow(spot, self._behind[spot])
        return draft

    @abstractmethod
    def _begin(self) -> Spot | None:
        """The spot behind the opening bracket."""

    def _entry(self, first: int) -> int:
        """What the opening bracket leads to."""
        return first

    def _close(self, state: int, vector: Vector | None, seen: int = 0) -> None:
        if vector is None or vector not in self._goal:
            return
        if vector not in self._ends:
            self._ends[vector] = self.draft.state()
            self.draft.end(self._ends[vector], self._goal.index(vector))
        end = self._ends[vector]
        entry = self.draft.move(Move((end,), seen=seen)) if seen else end
        self.draft.edge(state, self.closing[0], entry)

    @abstractmethod
    def _open(self, spot: Spot, state: int) -> None:
        """Writes what follows the opening bracket."""

    @abstractmethod
    def _follow(self, spot: Spot, state: int) -> None:
        """Writes what follows a value."""

    def behind(self, spot: Spot) -> int:
        """The state behind a value that led to this spot."""
        spot = self._merged(spot)
        if spot not in self._behind:
            self._behind[spot] = self.draft.state()
            self._todo.append(spot)
        return self._behind[spot]

    def _merged(self, spot: Spot) -> Spot:
        """The spot whose state stands for this one."""
        return spot

    def _spaced(self, state: int, seen: int = 0) -> int:
        """The state behind white space that may follow a state, once these bits are set."""
        after = self.draft.state()
        move = self.draft.move(Move((after,), PLACE["break"], seen=seen))
        for byte in SPACES:
            self.draft.edge(state, byte, move)
        return after

    def _comma(self, state: int, unseen: int = 0) -> list[int]:
        """Reads a comma; returns the states in which the next element begins."""
        comma = self.draft.state()
        entry = self.draft.move(Move((comma,), unseen=unseen)) if unseen else comma
        self.draft.edge(state, 0x2C, entry)
        if self._loose:
            return [comma, self._spaced(comma)]
        after = self.draft.state()
        self.draft.edge(comma, 0x20, after)
        return [after]

    def is_open(self, edge: Edge) -> bool:
        """Whether some value may be read along an edge."""
        live = self._live
        return not (
            live.isdisjoint(edge.targets.values()) and live.isdisjoint(edge.limited.values())
        )

    def value(self, states: list[int], edge: Edge) -> None:
        """Reads the value of an edge."""
        if edge.limit is None:
            live, draft = self._live, self.draft
            targets = {v: self.behind(t) for v, t in edge.targets.items() if t in live}
            for group, place, goal in self._emitter.calls(edge.site, tuple(targets)):
                entry = draft.call(place, tuple([targets[v] for v in goal]))
                for state in states:
                    draft.edges(state, group, entry)
        else:
            self._count(states, edge, edge.limit + self.counts_from)

    def _count(self, states: list[int], edge: Edge, limit: int) -> None:
        live = self._live
        targets = {v: self.behind(t) for v, t in edge.targets.items() if t in live}
        limited = {v: self.behind(t) for v, t in edge.limited.items() if t in live}
        assert targets.keys() >= limited.keys(), (targets, limited)
        for kind, part in edge.site.parts.items():
            goal = tuple(v for v in part.vectors if v in targets)
            if goal:
                place = self._emitter.call(kind, part, goal)
                after = tuple(targets[v] for v in goal)
                at_limit = tuple(limited.get(v, 0) for v in goal)
                move = self.draft.move(Move(after, place, limit, at_limit))
                for state in states:
                    self.draft.edges(state, FIRST[kind], move)


class _Arrays(_Writer):
    def __init__(self, emitter: Emitter, graph: Graph, goal: Goal) -> None:
        super().__init__(emitter, graph, goal)
        assert isinstance(graph, ArrayGraph)
        self._array = graph
        self.counts_from = DISTINCT if graph.distinct else 0

    def _begin(self) -> Spot | None:
        return self._array.begin

    def _entry(self, first: int) -> int:
        return self.draft.move(Move((first,), mark=DISTINCT)) if self._array.distinct else first

    def _open(self, spot: Spot, state: int) -> None:
        states = [state, self._spaced(state)] if self._loose else [state]
        for each in states:
            self._close(each, spot.end)
        self._items(states, spot)

    def _follow(self, spot: Spot, state: int) -> None:
        self._close(state, spot.end)
        if self._loose and spot.end in self._goal:
            self._close(self._spaced(state), spot.end)
        if any(map(self.is_open, spot.edges)):
            unseen = sum(bit for _, bit in self._array.choices(spot))
            self._items(self._comma(state, unseen), spot)

    def _items(self, states: list[int], spot: Spot) -> None:
        for edge in filter(self.is_open, spot.edges):
            if not self._array.unique:
                self.value(states, edge)
                continue
            (target,) = edge.targets.values()
            after = self.behind(target)
            marked = [(text, bit, after) for text, bit in self._array.choices(spot)]
            write_marked(self.draft, states, marked)


class _Objects(_Writer):
    opening = b"{"
    closing = b"}"

    def __init__(self, emitter: Emitter, graph: Graph, goal: Goal) -> None:
        super().__init__(emitter, graph, goal)
        assert isinstance(graph, ObjectGraph)
        self._required = graph.required
        self._colons: dict[Hashable, int] = {}  # by what is read, and where it leads
        self._trie = NameTrie(graph, self.draft, self._live, self)

    def _begin(self) -> Spot | None:
        assert isinstance(self._graph, ObjectGraph)
        return self._graph.begin

    def _merged(self, spot: Spot) -> Spot:
        return self._trie.merged(spot)

    def key(self, name: str) -> bytes:
        """How a name is spelled, with its quotes."""
        return self._emitter.key(name)

    def colon(self, edge: Edge) -> int:
        """The state behind the name of a property."""
        key: Hashable = edge
        if self._trie.merges and edge.limit is None:
            live, merged = self._live, self._trie.merged
            targets = [(v, merged(t)) for v, t in edge.targets.items() if t in live]
            key = edge.site, *targets
        if key not in self._colons:
            value = self.draft.state()
            named = self._colons[key] = self.draft.chain(b": ", value, 0)
            self.value([named + 1, value] if self._loose else [value], edge)
        return self._colons[key]

    def _open(self, spot: Spot, state: int) -> None:
        names, end = self._trie.names(spot, self), self._end(spot)
        for each in [state, self._spaced(state)] if self._loose else [state]:
            self._close(each, end, self._required)
            if names:
                self.draft.edge(each, 0x22, names)

    def _follow(self, spot: Spot, state: int) -> None:
        names, end = self._trie.names(spot, self), self._end(spot)
        self._close(state, end, self._required)
        if self._loose and end in self._goal:
            self._close(self._spaced(state, self._required), end)
        if names:
            unseen = sum(bit for _, bit, _ in self._trie.choices(spot, self) or ())
            if unseen or self._loose:
                for each in self._comma(state, unseen):
                    self.draft.edge(each, 0x22, names)
            else:
                self.draft.edge(state, 0x2C, self.draft.chain(b' "', names, 0))

    def _end(self, spot: Spot) -> Vector | None:
        return spot.end if self._required else self._trie.end(spot, self)
