"""Arrays: the spots between items, as a graph.

    graph = grow_array(sites, site, board, formulas)

A spot is a position among the first items, or behind them, with what has been learnt: which schemas are out, and how
many items `contains` has found for each. Large minItems and maxItems are counted by the register; items that must
differ are marked by its bits where they can be listed. Else the host tells them apart (`distinct`): each spot knows the
one that stands for it once two items are equal.
"""

from dataclasses import dataclass
from functools import partial

from ..board import Board
from ..document import refuse
from ..formula import Formula, substitute
from ..graph import Edge, Graph, Spot
from ..leaves.writing import write_value
from ..node import all_of
from ..residue import Residue
from ..rules.marked import has_prefixes
from ..site import NEEDED, Site, Vector, needed
from ..sites import Sites
from .items import Items, demanded, list_values, read_items
from .taking_item import TakingItem

MOST_UNIQUE = 62
MOST_COUNTED = 16  # items; larger counts are the register's, where one schema alone decides


@dataclass(frozen=True, slots=True)
class State:
    """What has been learnt: what is left of the formulas, and how many items each `contains` has found."""

    left: Residue
    found: tuple[int, ...]


class ArrayGraph(Graph):
    """The spots of the arrays at one site."""

    def __init__(self, sites: Sites, site: Site, board: Board, formulas: list[Formula]) -> None:
        super().__init__(sites, site, board, formulas)
        self.items = {i: read_items(n, self.nodes) for i, n in board.locals.items()}
        self.containing = [i for i, m in self.items.items() if m.contains is not None]
        self.unique: dict[bytes, int] = {}  # the texts of which each may come once, with their bits
        self._allowed: dict[int, list[bytes]] = {}  # by position
        only = next(iter(self.items.values())) if len(self.items) == 1 else None
        if self.simple and only is not None and only.is_bare and not self.evaluators:
            self.first, self.distinct, self._differing = 0, False, []
            self.begin = self._loop(only)
            return
        begun = self.judged_by(formulas)
        told_apart = [i for i, m in self.items.items() if m.unique and m.high not in (0, 1)]
        self.distinct = bool(told_apart) and not self._list_items()
        # Where all must hold, equal items are of no use to anyone.
        self._differing = told_apart if self.distinct and not self.simple else []
        self._measure()
        self._spots: dict[tuple[int, State], Spot] = {}
        state = self._fold(0, begun, {}, (0,) * len(self.containing))
        self.begin = None if state is None else self._at(0, state)

    def _loop(self, items: Items) -> Spot:
        """The one spot of any number of items, each like the others."""
        assert self.sure is not None
        spot = self.spot()
        self.finish(spot, self.sure)
        make = partial(demanded, items, 0, self.nodes)
        site = self.sites.leaf(items.rest, make)
        if site is None:
            root = all_of(self.nodes, [make()])
            if root is None:
                return spot
            site = self.sites.of((root,), NEEDED) if root else self.sites.free
        self.read(Edge(spot, None, site, lambda _: spot))
        return spot

    def _measure(self) -> None:
        """How many places are told apart, and what the register counts behind them."""
        found = list(self.items.values())
        readers = [
            read_items(n, self.nodes) for e in self.evaluators.values() for n, _ in e if n.words
        ]
        first = max((len(m.first) for m in (*found, *readers)), default=0)
        low = max((m.low for m in found), default=0)
        highs = [m.high for m in found if m.high is not None]
        if self.unique and (low > 1 or any(h < len(self.unique) for h in highs)):
            highs.append(len(self.unique))
        self._limits: list[int] = []
        self.first, self._full = first, False
        top = max([low, *(h + 1 for h in highs)])
        high = min(highs, default=None)
        counted = self.simple and not self.containing and not self.evaluators
        if top > MOST_COUNTED and counted and (high is None or low <= high):
            self._limits = [
                n - first for n in dict.fromkeys((low, high)) if n is not None and n > first
            ]
            self._full = high is not None and high > first
            self._low, self._high = low, high
        else:
            self.first = max(first, top)

    def _list_items(self) -> bool:
        """Finds the values that items can have, to be marked by bits; whether they are few enough."""
        if not self.simple or self.containing:
            return False
        found = list(self.items.values())
        allowed: dict[int, list[bytes]] = {}
        for position in range(max(len(m.first) for m in found) + 1):
            root = all_of(self.nodes, [demanded(m, position, self.nodes) for m in found])
            values = [] if root is None else list_values(self.sites, root)
            if values is None:
                return False
            allowed[position] = [write_value(v, self.sites.texts.ascii) for v in values]
        every = list(dict.fromkeys(text for texts in allowed.values() for text in texts))
        if len(every) > MOST_UNIQUE or has_prefixes(every):
            return False
        low = max(m.low for m in found)
        if low > 1 and (
            len(every) < low or any(len(texts) < len(every) for texts in allowed.values())
        ):
            return False  # which items have been may leave too few for those that must come
        self._allowed = allowed
        self.unique = {text: 1 << bit for bit, text in enumerate(every)}
        return True

    def choices(self, spot: Spot) -> list[tuple[bytes, int]]:
        """The items that may come at a spot, with their bits, where each may come once."""
        if not self.unique:
            return []
        position = next(p for (p, _), s in self._spots.items() if s is spot)
        allowed = self._allowed[min(position, max(self._allowed))]
        return [(text, self.unique[text]) for text in allowed]

    def _at(self, position: int, state: State) -> Spot:
        spot = self._spots.get((position, state))
        if spot is None:
            spot = self._spots[position, state] = self.spot()
            self._end(spot, position, state)
            self._take(spot, position, state)
            if self._differing:
                known: dict[int, Formula] = dict.fromkeys(self._differing, False)
                found = self._fold(position, state.left, known, state.found)
                spot.repeat = None if found is None else self._at(position, found)
        return spot

    @property
    def repeats(self) -> bool:
        """Whether equal items may be of use to someone."""
        return any(spot.repeat is not None for spot in self.spots)

    def live(self, goal: frozenset[Vector]) -> set[Spot]:
        """As that of every graph; some spots may only lead to equal items. Raises UnsupportedConstraint where it would
        have to be known which ones."""
        found = super().live(goal)
        bound = self._find_bound(found)
        if not self._has_room(bound, found):
            path = self.items[min(self._differing)].node.at("uniqueItems")
            refuse(
                "uniqueItems is enforced where an array that must have equal items has room for more",
                path,
            )
        return found | bound

    def settles(self, vector: Vector) -> bool:
        """Whether arrays can come to a vector for all that is known of spots."""
        found = super().live(frozenset((vector,)))
        return self._has_room(self._find_bound(found), found)

    def _find_bound(self, live: set[Spot]) -> set[Spot]:
        """The spots that lead to an end, but only with equal items."""
        found: set[Spot] = set()
        more = {spot for spot in self.spots if spot.repeat in live} - live
        while more:
            found |= more
            edges = (edge for spot in self.spots for edge in spot.edges)
            more = {e.source for e in edges if not more.isdisjoint(e.targets.values())} - found
        return found

    def _has_room(self, bound: set[Spot], live: set[Spot]) -> bool:
        """Whether behind each of these spots, whatever comes, some item may come twice, and then an end."""

        def may_come_again(edge: Edge, vector: Vector) -> bool:
            following = edge.targets[vector].edges
            if not following or following[0].site is not edge.site:
                return False
            target = following[0].targets.get(vector)
            return target is not None and target.repeat in live

        return all(
            any(may_come_again(edge, vector) for edge in spot.edges for vector in edge.targets)
            for spot in bound
        )

    def _phase(self, position: int) -> int:
        return position - self.first

    def _end(self, spot: Spot, position: int, state: State) -> None:
        def final(index: int) -> Formula:
            return index not in self.items or self._enough(index, position, state)

        self.finish(spot, tuple(substitute(f, final) is True for f in state.left.truths))

    def _enough(self, index: int, position: int, state: State) -> bool:
        items = self.items[index]
        if self._limits and position >= self.first:
            low_left = self._low > self.first
            return not low_left or self._phase(position) > 0
        if items.contains is not None and state.found[self.containing.index(index)] < items.least:
            return False
        return position >= items.low

    def _take(self, spot: Spot, position: int, state: State) -> None:
        """The edge of an item."""
        phase = self._phase(position)
        if self._limits and self._full and phase == len(self._limits):
            return
        high = min((m.high for m in self.items.values() if m.high is not None), default=None)
        if self.simple and not self._limits and high is not None and position >= high:
            return
        if self._limits and high is not None and min(position, self.first) >= high:
            return
        item = TakingItem(self, state, min(position, self.first))
        if item.impossible:
            return
        roots = item.roots
        after = position if phase >= 0 else position + 1

        def learn(vector: Vector) -> State | None:
            return self._fold(after if phase < 0 else after + 1, state.left, *item.learn(vector))

        if not roots:
            site = self.sites.free
        elif self.simple and not self.containing:
            site = self.sites.of(roots, NEEDED)
        else:
            site = self.sites.of(roots, needed(len(roots), lambda v: learn(v) is not None))

        def follow(vector: Vector) -> Spot | None:
            found = learn(vector)
            return None if found is None else self._at(after, found)

        edge = Edge(spot, None, site, follow)
        if self._limits and 0 <= phase < len(self._limits):

            def follow_limit(vector: Vector) -> Spot | None:
                found = learn(vector)
                return None if found is None else self._at(after + 1, found)

            edge.count(self._limits[phase], follow_limit)
        self.read(edge)

    def _fold(
        self, position: int, left: Residue, known: dict[int, Formula], found: tuple[int, ...]
    ) -> State | None:
        """The state with what is known put in; None if nobody wants what it can lead to."""
        if not self._limits:
            for index, items in self.items.items():
                if items.high is not None and position > items.high:
                    known[index] = False
        for place, index in enumerate(self.containing):
            most = self.items[index].most
            if most is not None and found[place] > most:
                known[index] = False
        left = self.residues.learn(left, known)
        if not left.wanted:
            return None
        if self.containing:
            pairs = zip(self.containing, found, strict=True)
            found = tuple(count if index in left.open else 0 for index, count in pairs)
        return State(left, found)


def grow_array(sites: Sites, site: Site, board: Board, formulas: list[Formula]) -> ArrayGraph:
    """The graph of the arrays at a site."""
    return ArrayGraph(sites, site, board, formulas)
