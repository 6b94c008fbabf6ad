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
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from ..machine.rule import Rule
from .board import Board, literal_truth
from .document import Json
from .formula import Formula, atoms, substitute
from .graph import Edge, Graph
from .kinds import possible_kinds
from .node import KINDS, Node, Nodes, Root, scalar_key
from .site import NEEDED, Constant, Part, Site, Vector

if TYPE_CHECKING:
    from .leaves.texts import Texts
    from .line import Line

SCALARS = frozenset(KINDS) - {"array", "object"}


Grow: TypeAlias = "Callable[[Sites, Site, Board, list[Formula]], Part]"
GrowPlain: TypeAlias = "Callable[[Sites, Site], Part | None]"
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
    strings and numbers are, where their rule is known from an equal schema; plain: how those are that need no more than
    the site, None for those that do."""

    def __init__(
        self,
        nodes: Nodes,
        texts: "Texts",
        grow: Mapping[str, Grow],
        adopt: Mapping[str, Adopt],
        plain: Mapping[str, GrowPlain],
        any_order: bool,
    ) -> None:
        self.nodes = nodes
        self.any_order = any_order
        # Whether bits say nothing about names in any order beside others, see lower.
        self.by_sets = False
        self.texts = texts
        self.budget = texts.budget
        self._grow = grow
        self._adopt = adopt
        self._plain = plain
        self._known: dict[tuple[tuple[Root, ...], frozenset[Vector] | None], Site] = {}
        self._leaves: dict[Hashable, Site] = {}
        self._pending: deque[tuple[Edge | Line, Vector]] = deque()
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
                self._divide(site)
                return site
            node = roots[0][0]
            if len(roots[0]) == 1 and (node.leaf is not None or not node.simple):
                key = node.leaf or scalar_key(node.words)
                if key is not None and self._adopts(site, key, lambda: node):
                    return site
            kinds = possible_kinds(self.nodes, roots[0])
            self._todo.extend([(site, kind) for kind in KINDS if kind in kinds])
        return site

    def _divide(self, site: Site) -> None:
        """Leaves the kinds of value to be looked at that some root allows; the others have no root that holds."""
        allowed: set[str] = set()
        for root in site.roots:
            allowed |= possible_kinds(self.nodes, root)
        self._todo.extend([(site, kind) for kind in KINDS if kind in allowed])
        none = (False,) * len(site.roots)
        if site.wants(none):
            for kind in KINDS:
                if kind not in allowed:
                    part = site.parts[kind] = Constant([])
                    self.add(site, part, none)

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
        kinds = possible_kinds(self.nodes, (node,))
        for kind in KINDS:
            if kind in kinds:
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
                    part.release()
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
                reader, vector = self._pending.popleft()
                reader.open(vector)

    def add(self, site: Site, part: Part, vector: Vector) -> None:
        """Some value has this vector."""
        if vector not in part.vectors:
            part.vectors.append(vector)
        if vector not in site.vectors:
            site.vectors[vector] = None
            for reader in site.readers:
                self._pending.append((reader, vector))

    def listen(self, edge: Edge) -> None:
        """The edge is followed for each vector that its site has, now and later."""
        edge.site.readers.append(edge)
        for vector in edge.site.vectors:
            self._pending.append((edge, vector))

    def _open(self, site: Site, kind: str) -> None:
        if kind in self._plain and (part := self._plain[kind](self, site)) is not None:
            site.parts[kind] = part
            return
        board = Board(self.nodes, kind)
        formula = board.watch(site.roots[0]) if site.need is NEEDED else None
        if formula is not None:
            formulas = [formula]
        else:
            board = Board(self.nodes, kind) if board.count else board
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
