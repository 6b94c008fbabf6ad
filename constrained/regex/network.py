"""A tree that looks around as a network: states with one edge under a set, or with free ways that may have conditions.

    network = Network(budget)
    start = network.state()
    final = network.tree(tree, start)

Free ways are in order of preference. What is looked for has states of its own; looks that are equal share them. How
texts are read is for `looking` to know.
"""

from dataclasses import dataclass

from ..limits import Budget
from .charset import Charset
from .tree import ANY, Alternatives, Atomic, Chars, Edge, Look, Repeat, Sequence, Tree

REACHED = 0  # the state of a thread that has found what it looked for


@dataclass(frozen=True, slots=True)
class Ahead:
    """Passable where the network from `start` gets to its end on the following text."""

    start: int
    negated: bool


@dataclass(frozen=True, slots=True)
class Behind:
    """Passable where this tracker is at its end."""

    tracker: int
    negated: bool


@dataclass(frozen=True, slots=True)
class Once:
    """Passable for what this atomic group prefers."""

    group: int


Condition = Ahead | Behind | Once | None


class Network:
    """States with one edge under a set, or with free ways, the preferred first."""

    def __init__(self, budget: Budget) -> None:
        self.sets: list[Charset] = []
        self.edges: dict[int, tuple[int, int]] = {}
        self.ways: dict[int, list[tuple[Condition, int]]] = {}
        self.trackers: list[tuple[int, int]] = []  # start and end of each lookbehind
        self.groups: list[
            tuple[int, int, int]
        ] = []  # start, end and continuation of each atomic group
        self.ends: set[int] = {REACHED}
        self.loops: dict[
            int, int
        ] = {}  # where a round of an unlimited repeat begins: a bit for each
        self._looks: dict[Look, tuple[int, int]] = {}  # start of each, and its end or its tracker
        self._numbers: dict[Charset, int] = {}
        self._budget = budget
        self._count = 1

    def state(self) -> int:
        self._budget.spend(1)
        self._count += 1
        return self._count - 1

    def way(self, source: int, target: int, condition: Condition = None) -> None:
        self.ways.setdefault(source, []).append((condition, target))

    def branch(self, source: int) -> int:
        fresh = self.state()
        self.way(source, fresh)
        return fresh

    def tree(self, tree: Tree, entry: int) -> int:
        """Adds the network of a tree behind a state, and returns the state behind that."""
        self._budget.spend(0)
        match tree:
            case Chars(chars):
                return self._chars(chars, entry)
            case Sequence(parts):
                for part in parts:
                    entry = self.tree(part, entry)
                return entry
            case Alternatives(parts):
                leave = self.state()
                for part in parts:
                    self.way(self.tree(part, self.branch(entry)), leave)
                return leave
            case Repeat():
                return self._repeat(tree, entry)
            case Edge(at_end):
                return self._look(Look(ANY, negated=True, behind=not at_end), entry)
            case Look():
                return self._look(tree, entry)
            case Atomic(body):
                start, leave = self.state(), self.state()
                end = self.branch(self.tree(body, start))
                self.way(end, REACHED)
                self.groups.append((start, end, leave))
                self.way(entry, leave, Once(len(self.groups) - 1))
                return leave

    def _chars(self, chars: Charset, entry: int) -> int:
        number = self._numbers.setdefault(chars, len(self.sets))
        if number == len(self.sets):
            self.sets.append(chars)
        source, leave = self.branch(entry), self.state()
        self.edges[source] = (number, leave)
        return leave

    def _repeat(self, tree: Repeat, entry: int) -> int:
        for _ in range(tree.low):
            self._budget.spend(1)
            entry = self.tree(tree.body, entry)
        leave = self.state()
        rounds = 1 if tree.high is None else tree.high - tree.low
        for _ in range(rounds):
            again = self.branch(entry) if tree.high is None else entry
            inside = self.state()
            for target in (leave, inside) if tree.lazy else (inside, leave):
                self.way(again, target)
            entry = self.tree(tree.body, inside)
            if tree.high is None:
                self.way(entry, again)
                self.way(entry, leave)  # a round that has read nothing is the last one
                self.loops[again] = 1 << len(self.loops)
        if tree.high is not None:
            self.way(entry, leave)
        return leave

    def _look(self, tree: Look, entry: int) -> int:
        shape = Look(tree.body, False, tree.behind)
        if shape not in self._looks:
            self._looks[shape] = self._watch(shape)
        start, tracker = self._looks[shape]
        leave = self.state()
        self.way(
            entry,
            leave,
            Behind(tracker, tree.negated) if tree.behind else Ahead(start, tree.negated),
        )
        return leave

    def _watch(self, look: Look) -> tuple[int, int]:
        """The start of what a look is for, and the number of its tracker if it looks back."""
        start = self.state()
        end = self.branch(self.tree(look.body, start))
        if look.behind:
            self.ends.add(end)
            self.trackers.append((start, end))
        else:
            self.way(end, REACHED)
        return start, len(self.trackers) - 1
