"""Distances: how far a place of a grammar is from the end of a text.

    distances = Distances(grammar)
    distances.left(place)                       # no text goes on from here to its end with fewer bytes

For each state the fewest bytes to the end of its rule, for each verdict with which it may end; a caller goes on where
the verdict sends it. Counters and bits are ignored, so a distance is never too large. Slow: a millisecond for small
grammars, a second for the largest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grammar import Grammar
from .place import AHEAD, Place

FAR = 1 << 20  # more than any text has bytes
Costs = NDArray[np.int64]


class Distances:
    """The fewest bytes from each state to the end of its rule, by verdict: int64 [states, verdicts]."""

    def __init__(self, grammar: Grammar) -> None:
        self._returns = grammar.returns
        self._verdicts = grammar.verdicts
        self._costs = _settle(grammar)

    def left(self, place: Place, base: int = 0) -> int:
        """The fewest bytes that can follow before the text may end, or the rule with `base` frames below it."""
        costs = self._costs[place.state]
        for pushed, _ in reversed(place.stack[base:]):
            after = self._returns[pushed : pushed + self._verdicts]
            costs = (costs[:, None] + self._costs[after]).min(0)
        return int(costs.min())


@dataclass(frozen=True, slots=True)
class _Edges:
    """Where each state can go: for the states in `rows`, the entries from `firsts` on."""

    rows: NDArray[np.int32]
    firsts: NDArray[np.intp]
    entries: NDArray[np.int32]


def _settle(grammar: Grammar) -> Costs:
    """The costs, made smaller until nothing changes."""
    edges, ends = _distinct_edges(grammar), np.abs(grammar.edges[:, 0])
    states: Costs = np.full((len(ends), grammar.verdicts), FAR, np.int64)
    states[ends > 0, ends[ends > 0] - 1] = 0
    acting: Costs = np.full((len(grammar.actions) + 1, grammar.verdicts), FAR, np.int64)
    while True:
        acting = _through_actions(grammar, states, acting)
        onward = _costs_of(edges.entries, states, acting)
        nearer = states.copy()
        if len(edges.rows):
            best = np.minimum.reduceat(onward, edges.firsts, axis=0) + 1
            nearer[edges.rows] = np.minimum(states[edges.rows], best)
        if (nearer == states).all():
            return states
        states = nearer


def _distinct_edges(grammar: Grammar) -> _Edges:
    rows, columns = np.nonzero(grammar.edges[:, AHEAD:])
    entries = grammar.edges[:, AHEAD:][rows, columns]
    pairs = np.unique(rows.astype(np.int64) << 32 | entries.view(np.uint32))
    sources, entries = (pairs >> 32).astype(np.int32), pairs.astype(np.uint32).view(np.int32)
    starts, firsts = np.unique(sources, return_index=True)
    return _Edges(starts, firsts, entries)


def _costs_of(entries: NDArray[Any], states: Costs, acting: Costs) -> Costs:
    """What is left behind each entry. The last row of `acting` is for those that lead nowhere by themselves."""
    behind = acting[np.where(entries < -1, -2 - entries, len(acting) - 1)]
    return np.where((entries > 0)[..., None], states[np.maximum(entries, 0)], behind)


def _through_actions(grammar: Grammar, states: Costs, acting: Costs) -> Costs:
    """What is left after each action: of the rule it goes to, and then of the caller that it leaves waiting."""
    if not len(grammar.actions):
        return acting
    go, push = grammar.actions[:, 4:6], grammar.actions[:, 6:8]
    inner = _costs_of(go, states, acting)
    called = push > 0
    whole = np.full((int(called.sum()), grammar.verdicts), FAR, np.int64)
    for verdict in range(grammar.verdicts):
        after = states[grammar.returns[push[called] + verdict]]
        whole = np.minimum(whole, inner[called][:, verdict, None] + after)
    inner[called] = whole
    return np.concatenate([inner.min(1), acting[-1:]])
