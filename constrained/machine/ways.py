"""Ways: the moves of a machine's rules with states, moves and rules numbered through, as columns of numbers.

    ways = gather_ways(moves, calls)        # states as the rules have them; `moved` numbers them through
    ways.listed()                           # one by one, for who takes them apart
    join_ways(ways.listed())                # and together again

What would be Python for each move becomes a few array operations. Slow: a third of a microsecond for each move; two to
list one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .rule import Move

ENDLESS = 1 << 62  # a limit that is never met
REFUSED = -(2**31)  # as an entry: not allowed, even where the rule may end
NOBODY = -1  # as the rule that is called: none
Ints = NDArray[np.int64]


class Way(NamedTuple):
    """A Move with states, moves and rules numbered through; see there. limit: 0 if it does not count.

    A call that is made at the limit may be to a different copy of the rule. instead: the way that is gone where there
    is no room for this one, see needs.
    """

    unseen: int
    seen: int
    mark: int
    limit: int
    call: int | None
    call_at_limit: int | None
    after: tuple[int, ...]
    at_limit: tuple[int, ...]
    others: tuple[int, ...]
    instead: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """States by verdict, 0 where nothing follows: those of way w are states[firsts[w] : firsts[w + 1]].

    first: int64 [ways], the state after verdict 0; open: after how many verdicts a way goes on.
    """

    states: Ints
    firsts: Ints
    first: Ints
    open: Ints

    @property
    def counts(self) -> Ints:
        """For how many verdicts each way has a state, or 0."""
        return self.firsts[1:] - self.firsts[:-1]

    def rows(self, width: int) -> Ints:
        """int64 [ways, width]: the states after the first verdicts, filled up with 0."""
        counts = self.counts
        owners = np.repeat(np.arange(len(counts)), counts)
        places = np.arange(len(owners)) - self.firsts[owners]
        found = np.zeros((len(counts), width), np.int64)
        kept = places < width
        found[owners[kept], places[kept]] = self.states[kept]
        return found

    def listed(self) -> list[tuple[int, ...]]:
        """The states of each way."""
        states, firsts = self.states.tolist(), self.firsts.tolist()
        return [tuple(states[a:b]) for a, b in zip(firsts[:-1], firsts[1:], strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """registers: int64 [ways, 4]: unseen, seen, mark and the limit, 0 without one. call, call_at_limit: int64 [ways],
    the rule that is called, or NOBODY. others: the further entries of those ways that have some. instead: the ways that
    may be gone instead of others.
    """

    registers: Ints
    call: Ints
    call_at_limit: Ints
    after: Targets
    at_limit: Targets
    others: dict[int, tuple[int, ...]]
    instead: dict[int, int] = field(default_factory=dict[int, int])

    def __len__(self) -> int:
        return len(self.call)

    def listed(self) -> list[Way]:
        """Each by itself."""
        calls = [
            [None if rule < 0 else rule for rule in column.tolist()]
            for column in (self.call, self.call_at_limit)
        ]
        after, at_limit = self.after.listed(), self.at_limit.listed()
        others = [self.others.get(way, ()) for way in range(len(self))]
        instead = map(self.instead.get, range(len(self)))
        fields = zip(self.registers.tolist(), *calls, after, at_limit, others, instead, strict=True)
        return [Way(*registers, *rest) for registers, *rest in fields]


def gather_ways(
    moves: Sequence[Move], numbers: Mapping[int, int], entries: Ints, middles: Ints
) -> Ways:
    """The moves of several rules as ways. numbers: the rules' new ones; entries: what becomes of table entries, that
    of entry e of move m's rule being entries[middles[m] + e]."""
    call = np.array([NOBODY if (c := m.call) is None else numbers[c] for m in moves], np.int64)
    registers = np.zeros((4, len(moves)), np.int64)
    limits = [0 if (n := m.limit) is None else n if n > 0 else ENDLESS for m in moves]
    columns = [m.unseen for m in moves], [m.seen for m in moves], [m.mark for m in moves], limits
    for register, column in zip(registers, columns, strict=True):
        if any(column):
            register[:] = column
    others = {
        way: tuple(_shown(int(entries[middles[way] + entry])) for entry in move.others)
        for way, move in enumerate(moves)
        if move.others
    }
    after, at_limit = (
        _targets(states, entries, middles)
        for states in ([m.after for m in moves], [m.at_limit for m in moves])
    )
    return Ways(registers.T, call, call, after, at_limit, others)


def join_ways(ways: Sequence[Way]) -> Ways:
    """The columns of ways."""

    def calls(rules: Iterable[int | None]) -> Ints:
        return np.array([NOBODY if rule is None else rule for rule in rules], np.int64)

    most = max(
        (max(state) for way in ways for state in (way.after, way.at_limit) if state), default=0
    )
    same = np.arange(most + 1), np.zeros(len(ways), np.int64)
    return Ways(
        np.array([way[:4] for way in ways], np.int64).reshape(-1, 4),
        calls(way.call for way in ways),
        calls(way.call_at_limit for way in ways),
        _targets([way.after for way in ways], *same),
        _targets([way.at_limit for way in ways], *same),
        {number: way.others for number, way in enumerate(ways) if way.others},
        {number: way.instead for number, way in enumerate(ways) if way.instead is not None},
    )


def _shown(entry: int) -> int:
    return 0 if entry == REFUSED else entry


def _targets(after: list[tuple[int, ...]], entries: Ints, middles: Ints) -> Targets:
    counts = np.array([len(states) for states in after], np.int64)
    firsts, sums = np.zeros(len(after) + 1, np.int64), np.zeros(1, np.int64)
    np.cumsum(counts, out=firsts[1:])
    states = np.array(list(chain.from_iterable(after)), np.int64)
    states = np.maximum(entries[np.repeat(middles, counts) + states], 0)
    sums = np.concatenate([sums, np.cumsum(states > 0)])
    first = np.zeros(len(after), np.int64)
    some = np.flatnonzero(counts)
    first[some] = states[firsts[some]]
    return Targets(states, firsts, first, sums[firsts[1:]] - sums[firsts[:-1]])
