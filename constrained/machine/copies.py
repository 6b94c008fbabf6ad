"""Copies of rules without dead ends, each for the verdicts after which its callers can go on.

    aligned = Copies(aligned, verdicts, joint).build()

verdicts: what each state can still reach, see live. Slow: Python for each copy and each of its ways. It refuses to know
how the verdicts were found.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Table
from .align import Aligned, align_again
from .ways import REFUSED, Way, join_ways


class Copies:
    """Copies of rules, each for a goal: the verdicts, as bits, after which its callers can go on."""

    def __init__(self, aligned: Aligned, verdicts: NDArray[np.int64], joint: bool) -> None:
        self._joint = joint
        self._aligned = aligned
        self._verdicts = verdicts
        self._numbers: dict[tuple[int, int], int] = {}
        self._order: list[tuple[int, int]] = []
        self._table = aligned.spell()
        self._ways = aligned.ways.listed()
        self._starts: list[int] = aligned.starts.tolist()
        self._spans: list[int] = aligned.spans.tolist()
        self._bases: list[int] = []
        self._states = 1
        self._members = [np.flatnonzero(aligned.owner == r) for r in range(len(aligned.starts))]
        self._members[0] = self._members[0][1:]  # without the dead state

    def build(self) -> Aligned:
        self._number(0, -1)
        tables: list[NDArray[np.int64]] = [np.zeros((1, self._aligned.table.shape[1]), np.int64)]
        ends: list[Table] = [np.zeros(1, np.int32)]
        closed: list[Flags] = [np.ones(1, np.bool_)]
        ways: list[Way] = []
        spans = [0]
        lingers: set[int] = set()
        for rule, goal in self._order:  # grows as calls are found
            members = self._members[rule]
            base = self._bases[self._numbers[rule, goal]]
            tables.append(self._copy(rule, goal, len(ways)))
            ways += self._copy_ways(rule, goal, len(ways))
            spans.append(len(ways))
            kept = self._aligned.ends[members]
            allowed = np.array([0, *(goal >> v & 1 for v in range(int(kept.max(initial=0))))])
            ends.append(np.where(allowed[kept], kept, 0).astype(np.int32))
            closed.append(self._aligned.closed[members])
            lingers |= {
                base + s - int(members[0]) for s in self._aligned.lingers & set(members.tolist())
            }
        sizes = [len(part) - (i == 0) for i, part in enumerate(tables)]
        starts = [self._place(r, g, self._starts[r]) for r, g in self._order]
        copied = replace(
            self._aligned, ends=np.concatenate(ends).astype(np.int32),
            owner=np.concatenate([[0], np.repeat(np.arange(len(self._order)), sizes[1:])]),
            closed=np.concatenate(closed), starts=np.array(starts, np.int64), ways=join_ways(ways),
            spans=np.array(spans, np.int64), lingers=frozenset(lingers),
        )  # fmt: skip
        return align_again(copied, np.concatenate(tables))

    def _number(self, rule: int, goal: int) -> int:
        found = self._numbers.get((rule, goal))
        if found is None:
            found = self._numbers[rule, goal] = len(self._order)
            self._order.append((rule, goal))
            self._bases.append(self._states)
            self._states += len(self._members[rule])
        return found

    def _place(self, rule: int, goal: int, state: int) -> int:
        """A state's number in a copy, 0 if it is dead there."""
        if not state or not self._verdicts[state] & goal:
            return 0
        return self._bases[self._numbers[rule, goal]] + state - int(self._members[rule][0])

    def _copy(self, rule: int, goal: int, first_way: int) -> NDArray[np.int64]:
        members = self._members[rule]
        table = self._table[members]
        base = self._bases[self._numbers[rule, goal]]
        lives = (self._verdicts & goal).astype(np.bool_)
        shifted = np.where(lives[np.maximum(table, 0)], table + (base - int(members[0])), REFUSED)
        moved = table + (self._spans[rule] - first_way)
        found = np.where(table > 0, shifted, np.where(table < 0, moved, 0))
        found[table == REFUSED] = REFUSED
        found[~lives[members]] = 0
        return found

    def _copy_ways(self, rule: int, goal: int, first_way: int) -> list[Way]:
        first, last = self._spans[rule], self._spans[rule + 1]
        return [
            self._copy_way(way, rule, goal, first_way - first) for way in self._ways[first:last]
        ]

    def _copy_way(self, way: Way, rule: int, goal: int, shift: int) -> Way:
        after = tuple(self._place(rule, goal, s) for s in way.after)
        at_limit = tuple(self._place(rule, goal, s) for s in way.at_limit)
        wanted, wanted_at = _verdicts_of(after), _verdicts_of(at_limit)
        if self._joint:
            wanted = wanted_at = wanted | wanted_at
        call = self._call(way.call, wanted)
        call_at_limit = self._call(way.call_at_limit, wanted_at)
        if way.call is not None and call is None and call_at_limit is None:
            after = at_limit = (0,)
        return way._replace(
            after=after, at_limit=at_limit, call=call, call_at_limit=call_at_limit,
            others=tuple(
                (self._place(rule, goal, o) if o > 0 else o - shift if o else 0) for o in way.others
            ),
            instead=None if way.instead is None else way.instead + shift,
        )  # fmt: skip

    def _call(self, rule: int | None, wanted: int) -> int | None:
        """The copy of a rule that is called for some verdicts."""
        if rule is None or not wanted:
            return None
        return self._number(rule, self._goal(rule, wanted))

    def _goal(self, rule: int, wanted: int) -> int:
        """The goal of a call; -1, every verdict, where the rule has no other than the wanted ones."""
        ends = self._aligned.ends[self._members[rule]]
        every = sum(1 << v - 1 for v in set(ends[ends > 0].tolist()))
        return -1 if not every & ~wanted else wanted & every


def _verdicts_of(after: tuple[int, ...]) -> int:
    """The verdicts, as bits, after which something follows."""
    return sum(1 << verdict for verdict, state in enumerate(after) if state)
