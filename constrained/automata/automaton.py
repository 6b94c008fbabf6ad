"""Finite automata as tables: determinise, trim, minimise. The same code serves characters and bytes.

    dfa = determinise(nfa, budget)
    small = minimise(trim(dfa))

A Dfa is a table [states, symbols] of next states; state 0 is dead and its row is all zeros. What a symbol stands for
(a class of code points, a class of bytes) is its owner's business. An Nfa is the same with epsilon edges beside the
table: rows are deterministic by themselves, so that whole automata are copied into it unchanged, and only states where
two of them overlap cost a subset in Python. Slow: exactly those overlaps, 20 to 50 us each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..limits import Budget
from .partition import number_blocks, refine_partition
from .reaching import edges_of, follow

Table = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Dfa:
    """A deterministic automaton. table: int32 [states, symbols]; accepting: bool [states]. Start 0 accepts nothing."""

    table: Table
    accepting: Flags
    start: int

    @property
    def states(self) -> int:
        """Number of states, the dead one included."""
        return len(self.accepting)

    @property
    def empty(self) -> bool:
        """Whether no text is accepted. Exact for a trimmed automaton."""
        return self.start == 0


@dataclass(slots=True, eq=False)
class Nfa:
    """A table as in Dfa, and the states that may be entered from a state without reading anything."""

    table: Table
    accepting: Flags
    epsilon: dict[int, list[int]]
    start: int


def determinise(nfa: Nfa, budget: Budget) -> Dfa:
    """The automaton without epsilon edges. States that nothing enters are dropped, all others keep their order."""
    nfa = Nfa(nfa.table.copy(), nfa.accepting.copy(), dict(nfa.epsilon), nfa.start)
    while _absorb(nfa):
        pass
    if not nfa.epsilon:
        return drop_unentered(Dfa(nfa.table, nfa.accepting, nfa.start))
    return drop_unentered(_Subsets(nfa, budget).build())


def _absorb(nfa: Nfa) -> bool:
    """Gives a state the row of its only epsilon target where the two rows do not overlap. True: something changed."""
    pairs = [
        (state, targets[0])
        for state, targets in nfa.epsilon.items()
        if len(targets) == 1 and targets[0] not in nfa.epsilon
    ]
    if not pairs:
        return False
    states, targets = np.array(pairs, np.int64).T
    mine, theirs = nfa.table[states], nfa.table[targets]
    fits = ~((mine != 0) & (theirs != 0)).any(1)
    nfa.table[states[fits]] = (mine + theirs)[fits]
    nfa.accepting[states[fits]] |= nfa.accepting[targets[fits]]
    for state in states[fits].tolist():
        del nfa.epsilon[state]
    return bool(fits.any())


class _Subsets:
    """The subset construction, for the states that need it."""

    def __init__(self, nfa: Nfa, budget: Budget) -> None:
        self._nfa = nfa
        self._budget = budget
        count = len(nfa.accepting)
        self._matters: list[bool] = (nfa.table.any(1) | nfa.accepting).tolist()
        universal = nfa.accepting & (nfa.table == np.arange(count)[:, None]).all(1)
        self._universal = frozenset(np.flatnonzero(universal).tolist())
        self._closures: dict[int, frozenset[int]] = {}
        self._names: dict[frozenset[int], int] = {}
        self._members: list[list[int]] = []
        self._unions: dict[tuple[int, ...], int] = {}
        self._instead = np.arange(count, dtype=np.int32)

    def build(self) -> Dfa:
        nfa = self._nfa
        for state in nfa.epsilon:
            self._instead[state] = self._name(self._closure(state))
        rows: list[list[int]] = []
        while len(rows) < len(self._members):
            rows.append(self._row(self._members[len(rows)]))
        accepting = [bool(nfa.accepting[members].any()) for members in self._members]
        table = self._instead[nfa.table]
        if rows:
            table = np.concatenate([table, np.array(rows, np.int32)])
        flags = np.concatenate([nfa.accepting, np.array(accepting, np.bool_)])
        return Dfa(table, flags, int(self._instead[nfa.start]))

    def _closure(self, state: int) -> frozenset[int]:
        found = self._closures.get(state)
        if found is None:
            seen = {state}
            stack = [state]
            while stack:
                for target in self._nfa.epsilon.get(stack.pop(), ()):
                    if target not in seen:
                        seen.add(target)
                        stack.append(target)
            found = self._closures[state] = frozenset(s for s in seen if self._matters[s])
        return found

    def _name(self, subset: frozenset[int]) -> int:
        if len(subset) <= 1:
            return next(iter(subset), 0)
        name = self._names.get(subset)
        if name is None:
            name = self._name_new(subset)
            self._names[subset] = name
        return name

    def _name_new(self, subset: frozenset[int]) -> int:
        # What accepts everything from here on makes the other members irrelevant.
        if not self._universal.isdisjoint(subset):
            return min(self._universal & subset)
        self._budget.spend(1)
        self._members.append(sorted(subset))
        return len(self._nfa.accepting) + len(self._members) - 1

    def _row(self, members: list[int]) -> list[int]:
        self._budget.spend(0)
        rows: list[list[int]] = self._nfa.table[members].tolist()
        known, union = self._unions.get, self._union
        return [
            union(targets) if (found := known(targets)) is None else found
            for targets in zip(*rows, strict=True)
        ]

    def _union(self, targets: tuple[int, ...]) -> int:
        closures = [self._closure(t) for t in set(targets) - {0}]
        name = self._unions[targets] = self._name(frozenset[int]().union(*closures))
        return name


def drop_unentered(dfa: Dfa) -> Dfa:
    """Without the states that no other state leads to. Cheap, and leaves unreachable loops alone (`trim` does not)."""
    entered = np.bincount(dfa.table.ravel(), minlength=dfa.states)
    entered[[0, dfa.start]] += 1
    keep = np.ones(dfa.states, np.bool_)
    while (gone := np.flatnonzero(keep & (entered == 0))).size:
        keep[gone] = False
        entered -= np.bincount(dfa.table[gone].ravel(), minlength=dfa.states)
    return select_states(dfa, keep)


def select_states(dfa: Dfa, keep: Flags) -> Dfa:
    """The states that are kept, in their order; edges to the others become dead. State 0 always stays."""
    keep = keep.copy()
    keep[0] = True
    if keep.all():
        return dfa
    numbers = np.where(keep, np.cumsum(keep) - 1, 0).astype(np.int32)
    return Dfa(numbers[dfa.table[keep]], dfa.accepting[keep], int(numbers[dfa.start]))


def trim(dfa: Dfa) -> Dfa:
    """Only states that the start reaches and that reach acceptance: from no state that is left can a text get stuck."""
    return select_states(dfa, find_live(dfa))


def find_live(dfa: Dfa) -> Flags:
    """The states that the start reaches and that reach acceptance, and the dead one."""
    sources, targets = edges_of(dfa.table)
    forward = follow(sources, targets, [dfa.start], dfa.states)
    backward = follow(targets, sources, np.flatnonzero(dfa.accepting).tolist(), dfa.states)
    live = forward & backward
    live[0] = True
    return live


def trim_nfa(nfa: Nfa) -> Nfa:
    """Without edges into states that cannot reach acceptance."""
    sources, targets = edges_of(nfa.table)
    free = [(s, t) for s, ends in nfa.epsilon.items() for t in ends]
    if free:
        more_sources, more_targets = np.array(free, np.int64).T
        sources, targets = np.append(sources, more_sources), np.append(targets, more_targets)
    live = follow(targets, sources, np.flatnonzero(nfa.accepting).tolist(), len(nfa.accepting))
    table = np.where(live[nfa.table], nfa.table, 0).astype(np.int32)
    table[~live] = 0
    lives: list[bool] = live.tolist()
    epsilon = {s: [t for t in ends if lives[t]] for s, ends in nfa.epsilon.items() if lives[s]}
    start = nfa.start if lives[nfa.start] else 0
    return Nfa(table, nfa.accepting, {s: ends for s, ends in epsilon.items() if ends}, start)


def minimise(dfa: Dfa, most_states: int = 1024) -> Dfa:
    """The smallest automaton of the same language, by partition refinement from a trimmed one.

    Large automata are returned as they are: refinement may be quadratic in them, and nothing depends on it.
    """
    if dfa.states > most_states or dfa.empty:
        return dfa
    # Equivalent states are equally far from acceptance, which separates most states before the first round.
    blocks = np.unique(_distances(dfa), return_inverse=True)[1].reshape(-1)
    first, numbers = number_blocks(refine_partition(dfa.table, blocks * 2 + dfa.accepting))
    if len(first) == dfa.states:
        return dfa
    return Dfa(numbers[dfa.table[first]], dfa.accepting[first], int(numbers[dfa.start]))


def _distances(dfa: Dfa) -> NDArray[np.int64]:
    """Fewest symbols from each state to acceptance; one more than any of these for states that cannot."""
    live = np.where(dfa.accepting, 0, dfa.states).astype(np.int64)
    live[0] = dfa.states
    while True:
        nearer = np.minimum(live, live[dfa.table].min(1) + 1)
        nearer[0] = dfa.states
        if (nearer == live).all():
            return live
        live = nearer
