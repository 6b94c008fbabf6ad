"""Site: a place where one value is judged by several schemas at once, and which verdicts its reader can use.

    site = Site((root,), NEEDED)
    site.wants((True,))
    find_sure(formulas, site)           # the one vector that is wanted, if there is only one

A site has roots, each the truth of which its reader wants to know, and a vector is one truth for each.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from .board import Board
from .formula import All, Atom, Formula
from .node import Root

if TYPE_CHECKING:
    from .graph import Edge
    from .line import Line

Vector: TypeAlias = tuple[bool, ...]
NEEDED: frozenset[Vector] = frozenset({(True,)})


class Part(Protocol):
    """What a site does with one kind of value. vectors: grows until the sites are settled."""

    vectors: list[Vector]


@dataclass(slots=True, eq=False)
class Constant:
    """Every value of the kind has one vector."""

    vectors: list[Vector]


@dataclass(slots=True, eq=False)
class Site:
    """Roots that one value is judged by."""

    roots: tuple[Root, ...]
    need: frozenset[Vector] | None
    parts: dict[str, Part] = field(default_factory=dict[str, Part])
    vectors: dict[Vector, None] = field(default_factory=dict[Vector, None])
    readers: "list[Edge | Line]" = field(default_factory=list["Edge | Line"])

    def wants(self, vector: Vector) -> bool:
        """Whether the reader can use a vector."""
        return self.need is None or vector in self.need


def is_plain(formula: Formula, board: Board) -> bool:
    """Whether the formula only says that all its atoms hold, each about a schema's own keywords."""
    parts = formula.parts if isinstance(formula, All) else (formula,)
    return all(isinstance(p, Atom) and p.index in board.locals for p in parts)


def find_sure(formulas: Iterable[Formula], site: Site) -> Vector | None:
    """The vector with all that is open true, if no other one is wanted that is still possible."""
    if site.need is NEEDED:
        return (True,)
    truths = tuple(formulas)
    if site.need is None:
        return None
    possible = [vector for vector in site.need if _may_be(truths, vector)]
    sure = tuple(f if isinstance(f, bool) else True for f in truths)
    return sure if possible == [sure] else None


def _may_be(formulas: tuple[Formula, ...], vector: Vector) -> bool:
    return all(not isinstance(f, bool) or f is v for f, v in zip(formulas, vector, strict=True))


def needed(size: int, wanted: Callable[[Vector], bool]) -> frozenset[Vector] | None:
    """The vectors that lead anywhere, if they are few enough to be listed."""
    if size > 3:
        return None
    every = [tuple(bool(i >> k & 1) for k in range(size)) for i in range(1 << size)]
    found = frozenset(filter(wanted, every))
    return NEEDED if found == NEEDED else found


def is_wanted(formulas: tuple[Formula, ...], site: Site) -> bool:
    """Whether some vector that is still possible is of use."""
    if site.need is None:
        return True
    return any(_may_be(formulas, vector) for vector in site.need)
