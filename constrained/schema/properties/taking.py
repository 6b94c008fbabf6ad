"""Taking a property: which schemas judge its value, and what is learnt from the vector that it has there."""

from typing import TYPE_CHECKING

from ..formula import Atom, Formula, conjunction, disjunction
from ..node import Root, all_of
from ..residue import Residue
from ..site import Vector
from .members import evaluates
from .names import Traits

if TYPE_CHECKING:
    from .objects import ObjectGraph


class Taking:
    """What one property means to each schema that is still in."""

    def __init__(
        self, graph: "ObjectGraph", left: Residue, label: str | int, traits: Traits
    ) -> None:
        self._left = left
        self._place: dict[Root, int] = {}
        self._judged: dict[int, int | None] = {}  # by atom: its root, or None for never
        self._covers: dict[int, tuple[Formula, int | None]] = {}
        self._name = graph.board.has.get(label) if isinstance(label, str) else None
        for index in graph.members:
            if index in left.open:
                root = graph.demands.judging(index, label)
                if root is None:
                    self._judged[index] = None
                elif root:
                    self._judged[index] = self._number(root)
        if graph.board.unevaluated:
            self._cover(graph, label if isinstance(label, str) else None, traits)
        self.roots = tuple(self._place)

    def _number(self, root: Root) -> int:
        return self._place.setdefault(root, len(self._place))

    def _cover(self, graph: "ObjectGraph", name: str | None, traits: Traits) -> None:
        nodes = graph.nodes
        by_node = {m.node: m for m in graph.members.values()}
        for whens, (index, node) in zip(
            self._left.whens, graph.board.unevaluated.items(), strict=True
        ):
            if index not in self._left.open:
                continue
            covers = [
                when
                for when, (each, _) in zip(whens, graph.evaluators[index], strict=True)
                if (each in by_node and evaluates(by_node[each], name, traits))
                or (each is not node and "unevaluatedProperties" in each.words)
            ]
            cover = disjunction(covers)
            rest = nodes.sub(node, node.words["unevaluatedProperties"], "unevaluatedProperties")
            root = all_of(nodes, [rest])
            if cover is not True and root != ():
                self._covers[index] = (cover, None if root is None else self._number(root))

    def learn(self, vector: Vector) -> dict[int, Formula]:
        """What becomes known of the atoms after a value of this vector."""
        known: dict[int, Formula] = {}
        for index, place in self._judged.items():
            if place is None or not vector[place]:
                known[index] = False
        for index, (cover, place) in self._covers.items():
            if place is None or not vector[place]:
                known[index] = conjunction([Atom(index), cover])
        if self._name is not None:
            known[self._name] = True
        return known
