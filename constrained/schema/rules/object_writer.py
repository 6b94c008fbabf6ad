"""Object writer: the rule of an object: names by tries, spot by spot, and whole lines of names at once."""

from collections.abc import Hashable
from typing import TYPE_CHECKING

from ..graph import Edge, Graph, Spot
from ..line import Line
from ..properties.objects import ObjectGraph
from ..site import Vector
from .draft import Draft
from .line_writer import LineWriter
from .trie import NameTrie
from .writer import Goal, Writer

if TYPE_CHECKING:
    from .emit import Emitter


class ObjectWriter(Writer):
    """Writes the rule of an object."""

    opening = b"{"
    closing = b"}"

    def __init__(self, emitter: "Emitter", graph: Graph, goal: Goal) -> None:
        super().__init__(emitter, graph, goal)
        assert isinstance(graph, ObjectGraph)
        self._required = graph.required
        self._colons: dict[Hashable, int] = {}  # by what is read, and where it leads
        self._lines: dict[Line, LineWriter] = {}
        self._trie = NameTrie(graph, self.draft, self._live, self)

    def write(self) -> Draft:
        """The rule, but for its table."""
        draft = super().write()
        self._lines.clear()  # they know who writes them: no cycle is to be left
        return draft

    def _begin(self) -> Spot | None:
        assert isinstance(self._graph, ObjectGraph)
        return self._graph.begin

    def _merged(self, spot: Spot) -> Spot:
        return self._trie.merged(spot)

    def behind(self, spot: Spot) -> int:
        """The state behind a value that led to this spot."""
        if spot.line is not None:
            return self.line(spot.line).behind(spot.place)
        return super().behind(spot)

    def line(self, line: Line) -> LineWriter:
        """The writer of a line; what it writes is written once."""
        found = self._lines.get(line)
        if found is None:
            found = self._lines[line] = LineWriter(self, self._trie, line)
        return found

    def key(self, name: str) -> bytes:
        """How a name is spelled, with its quotes."""
        return self.emitter.key(name)

    def colon(self, edge: Edge) -> int:
        """The state behind the name of a property."""
        key: Hashable = edge
        if self._trie.merges and edge.limit is None:
            live = self._live
            key = edge.site, *[(v, self.behind(t)) for v, t in edge.targets.items() if t in live]
        if key not in self._colons:
            value = self.draft.state()
            named = self._colons[key] = self.draft.chain(b": ", value, 0)
            self.value([named + 1, value] if self.loose else [value], edge)
        return self._colons[key]

    def _open(self, spot: Spot, state: int) -> None:
        if spot.line is not None:
            self.line(spot.line).open([state, self.spaced(state)] if self.loose else [state])
            return
        names, end = self._trie.names(spot, self), self._end(spot)
        for each in [state, self.spaced(state)] if self.loose else [state]:
            self.close(each, end, self._required)
            if names:
                self.draft.edge(each, 0x22, names)

    def _follow(self, spot: Spot, state: int) -> None:
        names, end = self._trie.names(spot, self), self._end(spot)
        self.close(state, end, self._required)
        if self.loose and end in self._goal:
            self.close(self.spaced(state, self._required), end)
        if names:
            self.next_name(state, names, self._trie.unseen(spot, self))

    def end(self, state: int, vector: Vector) -> None:
        """The object may end here, with this vector."""
        self.close(state, vector)
        if self.loose and vector in self._goal:
            self.close(self.spaced(state), vector)

    def next_name(self, state: int, names: int, unseen: int = 0) -> None:
        """Reads a comma and the opening quote of a name."""
        if unseen or self.loose:
            for each in self.comma(state, unseen):
                self.draft.edge(each, 0x22, names)
        else:
            self.draft.edge(state, 0x2C, self.draft.chain(b' "', names, 0))

    def _end(self, spot: Spot) -> Vector | None:
        return spot.end if self._required else self._trie.end(spot, self)
