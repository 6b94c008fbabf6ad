"""Partitions of an automaton's states: which of them nothing that follows can tell apart.

    blocks = refine_partition(table, blocks)        # states of one block go, on each symbol, to states of one block
    first, numbers = number_blocks(blocks)          # a state of each block, and its number for each state

A round looks again only at states that lead to what the last one split off, and what is split off is never the largest
part: so a state is looked at a few times for each of its symbols, however many rounds there are. Slow: some 20
microseconds for each round.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def refine_partition(table: NDArray[np.int32], blocks: Ints) -> Ints:
    """The coarsest partition that is at least as fine and that the table respects.

    table: int32 [states, symbols]. blocks: int64 [states], from 0 on; so is what is returned.
    """
    blocks = blocks.copy()
    count = int(blocks.max(initial=-1)) + 1
    stale = np.arange(len(table))
    while stale.size:
        moved = np.zeros(len(table), np.bool_)
        for part in _find_parts(table, blocks, stale, count):
            blocks[part] = count
            moved[part] = True
            count += 1
        stale = np.flatnonzero(moved[table].any(1))
    return blocks


def _find_parts(table: NDArray[np.int32], blocks: Ints, stale: Ints, count: int) -> list[Ints]:
    """What is to be split off from blocks, given the states that may differ from others of theirs."""
    rows = np.ascontiguousarray(blocks[table[stale]]).tobytes()
    width = len(rows) // len(stale)
    owners: list[int] = blocks[stale].tolist()
    groups: dict[tuple[int, bytes], list[int]] = {}
    for index, (state, block) in enumerate(zip(stale.tolist(), owners, strict=True)):
        groups.setdefault((block, rows[index * width : index * width + width]), []).append(state)
    # The others of a block were alike, and lead where they did: they are one part as well.
    others: list[int] = np.bincount(blocks, minlength=count).tolist()
    largest: dict[int, list[int]] = {}
    for (block, _), states in groups.items():
        others[block] -= len(states)
        if len(states) > len(largest.get(block, ())):
            largest[block] = states
    kept = [states for block, states in largest.items() if len(states) > others[block]]
    keeping = set(map(id, kept))
    parts = [np.array(states) for states in groups.values() if id(states) not in keeping]
    for states in kept:
        block = blocks[states[0]]
        if others[block]:
            rest = blocks == block
            rest[stale] = False
            parts.append(np.flatnonzero(rest))
    return parts


def number_blocks(blocks: Ints) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """The first state of each block in the order of states, and the number of each state's block in that order."""
    _, first, which = np.unique(blocks, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    return first[order], rank[which.reshape(-1)]
