"""Counting: strings whose length is counted by the register, while automata judge their characters.

    counted = Counted(found, [1, 101], budget)                  # lengths 0, 1 to 100, and more are told apart
    counted.labels(1)                                           # the labels that some text of 1 to 100 characters has
    rule = counted.rule({(1, 0): 1}, spell, budget)             # verdict + 1 by phase and label

A phase is the stretch between two numbers that matter. Within it one copy of the states counts; near its end, where the
number of characters that are left decides what can still be reached, there is a copy for each count. Whatever a copy
holds is both reached by some text and leads to some end, so there are no dead ends. Slow: patterns that can end only at
every so many characters, which are unrolled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...automata.automaton import Dfa, Flags, Table
from ...automata.bytedfa import ByteDfa, distinct_columns
from ...automata.reaching import edges_of, find_leading, follow
from ...limits import Budget
from ...machine.rule import Move, Rule
from ...regex.pattern import Pattern
from ...regex.spelling import QUOTE
from .labels import Labelled
from .leaf import Ends

Spell = Callable[[Pattern], ByteDfa]
MOST_UNROLLED = 4  # states; a stretch that costs more when it is unrolled is counted


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy of the states. allowed: those that it has; ends: their verdicts + 1, or 0; limit: the number of counted
    characters with which the next copy stands for this one; 0: each character leads to the next copy; None: none."""

    allowed: Flags
    ends: Ends
    limit: int | None


class Counted:
    """An automaton and the numbers of characters that matter to it, in ascending order, none of them 0."""

    def __init__(self, found: Labelled, limits: Sequence[int], budget: Budget) -> None:
        self._found = found
        self._starts = [0, *limits]
        self._sets: list[Flags] = []  # by number of characters: the states that such texts lead to
        self._loop = (0, 1)  # from which number on they repeat, and after how many
        self._known: dict[int, Flags] = {}  # what texts of a phase lead to, once it was asked
        self._walk(self._starts[-1], budget)

    @property
    def nbytes(self) -> int:
        """About how much it takes."""
        sets = len(self._sets) + len(self._starts)
        return self._found.table.nbytes + sets * len(self._found.table)

    def labels(self, phase: int) -> list[int]:
        """The labels of the texts whose length is in a phase."""
        return np.unique(self._found.labels[self._reached(phase)]).tolist()

    def place(self, text: str) -> tuple[int, int]:
        """The phase and the label of a text."""
        phase = sum(len(text) >= start for start in self._starts) - 1
        return phase, self._found.read(text)

    def rule(
        self, verdicts: dict[tuple[int, int], int], spell: Spell, budget: Budget
    ) -> Rule | None:
        """The rule that ends with 1 + the verdicts of phases and labels; None if no text has one of them.

        spell: how texts are written, with their quotes."""
        ends: list[Ends] = []
        for phase in range(len(self._starts)):
            by_label = [verdicts.get((phase, label), 0) for label in self._found.labels.tolist()]
            ends.append(np.array([0, *by_label[1:]], np.int32))
        copies = self._copies(ends, budget)
        if not copies[0].allowed[self._found.start]:
            return None
        return _write(self._found, copies, spell)

    def _walk(self, most: int, budget: Budget) -> None:
        table = self._found.table
        now = np.zeros(len(table), np.bool_)
        now[self._found.start] = True
        seen: dict[bytes, int] = {}
        while len(self._sets) <= most:
            first = seen.setdefault(now.tobytes(), len(self._sets))
            if first < len(self._sets):
                self._loop = first, len(self._sets) - first
                return
            budget.spend(1)
            self._sets.append(now)
            following = np.zeros(len(table), np.bool_)
            following[table[now].ravel()] = True
            following[0] = False
            now = following

    def _at(self, length: int) -> Flags:
        """The states that texts of this length lead to."""
        if length < len(self._sets):
            return self._sets[length]
        first, period = self._loop
        return self._sets[first + (length - first) % period]

    def _between(self, low: int, high: int) -> Flags:
        """The states that texts of at least `low` and fewer than `high` characters lead to."""
        first, period = self._loop
        last = min(high, max(low, first) + period) if len(self._sets) < high else high
        return np.logical_or.reduce([self._at(n) for n in range(low, last)])

    def _reached(self, phase: int) -> Flags:
        found = self._known.get(phase)
        if found is None:
            found = self._known[phase] = self._find_reached(phase)
        return found

    def _find_reached(self, phase: int) -> Flags:
        if phase + 1 < len(self._starts):
            return self._between(self._starts[phase], self._starts[phase + 1])
        found = self._at(self._starts[-1])
        while True:
            more = found.copy()
            more[self._found.table[found].ravel()] = True
            more[0] = False
            if (more == found).all():
                return found
            found = more

    def _copies(self, ends: list[Ends], budget: Budget) -> list[_Copy]:
        """The copies in the order in which a text goes through them."""
        last = len(self._starts) - 1
        live = find_leading(self._found.table, ends[last] > 0)
        phases = [[_Copy(live & self._reached(last), ends[last], None)]]
        for phase in reversed(range(last)):
            start, stop = self._starts[phase], self._starts[phase + 1]
            before, steady = self._approach(ends[phase] > 0, live, stop - start, budget)
            live = before[-1]
            stops = [
                _Copy(before[k] & self._at(stop - k), ends[phase], 0)
                for k in range(len(before) - 1, 0, -1)
            ]
            length = stop - start - len(stops)
            states = int(live.sum())
            if 0 < length * states <= MOST_UNROLLED:
                stops[:0] = [
                    _Copy(live & self._at(start + n), ends[phase], 0) for n in range(length)
                ]
            elif length and states:
                assert steady, (phase, length)
                allowed = live & self._between(start, start + length)
                stops.insert(0, _Copy(allowed, ends[phase], length))
            phases.append(stops)
        return [copy for copies in reversed(phases) for copy in copies]

    def _approach(
        self, ends: Flags, beyond: Flags, length: int, budget: Budget
    ) -> tuple[list[Flags], bool]:
        """The states that lead to an end, 0, 1, 2... characters before those `beyond` are what counts; up to where
        that changes no more (True), or the phase begins."""
        found = [beyond]
        while len(found) <= length:
            budget.spend(1)
            more = ends | found[-1][self._found.table].any(1)
            more[0] = False
            if (more == found[-1]).all():
                return found, True
            found.append(more)
        return found, False


def _write(found: Labelled, copies: list[_Copy], spell: Spell) -> Rule:
    """The rule that goes through these copies. Behind each counting copy stands another, whose rows are those of the
    character with which its limit is reached."""
    size = len(found.table)
    sizes = [size * (1 + bool(copy.limit)) for copy in copies]
    bases = [0, *np.cumsum(sizes)[:-1].tolist()]
    rows: list[Table] = []
    verdicts: list[Ends] = []
    for number, copy in enumerate(copies):
        own = np.where(copy.allowed[:, None], found.table, 0)
        inside = onward = np.where(copy.allowed[own], own + bases[number], 0)
        if copy.limit is not None:
            after = copies[number + 1].allowed
            onward = np.where(after[own], own + bases[number + 1], 0)
        rows += [inside, onward] if copy.limit else [onward]
        verdicts.append(np.where(copy.allowed, copy.ends, 0))
        verdicts += [np.zeros_like(copy.ends)] * bool(copy.limit)
    ends = np.concatenate(verdicts).astype(np.int32)
    table = np.concatenate(rows).astype(np.int32)
    part = spell(Pattern(found.alphabet, Dfa(table, ends > 0, found.start)))
    counting = [(base, copy.limit) for base, copy in zip(bases, copies, strict=True) if copy.limit]
    totals = np.cumsum([limit for _, limit in counting]).tolist()
    limits = [(base, total) for (base, _), total in zip(counting, totals, strict=True)]
    return _finish(part, ends, size, limits)


def _finish(part: ByteDfa, ends: Ends, size: int, limits: list[tuple[int, int]]) -> Rule:
    """The rule of a quoted automaton: ends by verdict, and moves for the characters of the copies that count."""
    closing = int(part.classes[QUOTE])
    count, last = len(part.dfa.table), int(ends.max())
    table = np.zeros((count + last, part.dfa.table.shape[1]), np.int32)
    table[:count] = part.dfa.table
    at = np.flatnonzero(ends)
    table[at, closing] = count + ends[at] - 1
    moves: list[Move] = []
    for base, limit in limits:
        rows, there = table[base : base + size], table[base + size : base + 2 * size]
        if not there.any():
            continue  # no text that is still of use is so long
        inside = (rows != 0) | (there != 0)
        inside[:, closing] = False
        pairs = rows[inside].astype(np.int64) << 32 | there[inside]
        kinds, which = np.unique(pairs, return_inverse=True)
        rows[inside] = -1 - len(moves) - which.reshape(-1)
        moves += [
            Move((pair >> 32,), limit=limit, at_limit=(pair & 0xFFFFFFFF,))
            for pair in kinds.tolist()
        ]
    verdicts = np.zeros(len(table), np.int32)
    verdicts[count:] = np.arange(1, last + 1)
    return _entered(part, table, verdicts, moves)


def _entered(part: ByteDfa, table: Table, ends: Ends, moves: list[Move]) -> Rule:
    """The rule without states that nothing enters from the start."""
    targets = np.array([(m.after[0], m.at_limit[0]) for m in moves], np.int64).reshape(-1, 2)
    sources, entries = edges_of(table)
    moving = entries < 0
    moved = targets[-1 - entries[moving]]
    seen = follow(
        np.concatenate([sources[~moving], np.repeat(sources[moving], 2)]),
        np.concatenate([entries[~moving], moved.ravel()]),
        [part.dfa.start],
        len(table),
    )
    seen[0] = True
    numbers = np.where(seen, np.cumsum(seen) - 1, 0).astype(np.int32)
    kept = table[seen]
    small = np.where(kept > 0, numbers[np.maximum(kept, 0)], kept)
    columns, merged = distinct_columns(small)
    places = numbers[targets].tolist()
    renamed = tuple(
        Move((after,), limit=move.limit, at_limit=(beyond,))
        for move, (after, beyond) in zip(moves, places, strict=True)
    )
    start = int(numbers[part.dfa.start])
    return Rule(merged[part.classes], small[:, columns], ends[seen], start, renamed)
