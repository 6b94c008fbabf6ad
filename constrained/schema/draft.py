"""Draft: one rule being written, a state at a time.

    draft = Draft()
    first, last = draft.state(), draft.state()
    draft.text(first, b"true", last)
    draft.end(last, 0)
    rule = draft.finish(classes)

Edges are collected as triples and written into the table at once. It refuses to know JSON.
"""

from collections.abc import Iterable

import numpy as np

from ..automata.automaton import Flags, Table
from ..automata.bytedfa import ByteDfa, Classes, join_classes, representatives
from ..limits import Budget
from ..machine.rule import Move, Rule

DIGITS = b"123456789"  # which only names and listed items tell apart


class Draft:
    """States from 1 on; an entry is a state, a move as `move` gives it, or 0 for a byte that is not allowed."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._count = 1
        self._edges: list[tuple[int, int, int]] = []
        self._ends: dict[int, int] = {}
        self._moves: dict[Move, int] = {}
        self._copies: list[tuple[int, ByteDfa]] = []
        self._rows: list[tuple[int, int, int]] = []  # a state, the copy whose row it has, the row
        self._spread: list[tuple[int, int]] = []
        self._groups: dict[bytes, list[tuple[int, int]]] = {}

    def state(self) -> int:
        """A new state."""
        self._count += 1
        return self._count - 1

    def edge(self, state: int, byte: int, entry: int) -> None:
        """On this byte, this entry. A later edge stands for an earlier one."""
        self._edges.append((state, byte, entry))

    def edges(self, state: int, group: bytes, entry: int) -> None:
        """On each byte of a group, this entry. No other edge leaves the state with one of them."""
        if len(group) == 1:
            self._edges.append((state, group[0], entry))
        else:
            self._groups.setdefault(group, []).append((state, entry))

    def chain(self, text: bytes, target: int, spread: int) -> int:
        """The first of the states that read a text and lead to an entry; each goes on with `spread` (0: nowhere) on
        every other byte of a string."""
        first = state = self.state()
        for byte in text[:-1]:
            if spread:
                self._spread.append((state, spread))
            self._count += 1
            self._edges.append((state, byte, self._count - 1))
            state = self._count - 1
        if spread:
            self._spread.append((state, spread))
        self._edges.append((state, text[-1], target))
        return first

    def text(self, state: int, text: bytes, target: int) -> None:
        """These bytes, at least one, lead from one state to the other."""
        for byte in text[:-1]:
            following = self.state()
            self._edges.append((state, byte, following))
            state = following
        self._edges.append((state, text[-1], target))

    def move(self, move: Move) -> int:
        """The entry that stands for a move."""
        return -1 - self._moves.setdefault(move, len(self._moves))

    def end(self, state: int, verdict: int) -> None:
        """The rule may end here."""
        self._ends[state] = verdict + 1

    def spread(self, state: int, entry: int) -> None:
        """This entry on every byte that a string may go on with, its closing quote included."""
        self._spread.append((state, entry))

    def copy(self, part: ByteDfa) -> int:
        """Copies an automaton in. Returns what to add to its states' numbers."""
        base = self._count - 1
        self._count += part.dfa.states - 1
        self._copies.append((base, part))
        return base

    def row(self, state: int, base: int, source: int) -> None:
        """The state begins with the row that a state of a copied automaton has."""
        self._rows.append((state, base, source))

    def finish(self, classes: Classes, inside: Flags) -> Rule:
        """The rule. classes must tell apart the bytes of all edges; inside: the classes that `spread` speaks of."""
        if self._copies:
            classes = join_classes([classes, *(part.classes for _, part in self._copies)])
            inside = inside[:0]
        width = int(classes.max()) + 1
        self._budget.spend(self._count)
        self._budget.check_table(self._count, width)
        table = np.zeros((self._count, width), np.int32)
        if self._copies:
            self._copy_in(table, classes)
        if self._spread:
            states, entries = np.array(self._spread, np.int32).T
            table[states] = np.where(inside, entries[:, None], 0)
        edges: Table = np.array(self._edges, np.int32).reshape(-1, 3)
        table[edges[:, 0], classes[edges[:, 1]]] = edges[:, 2]
        for group, found in self._groups.items():
            states, entries = np.array(found, np.int32).T
            for column in dict.fromkeys(classes[list(group)].tolist()):
                table[states, column] = entries
        ends = np.zeros(self._count, np.int32)
        ends[list(self._ends)] = list(self._ends.values())
        return Rule(classes, table, ends, 1, tuple(self._moves))

    def _copy_in(self, table: Table, classes: Classes) -> None:
        columns = representatives(classes)
        for base, part in self._copies:
            rows = part.dfa.table[1:, part.classes[columns]]
            table[base + 1 : base + 1 + len(rows)] = np.where(rows > 0, rows + base, 0)
        for state, base, source in self._rows:
            table[state] = table[base + source]


def distinguish(used: Iterable[int]) -> tuple[Classes, Flags]:
    """Classes that tell these bytes apart, and which of them a string may go on with."""
    inside = np.zeros(256, np.bool_)
    inside[0x20:0x80] = True
    inside[0xC2:0xF5] = True
    marks = np.zeros(256, np.int64)
    marks[list(DIGITS)] = 256
    listed = sorted(set(used))
    marks[listed] = np.arange(1, len(listed) + 1)
    classes = np.unique(marks * 2 + inside, return_inverse=True)[1].reshape(-1).astype(np.uint8)
    shown = np.zeros(int(classes.max()) + 1, np.bool_)
    shown[classes[inside]] = True
    return classes, shown
