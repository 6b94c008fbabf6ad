"""Leaves: byte automata as rules, with a verdict for each end.

rule = rule_of(words([b"true"], budget))
rule = rule_of_words({b'"a"': 0, b'"b"': 1}, budget)
"""

import numpy as np
from numpy.typing import NDArray

from ...automata.automaton import Table, trim
from ...automata.bytedfa import (
    ByteDfa,
    Classes,
    distinct_columns,
    join_classes,
    representatives,
)
from ...automata.reaching import find_reached
from ...limits import Budget
from ...machine.rule import Rule
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
    known, start = _number_states(sorted(texts.items()), budget)
    used = sorted(set(b"".join(texts)))
    classes = np.zeros(256, np.uint8)
    classes[used] = np.arange(1, len(used) + 1) if len(used) < 256 else np.arange(256)
    width = len(used) + 1
    budget.check_table(len(known) + 1, width)
    table = np.zeros((len(known) + 1, width), np.int32)
    ways = [(state, way) for state, way in enumerate(known, 1) if len(way) > 1]
    sources = np.repeat([state for state, _ in ways], [len(way) // 2 for _, way in ways])
    steps = np.array([number for _, way in ways for number in way[1:]], np.int64).reshape(-1, 2)
    table[sources, classes[steps[:, 0]]] = steps[:, 1]
    return Rule(classes, table, np.array([0, *[way[0] for way in known]], np.int32), start)


def rule_of_others(
    texts: dict[bytes, int | None], other: int, every: ByteDfa, budget: Budget
) -> Rule:
    """The rule that reads every quoted text and ends with verdict `other`, but these, each of which ends with its own
    or may not come. every: reads all quoted texts, these included; nothing leads to its start, or on from its ends."""
    table, numbers, begin = every.dfa.table, every.classes.tolist(), every.dfa.start
    known: dict[tuple[int, int], int] = {}  # the state that a byte leads to from another
    like = [*range(len(table))]  # by state: that of `every` which reads all other texts as it does
    lasts: list[tuple[int, int, int | None]] = []
    for text, verdict in texts.items():
        state = begin
        for byte in text[:-1]:
            following = known.setdefault((state, byte), len(like))
            if following == len(like):
                like.append(int(table[like[state], numbers[byte]]))
            state = following
        lasts.append((state, text[-1], verdict))
    budget.spend(len(like) - len(table))
    verdicts = dict.fromkeys(v for _, _, v in lasts if v is not None)
    final = {verdict: state for state, verdict in enumerate(verdicts, len(like))}
    used = sorted(set(b"".join(texts)))
    marks = np.zeros(256, np.uint8)
    marks[used] = np.arange(1, len(used) + 1)
    classes = join_classes([every.classes, marks])
    budget.check_table(len(like) + len(final), int(classes.max()) + 1)
    columns = table[:, every.classes[representatives(classes)]]
    grown = np.concatenate([columns[like], np.zeros((len(final), columns.shape[1]), np.int32)])
    for (state, byte), following in known.items():
        grown[state, classes[byte]] = following
    for state, byte, verdict in lasts:
        grown[state, classes[byte]] = 0 if verdict is None else final[verdict]
    ends = np.zeros(len(grown), np.int32)
    ends[: len(table)] = every.dfa.accepting * (other + 1)
    ends[len(like) :] = [verdict + 1 for verdict in verdicts]
    return Rule(classes, grown, ends, begin)


def _number_states(
    texts: list[tuple[bytes, int]], budget: Budget
) -> tuple[dict[tuple[int, ...], int], int]:
    """The states that read these texts, which are different and in order, no two of them going on alike: for each what
    is found there, the end (0, or 1 + a verdict), then each byte and where it leads. And the first of them."""
    known: dict[tuple[int, ...], int] = {}
    path: list[list[int]] = [[0]]  # what has been found at the places that the text at hand shares
    following = [text for text, _ in texts[1:]]
    for (text, verdict), after in zip(texts, [*following, b""], strict=True):
        before, shared = len(known), _shared(text, after)
        path += [[0] for _ in range(len(path), shared + 1)]
        deep = len(path) - 1
        if deep == len(text):
            path[deep][0] = verdict + 1
        else:
            state = known.setdefault((verdict + 1,), len(known) + 1)
            for byte in text[:deep:-1]:
                state = known.setdefault((0, byte, state), len(known) + 1)
            path[deep] += (text[deep], state)
        for depth in range(deep, shared, -1):
            state = known.setdefault(tuple(path.pop()), len(known) + 1)
            path[-1] += (text[depth - 1], state)
        budget.spend(len(known) - before)
    return known, known.setdefault(tuple(path[0]), len(known) + 1)


def _shared(a: bytes, b: bytes) -> int:
    """How many bytes two texts begin with alike."""
    for count, (mine, other) in enumerate(zip(a, b, strict=False)):
        if mine != other:
            return count
    return min(len(a), len(b))
