"""Boolean operations on automata over the same symbols, and limits on the length of what they accept.

    both = intersect(a, b, budget)
    short = bound_length(a, 1, 40, budget)

States of a result are pairs: where there are few, all at once, else breadth first from the start, a whole frontier at a
time. Everything returned is trimmed. Slow: a dozen array operations per symbol of the longest text between large ones.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..limits import Budget
from .automaton import Dfa, Flags, Table, minimise, trim
from .reaching import find_reached

Codes = NDArray[np.int64]
Alive = Callable[[Table, Table], Flags]
MOST_AT_ONCE = 1 << 16  # entries of a table of all pairs


def intersect(a: Dfa, b: Dfa, budget: Budget) -> Dfa:
    """Accepts what both accept."""
    first, second, table = _pair(a, b, lambda x, y: (x != 0) & (y != 0), budget)
    return minimise(trim(Dfa(table, a.accepting[first] & b.accepting[second], 1)))


def unite(a: Dfa, b: Dfa, budget: Budget) -> Dfa:
    """Accepts what either accepts."""
    first, second, table = _pair(a, b, lambda x, y: (x != 0) | (y != 0), budget)
    return minimise(trim(Dfa(table, a.accepting[first] | b.accepting[second], 1)))


def subtract(a: Dfa, b: Dfa, budget: Budget) -> Dfa:
    """Accepts what `a` accepts and `b` does not."""
    first, second, table = _pair(a, b, lambda x, _: x != 0, budget)
    return minimise(trim(Dfa(table, a.accepting[first] & ~b.accepting[second], 1)))


def _pair(a: Dfa, b: Dfa, alive: Alive, budget: Budget) -> tuple[Codes, Codes, Table]:
    return pair_states((a.table, b.table), (a.start, b.start), alive, budget)


def pair_states(
    tables: tuple[Table, Table],
    starts: tuple[int, int],
    alive: Alive,
    budget: Budget,
    most_at_once: int = MOST_AT_ONCE,
) -> tuple[Codes, Codes, Table]:
    """Both components of every pair that the starts lead to, the dead pair first, and the table between them. The
    start is state 1. alive: whether a pair goes on."""
    left, right = tables
    width = len(right)
    budget.check_table(len(left) * width, 1)
    start = starts[0] * width + starts[1]
    if len(left) * right.size <= most_at_once:
        pairs, codes = _all_pairs(left, right, start, alive)
        budget.spend(len(pairs))
    else:
        pairs, codes = _found_pairs(left, right, start, alive, budget)
    number = np.zeros(len(left) * width, np.int32)
    number[pairs] = np.arange(len(pairs))
    number[0] = 0
    return pairs // width, pairs % width, number[codes]


def _all_pairs(left: Table, right: Table, start: int, alive: Alive) -> tuple[Codes, Codes]:
    """Pairs and what they lead to, for few: all are written down, and those looked up that the start leads to."""
    x, y = left[:, None, :], right[None, :, :]
    codes = np.where(alive(x, y), x.astype(np.int64) * len(right) + y, 0)
    codes = codes.reshape(-1, left.shape[1])
    reached = find_reached(codes, [start])
    reached[start] = False
    pairs = np.concatenate([[0, start], np.flatnonzero(reached)])
    codes[0] = 0
    return pairs, codes[pairs]


def _found_pairs(
    left: Table, right: Table, start: int, alive: Alive, budget: Budget
) -> tuple[Codes, Codes]:
    """Pairs and what they lead to, breadth first from the start, a whole frontier at a time."""
    width = len(right)
    frontier = np.array([start], np.int64)
    seen = np.zeros(len(left) * width, np.bool_)
    seen[[0, start]] = True
    levels = [np.zeros(1, np.int64)]
    rows: list[Codes] = [np.zeros((1, left.shape[1]), np.int64)]
    while frontier.size:
        budget.spend(frontier.size)
        x, y = left[frontier // width], right[frontier % width]
        codes = np.where(alive(x, y), x.astype(np.int64) * width + y, 0)
        levels.append(frontier)
        rows.append(codes)
        found = np.unique(codes)
        frontier = found[~seen[found]]
        seen[frontier] = True
    return np.concatenate(levels), np.concatenate(rows)


def bound_length(dfa: Dfa, low: int, high: int | None, budget: Budget) -> Dfa:
    """Accepts what `dfa` accepts with at least `low` and at most `high` symbols (None: any number)."""
    layers = (low if high is None else high) + 1
    budget.check_table(dfa.states * layers, dfa.table.shape[1])
    budget.spend(dfa.states)
    # State s after n symbols is s * layers + n. Without an upper bound the last layer counts no further.
    count = np.minimum(np.arange(layers) + 1, layers - 1 if high is None else layers)
    table = dfa.table[:, None, :] * layers + count[None, :, None].astype(np.int32)
    table = np.where((dfa.table[:, None, :] == 0) | (count[None, :, None] == layers), 0, table)
    table = table.reshape(-1, dfa.table.shape[1]).astype(np.int32)
    accepting = dfa.accepting[:, None] & (np.arange(layers) >= low)[None, :]
    bounded = trim(Dfa(table, accepting.reshape(-1), dfa.start * layers))
    budget.spend(bounded.states)
    return bounded
