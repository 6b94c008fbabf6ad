"""Objects: the spots between properties, as a graph.

    graph = grow_object(sites, site, board, formulas)

Names that the schemas at this site mention come in one order, that of the document; then all other names, in any order.
A spot is a position in that order with what has been learnt: which schemas are out, how many properties there are. From
each spot the next name may be taken or skipped; behind the last the other names follow, by the patterns they match.
Once nothing is left to be learnt but that all is well, which for most objects is at once, a line goes on instead.
Where names come in any order, a spot is the set of those that have been, or one spot with bits in the register, or both
(see orders).
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from ..board import Board
from ..document import refuse, reject
from ..formula import Formula, substitute
from ..graph import Edge, Graph, Spot
from ..line import Line
from ..node import Node
from ..residue import Residue
from ..site import NEEDED, Site, Vector, find_sure, needed
from ..sites import Sites
from .demands import Demands
from .members import Members, read_members
from .names import Names, Traits
from .orders import MOST_BITS, MOST_SETS, give_bits, give_few, lead_on
from .taking import Taking

MOST_COUNTED = 8  # larger counts of open objects are counted by the register, not by spots


@dataclass(frozen=True, slots=True)
class State:
    """What has been learnt: what is left of the formulas, and the count of properties or its phase."""

    left: Residue
    count: int = 0


class ObjectGraph(Graph):
    """The spots of the objects at one site."""

    def __init__(self, sites: Sites, site: Site, board: Board, formulas: list[Formula]) -> None:
        super().__init__(sites, site, board, formulas)
        self.members = {i: read_members(n, self.nodes) for i, n in board.locals.items()}
        for reading in (n for found in self.evaluators.values() for n, _ in found):
            self._add_reader(reading)
        order = [name for members in self.members.values() for name in members.order]
        self.order = list(dict.fromkeys([*order, *board.has]))
        self.names = Names(sites, list(self.members.values()), frozenset(self.order))
        self.demands = Demands(sites, self.members, self.names)
        self._count_up()
        self._arrange()
        self.begin: Spot | None
        self.lines: list[Line] = []
        self._of_residue: dict[Residue, Line | None] = {}
        self._lined = self._has_lines()
        if self._lined and self.simple:
            assert self.sure is not None
            self.begin = self._line(list(self.members), self.sure).enter(0)
            return
        self._settled = self._find_settled()
        self._until = {index: at for at, found in self._settled.items() for index in found}
        self._needing: dict[str, list[int]] = {}  # the schemas that need a name
        for index, members in self.members.items():
            for name in members.required if index >= 0 else ():
                self._needing.setdefault(name, []).append(index)
        self._takings: dict[tuple[Residue, str | int], Taking] = {}
        self._spots: dict[tuple[int, State], Spot] = {}
        state = self._fold(0, self.judged_by(formulas), {}, 0)
        self.begin = None if state is None else self._at(0, state)

    def _has_lines(self) -> bool:
        """Whether lines stand for what is as simple as they are; without them it is written spot by spot."""
        told_apart = self._cap or self.bits or self._in_sets or self.evaluators
        return self.site.need is not None and not told_apart

    @property
    def counts(self) -> bool:
        """Whether the register counts the properties."""
        return bool(self._limits)

    @property
    def shape(self) -> Hashable:
        """What objects have in common that are read alike; None for those of which that is not known: all but lines of
        values that are neither arrays nor objects of their own."""
        line = None if self.begin is None else self.begin.line
        if line is None or not self.simple or self.names.automaton is not None:
            return None
        sites = [*line.sites, *line.others.values()]
        for site in sites:
            if site is not None and any(isinstance(part, Graph) for part in site.parts.values()):
                return None
        return tuple(self.order), line.needed, line.vector, tuple(map(id, sites))

    def label(self, name: str) -> str | int:
        """The label of the edge that a property of this name takes."""
        if name in self.names.declared:
            return name
        names = self.names
        return 0 if names.automaton is None else names.class_of[names.place(name)]

    def _arrange(self) -> None:
        """Chooses how names come in any order: told apart by bits of the register, or by spots."""
        self.bits: dict[str, int] = {}
        self._needed: set[str] = set()
        self.required = 0
        self._in_sets = False
        if not self.sites.any_order or len(self.order) < 2:
            return
        marked = self.simple and not self._cap and len(self.order) <= MOST_BITS
        if marked and not (self.sites.by_sets and self._needs_beside_others()):
            self.bits = give_bits(self.order)
            self._needed = {n for m in self.members.values() for n in m.required}
            self.required = sum(self.bits[n] for n in self._needed)
            return
        self._in_sets = True
        self._limits, self._full = [], False
        if len(self.order) > MOST_SETS:
            asked = {n for i, m in self.members.items() if i >= 0 for n in m.required}
            bits = None if self._cap else give_few(self.order, asked.union(self.board.has))
            if bits is None:
                self._refuse_order("are not all counted, required or combined")
            self.bits = bits

    def _refuse_order(self, what: str) -> NoReturn:
        path = next(iter(self.members.values())).node.path
        refuse(f"any_order: {len(self.order)} names {what} in any order", path)

    def live(self, goal: frozenset[Vector]) -> set[Spot]:
        """As that of every graph. Raises UnsupportedConstraint where only a name leads on that may have been."""
        found = super().live(goal)
        if self.bits and self._in_sets and lead_on(self.spots, goal, self.bits) != found:
            self._refuse_order("are not combined so")
        return found

    def _needs_beside_others(self) -> bool:
        others = range(len(self.names.classes))
        return any(m.required for m in self.members.values()) and any(map(self._extra, others))

    def release(self) -> None:
        super().release()
        self._of_residue.clear()
        self.lines.clear()

    def _line(
        self,
        judges: list[int],
        vector: Vector,
        named: frozenset[str] = frozenset(),
        end: int | None = None,
        tail: Line | None = None,
    ) -> Line:
        """The line of what these members demand. named: more names that must come."""
        members = [self.members[index] for index in judges]
        needed = named.union(*(m.required for m in members))
        find = self.demands.finder(judges, self.simple)
        line = Line(self, vector, needed, len(self.order) if end is None else end, tail, find)
        self.lines.append(line)
        return line

    def _line_of(self, left: Residue) -> Line | None:
        """The line that a state goes on with in which all that is open must hold anyway."""
        if left not in self._of_residue:
            self._of_residue[left] = self._find_line(left)
        return self._of_residue[left]

    def _find_line(self, left: Residue) -> Line | None:
        vector = find_sure(left.truths, self.site)
        if vector is None:
            return None
        judges = [index for index in self.members if index in left.open]
        named = frozenset(n for n, index in self.board.has.items() if index in left.open)
        if not left.open or not left.open <= self._until.keys():
            return self._line(judges, vector, named)
        end = max(self._until[index] for index in left.open)
        tail = self._line_of(self.residues.of(vector, left.whens))
        return self._line(judges, vector, named, end, tail)

    def _at_once(self, seen: int, state: State) -> Spot:
        """The spot of a set of names that have been, where they come in any order."""
        found = self._spots.get((seen, state))
        if found is not None:
            return found
        spot = self._spots[seen, state] = self.spot()
        for i, name in enumerate(self.order):
            if name in self.bits or not seen >> i & 1:
                self._take(spot, seen, state, name, self.names.declared[name])
        for label, traits in enumerate(self.names.classes):
            self._take(spot, seen, state, label, traits)
        last: State | None = state
        for i, name in enumerate(self.order):
            if last is not None and name not in self.bits and not seen >> i & 1:
                last = self._skip(seen, last, name)
        if not self._in_sets and not self.required:
            self._finish_surely(spot)
        elif last is not None and self._in_sets:
            self._end(spot, last)
        return spot

    def _finish_surely(self, spot: Spot) -> None:
        assert self.sure is not None, "several vectors are wanted"
        self.finish(spot, self.sure)

    def _open_needed(self, spot: Spot, name: str) -> None:
        """With bits, the object can end once each name that is required can come."""
        self._needed.discard(name)
        if not self._needed:
            self._finish_surely(spot)

    def _add_reader(self, node: Node) -> None:
        """Members of nodes that only unevaluatedProperties asks about."""
        if node.words and node not in self.board.locals.values():
            self.members.setdefault(-1 - len(self.members), read_members(node, self.nodes))

    def _find_settled(self) -> dict[int, list[int]]:
        """The local atoms that only declared names can make false, by the position behind the last of these."""
        found: dict[int, list[int]] = {}
        if self.bits or self._in_sets:
            return found
        positions = {name: position for position, name in enumerate(self.order, 1)}
        for index, members in self.members.items():
            plain = not members.patterns and members.names is None and members.other is True
            if index >= 0 and plain and not members.low and members.high is None:
                last = max([positions[name] for name in members.order], default=0)
                found.setdefault(last, []).append(index)
        return found

    def _count_up(self) -> None:
        """Chooses how properties are counted: by spots, or by the register where one open schema alone decides."""
        self._limits: list[int] = []
        self._full = False
        self._highs: list[tuple[int, int]] = []
        self._cap = 0
        live = [m for i, m in self.members.items() if i >= 0]
        if not any(m.low or m.high is not None for m in live):
            return
        highs = [m.high for m in live if m.high is not None]
        low, high = max((m.low for m in live), default=0), min(highs, default=None)
        self._highs = [
            (i, m.high) for i, m in self.members.items() if i >= 0 and m.high is not None
        ]
        self._cap = max([low, *(h + 1 for h in highs)])
        few = self._cap <= MOST_COUNTED or (high is not None and high < len(self.order))
        if few or not self.simple or not any(map(self._extra, range(len(self.names.classes)))):
            return
        if high is not None and low > high:
            reject(f"minProperties {low} is above maxProperties {high}", live[0].node.path)
        self._limits = [n for n in dict.fromkeys((low, high)) if n]
        self._full = high is not None

    def _extra(self, label: int) -> bool:
        return self.demands.root(label) is not None

    def _at(self, position: int, state: State) -> Spot:
        """The spot of a position and state; makes those that skipping leads to as well."""
        if self.bits or self._in_sets:
            return self._at_once(position, state)
        if self._lined and state.left.plain:
            line = self._line_of(state.left)
            if line is not None:
                return line.enter(position)
        first = self._spots.get((position, state))
        if first is not None:
            return first
        spot = first = self._spots[position, state] = self.spot()
        while position < len(self.order):
            name = self.order[position]
            self._take(spot, position, state, name, self.names.declared[name])
            position += 1
            behind = self._skip(position, state, name)
            if behind is None:
                return first
            state = behind
            known = self._spots.get((position, state))
            if known is None and self._lined and state.left.plain:
                line = self._line_of(state.left)
                known = line and line.enter(position)
            if known is not None:
                spot.skip = known
                return first
            spot.skip = self._spots[position, state] = self.spot()
            spot = spot.skip
        for label, traits in enumerate(self.names.classes):
            self._take(spot, position, state, label, traits)
        self._end(spot, state)
        return first

    def _skip(self, after: int, state: State, name: str) -> State | None:
        known: dict[int, Formula] = dict.fromkeys(self._needing.get(name, ()), False)
        if name in self.board.has:
            known[self.board.has[name]] = False
        return self._fold(after, state.left, known, state.count)

    def _end(self, spot: Spot, state: State) -> None:
        def final(index: int) -> Formula:
            if index in self.members:
                return self._counts(self.members[index], state.count)
            return index in self.board.unevaluated  # else a name that never came

        self.finish(spot, tuple(substitute(f, final) is True for f in state.left.truths))

    def _counts(self, members: Members, count: int) -> bool:
        if self._limits:
            low = max(m.low for m in self.members.values())
            return count > 0 or low == 0
        return count >= members.low and (members.high is None or count <= members.high)

    def _take(
        self, spot: Spot, position: int, state: State, label: str | int, traits: Traits
    ) -> None:
        """The edge of a property."""
        name = label if isinstance(label, str) else None
        after = position + (name is not None)
        if self.bits or self._in_sets:
            after = (
                position
                if name is None or name in self.bits
                else position | 1 << self.order.index(name)
            )
        if self._full and state.count == len(self._limits):
            return
        if self.simple:
            self._take_plain(spot, label, after, state)
            return
        taking = self._takings.get((state.left, label))
        if taking is None:
            taking = self._takings[state.left, label] = Taking(self, state.left, label, traits)

        def follow(vector: Vector) -> Spot | None:
            found = self._fold(after, state.left, taking.learn(vector), state.count + 1)
            return None if found is None else self._at(after, found)

        def wanted(vector: Vector) -> bool:
            return self._fold(after, state.left, taking.learn(vector), state.count + 1) is not None

        site = self.sites.free
        if len(taking.roots) == 1 and state.left.plain and self.site.need == NEEDED:
            site = self.sites.of(taking.roots, NEEDED)
        elif taking.roots:
            site = self.sites.of(taking.roots, needed(len(taking.roots), wanted))
        self.read(Edge(spot, label, site, follow))

    def _take_plain(self, spot: Spot, label: str | int, after: int, state: State) -> None:
        """The edge of a property that must satisfy all that is said about it."""
        name = label if isinstance(label, str) else None
        root = self.demands.root(label)
        if root is None:
            return
        site = self.sites.of((root,), NEEDED) if root else self.sites.free
        follow = partial(self._follow_plain, name, after, state, not self._limits)
        edge = Edge(spot, label, site, follow)
        if state.count < len(self._limits):
            edge.count(
                self._limits[state.count], partial(self._follow_plain, name, after, state, True)
            )
        self.read(edge)

    def _follow_plain(
        self, name: str | None, after: int, state: State, more: bool, _: Vector
    ) -> Spot | None:
        if name in self.bits and name in self._needed:
            self._open_needed(self._at(after, state), name)
        found = self._fold(after, state.left, {}, state.count + more)
        return None if found is None else self._at(after, found)

    def _fold(
        self, position: int, left: Residue, known: dict[int, Formula], count: int
    ) -> State | None:
        """The state with what is known put in; None if nobody wants what it can lead to."""
        if self.simple and not self._cap:  # names in any order
            return None if known else State(left)
        for index in self._settled.get(position, ()):
            known.setdefault(index, True)
        if not self._limits:
            count = min(count, self._cap)
            for index, high in self._highs:
                if count > high:
                    known[index] = False
        left = self.residues.learn(left, known)
        if not left.wanted:
            return None
        if self._cap and not self._limits and not any(map(self._counted, left.open)):
            count = 0
        return State(left, count)

    def _counted(self, index: int) -> bool:
        members = self.members.get(index)
        return members is not None and (members.low > 0 or members.high is not None)


def grow_object(sites: Sites, site: Site, board: Board, formulas: list[Formula]) -> ObjectGraph:
    """The graph of the objects at a site."""
    return ObjectGraph(sites, site, board, formulas)
