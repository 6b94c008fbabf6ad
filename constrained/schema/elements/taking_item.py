"""Taking an item: which schemas judge it, and what is learnt from the vector that it has there."""

from typing import TYPE_CHECKING

from ..formula import Atom, Formula, conjunction, disjunction
from ..node import Root, all_of
from ..site import Vector
from .items import demanded, read_items

if TYPE_CHECKING:
    from .arrays import ArrayGraph, State


class TakingItem:
    """What one item means to each schema that is still in."""

    def __init__(self, graph: "ArrayGraph", state: "State", position: int) -> None:
        self._state = state
        self._place: dict[Root, int] = {}
        self._judged: dict[int, int | None] = {}
        self._contains: list[tuple[int, bool | int]] = []  # most that matters, and the root
        self._covers: dict[int, tuple[list[tuple[Formula, bool | int]], int | None]] = {}
        self.impossible = False
        nodes, open_ = graph.nodes, state.left.open
        for index, items in graph.items.items():
            if index not in open_:
                continue
            root = all_of(nodes, [demanded(items, position, nodes)])
            self._judged[index] = None if root is None else self._number(root)
            self.impossible |= graph.simple and root is None
        if graph.simple and len(graph.items) > 1:
            self._merge(graph, position)
        for index in graph.containing:
            items = graph.items[index]
            cap = items.least if items.most is None else items.most + 1
            test: bool | int = False
            if index in open_ and items.contains is not None:
                test = self._test(all_of(nodes, [items.contains]))
            self._contains.append((cap, test))
        for place, index in enumerate(graph.board.unevaluated):
            if index in open_:
                self._cover(graph, index, state.left.whens[place], position)
        self.roots = tuple(self._place)

    def _number(self, root: Root) -> int:
        return self._place.setdefault(root, len(self._place)) if root else -1

    def _test(self, root: Root | None) -> bool | int:
        """What to ask a vector about a root: its place, or the answer where there is nothing to ask."""
        if root is None:
            return False
        return self._number(root) if root else True

    def _merge(self, graph: "ArrayGraph", position: int) -> None:
        parts = [demanded(m, position, graph.nodes) for m in graph.items.values()]
        root = all_of(graph.nodes, parts)
        self.impossible |= root is None
        self._place = {}
        number = self._number(root or ())
        self._judged = dict.fromkeys(graph.items, number)

    def _cover(
        self, graph: "ArrayGraph", index: int, whens: tuple[Formula, ...], position: int
    ) -> None:
        nodes, node = graph.nodes, graph.board.unevaluated[index]
        covers: list[tuple[Formula, bool | int]] = []
        for when, (each, _) in zip(whens, graph.evaluators[index], strict=True):
            if each is not node and "unevaluatedItems" in each.words:
                covers.append((when, True))
            if not each.words:
                continue
            items = read_items(each, nodes)
            if position < len(items.first) or items.has_rest:
                covers.append((when, True))
            elif items.contains is not None and nodes.document.draft >= 2020:
                test = self._test(all_of(nodes, [items.contains]))
                covers.append((when, test))
        rest = nodes.sub(node, node.words["unevaluatedItems"], "unevaluatedItems")
        root = all_of(nodes, [rest])
        if root != ():
            self._covers[index] = (covers, None if root is None else self._number(root))

    def learn(self, vector: Vector) -> tuple[dict[int, Formula], tuple[int, ...]]:
        """What becomes known of the atoms after an item of this vector, and what was found."""

        def answer(test: bool | int) -> bool:
            return test if isinstance(test, bool) else vector[test]

        known: dict[int, Formula] = {}
        for index, place in self._judged.items():
            if place is None or (place >= 0 and not vector[place]):
                known[index] = False
        for index, (covers, place) in self._covers.items():
            if place is None or not vector[place]:
                cover = disjunction([when for when, test in covers if answer(test)])
                known[index] = conjunction([Atom(index), cover])
        found = tuple(
            min(cap, count + answer(test))
            for count, (cap, test) in zip(self._state.found, self._contains, strict=True)
        )
        return known, found
