"""Sites: every set of schemas that one value may have to be judged by, and which verdicts are possible there.

    sites = Sites(nodes, budget, leaves)
    site = sites.of((root,), NEEDED)
    sites.settle()
    site.vectors                    # which truths of its roots some value has

A site has roots, each the truth of which its reader wants to know, and a vector is one truth for each. `need` are the
vectors that the reader can still use. By kind of value a site has parts: constant, or a leaf, or a graph of an array or
object whose edges read values at other sites. Vectors are found as the least fixed point over all of them: an edge is
followed with a vector only once some value of its site has it, so whatever is reached can be reached.
"""

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from ..machine.rule import Rule
from .board import Board, literal_truth
from .document import Json
from .formula import All, Atom, Formula, atoms, substitute
from .node import KINDS, Node, Nodes, Root, scalar_key
from .residue import Residue, Residues

if TYPE_CHECKING:
    from .leaves.texts import Texts

Vector: TypeAlias = tuple[bool, ...]
NEEDED: frozenset[Vector] = frozenset({(True,)})
SCALARS = frozenset(KINDS) - {"array", "object"}


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
    readers: "list[Edge]" = field(default_factory=list["Edge"])

    def wants(self, vector: Vector) -> bool:
        """Whether the reader can use a vector."""
        return self.need is None or vector in self.need


@dataclass(slots=True, eq=False)
class Spot:
    """A place in an array or object. edges: values that may follow; skip: the spot that stands for what else may
    follow; end: the vector if the value ends here; number: its order of discovery."""

    number: int
    edges: "list[Edge]" = field(default_factory=list["Edge"])
    skip: "Spot | None" = None
    end: Vector | None = None


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
    opening bracket, or None where nothing is wanted of it."""

    begin: "Spot | None"

    def __init__(self, sites: "Sites", site: Site, board: Board, formulas: list[Formula]) -> None:
        self.sites = sites
        self.nodes = sites.nodes
        self.site = site
        self.board = board
        self.simple = site.need == NEEDED and is_plain(formulas[0], board)
        self.evaluators = board.evaluating
        self.residues = Residues(board.unevaluated, lambda truths: is_wanted(truths, site))
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
            self.sites.add(self.site, self, vector)

    def read(self, edge: Edge) -> None:
        """Adds an edge to its source."""
        edge.source.edges.append(edge)
        self.sites.listen(edge)

    def live(self, goal: frozenset[Vector]) -> set[Spot]:
        """The spots from which the value can end with one of these vectors."""
        before: dict[Spot, list[Spot]] = {}
        for spot in self.spots:
            if spot.skip is not None:
                before.setdefault(spot.skip, []).append(spot)
            for edge in spot.edges:
                for target in (*edge.targets.values(), *edge.limited.values()):
                    before.setdefault(target, []).append(spot)
        stack = [s for s in self.spots if s.end in goal]
        found = set(stack)
        while stack:
            for spot in before.get(stack.pop(), ()):
                if spot not in found:
                    found.add(spot)
                    stack.append(spot)
        return found


Grow: TypeAlias = "Callable[[Sites, Site, Board, list[Formula]], Part]"
Judge: TypeAlias = "Callable[[Any], Vector]"
Adopt: TypeAlias = "Callable[[Rule, Judge, bool], Part]"


class Leaf(Part, Protocol):
    """A part of strings or numbers. rule: that which ends with the number of a vector in the goal; judge: the vector
    of a value; plain: whether numbers are plain decimals."""

    rule: Callable[[tuple[Vector, ...]], Rule]
    judge: Judge
    plain: bool


class Sites:
    """All sites of one schema. grow: how the parts of each kind that are not constant are made; adopt: how those of
    strings and numbers are, where their rule is known from an equal schema."""

    def __init__(
        self,
        nodes: Nodes,
        texts: "Texts",
        grow: Mapping[str, Grow],
        adopt: Mapping[str, Adopt],
        any_order: bool,
    ) -> None:
        self.nodes = nodes
        self.any_order = any_order
        self.texts = texts
        self.budget = texts.budget
        self._grow = grow
        self._adopt = adopt
        self._known: dict[tuple[tuple[Root, ...], frozenset[Vector] | None], Site] = {}
        self._leaves: dict[Hashable, Site] = {}
        self._pending: deque[tuple[Edge, Vector]] = deque()
        self._todo: deque[tuple[Site, str]] = deque()
        parts: dict[str, Part] = {kind: Constant([()]) for kind in KINDS}
        self.free = self._known[(), None] = Site((), None, parts, {(): None})

    def of(self, roots: tuple[Root, ...], need: frozenset[Vector] | None) -> Site:
        """The site of these roots."""
        site = self._known.get((roots, need))
        if site is None:
            self.budget.spend(1)
            site = self._known[roots, need] = Site(roots, need)
            if need is not NEEDED:
                self._todo.extend((site, kind) for kind in KINDS)
                return site
            if len(roots[0]) == 1:
                node = roots[0][0]
                key = node.leaf or scalar_key(node.words)
                if key is not None and self._adopts(site, key, lambda: node):
                    return site
            kinds = frozenset(KINDS).intersection(*(n.kinds for n in roots[0]))
            self._todo.extend((site, kind) for kind in KINDS if kind in kinds)
        return site

    def leaf(self, schema: Json, make: Callable[[], Node]) -> Site | None:
        """The site of a schema about strings, numbers and literals only, the node of which is not made unless it must
        be; None for every other schema."""
        key = scalar_key(schema) if isinstance(schema, dict) else None
        if key is None:
            return None
        site = self._leaves.get(key)
        if site is None:
            site = Site((), NEEDED)
            if not self._adopts(site, key, make):
                return None
            self._leaves[key] = site
        return site

    def _adopts(self, site: Site, key: Hashable, make: Callable[[], Node]) -> bool:
        """Whether the site is of a leaf, and so has rules that equal ones share."""
        texts = self.texts
        found = texts.fragments.keep(
            ("leaf", key, self.nodes.document.draft, texts.options),
            lambda: self._list_rules(make()),
        )
        if found is None:
            return False
        for kind, rule, plain in found:
            if rule is None:
                site.parts[kind] = Constant([(True,)])
            else:
                site.parts[kind] = self._adopt[kind](rule, self._judge(make, kind), plain)
            site.vectors[True,] = None
        return True

    def _judge(self, make: Callable[[], Node], kind: str) -> Judge:
        """Judges values as the leaf would that is made only now."""
        return lambda value: cast(Leaf, self._grow_leaf(make()).parts[kind]).judge(value)

    def _grow_leaf(self, node: Node) -> Site:
        site = Site(((node,),), NEEDED)
        for kind in KINDS:
            if kind in node.kinds:
                self._open(site, kind)
        return site

    def _list_rules(self, node: Node) -> tuple[tuple[str, Rule | None, bool], ...] | None:
        """The kinds of value that a leaf allows, with the rules of strings and numbers that are not free; None where
        it is about arrays or objects as well."""
        if node.simple and not node.kinds <= SCALARS:
            return None
        found: list[tuple[str, Rule | None, bool]] = []
        for kind, part in self._grow_leaf(node).parts.items():
            if isinstance(part, Constant):
                found.append((kind, None, False))
            elif part.vectors:
                leaf = cast(Leaf, part)
                found.append((kind, leaf.rule(((True,),)), leaf.plain))
        return tuple(found)

    @property
    def known(self) -> list[Site]:
        """All sites so far."""
        return [*self._known.values(), *self._leaves.values()]

    def release(self) -> None:
        """Takes apart what refers to each other, once no one needs it any more: the memory is free at once, and no
        collector has to look for it."""
        for site in self.known:
            for part in site.parts.values():
                if isinstance(part, Graph):
                    for spot in part.spots:
                        spot.edges.clear()
            site.parts.clear()
            site.readers.clear()
        self.nodes.release()

    def settle(self) -> None:
        """Follows everything that can be followed."""
        while self._todo or self._pending:
            while self._todo:
                site, kind = self._todo.pop()
                self._open(site, kind)
            if self._pending:
                edge, vector = self._pending.popleft()
                edge.open(vector)

    def add(self, site: Site, part: Part, vector: Vector) -> None:
        """Some value has this vector."""
        if vector not in part.vectors:
            part.vectors.append(vector)
        if vector not in site.vectors:
            site.vectors[vector] = None
            for edge in site.readers:
                self._pending.append((edge, vector))

    def listen(self, edge: Edge) -> None:
        """The edge is followed for each vector that its site has, now and later."""
        edge.site.readers.append(edge)
        for vector in edge.site.vectors:
            self._pending.append((edge, vector))

    def _open(self, site: Site, kind: str) -> None:
        board = Board(self.nodes, kind)
        formula = board.watch(site.roots[0]) if site.need is NEEDED else None
        if formula is not None:
            formulas = [formula]
        else:
            board = Board(self.nodes, kind)
            formulas = [board.truth_of(root) for root in site.roots]
        if kind in ("null", "true", "false"):
            formulas = [_literal(formula, kind, board) for formula in formulas]
        if all(isinstance(f, bool) for f in formulas):
            vector = tuple(f is True for f in formulas)
            if site.wants(vector):
                part = site.parts[kind] = Constant([])
                self.add(site, part, vector)
            return
        if formula is None:
            board.keep({i for f in formulas for i in atoms(f)})
        part = self._grow[kind](self, site, board, formulas)
        site.parts[kind] = part
        for vector in part.vectors:
            self.add(site, part, vector)


def _literal(formula: Formula, kind: str, board: Board) -> Formula:
    return substitute(formula, lambda index: literal_truth(kind, board.locals[index]))


def all_of(nodes: Nodes, parts: list[Node]) -> Root | None:
    """The root that demands all of these; None where one of them can never hold."""
    if len(parts) == 1:
        root = nodes.flatten(parts[0])
    else:
        root = tuple(dict.fromkeys(n for part in parts for n in nodes.flatten(part)))
    return None if nodes.nothing in root else root


def is_plain(formula: Formula, board: Board) -> bool:
    """Whether the formula only says that all its atoms hold, each about a schema's own keywords."""
    parts = formula.parts if isinstance(formula, All) else (formula,)
    return all(isinstance(p, Atom) and p.index in board.locals for p in parts)


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
    return any(
        all(not isinstance(f, bool) or f is v for f, v in zip(formulas, vector, strict=True))
        for vector in site.need
    )
