"""Graph: the spots of an array or object, and the values that lead from one to the next.

    graph = ObjectGraph(sites, site, board, formulas)
    graph.begin                         # the spot behind the opening bracket
    graph.live({(True,)})               # the spots from which it can end with one of these vectors

It grows as vectors of the sites that it reads become known: an edge is followed with a vector only once some value of
its site has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from .board import Board
from .formula import Formula
from .residue import Residue, Residues
from .site import Site, Vector, find_sure, is_plain, is_wanted

if TYPE_CHECKING:
    from .line import Line
    from .sites import Sites


@dataclass(slots=True, eq=False)
class Spot:
    """A place in an array or object. edges: values that may follow; skip: the spot that stands for what else may
    follow; end: the vector if the value ends here; number: its order of discovery. line, place: where it stands in a
    line, which then says what may follow; what may end in front of a name that need not come, ends here. repeat: the
    spot that stands for it where the item in front of it is equal to an earlier one."""

    number: int
    edges: "list[Edge]" = field(default_factory=list["Edge"])
    skip: "Spot | None" = None
    end: Vector | None = None
    line: "Line | None" = None
    place: int = 0
    repeat: "Spot | None" = None

    def lives(self, goal: frozenset[Vector]) -> bool:
        """Whether it stands in a line that leads to a vector of the goal."""
        return self.line is not None and self.line.vector in goal and self.line.lives(self.place)


NOWHERE: "Mapping[Vector, Spot]" = MappingProxyType({})


@dataclass(slots=True, eq=False)
class Edge:
    """A value that may follow. label: the property's name, or the class of names, or None for an item.

    follow: the spot behind a value of this vector. limit: where it counts, the count at which it leads to what
    `follow_limit` says instead. targets, limited: what these said for the vectors that are possible."""

    source: Spot
    label: "str | int | None"
    site: Site
    follow: "Callable[[Vector], Spot | None]"
    limit: int | None = None
    follow_limit: "Callable[[Vector], Spot | None] | None" = None
    targets: "dict[Vector, Spot]" = field(default_factory=dict[Vector, Spot])
    limited: "Mapping[Vector, Spot]" = field(default_factory=lambda: NOWHERE)

    def count(self, limit: int, follow: "Callable[[Vector], Spot | None]") -> None:
        """At this count it leads elsewhere."""
        self.limit, self.follow_limit, self.limited = limit, follow, {}

    def open(self, vector: Vector) -> None:
        """Takes note that some value has this vector."""
        target = self.follow(vector)
        if target is not None:
            self.targets[vector] = target
        if self.follow_limit is not None:
            target = self.follow_limit(vector)
            if target is not None:
                self.limited = {**self.limited, vector: target}


class Graph:
    """The spots of an array or object; grows as vectors of the sites it reads become known. begin: the spot behind the
    opening bracket, or None where nothing is wanted of it. sure: the only vector that is wanted, if all that is open
    must hold; simple: whether that are keywords of schemas, asked about by one root."""

    begin: "Spot | None"

    def __init__(self, sites: "Sites", site: Site, board: Board, formulas: list[Formula]) -> None:
        self.sites = sites
        self.nodes = sites.nodes
        self.site = site
        self.board = board
        self.sure = find_sure(formulas, site)
        self.simple = self.sure is not None and _is_simple(formulas, board)
        self.evaluators = board.evaluating
        self.residues = Residues(board.unevaluated, partial(is_wanted, site=site))
        self.vectors: list[Vector] = []
        self.spots: list[Spot] = []

    def judged_by(self, formulas: list[Formula]) -> Residue:
        """What is left of the formulas before anything is known."""
        whens = (tuple(when for _, when in found) for found in self.evaluators.values())
        return self.residues.of(tuple(formulas), tuple(whens))

    def spot(self) -> Spot:
        """A new spot."""
        return self.line(1)[0]

    def line(self, count: int) -> list[Spot]:
        """New spots, one behind the other."""
        self.sites.budget.spend(count)
        first = len(self.spots)
        self.spots += [Spot(first + i) for i in range(count)]
        return self.spots[first:]

    def finish(self, spot: Spot, vector: Vector) -> None:
        """The value may end here, with this vector, if anyone wants it."""
        if self.site.wants(vector):
            spot.end = vector
            self.finish_with(vector)

    def finish_with(self, vector: Vector) -> None:
        """The value may have this vector, which someone wants."""
        self.sites.add(self.site, self, vector)

    def read(self, edge: Edge) -> None:
        """Adds an edge to its source."""
        edge.source.edges.append(edge)
        self.sites.listen(edge)

    def release(self) -> None:
        """Takes it apart, see Sites.release."""
        for spot in self.spots:
            spot.edges.clear()
            spot.line = spot.repeat = None

    def live(self, goal: frozenset[Vector]) -> set[Spot]:
        """The spots from which the value can end with one of these vectors."""
        before: dict[Spot, list[Spot]] = {}
        for spot in self.spots:
            if spot.skip is not None:
                before.setdefault(spot.skip, []).append(spot)
            for edge in spot.edges:
                for target in (*edge.targets.values(), *edge.limited.values()):
                    before.setdefault(target, []).append(spot)
        stack = [s for s in self.spots if s.end in goal or s.lives(goal)]
        found = set(stack)
        while stack:
            for spot in before.get(stack.pop(), ()):
                if spot not in found:
                    found.add(spot)
                    stack.append(spot)
        return found


def _is_simple(formulas: list[Formula], board: Board) -> bool:
    open_ = [formula for formula in formulas if not isinstance(formula, bool)]
    return len(open_) == 1 and is_plain(open_[0], board)
