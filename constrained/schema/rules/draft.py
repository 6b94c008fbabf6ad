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

from ...automata.automaton import Flags, Table
from ...automata.bytedfa import ByteDfa, Classes, join_classes, representatives
from ...limits import Budget
from ...machine.rule import Move, Rule

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
        self.letters = bytearray()  # the texts of chains, one behind the other
        self.chains: array[int] = array("i")  # first state, length, entry, spread, and so on
        self.groups: dict[bytes, array[int]] = {}
        self.runs: array[int] = array(
            "i"
        )  # state, byte, entry, how many, what is added to the entry; and so on

    def state(self) -> int:
        """A new state."""
        self.count += 1
        return self.count - 1

    def edge(self, state: int, byte: int, entry: int) -> None:
        """On this byte, this entry. A later edge stands for an earlier one."""
        self.cells.extend((state, byte, entry))

    def states(self, count: int) -> int:
        """The first of so many new states."""
        self.count += count
        return self.count - count

    def span(self, first: int, last: int, byte: int, entry: int) -> None:
        """On this byte, this entry, from a state to another."""
        if first == last:
            self.cells.extend((first, byte, entry))
        else:
            self.runs.extend((first, byte, entry, last - first + 1, 0))

    def march(self, first: int, byte: int, target: int, count: int) -> None:
        """On this byte, from so many states to as many others, each to its own."""
        if count == 1:
            self.cells.extend((first, byte, target))
        elif count:
            self.runs.extend((first, byte, target, count, 1))

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
        self.letters += text
        self.chains.extend((first, len(text), target, spread))
        return first

    def move(self, move: Move) -> int:
        """The entry that stands for a move."""
        entry = self._entries.get(move)
        return self._add(move, move) if entry is None else entry

    def call(self, rule: int, after: tuple[int, ...]) -> int:
        """The entry of a call, and of nothing else."""
        entry = self._entries.get((rule, after))
        return self._add((rule, after), Move(after, rule)) if entry is None else entry

    def add(self, move: Move) -> int:
        """The entry of a move of which it is known that no other is like it."""
        self.moves.append(move)
        return -len(self.moves)

    def _add(self, key: Move | tuple[int, tuple[int, ...]], move: Move) -> int:
        entry = self._entries[key] = self.add(move)
        return entry

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
    groups: dict[tuple[int, ...], list[Draft]] = {}  # by the automata that are copied in
    for draft in drafts:
        groups.setdefault(tuple([id(part) for _, part in draft.copies]), []).append(draft)
    found: dict[int, Rule] = {}
    for group in groups.values():
        joint, shown = classes, inside
        if group[0].copies:
            joint = join_classes([classes, *(part.classes for _, part in group[0].copies)])
            shown = np.zeros(int(joint.max()) + 1, np.bool_)
            shown[joint] = inside[classes]
        found |= zip(map(id, group), _finish(group, joint, shown, budget), strict=True)
    return [found[id(draft)] for draft in drafts]


def _finish(drafts: Sequence[Draft], classes: Classes, inside: Flags, budget: Budget) -> list[Rule]:
    """The rules of drafts, side by side in one table: each with a dead state of its own, numbers as they are."""
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
    shifts = np.array(bases, np.int32)
    written, spread = _unchained(drafts, shifts)
    spreads = np.concatenate([_joined([draft.spreads for draft in drafts], shifts, 2), spread])
    if len(spreads):
        table[spreads[:, 0]] = np.where(inside, spreads[:, 1:], 0)
    cells = _joined([draft.cells for draft in drafts], shifts, 3)
    runs = _unrolled(_joined([draft.runs for draft in drafts], shifts, 5))
    edges = np.concatenate([cells, written, runs])
    table[edges[:, 0], classes[edges[:, 1]]] = edges[:, 2]
    for group in dict.fromkeys(group for draft in drafts for group in draft.groups):
        entries = _joined([draft.groups.get(group, array("i")) for draft in drafts], shifts, 2)
        for column in dict.fromkeys(classes[list(group)].tolist()):
            table[entries[:, 0], column] = entries[:, 1]
    return [
        _rule(draft, classes, table[base : base + draft.count])
        for draft, base in zip(drafts, bases, strict=False)
    ]


def _joined(parts: "list[array[int]]", shifts: Table, width: int) -> Table:
    """Rows of numbers, the states that they begin with numbered through."""
    every = np.frombuffer(bytearray().join(parts), np.int32).reshape(-1, width)
    if len(parts) == 1:
        return every
    every[:, 0] += shifts[: len(parts)].repeat([len(part) // width for part in parts])
    return every


def _unrolled(runs: Table) -> Table:
    """The edges of runs."""
    counts = runs[:, 3]
    if not len(counts):
        return runs[:, :3]
    within = _counted(counts)
    edges = runs[:, :3].repeat(counts, 0)
    edges[:, 0] += within
    edges[:, 2] += within * runs[:, 4].repeat(counts)
    return edges


def _unchained(drafts: Sequence[Draft], shifts: Table) -> tuple[Table, Table]:
    """The edges of chains, and the spreads of their states."""
    chains = _joined([draft.chains for draft in drafts], shifts, 4)
    lengths = chains[:, 1]
    if not len(lengths):
        return np.zeros((0, 3), np.int32), np.zeros((0, 2), np.int32)
    owners = shifts[: len(drafts)].repeat([len(draft.chains) // 4 for draft in drafts])
    within = _counted(lengths)
    edges = np.empty((len(within), 3), np.int32)
    edges[:, 0] = chains[:, 0].repeat(lengths)
    edges[:, 0] += within
    edges[:, 1] = np.frombuffer(b"".join([draft.letters for draft in drafts]), np.uint8)
    edges[:, 2] = edges[:, 0] + 1
    if len(drafts) > 1:
        edges[:, 2] -= owners.repeat(lengths)
    edges[lengths.cumsum() - 1, 2] = chains[:, 2]
    spread = chains[:, 3].repeat(lengths)
    if not spread.any():
        return edges, np.zeros((0, 2), np.int32)
    return edges, np.stack([edges[:, 0], spread], 1)[spread != 0]


def _counted(lengths: Table) -> Table:
    """0, 1, 2 and so on for each length."""
    ends = lengths.cumsum(dtype=np.int32)
    return np.arange(ends[-1], dtype=np.int32) - (ends - lengths).repeat(lengths)


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
