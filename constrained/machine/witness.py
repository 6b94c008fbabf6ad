"""Witnesses: a proof that every state of a machine leads to an end, for the many machines where every state does.

    every_state_ends(aligned, links)        # True: nothing is dead. False: nothing is known

Each state, and each link, is given one way on; following these from everywhere at once, in steps that double, shows who
comes to an end, and with which verdict. A link goes on behind its call only once the called rule has been seen to end,
so no proof rests on itself. A state whose way comes to nothing tries one that leads to another that has ended. Where a
called rule may end with a verdict after which its caller cannot go on, nothing is proved. Ends, counters and bits are
taken as `live` does.

Slow: a dozen array operations for each depth to which calls are nested; nothing in Python for each state. It refuses to
cut.
"""

import numpy as np

from ..automata.automaton import Flags
from .align import Aligned, Ints, Links
from .ways import REFUSED, Ways

# Rounds of a proof, as many as calls are nested and ways are tried again; where that does not do, nothing is known.
MOST_ROUNDS = 256


def every_state_ends(aligned: Aligned, links: Links) -> bool:
    """Whether each state, unless it is only left over, is seen to lead to an end, and each call to be answered."""
    if aligned.ways.others or not aligned.starts[0]:
        return False
    verdicts = np.zeros(len(aligned.starts), np.int64)
    ending = np.flatnonzero(aligned.ends)
    np.maximum.at(verdicts, aligned.owner[ending], aligned.ends[ending])
    if not _answers_all(aligned.ways, verdicts):
        return False
    wanted = np.flatnonzero(~aligned.closed | (aligned.ends > 0))
    simple = (verdicts == 1) & (aligned.spans[1:] == aligned.spans[:-1])
    return _Search(aligned, links, simple).prove(wanted)


def _answers_all(ways: Ways, verdicts: Ints) -> bool:
    """Whether every call goes on after each of the verdicts, so many for each rule, that it may end with."""
    for call, targets in ((ways.call, ways.after), (ways.call_at_limit, ways.at_limit)):
        answered = (targets.open == targets.counts) & (targets.counts >= verdicts[call])
        if not (answered | (call < 0) | (targets.open == 0)).all():
            return False
    return True


def _guess(aligned: Aligned) -> Ints:
    """A column of each state whose entry may well lead to an end: the last, or, where that is a loop, the highest."""
    table, states = aligned.table, np.arange(len(aligned.table))
    found = table.shape[1] - 1 - (table != 0)[:, ::-1].argmax(1)
    loops = np.flatnonzero(aligned.read(states, found) == states)
    found[loops] = table[loops].argmax(1)
    return found


class _Search:
    """Nodes are the states, then the links away from their limits, then the links at them. goes: the node that each
    leads to, itself where none is known."""

    def __init__(self, aligned: Aligned, links: Links, simple: Flags) -> None:
        ways, count, number = aligned.ways, len(aligned.ends), len(links.ways)
        self._aligned, self._links, self._count, self._number = aligned, links, count, number
        self._ends = np.concatenate([aligned.ends, np.zeros(2 * number, np.int32)])
        self._goes = np.arange(len(self._ends))
        self._left = self._goes.copy()
        first = links.read(aligned, np.arange(count), _guess(aligned))
        self._goes[:count] = np.where(aligned.ends > 0, self._goes[:count], self._nodes(first))
        # What a link's byte leads to, and where the states are that follow a call, by verdict.
        self._child = self._nodes(np.concatenate([links.onward, links.at_limit]))
        call = np.concatenate([ways.call[links.ways], ways.call_at_limit[links.ways]])
        self._goes[count:] = np.where(call < 0, self._child, self._goes[count:])
        self._waiting = np.flatnonzero((call >= 0) & (self._child > 0))
        self._after = np.concatenate([ways.after.states, ways.at_limit.states])
        later = ways.at_limit.firsts[links.ways] + len(ways.after.states)
        self._firsts = np.concatenate([ways.after.firsts[links.ways], later])
        # What a rule that calls no other and has one verdict ends with is known before it is seen to end.
        known = self._waiting[simple[call[self._waiting]] & (self._child[self._waiting] < count)]
        self._goes[count + known] = self._after[self._firsts[known]]
        self._waiting = np.setdiff1d(self._waiting, known, assume_unique=True)

    def prove(self, wanted: Ints) -> bool:
        """Whether all these states come to an end."""
        for _ in range(MOST_ROUNDS):
            self._follow()
            wanted = wanted[self._ends[self._goes[wanted]] == 0]
            if not wanted.size:
                return True
            if not self._answer() and not self._retry(wanted):
                return False
        return False

    def _nodes(self, entries: Ints) -> Ints:
        """The nodes that entries stand for, 0 for none."""
        nodes = np.where(entries < 0, self._count - 1 - entries, entries)
        return np.where(entries == REFUSED, 0, nodes)

    def _follow(self) -> None:
        """Leads all that come to an end straight there."""
        left, goes = self._left, self._goes.copy()
        further = goes[goes[left]]
        goes[left] = further
        # Each time those up to twice as far from an end: where there are none, there are none still further.
        while (ended := self._ends[further] > 0).any():
            self._goes[left[ended]] = further[ended]
            left = left[~ended]
            further = goes[goes[left]]
            goes[left] = further
        self._left = left

    def _answer(self) -> bool:
        """Leads links on behind calls that have ended. True: there were some."""
        verdicts = self._ends[self._goes[self._child[self._waiting]]]
        ready = self._waiting[verdicts > 0]
        after = self._firsts[ready] + verdicts[verdicts > 0] - 1
        self._goes[self._count + ready] = self._after[after]
        self._waiting = self._waiting[verdicts == 0]
        return bool(ready.size)

    def _retry(self, stuck: Ints) -> bool:
        """Leads stuck nodes to others that end. True: there were some."""
        ended = self._ends[self._goes] > 0
        links = self._count + np.arange(self._number)
        links = links[~ended[links] & ended[links + self._number]]
        self._goes[links] = links + self._number
        rows = self._aligned.table[stuck]
        fresh = rows != 0
        fresh[:, 1:] &= rows[:, 1:] != rows[:, :-1]
        at, columns = np.nonzero(fresh)
        nodes = self._nodes(self._links.read(self._aligned, stuck[at], columns))
        good = ended[nodes]
        self._goes[stuck[at[good]]] = nodes[good]
        return bool(good.any() or links.size)
