"""Counting: a string of any characters whose length is counted by the register.

    rule = count_characters(free, 0, 100_000)

A phase is the stretch between two numbers that matter. Each phase has its own copy of the states inside a string; the
first byte of a character counts, and where the count reaches the next number the copy of the next phase goes on.
"""

import numpy as np

from ..bytedfa import ByteDfa
from ..regex.spelling import QUOTE
from ..rule import Move, Rule


def count_characters(free: ByteDfa, low: int, high: int | None) -> Rule:
    """The rule of strings of `low` to `high` characters, from the automaton of all strings as `quote` gives it."""
    inside = 1  # the only state of the pattern that reads any text
    classes, table = free.classes, free.dfa.table
    closing = int(classes[QUOTE])
    size = len(table)
    limits = [n for n in dict.fromkeys((low, high)) if n]
    full = high is not None
    phases = len(limits) + 1
    opening, end = phases * size, phases * size + 1
    grown = np.zeros((end + 1, table.shape[1]), np.int32)
    moves: dict[Move, int] = {}
    for phase in range(phases):
        base = phase * size
        copied = np.where(table > 0, table + base, 0)
        copied[:, closing] = 0
        grown[base : base + size] = copied
        row = grown[base + inside]
        if full and phase == phases - 1:
            row[:] = 0
        elif phase < len(limits):
            for column in np.flatnonzero(row).tolist():
                target = int(row[column])
                move = Move((target,), limit=limits[phase], at_limit=(target + size,))
                row[column] = -1 - moves.setdefault(move, len(moves))
        if phase >= (1 if low else 0):
            row[closing] = end
    grown[0] = 0
    grown[opening, closing] = inside if not (full and high == 0) else inside
    ends = np.zeros(len(grown), np.int32)
    ends[end] = 1
    return Rule(classes, grown, ends, opening, tuple(moves))
