"""Lines: properties in their order, behind which nothing is known but that all is well so far.

    line = Line(graph, vector, needed, end, tail, find)
    spot = line.enter(3)                # the spot in front of the fourth name; properties before it are over
    line.lives(3)                       # whether the object can end from there, as far as is known now
    line.edge(spot, "name")             # what a name leads to, made when asked for

Most objects are lines as a whole; in a union each branch is, once it is known which one it is. A line makes no spots
and edges for its names: their sites are enough, since a value of any vector that a site has leads to the next place.
Behind `end` the object goes on as the tail does, if there is one; else other names follow.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from .graph import Edge, Spot
from .site import Site, Vector

if TYPE_CHECKING:
    from .properties.objects import ObjectGraph

Label = str | int  # a name, or the class of other names


class Line:
    """The places of one line are those in graph.order. vector: that of the objects which it ends; needed: names without
    which the object may not end; find: the site of a label's value, None where it may not come."""

    def __init__(
        self,
        graph: "ObjectGraph",
        vector: Vector,
        needed: frozenset[str],
        end: int,
        tail: "Line | None",
        find: Callable[[Label], Site | None],
    ) -> None:
        self.graph = graph
        self.vector = vector
        self.end = end
        self.tail = tail
        self.spots: dict[int, Spot] = {}
        self.sites: list[Site | None] = []  # of the names from `low` on
        self.others: dict[Label, Site] = {}  # by the class of names
        self.low = end
        self._find = find
        self.needed = needed
        self._waiting: list[int] = []  # the places of needed names without a value so far, in order
        # The place behind the last name that is needed.
        self.last = max(
            [at for at, name in enumerate(graph.order[:end], 1) if name in needed] or [0]
        )
        if tail is None:
            for label in range(len(graph.names.classes)):
                site = find(label)
                if site is not None:
                    self.others[label] = site

    def site(self, place: int) -> Site | None:
        """The site of a name at or behind the lowest place that was entered."""
        return self.sites[place - self.low]

    @property
    def is_open(self) -> bool:
        """Whether other names may follow."""
        if self.tail is not None:
            return self.tail.is_open
        return any(site.vectors for site in self.others.values())

    def lives(self, place: int) -> bool:
        """Whether the object can end from here."""
        return not self._waiting or self._waiting[-1] < place

    def enter(self, place: int) -> Spot:
        """The spot in front of the name at a place."""
        if place >= self.end and self.tail is not None:
            return self.tail.enter(place)
        spot = self._spot(place)
        self._finish(spot)
        return spot

    def _spot(self, place: int) -> Spot:
        spot = self.spots.get(place)
        if spot is None:
            if place < self.low:
                self._extend(place)
            if self.tail is not None:
                self.tail._spot(self.end)
            every = self.graph.spots
            spot = self.spots[place] = Spot(len(every), line=self, place=place)
            every.append(spot)
        return spot

    def _extend(self, low: int) -> None:
        """Finds the sites of the names from a place on."""
        graph = self.graph
        graph.sites.budget.spend(self.low - low)
        order, needed, find = graph.order, self.needed, self._find
        found: list[Site | None] = []
        waiting: list[int] = []
        for place in range(low, self.low):
            site = find(order[place])
            found.append(site)
            if order[place] in needed and (site is None or not site.vectors):
                waiting.append(place)
                if site is not None:
                    site.readers.append(self)
        self.sites[:0] = found
        self._waiting[:0] = waiting
        self.low = low

    def _finish(self, spot: Spot) -> None:
        if self.lives(spot.place):
            if spot.place >= self.last:
                spot.end = self.vector
            self.graph.finish_with(self.vector)

    def open(self, _: Vector) -> None:
        """Takes note that some site has a vector."""
        waiting, before = self._waiting, len(self._waiting)
        while waiting and (site := self.site(waiting[-1])) is not None and site.vectors:
            waiting.pop()
        if len(waiting) < before:
            for spot in self.spots.values():
                self._finish(spot)

    def edge(self, spot: Spot, label: Label) -> Edge | None:
        """The edge of a name that may come at a spot or behind it; None where it may not."""
        at, order = spot.place, self.graph.order
        while at < self.end and order[at] != label:
            if order[at] in self.needed:
                return None
            at += 1
        if at < self.end:
            site, behind = self.site(at), self.enter(at + 1)
        elif self.tail is not None:
            return self.tail.edge(self.tail.enter(at), label)
        else:
            site, behind = self.others.get(label), self.enter(at)
        if site is None:
            return None
        return Edge(
            spot, label, site, lambda _: behind, targets=dict.fromkeys(site.vectors, behind)
        )

    def read(self) -> list[Site]:
        """The sites of all values that may be read in it."""
        return [site for site in (*self.sites, *self.others.values()) if site is not None]

    def demanded(self, place: int) -> list[Site]:
        """The sites of the names that must come at a place or behind it."""
        order, needed = self.graph.order, self.needed
        found = (self.site(at) for at in range(place, self.last) if order[at] in needed)
        return [site for site in found if site is not None]
