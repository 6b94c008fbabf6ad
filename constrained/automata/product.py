"""Boolean operations on automata over the same symbols, and limits on the length of what they accept.

    both = intersect(a, b, budget)
    short = bound_length(a, 1, 40, budget)

States of a result are pairs, found breadth first from the start, a whole frontier at a time. Everything returned is
trimmed. Slow: one round of a dozen array operations per symbol of the longest shortest text.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..limits import Budget
from .automaton import Dfa, Flags, Table, minimise, trim

Codes = NDArray[np.int64]


def intersect(a: Dfa, b: Dfa, budget: Budget) -> Dfa:
    """Accepts what both accept."""
    first, second, table = _explore(a, b, lambda x, y: (x != 0) & (y != 0), budget)
    return minimise(trim(Dfa(table, a.accepting[first] & b.accepting[second], 1)))


def unite(a: Dfa, b: Dfa, budget: Budget) -> Dfa:
    """Accepts what either accepts."""
    first, second, table = _explore(a, b, lambda x, y: (x != 0) | (y != 0), budget)
    return minimise(trim(Dfa(table, a.accepting[first] | b.accepting[second], 1)))


def subtract(a: Dfa, b: Dfa, budget: Budget) -> Dfa:
    """Accepts what `a` accepts and `b` does not."""
    first, second, table = _explore(a, b, lambda x, y: x != 0, budget)
    return minimise(trim(Dfa(table, a.accepting[first] & ~b.accepting[second], 1)))


def _explore(
    a: Dfa, b: Dfa, alive: Callable[[Table, Table], Flags], budget: Budget
) -> tuple[Codes, Codes, Table]:
    """Both components of every pair that the starts lead to, the dead pair first, and the table between them."""
    width = b.states
    budget.check_table(a.states * width, 1)
    number = np.zeros(a.states * width, np.int32)
    frontier = np.array([a.start * width + b.start], np.int64)
    number[frontier] = 1
    levels = [np.zeros(1, np.int64), frontier]
    rows: list[Codes] = [np.zeros((1, a.table.shape[1]), np.int64)]
    count = 2
    while frontier.size:
        budget.spend(frontier.size)
        x, y = a.table[frontier // width], b.table[frontier % width]
        codes = np.where(alive(x, y), x.astype(np.int64) * width + y, 0)
        rows.append(codes)
        found = np.unique(codes)
        frontier = found[(number[found] == 0) & (found != 0)]
        number[frontier] = np.arange(count, count + frontier.size)
        count += frontier.size
        levels.append(frontier)
    pairs = np.concatenate(levels)
    number[0] = 0
    return pairs // width, pairs % width, number[np.concatenate(rows)]


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
