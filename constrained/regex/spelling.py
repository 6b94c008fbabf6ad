"""Spellings: how characters are written as bytes, and patterns lowered to automata that read those bytes.

    part = spell(pattern, utf8(pattern.alphabet), budget)                 # plain text
    part = quote(pattern, json(pattern.alphabet, plain=True), budget)     # a JSON string, quotes included

A Spelling is a trie that reads the bytes of one character and ends in the character's class; lowering is the product of
a pattern with it. So JSON escapes stay possible under every pattern and length. In "json" a character may be raw, or
\\b \\f \\n \\r \\t \\" \\\\ \\/ or \\uXXXX, as a surrogate pair where it takes two; "json_plain" leaves the needless
ones away (\\/, and \\u for printable ASCII), so that what a pattern fixes stays fixed in the text too.
"""

import bisect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Dfa, Flags, Table
from ..automata.bytedfa import ByteDfa, Classes, distinct_columns
from ..limits import Budget
from .charset import LAST, Alphabet
from .pattern import Pattern

SHORT_ESCAPES = dict(zip(b'btnfr"\\', b'\b\t\n\f\r"\\', strict=True))
QUOTE, BACKSLASH = 0x22, 0x5C
LOWER_HEX, UPPER_HEX = b"0123456789abcdef", b"0123456789ABCDEF"
# Blocks of UTF-8 in which some code points are not written: overlong forms, surrogates, above the last one.
IRREGULAR = {(0, 64**2), (0xD000, 64**2), (0, 64**3), (0x100000, 64**3)}

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Spelling:
    """Row 0 is the root. An entry is 0 where no character goes on, n > 0 for node n, -1 - k at the end of class k.

    classes: uint8 [256] of bytes; table: int32 [nodes, byte classes]; leaves[n]: classes that node n leads to.
    """

    classes: Classes
    table: Table
    leaves: list[tuple[int, ...]]


class _Trie:
    """Grows a Spelling from its leaves: equal nodes are one."""

    def __init__(self, alphabet: Alphabet) -> None:
        self._alphabet = alphabet
        self._numbers: dict[tuple[tuple[int, int], ...], int] = {}
        self._uniform: dict[tuple[str, int, int], int] = {}
        self.rows: list[dict[int, int]] = [{}]

    def node(self, row: dict[int, int]) -> int:
        """The node of this row; 0 if nothing goes on from it."""
        row = {byte: entry for byte, entry in row.items() if entry}
        key = tuple(sorted(row.items()))
        if key and key not in self._numbers:
            self._numbers[key] = len(self.rows)
            self.rows.append(row)
        return self._numbers.get(key, 0)

    def kind(self, low: int, size: int) -> int | None:
        """Class of these code points if all have the same."""
        starts = self._alphabet.starts
        at = bisect.bisect_right(starts, low) - 1
        whole = at + 1 == len(starts) or starts[at + 1] >= low + size
        return self._alphabet.ids[at] if whole else None

    def leaf(self, code: int) -> int:
        """The entry at the end of a character."""
        kind = self.kind(code, 1)
        assert kind is not None, code
        return -1 - kind

    def shared(
        self, what: str, kind: int | None, size: int, row: Callable[[], dict[int, int]]
    ) -> int:
        """The node of a block; one node stands for every block of this size that is of one class."""
        if kind is None:
            return self.node(row())
        key = (what, kind, size)
        if key not in self._uniform:
            self._uniform[key] = self.node(row())
        return self._uniform[key]


class _Utf8(_Trie):
    """Characters as UTF-8."""

    def root(self) -> dict[int, int]:
        """Entries of the first byte."""
        row = {code: self.leaf(code) for code in range(0x80)}
        row |= {0xC0 + i: self.block(i * 64, 64) for i in range(2, 32)}
        row |= {0xE0 + i: self.block(i * 64**2, 64**2) for i in range(16)}
        row |= {0xF0 + i: self.block(i * 64**3, 64**3) for i in range(5)}
        return row

    def block(self, low: int, size: int) -> int:
        """Entry after which continuation bytes choose among `size` code points from `low`."""
        if size == 1:
            return self.leaf(low)
        kind = None if (low, size) in IRREGULAR else self.kind(low, size)
        return self.shared("utf8", kind, size, lambda: self._continuation(low, size // 64))

    def _continuation(self, low: int, size: int) -> dict[int, int]:
        # What fewer bytes can say must not be said with more; nor surrogates, nor what is above the last code point.
        shortest = {1: 0, 64: 0x800, 64**2: 0x10000}[size]
        starts = [(0x80 + i, low + i * size) for i in range(64)]
        return {
            byte: self.block(start, size)
            for byte, start in starts
            if shortest <= start <= LAST and not (size == 64 and 0xD800 <= start < 0xE000)
        }


class _Json(_Utf8):
    """Characters as between the quotes of a JSON string."""

    def __init__(self, alphabet: Alphabet, plain: bool) -> None:
        super().__init__(alphabet)
        self._plain = plain

    def root(self) -> dict[int, int]:
        row = super().root()
        for byte in (*range(0x20), QUOTE, BACKSLASH):
            del row[byte]
        escapes = {letter: self.leaf(code) for letter, code in SHORT_ESCAPES.items()}
        if not self._plain:
            escapes[ord("/")] = self.leaf(ord("/"))
        escapes[ord("u")] = self._units(0, 0x10000)
        row[BACKSLASH] = self.node(escapes)
        return row

    def _units(self, low: int, size: int) -> int:
        """Entry after which hexadecimal digits choose among `size` UTF-16 units from `low`."""
        if size == 1:
            return self._unit(low)
        high = low + size - 1

        def row() -> dict[int, int]:
            return _digits(lambda i: self._units(low + i * size // 16, size // 16))

        if low >= 0xD800 and high <= 0xDBFF:
            first = _supplementary(low)
            return self.shared("high", self.kind(first, size * 0x400), size, row)
        irregular = (self._plain and low < 0x80) or (low <= 0xDFFF and high >= 0xD800)
        return self.shared("unit", None if irregular else self.kind(low, size), size, row)

    def _unit(self, unit: int) -> int:
        if 0xD800 <= unit <= 0xDBFF:
            first = _supplementary(unit)
            return self.shared(
                "half", self.kind(first, 0x400), 0x400, lambda: self._low_half(first)
            )
        needless = self._plain and 0x20 <= unit < 0x7F
        return 0 if needless or 0xDC00 <= unit <= 0xDFFF else self.leaf(unit)

    def _low_half(self, first: int) -> dict[int, int]:
        """Row behind a high surrogate: \\uDC00 to \\uDFFF choose among 1024 code points."""
        third = _digits(lambda i: self._low_units(first + (i - 12) * 256, 256) if i >= 12 else 0)
        second = _digits(lambda i: self.node(third) if i == 13 else 0)
        return {BACKSLASH: self.node({ord("u"): self.node(second)})}

    def _low_units(self, low: int, size: int) -> int:
        if size == 1:
            return self.leaf(low)

        def row() -> dict[int, int]:
            return _digits(lambda i: self._low_units(low + i * size // 16, size // 16))

        return self.shared("low", self.kind(low, size), size, row)


def _supplementary(high_surrogate: int) -> int:
    """First of the 1024 code points that begin with this surrogate."""
    return 0x10000 + (high_surrogate - 0xD800) * 0x400


def _digits(entry: Callable[[int], int]) -> dict[int, int]:
    """A row that reads one hexadecimal digit, in either case."""
    row: dict[int, int] = {}
    for value in range(16):
        row[LOWER_HEX[value]] = row[UPPER_HEX[value]] = entry(value)
    return row


def utf8(alphabet: Alphabet) -> Spelling:
    """Characters as plain UTF-8."""
    trie = _Utf8(alphabet)
    return _finish(trie, trie.root())


def json(alphabet: Alphabet, plain: bool) -> Spelling:
    """Characters as in a JSON string; plain: without needless escapes."""
    trie = _Json(alphabet, plain)
    return _finish(trie, trie.root())


def _finish(trie: _Trie, root: dict[int, int]) -> Spelling:
    trie.rows[0] = root
    wide = np.zeros((len(trie.rows), 256), np.int32)
    for number, row in enumerate(trie.rows):
        wide[number, list(row)] = list(row.values())
    # The quote is set apart, since `quote` gives it a meaning of its own.
    marked = np.concatenate([wide, (np.arange(256) == QUOTE)[None, :].astype(np.int32)])
    first, classes = distinct_columns(marked)
    leaves: list[tuple[int, ...]] = [()] * len(trie.rows)
    for number, row in enumerate(trie.rows[1:], 1):
        # Children come before their parents, so theirs are known.
        found = {k for e in row.values() for k in ((-1 - e,) if e < 0 else leaves[e])}
        leaves[number] = tuple(sorted(found))
    return Spelling(classes, wide[:, first], leaves)


def spell(pattern: Pattern, spelling: Spelling, budget: Budget) -> ByteDfa:
    """The automaton over bytes that reads the pattern's texts in this spelling."""
    table, accepting = _lower(pattern.dfa, spelling, budget)
    return ByteDfa(spelling.classes, Dfa(table, accepting, pattern.dfa.start))


def quote(pattern: Pattern, spelling: Spelling, budget: Budget) -> ByteDfa:
    """As `spell`, between quotes."""
    table, accepting = _lower(pattern.dfa, spelling, budget)
    states = len(table)
    grown = np.zeros((states + 2, table.shape[1]), np.int32)
    grown[:states] = table
    mark = int(spelling.classes[QUOTE])
    grown[states, mark] = pattern.dfa.start
    grown[:states][accepting, mark] = states + 1
    flags = np.zeros(states + 2, np.bool_)
    flags[states + 1] = True
    return ByteDfa(spelling.classes, Dfa(grown, flags, states))


def _lower(dfa: Dfa, spelling: Spelling, budget: Budget) -> tuple[Table, Flags]:
    """Table and flags of the product. States of the pattern keep their numbers; states inside a character follow."""
    following, numbers, groups = _number_nodes(dfa, spelling)
    states = int(numbers.max(initial=dfa.states - 1)) + 1
    budget.spend(states)
    budget.check_table(states, spelling.table.shape[1])
    table = np.zeros((states, spelling.table.shape[1]), np.int32)
    everyone = np.arange(1, dfa.states)
    table[1 : dfa.states] = _rows(spelling.table[:1], everyone, following, numbers)[:, 0]
    for nodes, holders in groups:
        rows = _rows(spelling.table[nodes], holders, following, numbers)
        table[numbers[np.ix_(holders, nodes)]] = rows
    table[0] = 0
    accepting = np.zeros(states, np.bool_)
    accepting[: dfa.states] = dfa.accepting
    return table, accepting


def _number_nodes(
    dfa: Dfa, spelling: Spelling
) -> tuple[Table, Table, list[tuple[Indices, Indices]]]:
    """Numbers for (state, node): states that agree on all classes below a node share it, dead ones have 0.

    Returns the transition table, numbers [states, nodes], and (nodes, states that stand for their equals) of each group
    of nodes with the same leaves.
    """
    numbers = np.zeros((dfa.states, len(spelling.leaves)), np.int32)
    numbers[:, 0] = np.arange(dfa.states)
    by_leaves: dict[tuple[int, ...], list[int]] = {}
    for node, leaves in enumerate(spelling.leaves[1:], 1):
        by_leaves.setdefault(leaves, []).append(node)
    groups: list[tuple[Indices, Indices]] = []
    count = dfa.states
    for leaves, nodes in by_leaves.items():
        seen = dfa.table[:, leaves]
        _, holders, which = np.unique(seen, axis=0, return_index=True, return_inverse=True)
        rank = np.cumsum(seen[holders].any(1)) - 1
        block = count + rank[:, None] * len(nodes) + np.arange(len(nodes))
        block[~seen[holders].any(1)] = 0
        numbers[:, nodes] = block[which.reshape(-1)]
        live = holders[seen[holders].any(1)]
        count += len(live) * len(nodes)
        groups.append((np.array(nodes), live))
    return dfa.table, numbers, groups


def _rows(entries: Table, states: Indices, following: Table, numbers: Table) -> Table:
    """Rows [states, nodes, byte classes] of the product for these states and the nodes with these entries."""
    inside = numbers[states][:, np.maximum(entries, 0)]
    ended = following[states][:, np.maximum(-1 - entries, 0)]
    return np.where(entries > 0, inside, np.where(entries < 0, ended, 0)).astype(np.int32)
