"""Draft: one rule being written, a state at a time.

    draft = Draft()
    first, last = draft.state(), draft.state()
    draft.edge(first, 0x5B, last)
    draft.end(last, 0)
    rules = finish([draft], classes, inside, budget)

Edges are collected as numbers and written into one table for all rules at once, which costs a rule next to nothing. It
refuses to know JSON.
"""

from array import array
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Table
from ..automata.bytedfa import ByteDfa, Classes, join_classes, representatives
from ..limits import Budget
from ..machine.rule import Move, Rule

DIGITS = b"123456789"  # which only names and listed items tell apart


class Draft:
    """States from 1 on; an entry is a state, a move as `move` gives it, or 0 for a byte that is not allowed."""

    def __init__(self) -> None:
        self.count = 1
        self.cells: array[int] = array("i")  # state, byte, entry, and so on
        self.ends: dict[int, int] = {}
        self.moves: list[Move] = []
        self._entries: dict[Move | tuple[int, tuple[int, ...]], int] = {}
        self.copies: list[tuple[int, ByteDfa]] = []
        self.rows: list[tuple[int, int, int]] = []  # a state, the copy whose row it has, the row
        self.spreads: array[int] = array("i")  # state, entry, and so on
        self.chains: list[tuple[int, bytes, int, int]] = []
        self.groups: dict[bytes, array[int]] = {}

    def state(self) -> int:
        """A new state."""
        self.count += 1
        return self.count - 1

    def edge(self, state: int, byte: int, entry: int) -> None:
        """On this byte, this entry. A later edge stands for an earlier one."""
        self.cells.extend((state, byte, entry))

    def edges(self, state: int, group: bytes, entry: int) -> None:
        """On each byte of a group, this entry. No other edge leaves the state with one of them."""
        if len(group) == 1:
            self.cells.extend((state, group[0], entry))
        else:
            self.groups.setdefault(group, array("i")).extend((state, entry))

    def chain(self, text: bytes, target: int, spread: int) -> int:
        """The first of the states that read a text and lead to an entry; each goes on with `spread` (0: nowhere) on
        every other byte of a string."""
        first = self.count
        self.count += len(text)
        self.chains.append((first, text, target, spread))
        return first

    def move(self, move: Move) -> int:
        """The entry that stands for a move."""
        entry = self._entries.get(move)
        return self._add(move, move) if entry is None else entry

    def call(self, rule: int, after: tuple[int, ...]) -> int:
        """The entry of a call, and of nothing else."""
        entry = self._entries.get((rule, after))
        return self._add((rule, after), Move(after, rule)) if entry is None else entry

    def _add(self, key: Move | tuple[int, tuple[int, ...]], move: Move) -> int:
        self.moves.append(move)
        self._entries[key] = -len(self.moves)
        return -len(self.moves)

    def end(self, state: int, verdict: int) -> None:
        """The rule may end here."""
        self.ends[state] = verdict + 1

    def spread(self, state: int, entry: int) -> None:
        """This entry on every byte that a string may go on with, its closing quote included."""
        self.spreads.extend((state, entry))

    def copy(self, part: ByteDfa) -> int:
        """Copies an automaton in. Returns what to add to its states' numbers."""
        base = self.count - 1
        self.count += part.dfa.states - 1
        self.copies.append((base, part))
        return base

    def row(self, state: int, base: int, source: int) -> None:
        """The state begins with the row that a state of a copied automaton has."""
        self.rows.append((state, base, source))


def finish(drafts: Sequence[Draft], classes: Classes, inside: Flags, budget: Budget) -> list[Rule]:
    """The rules. classes must tell apart the bytes of all edges; inside: the classes that `spread` speaks of."""
    plain = [draft for draft in drafts if not draft.copies]
    found = dict(zip(map(id, plain), _finish(plain, classes, inside, budget), strict=True))
    for draft in drafts:
        if draft.copies:
            joint = join_classes([classes, *(part.classes for _, part in draft.copies)])
            shown = np.zeros(int(joint.max()) + 1, np.bool_)
            shown[joint] = inside[classes]
            found[id(draft)] = _finish([draft], joint, shown, budget)[0]
    return [found[id(draft)] for draft in drafts]


def _finish(drafts: Sequence[Draft], classes: Classes, inside: Flags, budget: Budget) -> list[Rule]:
    """The rules of drafts, side by side in one table: each with a dead state of its own, numbers as they are."""
    if not drafts:
        return []
    bases = [0]
    for draft in drafts:
        bases.append(bases[-1] + draft.count)
    width = int(classes.max()) + 1
    budget.spend(bases[-1])
    budget.check_table(bases[-1], width)
    table = np.zeros((bases[-1], width), np.int32)
    for draft, base in zip(drafts, bases, strict=False):
        if draft.copies:
            _copy_in(draft, table[base:], classes)
    spreads = _joined([draft.spreads for draft in drafts], bases, 2)
    chains = [(base, *c) for draft, base in zip(drafts, bases, strict=False) for c in draft.chains]
    written = _written(chains)
    if chains:
        runs = written[:, 0], np.repeat([c[4] for c in chains], [len(c[2]) for c in chains])
        spreads = np.concatenate([spreads, np.stack(runs, 1)[runs[1] != 0]])
    if len(spreads):
        table[spreads[:, 0]] = np.where(inside, spreads[:, 1:], 0)
    edges = np.concatenate([_joined([draft.cells for draft in drafts], bases, 3), written])
    table[edges[:, 0], classes[edges[:, 1]]] = edges[:, 2]
    for group in dict.fromkeys(group for draft in drafts for group in draft.groups):
        entries = _joined([draft.groups.get(group, array("i")) for draft in drafts], bases, 2)
        for column in dict.fromkeys(classes[list(group)].tolist()):
            table[entries[:, 0], column] = entries[:, 1]
    return [
        _rule(draft, classes, table[base : base + draft.count])
        for draft, base in zip(drafts, bases, strict=False)
    ]


def _joined(parts: "list[array[int]]", bases: list[int], width: int) -> Table:
    """Rows of numbers, the states that they begin with numbered through."""
    every = np.concatenate([np.frombuffer(part, np.int32) for part in parts]).reshape(-1, width)
    counts = [len(part) // width for part in parts]
    every[:, 0] += np.repeat(np.array(bases[: len(parts)], np.int32), counts)
    return every


def _written(chains: list[tuple[int, int, bytes, int, int]]) -> Table:
    """The edges of chains."""
    lengths = np.array([len(text) for _, _, text, _, _ in chains], np.int64)
    last = np.cumsum(lengths) - 1
    within = np.arange(int(lengths.sum())) - np.repeat(last + 1 - lengths, lengths)
    edges = np.empty((len(within), 3), np.int32)
    first = np.array([first for _, first, _, _, _ in chains], np.int64)
    target = np.repeat(first, lengths) + within + 1
    target[last] = [entry for _, _, _, entry, _ in chains]
    edges[:, 0] = np.repeat([base + first for base, first, _, _, _ in chains], lengths) + within
    edges[:, 1] = np.frombuffer(b"".join(text for _, _, text, _, _ in chains), np.uint8)
    edges[:, 2] = target
    return edges


def _rule(draft: Draft, classes: Classes, table: Table) -> Rule:
    ends = np.zeros(draft.count, np.int32)
    for state, verdict in draft.ends.items():
        ends[state] = verdict
    return Rule(classes, table, ends, 1, tuple(draft.moves))


def _copy_in(draft: Draft, table: Table, classes: Classes) -> None:
    columns: NDArray[np.intp] = representatives(classes)
    for base, part in draft.copies:
        rows = part.dfa.table[1:, part.classes[columns]]
        table[base + 1 : base + 1 + len(rows)] = np.where(rows > 0, rows + base, 0)
    if draft.rows:
        states, bases, sources = np.array(draft.rows, np.int32).T
        table[states] = table[bases + sources]


def distinguish(used: Iterable[int]) -> tuple[Classes, Flags]:
    """Classes that tell these bytes apart, and which of them a string may go on with."""
    inside = np.zeros(256, np.bool_)
    inside[0x20:0x80] = True
    inside[0xC2:0xF5] = True
    listed = sorted(set(used))
    classes = inside.astype(np.uint8)
    classes[list(DIGITS)] = 2
    classes[listed] = np.arange(3, 3 + len(listed))
    return classes, np.concatenate([[False, True, True], inside[listed]])
