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
from itertools import pairwise

import numpy as np

from ...automata.automaton import Flags, Table
from ...automata.bytedfa import ByteDfa, Classes, join_classes, representatives
from ...limits import Budget
from ...machine.rule import Move, Rule

DIGITS = b"123456789"  # which only names and listed items tell apart
# By byte: 1 where a string may go on with it, 2 for digits, 0 for all others.
PLAIN_CLASSES = bytes(
    2 if byte in DIGITS else int(0x20 <= byte < 0x80 or 0xC2 <= byte < 0xF5) for byte in range(256)
)


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
        self.spreading: array[int] = array("i")  # states
        self.spreads: array[int] = array("i")  # what each of them leads to
        self.letters = bytearray()  # the texts of chains, one behind the other
        self.chained: array[int] = array("i")  # the state that reads each letter
        self.links: array[int] = array("i")  # what it leads to
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
            return
        found = self.groups.get(group)
        if found is None:
            found = self.groups[group] = array("i")
        found.extend((state, entry))

    def chain(self, text: bytes, target: int, spread: int) -> int:
        """The first of the states that read a text and lead to an entry; each goes on with `spread` (0: nowhere) on
        every other byte of a string."""
        assert text, target
        first = self.count
        self.count = end = first + len(text)
        self.letters += text
        self.chained.extend(range(first, end))
        self.links.extend(range(first + 1, end))
        self.links.append(target)
        if spread:
            self.spreading.extend(range(first, end))
            self.spreads.extend([spread] * len(text))
        return first

    def move(self, move: Move) -> int:
        """The entry that stands for a move."""
        entry = self._entries.get(move)
        return self._add(move, move) if entry is None else entry

    def call(self, rule: int, after: tuple[int, ...]) -> int:
        """The entry of a call, and of nothing else."""
        entry = self._entries.get((rule, after))
        return self._add((rule, after), Move(after, rule)) if entry is None else entry

    def read(
        self, states: Iterable[int], rules: Iterable[tuple[bytes, int]], after: tuple[int, ...]
    ) -> None:
        """From each of these states every rule is called on the bytes that it begins with, and goes on there. rules:
        those bytes, and the place. No other move of the draft leads to the same state."""
        moves, cells = self.moves, self.cells
        for group, place in rules:
            moves.append(Move(after, place))
            for state in states:
                if len(group) == 1:
                    cells.extend((state, group[0], -len(moves)))
                else:
                    self.edges(state, group, -len(moves))

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
        self.spreading.append(state)
        self.spreads.append(entry)

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
    """The rules, side by side in one table: each with a dead state of its own, numbers as they are. classes must tell
    apart the bytes of all edges; inside: the classes that `spread` speaks of."""
    if not drafts:
        return []
    parts = {id(part): part for draft in drafts for _, part in draft.copies}
    if parts:
        joint = join_classes([classes, *(part.classes for part in parts.values())])
        shown = np.zeros(int(joint.max()) + 1, np.bool_)
        shown[joint] = inside[classes]
        classes, inside = joint, shown
    bases = [0]
    for draft in drafts:
        bases.append(bases[-1] + draft.count)
    width = int(classes.max()) + 1
    budget.spend(bases[-1])
    budget.check_table(bases[-1], width)
    table = np.zeros((bases[-1], width), np.int32)
    if parts:
        _copy_in(drafts, bases, parts, (table, classes))
    _write(drafts, np.array(bases, np.int32), table, (classes, inside))
    ends = np.zeros(bases[-1], np.int32)
    for draft, base in zip(drafts, bases, strict=False):
        for state, verdict in draft.ends.items():
            ends[base + state] = verdict
    return [
        Rule(classes, table[base:end], ends[base:end], 1, tuple(draft.moves))
        for draft, (base, end) in zip(drafts, pairwise(bases), strict=True)
    ]


def _write(
    drafts: Sequence[Draft], shifts: Table, table: Table, known: tuple[Classes, Flags]
) -> None:
    """All edges. known: the classes, and which of them `spread` speaks of."""
    classes, inside = known
    spreading = _joined([draft.spreading for draft in drafts], shifts, 1)[:, 0]
    if len(spreading):
        spreads = np.frombuffer(bytearray().join([d.spreads for d in drafts]), np.int32)
        table[spreading] = inside * spreads[:, None]
    cells = _joined([draft.cells for draft in drafts], shifts, 3)
    table[cells[:, 0], classes[cells[:, 1]]] = cells[:, 2]
    chained = _joined([draft.chained for draft in drafts], shifts, 1)[:, 0]
    letters = np.frombuffer(bytearray().join([draft.letters for draft in drafts]), np.uint8)
    links = np.frombuffer(bytearray().join([draft.links for draft in drafts]), np.int32)
    table[chained, classes[letters]] = links
    runs = _unrolled(_joined([draft.runs for draft in drafts], shifts, 5))
    table[runs[:, 0], classes[runs[:, 1]]] = runs[:, 2]
    none: array[int] = array("i")
    for group in dict.fromkeys(group for draft in drafts for group in draft.groups):
        entries = _joined([draft.groups.get(group, none) for draft in drafts], shifts, 2)
        columns = list(dict.fromkeys(classes[list(group)].tolist()))
        table[entries[:, :1], columns] = entries[:, 1:]


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


def _counted(lengths: Table) -> Table:
    """0, 1, 2 and so on for each length."""
    ends = lengths.cumsum(dtype=np.int32)
    return np.arange(ends[-1], dtype=np.int32) - (ends - lengths).repeat(lengths)


def _copy_in(
    drafts: Sequence[Draft],
    bases: list[int],
    parts: dict[int, ByteDfa],
    known: tuple[Table, Classes],
) -> None:
    """The automata that drafts have copied in, and the rows that their states begin with. known: the table that is
    written into, and the classes of its columns."""
    table, classes = known
    columns = representatives(classes)
    rows = {key: part.dfa.table[1:, part.classes[columns]] for key, part in parts.items()}
    for draft, first in zip(drafts, bases, strict=False):
        for base, part in draft.copies:
            found = rows[id(part)]
            at = first + base + 1
            table[at : at + len(found)] = np.where(found > 0, found + base, 0)
        if draft.rows:
            states, copied, sources = np.array(draft.rows, np.int32).T
            table[first + states] = table[first + copied + sources]


def distinguish(used: Iterable[int]) -> tuple[Classes, Flags]:
    """Classes that tell these bytes apart, and which of them a string may go on with."""
    listed = sorted(set(used))
    classes = bytearray(PLAIN_CLASSES)
    for number, byte in enumerate(listed, 3):
        classes[byte] = number
    inside = [False, True, True, *[PLAIN_CLASSES[byte] > 0 for byte in listed]]
    return np.frombuffer(classes, np.uint8), np.array(inside)
