"""Labels: several automata over the same symbols run side by side, each state saying which of them accept there.

    both = run_together([first, second], budget)        # Patterns
    both.labels[state]                                  # bit i: the i-th accepts the text so far
    label = both.read("text")

Unlike a product for an intersection, nothing dies: a text that no one accepts is read to its end, with label 0.
"""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...automata.automaton import Dfa, Table, trim
from ...automata.partition import number_blocks, refine_partition
from ...automata.product import pair_states
from ...errors import ConstraintBudget
from ...limits import Budget
from ...regex.charset import EVERYTHING, Alphabet, partition, refine
from ...regex.pattern import Pattern

Labels = NDArray[np.int64]
MOST_LABELS = 62
MOST_MINIMISED = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A complete automaton over code points: state 0 is not entered. labels: int64 [states]."""

    alphabet: Alphabet
    table: Table
    labels: Labels
    start: int

    def read(self, text: str) -> int:
        """The label of a text."""
        state = self.start
        for code in map(ord, text):
            symbol = self.alphabet.ids[bisect_right(self.alphabet.starts, code) - 1]
            state = int(self.table[state, symbol])
        return int(self.labels[state])


def run_together(patterns: list[Pattern], budget: Budget) -> Labelled:
    """The automaton that runs all of these. Raises ConstraintBudget."""
    if len(patterns) > MOST_LABELS:
        raise ConstraintBudget(
            f"needs {len(patterns)} string conditions at once, more than {MOST_LABELS}"
        )
    every = partition([EVERYTHING])
    found = Labelled(every, np.array([[0], [1]], np.int32), np.zeros(2, np.int64), 1)
    for bit, pattern in enumerate(patterns):
        found = smallest(_add(found, pattern, bit, budget))
    return found


def _add(all_: Labelled, pattern: Pattern, bit: int, budget: Budget) -> Labelled:
    alphabet, mine, theirs = refine(all_.alphabet, pattern.alphabet)
    left, right = all_.table[:, mine], pattern.dfa.table[:, theirs]
    accepting = pattern.dfa.accepting.astype(np.int64)
    first, second, table = run_pairs(left, right, (all_.start, pattern.dfa.start), budget)
    labels = all_.labels[first] | accepting[second] << bit
    return Labelled(alphabet, table, labels, 1)


def run_pairs(
    left: Table, right: Table, starts: tuple[int, int], budget: Budget
) -> tuple[NDArray[np.int64], NDArray[np.int64], Table]:
    """Both components of each pair of states that the starts lead to, none first, and the table between them. A pair
    goes on as long as its left side does."""
    return pair_states((left, right), starts, lambda x, _: x != 0, budget)


def smallest(found: Labelled) -> Labelled:
    """The same automaton with equal states merged; large ones are left as they are."""
    if len(found.labels) > MOST_MINIMISED:
        return found
    blocks = np.unique(found.labels, return_inverse=True)[1].reshape(-1) + 1
    blocks[0] = 0
    first, numbers = number_blocks(refine_partition(found.table, blocks))
    if len(first) == len(found.labels):
        return found
    return Labelled(
        found.alphabet,
        numbers[found.table[first]],
        found.labels[first],
        int(numbers[found.start]),
    )


def tell_apart(texts: tuple[str, ...], budget: Budget) -> tuple[Labelled, dict[str, int]]:
    """The automaton that ends each of these texts in a state of its own, and where. Any text is read to its end."""
    chars = sorted({char for text in texts for char in text})
    alphabet = partition([((ord(c), ord(c)),) for c in chars])
    classes = {c: alphabet.ids[bisect_right(alphabet.starts, ord(c)) - 1] for c in chars}
    rows: list[dict[int, int]] = [{}, {}, {}]  # state 1: any other text, 2: the start
    states: dict[str, int] = {}
    for text in texts:
        state = 2
        for char in text:
            following = rows[state].setdefault(classes[char], len(rows))
            if following == len(rows):
                rows.append({})
            state = following
        states[text] = state
        budget.spend(len(text))
    budget.check_table(len(rows), alphabet.size)
    table = np.ones((len(rows), alphabet.size), np.int32)
    for state, row in enumerate(rows):
        table[state, list(row)] = list(row.values())
    table[0] = 0
    return Labelled(alphabet, table, np.zeros(len(rows), np.int64), 2), states


def among(texts: tuple[str, ...], budget: Budget) -> Pattern:
    """Exactly these texts."""
    found, states = tell_apart(texts, budget)
    accepting = np.zeros(len(found.labels), np.bool_)
    accepting[list(states.values())] = True
    return Pattern(found.alphabet, trim(Dfa(found.table, accepting, found.start)))
