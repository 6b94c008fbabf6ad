"""Leaves: byte automata as rules, with a verdict for each end.

rule = rule_of(words([b"true"], budget))
rule = rule_of_words({b'"a"': 0, b'"b"': 1}, budget)
"""

import numpy as np
from numpy.typing import NDArray

from ...automata.automaton import Table, trim
from ...automata.bytedfa import ByteDfa, Classes, distinct_columns
from ...limits import Budget
from ...machine.rule import Rule
from ...regex.spelling import QUOTE

Ends = NDArray[np.int32]


def rule_of(part: ByteDfa) -> Rule:
    """The rule of an automaton, all of whose ends are verdict 0."""
    dfa = trim(part.dfa)
    columns, merged = distinct_columns(dfa.table)
    return Rule(
        merged[part.classes], dfa.table[:, columns], dfa.accepting.astype(np.int32), dfa.start
    )


def split_ends(part: ByteDfa, ends: Ends) -> Rule:
    """The rule of a quoted automaton (see `quote`) whose closing quotes end as the states before them say."""
    table = part.dfa.table
    closing = int(part.classes[QUOTE])
    count = int(ends.max(initial=0))
    grown = np.zeros((len(table) + count, table.shape[1]), np.int32)
    grown[: len(table)] = table
    at = np.flatnonzero(ends)
    grown[at, closing] = len(table) + ends[at] - 1
    final = np.zeros(len(grown), np.int32)
    final[len(table) :] = np.arange(1, count + 1)
    return compact(part.classes, grown, final, part.dfa.start)


def compact(classes: Classes, table: Table, ends: Ends, start: int) -> Rule:
    """The rule without states that nothing enters from the start."""
    seen = np.zeros(len(table), np.bool_)
    seen[start] = True
    frontier = np.array([start])
    while frontier.size:
        found = np.unique(table[frontier])
        frontier = found[~seen[found]]
        seen[frontier] = True
    seen[0] = True
    numbers = np.where(seen, np.cumsum(seen) - 1, 0).astype(np.int32)
    small = numbers[table[seen]]
    columns, merged = distinct_columns(small)
    return Rule(merged[classes], small[:, columns], ends[seen], int(numbers[start]))


def rule_of_words(texts: dict[bytes, int], budget: Budget) -> Rule:
    """The rule that reads one of these texts and ends with its verdict."""
    rows: list[dict[int, int]] = [{}, {}]
    ends = [0, 0]
    for text, verdict in texts.items():
        state = 1
        for byte in text:
            following = rows[state].setdefault(byte, len(rows))
            if following == len(rows):
                rows.append({})
                ends.append(0)
            state = following
        ends[state] = verdict + 1
        budget.spend(len(text))
    used = sorted({byte for row in rows for byte in row})
    classes = np.zeros(256, np.uint8)
    classes[used] = np.arange(1, len(used) + 1) if len(used) < 256 else np.arange(256)
    width = len(used) + 1
    budget.check_table(len(rows), width)
    table = np.zeros((len(rows), width), np.int32)
    for state, row in enumerate(rows):
        table[state, classes[list(row)]] = list(row.values())
    return Rule(classes, table, np.array(ends, np.int32), 1)
