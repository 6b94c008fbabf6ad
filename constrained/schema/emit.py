"""Emission: the graphs of a schema's sites as rules of a machine.

    emitter = Emitter(sites, layout, base)
    machine = emitter.machine(root_site)

A rule reads one value of one kind at one site, and ends with the number of its vector in the goal: the vectors after
which its reader can still come to an end. So no rule leads where its reader cannot go on. The rules of free values come
first, in a fixed order, and are the same objects in every machine.
"""

from dataclasses import dataclass

from ..automata.automaton import Flags
from ..automata.bytedfa import Classes
from ..machine.rule import Machine, Move, Rule
from .arrays import ArrayGraph
from .draft import Draft, distinguish
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
        self._rules: list[Rule | None] = [*base]
        self._places: dict[tuple[Part, Goal], int] = {}
        self._todo: list[tuple[Graph, Goal, int]] = []
        self._classes, self._inside = distinguish(STRUCTURE)

    def machine(self, root: Site) -> Machine:
        """The machine that reads a value with which all of the site's roots are true."""
        self._classes, self._inside = distinguish([*STRUCTURE, *self._name_bytes()])
        goal = (True,) * len(root.roots)
        start = self._start(root, goal)
        while self._todo:
            graph, wanted, place = self._todo.pop()
            self._rules[place] = self.write(graph, wanted)
        rules = tuple(rule for rule in self._rules if rule is not None)
        assert len(rules) == len(self._rules), "a rule was not written"
        return Machine(rules, start)

    def _name_bytes(self) -> set[int]:
        found: set[int] = set()
        for site in self.sites.known:
            part = site.parts.get("object")
            if isinstance(part, ObjectGraph):
                for name in part.order:
                    found.update(write_text(name, self.layout.ascii))
            part = site.parts.get("array")
            if isinstance(part, ArrayGraph):
                found.update(byte for text in part.unique for byte in text)
        return found

    def _start(self, root: Site, goal: Vector) -> int:
        kinds = [k for k, part in root.parts.items() if goal in part.vectors]
        if len(kinds) == 1:
            return self.call(kinds[0], root.parts[kinds[0]], (goal,))[0]
        draft = Draft(self.sites.budget)
        first, last = draft.state(), draft.state()
        draft.end(last, 0)
        for kind in kinds:
            place, _ = self.call(kind, root.parts[kind], (goal,))
            move = draft.move(Move((last,), place))
            draft.edges(first, FIRST[kind], move)
        self._rules.append(draft.finish(self._classes, self._inside))
        return len(self._rules) - 1

    def call(self, kind: str, part: Part, goal: Goal) -> tuple[int, Goal]:
        """The place of the rule that reads a kind of value with one of these vectors, and its verdicts in order."""
        if isinstance(part, Constant):
            return PLACE[kind], goal
        place = self._places.get((part, goal))
        if place is None:
            place = self._places[part, goal] = len(self._rules)
            if isinstance(part, Graph):
                self._rules.append(None)
                self._todo.append((part, goal, place))
            else:
                assert isinstance(part, TextPart | NumberPart), part
                self._rules.append(part.rule(goal))
        return place, goal

    def write(self, graph: Graph, goal: Goal) -> Rule:
        """The rule of an array or object."""
        writer = _Objects if isinstance(graph, ObjectGraph) else _Arrays
        return writer(self, graph, goal).write(self._classes, self._inside)


class _Writer:
    """What arrays and objects have in common."""

    opening = b"["
    closing = b"]"

    def __init__(self, emitter: Emitter, graph: Graph, goal: Goal) -> None:
        self._emitter = emitter
        self._graph = graph
        self._goal = goal
        self._live = graph.live(frozenset(goal))
        self._loose = emitter.layout.loose
        self.draft = Draft(emitter.sites.budget)
        self._ends: dict[Vector, int] = {}
        self._behind: dict[Spot, int] = {}
        self._todo: list[Spot] = []

    def write(self, classes: Classes, inside: Flags) -> Rule:
        """The rule."""
        draft = self.draft
        begin = self._begin()
        assert begin is not None and begin in self._live, "a goal that no value meets"
        start, first = draft.state(), draft.state()
        draft.edge(start, self.opening[0], first)
        self._open(begin, first)
        while self._todo:
            spot = self._todo.pop()
            self._follow(spot, self._behind[spot])
        return draft.finish(classes, inside)

    def _begin(self) -> Spot | None:
        raise NotImplementedError

    def _close(self, state: int, vector: Vector | None, seen: int = 0) -> None:
        if vector is None or vector not in self._goal:
            return
        if vector not in self._ends:
            self._ends[vector] = self.draft.state()
            self.draft.end(self._ends[vector], self._goal.index(vector))
        end = self._ends[vector]
        entry = self.draft.move(Move((end,), seen=seen)) if seen else end
        self.draft.edge(state, self.closing[0], entry)

    def _open(self, spot: Spot, state: int) -> None:
        raise NotImplementedError

    def _follow(self, spot: Spot, state: int) -> None:
        raise NotImplementedError

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
        targets = (*edge.targets.values(), *edge.limited.values())
        return any(t in self._live for t in targets)

    def value(self, states: list[int], edge: Edge) -> None:
        """Reads the value of an edge."""
        live = self._live
        targets = {v: self.behind(t) for v, t in edge.targets.items() if t in live}
        limited = {v: self.behind(t) for v, t in edge.limited.items() if t in live}
        assert edge.limit is None or targets.keys() >= limited.keys(), (targets, limited)
        for kind, part in edge.site.parts.items():
            goal = tuple(v for v in part.vectors if v in targets)
            if not goal:
                continue
            place, order = self._emitter.call(kind, part, goal)
            after = tuple(targets[v] for v in order)
            at_limit = tuple(limited.get(v, 0) for v in order) if edge.limit is not None else ()
            move = self.draft.move(Move(after, place, edge.limit, at_limit))
            for state in states:
                self.draft.edges(state, FIRST[kind], move)


class _Arrays(_Writer):
    def __init__(self, emitter: Emitter, graph: Graph, goal: Goal) -> None:
        super().__init__(emitter, graph, goal)
        assert isinstance(graph, ArrayGraph)
        self._array = graph

    def _begin(self) -> Spot | None:
        return self._array.begin

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
        self._colons: dict[Edge, int] = {}
        self._trie = NameTrie(graph, self.draft, self._live, self.colon, self.is_open)

    def _begin(self) -> Spot | None:
        assert isinstance(self._graph, ObjectGraph)
        return self._graph.begin

    def _merged(self, spot: Spot) -> Spot:
        return self._trie.merged(spot)

    def colon(self, edge: Edge) -> int:
        """The state behind the name of a property."""
        if edge not in self._colons:
            named, colon, value = (self.draft.state() for _ in range(3))
            self._colons[edge] = named
            self.draft.edge(named, 0x3A, colon)
            self.draft.edge(colon, 0x20, value)
            self.value([colon, value] if self._loose else [value], edge)
        return self._colons[edge]

    def _open(self, spot: Spot, state: int) -> None:
        names, end = self._trie.names(spot), self._end(spot)
        for each in [state, self._spaced(state)] if self._loose else [state]:
            self._close(each, end, self._required)
            if names:
                self.draft.edge(each, 0x22, names)

    def _follow(self, spot: Spot, state: int) -> None:
        names, end = self._trie.names(spot), self._end(spot)
        self._close(state, end, self._required)
        if self._loose and end in self._goal:
            self._close(self._spaced(state, self._required), end)
        if names:
            unseen = sum(bit for _, bit, _ in self._trie.choices(spot) or ())
            for each in self._comma(state, unseen):
                self.draft.edge(each, 0x22, names)

    def _end(self, spot: Spot) -> Vector | None:
        return spot.end if self._required else self._trie.end(spot)
