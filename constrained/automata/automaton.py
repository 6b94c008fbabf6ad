"""Finite automata as tables: determinise, trim, minimise. The same code serves characters and bytes.

    dfa = determinise(nfa, budget)
    small = minimise(trim(dfa))

A Dfa is a table [states, symbols] of next states; state 0 is dead and its row is all zeros. What a symbol stands for
(a class of code points, a class of bytes) is its owner's business. An Nfa is the same with epsilon edges beside the
table: rows are deterministic by themselves, so that whole automata are copied into it unchanged, and only states where
two of them overlap cost a subset in Python. Slow: exactly those overlaps, 20 to 50 us each.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..limits import Budget

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
        self._matters = nfa.table.any(1) | nfa.accepting
        self._universal = nfa.accepting & (nfa.table == np.arange(count)[:, None]).all(1)
        self._has_universal = bool(self._universal.any())
        self._closures: dict[int, frozenset[int]] = {}
        self._names: dict[frozenset[int], int] = {}
        self._members: list[list[int]] = []
        self._unions: dict[bytes, int] = {}
        self._instead = np.arange(count, dtype=np.int32)

    def build(self) -> Dfa:
        nfa = self._nfa
        for state in nfa.epsilon:
            self._instead[state] = self._name(self._closure(state))
        rows: list[Table] = []
        while len(rows) < len(self._members):
            rows.append(self._row(self._members[len(rows)]))
        accepting = [bool(nfa.accepting[members].any()) for members in self._members]
        table = self._instead[nfa.table]
        if rows:
            table = np.concatenate([table, np.stack(rows)])
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
        members = sorted(subset)
        if self._has_universal:
            # What accepts everything from here on makes the other members irrelevant.
            universal = next((s for s in members if self._universal[s]), None)
            if universal is not None:
                return universal
        self._budget.spend(1)
        self._members.append(members)
        return len(self._nfa.accepting) + len(self._members) - 1

    def _row(self, members: list[int]) -> Table:
        self._budget.spend(0)
        rows = self._nfa.table[members]  # [members, symbols]
        top = rows.max(0)
        row = self._instead[top]
        clash = ((rows != top) & (rows != 0)).any(0)
        for symbol in np.flatnonzero(clash).tolist():
            row[symbol] = self._union(rows[:, symbol])
        return row

    def _union(self, targets: Table) -> int:
        key = targets.tobytes()
        name = self._unions.get(key)
        if name is None:
            closures = [self._closure(t) for t in targets.tolist() if t]
            name = self._unions[key] = self._name(frozenset[int]().union(*closures))
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
    sources, targets = _edges(dfa.table)
    forward = _reach(sources, targets, [dfa.start], dfa.states)
    backward = _reach(targets, sources, np.flatnonzero(dfa.accepting).tolist(), dfa.states)
    live = forward & backward
    live[0] = True
    return live


def trim_nfa(nfa: Nfa) -> Nfa:
    """Without edges into states that cannot reach acceptance."""
    sources, targets = _edges(nfa.table)
    free = [(s, t) for s, ends in nfa.epsilon.items() for t in ends]
    if free:
        more_sources, more_targets = np.array(free, np.int64).T
        sources, targets = np.append(sources, more_sources), np.append(targets, more_targets)
    live = _reach(targets, sources, np.flatnonzero(nfa.accepting).tolist(), len(nfa.accepting))
    table = np.where(live[nfa.table], nfa.table, 0).astype(np.int32)
    table[~live] = 0
    epsilon = {s: [t for t in ends if live[t]] for s, ends in nfa.epsilon.items() if live[s]}
    start = nfa.start if live[nfa.start] else 0
    return Nfa(table, nfa.accepting, {s: ends for s, ends in epsilon.items() if ends}, start)


def _edges(table: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct (source, target) pairs of the edges, without the dead state."""
    ordered = np.sort(table, axis=1)
    fresh = ordered != 0
    fresh[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    sources, columns = np.nonzero(fresh)
    return sources.astype(np.int64), ordered[sources, columns].astype(np.int64)


def _reach(
    sources: NDArray[np.int64], targets: NDArray[np.int64], seeds: Iterable[int], states: int
) -> Flags:
    order = np.argsort(sources, kind="stable")
    ends = targets[order].tolist()
    first = np.searchsorted(sources[order], np.arange(states + 1)).tolist()
    seen = bytearray(states)
    stack = list(seeds)
    for state in stack:
        seen[state] = 1
    while stack:
        state = stack.pop()
        for target in ends[first[state] : first[state + 1]]:
            if not seen[target]:
                seen[target] = 1
                stack.append(target)
    flags = np.frombuffer(bytes(seen), np.bool_).copy()
    flags[0] = False
    return flags


def minimise(dfa: Dfa, most_states: int = 1024, most_rounds: int = 64) -> Dfa:
    """The smallest automaton of the same language, by partition refinement from a trimmed one.

    Large or deep automata are returned as they are: refinement is quadratic in them, and nothing depends on it.
    """
    if dfa.states > most_states or dfa.empty:
        return dfa
    # Equivalent states are equally far from acceptance, which separates most states before the first round.
    blocks = np.unique(_distances(dfa), return_inverse=True)[1].reshape(-1)
    blocks = blocks * 2 + dfa.accepting
    count = 0
    for _ in range(most_rounds):
        signature = np.concatenate([blocks[:, None], blocks[dfa.table]], axis=1)
        _, first, blocks = np.unique(signature, axis=0, return_index=True, return_inverse=True)
        blocks = blocks.reshape(-1)
        if len(first) == count:
            return _merge(dfa, blocks, first)
        count = len(first)
    return dfa


def _merge(dfa: Dfa, blocks: NDArray[np.intp], first: NDArray[np.intp]) -> Dfa:
    order = np.argsort(first, kind="stable")  # keeps the order of states, and the dead state first
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    numbers = rank[blocks].astype(np.int32)
    kept = first[order]
    return Dfa(numbers[dfa.table[kept]], dfa.accepting[kept], int(numbers[dfa.start]))


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
