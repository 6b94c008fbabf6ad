"""Writer: one array or object as a rule; what both have in common.

    draft = ArrayWriter(emitter, graph, goal).write()

A state stands for a spot: for what is behind a value that led there. Its rule is written from the opening bracket on, a
spot at a time, and no further than values can lead.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from ...machine.rule import Move
from ..graph import Edge, Graph, Spot
from ..site import Vector
from .draft import Draft

if TYPE_CHECKING:
    from .emit import Emitter

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
SPACES = b" \n"
Goal = tuple[Vector, ...]


class Writer(ABC):
    """What arrays and objects have in common."""

    opening = b"["
    closing = b"]"
    counts_from = 0  # what the register holds behind the opening bracket

    def __init__(self, emitter: "Emitter", graph: Graph, goal: Goal) -> None:
        self.emitter = emitter
        self._graph = graph
        self._goal = goal
        self._live = graph.live(frozenset(goal))
        self.loose = emitter.layout.loose
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

    def close(self, state: int, vector: Vector | None, seen: int = 0) -> None:
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

    def spaced(self, state: int, seen: int = 0) -> int:
        """The state behind white space that may follow a state, once these bits are set."""
        after = self.draft.state()
        move = self.draft.move(Move((after,), PLACE["break"], seen=seen))
        for byte in SPACES:
            self.draft.edge(state, byte, move)
        return after

    def comma(self, state: int, unseen: int = 0) -> list[int]:
        """Reads a comma; returns the states in which the next element begins."""
        comma = self.draft.state()
        entry = self.draft.move(Move((comma,), unseen=unseen)) if unseen else comma
        self.draft.edge(state, 0x2C, entry)
        if self.loose:
            return [comma, self.spaced(comma)]
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
            for group, place, goal in self.emitter.calls(edge.site, tuple(targets)):
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
                place = self.emitter.call(kind, part, goal)
                after = tuple(targets[v] for v in goal)
                at_limit = tuple(limited.get(v, 0) for v in goal)
                move = self.draft.move(Move(after, place, limit, at_limit))
                for state in states:
                    self.draft.edges(state, FIRST[kind], move)
