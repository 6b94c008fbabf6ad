"""Array writer: the rule of an array, its items told apart or counted as its graph says."""

from typing import TYPE_CHECKING

from ...grammar.place import DISTINCT, REPEAT
from ...machine.rule import Move
from ..elements.arrays import ArrayGraph
from ..graph import Graph, Spot
from .marked import write_marked
from .writer import Goal, Writer

if TYPE_CHECKING:
    from .emit import Emitter


class ArrayWriter(Writer):
    """Writes the rule of an array."""

    def __init__(self, emitter: "Emitter", graph: Graph, goal: Goal) -> None:
        super().__init__(emitter, graph, goal)
        assert isinstance(graph, ArrayGraph)
        self._array = graph
        self.counts_from = DISTINCT if graph.distinct else 0

    def _begin(self) -> Spot | None:
        return self._array.begin

    def _entry(self, first: int) -> int:
        return self.draft.move(Move((first,), mark=DISTINCT)) if self._array.distinct else first

    def _open(self, spot: Spot, state: int) -> None:
        states = [state, self.spaced(state)] if self.loose else [state]
        for each in states:
            self.close(each, spot.end)
        self._items(states, spot)

    def _follow(self, spot: Spot, state: int) -> None:
        if spot.repeat in self._live:
            self.draft.edge(state, REPEAT, self.behind(spot.repeat))
        self.close(state, spot.end)
        if self.loose and spot.end in self._goal:
            self.close(self.spaced(state), spot.end)
        if any(map(self.is_open, spot.edges)):
            unseen = sum(bit for _, bit in self._array.choices(spot))
            self._items(self.comma(state, unseen), spot)

    def _items(self, states: list[int], spot: Spot) -> None:
        for edge in filter(self.is_open, spot.edges):
            if not self._array.unique:
                self.value(states, edge)
                continue
            (target,) = edge.targets.values()
            after = self.behind(target)
            marked = [(text, bit, after) for text, bit in self._array.choices(spot)]
            write_marked(self.draft, states, marked)
