"""Leaves: byte automata as rules, with a verdict for each end.

rule = rule_of(words([b"true"], budget))
rule = rule_of_words({b'"a"': 0, b'"b"': 1}, budget)
"""

from os.path import commonprefix

import numpy as np
from numpy.typing import NDArray

from ...automata.automaton import Table, trim
from ...automata.bytedfa import ByteDfa, Classes, distinct_columns
from ...automata.reaching import find_reached
from ...limits import Budget
from ...machine.rule import Rule
from ...regex.spelling import QUOTE
from ...tokens import trie

Ends = NDArray[np.int32]
MOST_SPELLED = (
    256  # texts up to which writing down their states one by one is faster than all at once
)


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
    seen = find_reached(table, [start])
    seen[0] = True
    numbers = np.where(seen, np.cumsum(seen) - 1, 0).astype(np.int32)
    small = numbers[table[seen]]
    columns, merged = distinct_columns(small)
    return Rule(merged[classes], small[:, columns], ends[seen], int(numbers[start]))


def rule_of_words(texts: dict[bytes, int], budget: Budget) -> Rule:
    """The smallest rule that reads one of these texts, at least one, and ends with its verdict."""
    if len(texts) > MOST_SPELLED and not any(texts.values()):
        return rule_of(trie.words(list(texts), budget))
    spelling = _Spelling(budget)
    start = spelling.add_texts(sorted(texts.items()))
    used = sorted(set(b"".join(texts)))
    classes = np.zeros(256, np.uint8)
    classes[used] = np.arange(1, len(used) + 1) if len(used) < 256 else np.arange(256)
    width = len(used) + 1
    budget.check_table(len(spelling.ends), width)
    table = np.zeros((len(spelling.ends), width), np.int32)
    source, byte, target = np.array(spelling.edges, np.int64).T
    table[source, classes[byte]] = target
    return Rule(classes, table, np.array(spelling.ends, np.int32), start)


class _Spelling:
    """States that read texts, no two of which go on alike. edges: (state, byte, next state); ends: 0, or 1 + a verdict,
    for each state."""

    def __init__(self, budget: Budget) -> None:
        self.edges: list[tuple[int, int, int]] = []
        self.ends = [0]
        self._budget = budget
        self._known: dict[tuple[int, ...], int] = {}

    def add_texts(self, texts: list[tuple[bytes, int]]) -> int:
        """The state that reads these texts, which are different and in order."""
        # What has been found out about the places of the text at hand: the end, then each byte and where it leads.
        path: list[list[int]] = [[0]]
        before = b""
        for text, verdict in texts:
            common = len(commonprefix((before, text)))
            self._close(path, before, common)
            path += [[0] for _ in range(len(text) - common)]
            path[-1][0] = verdict + 1
            before = text
        self._close(path, before, 0)
        return self._state(path[0])

    def _close(self, path: list[list[int]], text: bytes, depth: int) -> None:
        """Numbers the places of a text beyond a depth: nothing is added to them any more."""
        while len(path) > depth + 1:
            state = self._state(path.pop())
            path[-1] += (text[len(path) - 1], state)

    def _state(self, place: list[int]) -> int:
        key = tuple(place)
        state = self._known.get(key)
        if state is None:
            self._budget.spend(1)
            state = self._known[key] = len(self.ends)
            self.ends.append(place[0])
            self.edges += [(state, *edge) for edge in zip(place[1::2], place[2::2], strict=True)]
        return state
