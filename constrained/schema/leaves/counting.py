"""Counting: strings whose length is counted by the register.

    rule = count_characters(free, 0, 100_000)                   # any characters
    rule = count_pattern(pattern, 0, 100_000, spell)            # those of a pattern

A phase is the stretch between two numbers that matter. Each phase has its own copy of the states inside a string; the
first byte of a character counts, and where the count reaches the next number the copy of the next phase goes on.
"""

from collections.abc import Callable

import numpy as np

from ...automata.automaton import Dfa, Table
from ...automata.bytedfa import ByteDfa
from ...machine.rule import Move, Rule
from ...regex.pattern import Pattern
from ...regex.spelling import QUOTE
from .labels import live_states


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
        copied[inside, closing] = 0
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
    grown[opening, closing] = inside
    ends = np.zeros(len(grown), np.int32)
    ends[end] = 1
    return Rule(classes, grown, ends, opening, tuple(moves))


def is_countable(pattern: Pattern, low: int, high: int | None) -> bool:
    """Whether the length of a pattern's texts can be counted: each beginning has endless continuations, or at least
    one that is short against the bounds."""
    table = pattern.dfa.table
    endless = np.arange(len(table)) > 0
    while True:
        fewer = endless & endless[table].any(1)
        if (fewer == endless).all():
            break
        endless = fewer
    return bool(endless[1:].all()) and (high is None or low < high - _farthest(pattern))


def _farthest(pattern: Pattern) -> int:
    """The most characters that some beginning needs to its nearest end."""
    near, steps = pattern.dfa.accepting.copy(), 0
    while not near[1:].all():
        near = near | near[pattern.dfa.table].any(1)
        near[0] = False
        steps += 1
    return steps


def count_pattern(
    pattern: Pattern, low: int, high: int | None, spell: Callable[[Pattern], ByteDfa]
) -> Rule:
    """The rule of a pattern's texts of `low` to `high` characters, which `is_countable`. spell: with its quotes.

    Before each number that matters there is a copy of the pattern whose characters count, and beside it another that
    has the rows for the character with which the number is reached. The first number is `low`; the second is so far
    before `high` that every beginning can still end, and from there on the pattern is unrolled.
    """
    dfa, size = pattern.dfa, pattern.dfa.states
    rest = _farthest(pattern)
    limits = ([low] if low else []) + ([high - rest] if high is not None else [])
    parts: list[tuple[Table, bool]] = []  # a copy's rows, and whether its texts may end
    for phase in range(len(limits)):
        ends = not low or phase > 0
        parts.append((_shift(dfa.table, size * 2 * phase), ends))
        parts.append((_shift(dfa.table, size * 2 * (phase + 1)), False))
    first = len(parts)
    if high is None:
        parts.append((_shift(dfa.table, size * first), True))
    for step in range(rest + 1 if high is not None else 0):
        onward = _shift(dfa.table, size * (first + step + 1))
        parts.append((onward if step < rest else np.zeros_like(onward), True))
    table = np.concatenate([rows for rows, _ in parts])
    accepting = np.concatenate([dfa.accepting & ends for _, ends in parts])
    live = live_states(table, accepting)
    live[1 : size * first] = True  # from each of these the count leads on to an end
    table = np.where(live[table], table, 0).astype(np.int32)
    part = spell(Pattern(pattern.alphabet, Dfa(table, accepting, dfa.start)))
    return _with_moves(part, size, limits)


def _shift(table: Table, base: int) -> Table:
    return np.where(table > 0, table + base, 0).astype(np.int32)


def _with_moves(part: ByteDfa, size: int, limits: list[int]) -> Rule:
    """The rule in which the characters of each counting copy are moves."""
    table = part.dfa.table.copy()
    closing = int(part.classes[QUOTE])
    moves: dict[Move, int] = {}
    for phase, limit in enumerate(limits):
        base = 2 * phase * size
        for state in range(base + 1, base + size):
            for column in np.flatnonzero(table[state]).tolist():
                if column != closing:
                    there = (int(table[state + size, column]),)
                    move = Move((int(table[state, column]),), limit=limit, at_limit=there)
                    table[state, column] = -1 - moves.setdefault(move, len(moves))
    ends = part.dfa.accepting.astype(np.int32)
    return Rule(part.classes, table, ends, part.dfa.start, tuple(moves))
