"""Reaching: which states of a table others lead to.

    find_reached(table, [start])            # bool [states]: those that the start leads to, itself included
    find_leading(table, accepting)          # those that lead to one of these

State 0 is dead, and never among them. Slow: half a microsecond for each pair of states of which one leads to the other.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


def find_reached(table: NDArray[np.int32], seeds: Iterable[int]) -> Flags:
    """The states that one of the seeds leads to, and the seeds."""
    return follow(*edges_of(table), seeds, len(table))


def find_leading(table: NDArray[np.int32], wanted: Flags) -> Flags:
    """The states that lead to one of those that are wanted, and these."""
    sources, targets = edges_of(table)
    return follow(targets, sources, np.flatnonzero(wanted).tolist(), len(table))


def edges_of(table: NDArray[np.int32]) -> tuple[Ints, Ints]:
    """Distinct (source, target) pairs of the edges, without the dead state."""
    ordered = np.sort(table, axis=1)
    fresh = ordered != 0
    fresh[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    sources, columns = np.nonzero(fresh)
    return sources.astype(np.int64), ordered[sources, columns].astype(np.int64)


def follow(sources: Ints, targets: Ints, seeds: Iterable[int], states: int) -> Flags:
    """The states that these edges lead to from the seeds, and the seeds."""
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


def run_down(following: Ints) -> Ints:
    """Where each state comes to at last, given the one that follows it; somewhere on a circle if it comes to one."""
    for _ in range(len(following).bit_length()):
        further = following[following]
        if (further == following).all():
            break
        following = further
    return following
