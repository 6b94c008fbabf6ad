"""Assembly: automata put one behind the other, side by side and in loops, as the text of a JSON value needs them.

    build = Assembly(budget)
    start, end = build.state(), build.state()
    first, last = build.place(name)                     # a copy of a finished automaton
    build.literal(start, b'{"name": ', first)
    build.literal(last, b"}", end)
    part = build.finish(start, end)

Placing costs nothing but a note; `finish` copies the tables with shifted numbers. Because the separators of JSON differ
from whatever may come before them, nearly all joints are deterministic as they stand, and only real choices (several
properties may follow, alternatives begin alike) go through the subset construction.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...automata.automaton import Nfa, Table, determinise
from ...automata.bytedfa import ByteDfa, Classes, join_classes, representatives
from ...limits import Budget


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    part: ByteDfa
    base: int  # number of its state 1


class Assembly:
    """Grows an automaton over bytes. States are numbers; 0 is dead."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._count = 1
        self._edges: list[tuple[int, int, int]] = []
        self._free: dict[int, list[int]] = {}
        self._placed: list[_Placed] = []

    def state(self) -> int:
        """A new state."""
        self._count += 1
        return self._count - 1

    def link(self, source: int, target: int) -> None:
        """Whatever follows `target` may also follow `source`."""
        self._free.setdefault(source, []).append(target)

    def literal(self, source: int, text: bytes, target: int) -> None:
        """These bytes, at least one, lead from one state to the other."""
        assert text, (source, target)
        for byte in text[:-1]:
            self._edges.append((source, byte, self._count))
            source = self.state()
        self._edges.append((source, text[-1], target))

    def place(self, part: ByteDfa) -> tuple[int, int]:
        """Copies a trimmed automaton in; returns its first state and one behind all its ends."""
        base = self._count
        self._budget.spend(part.dfa.states)
        self._count += part.dfa.states - 1
        self._placed.append(_Placed(part, base))
        ends = np.flatnonzero(part.dfa.accepting)
        first = base + part.dfa.start - 1
        if len(ends) == 1 and not part.dfa.table[ends[0]].any():
            return first, base + int(ends[0]) - 1
        last = self.state()
        for end in ends.tolist():
            self.link(base + end - 1, last)
        return first, last

    def finish(self, start: int, end: int) -> ByteDfa:
        """The automaton of all texts that lead from `start` to `end`."""
        parts = {id(p.part): p.part for p in self._placed}
        classes = join_classes([self._literal_classes(), *(p.classes for p in parts.values())])
        width = int(classes.max()) + 1
        self._budget.spend(0)
        self._budget.check_table(self._count, width)
        table = np.zeros((self._count, width), np.int32)
        columns = representatives(classes)
        spread = {key: part.dfa.table[1:, part.classes[columns]] for key, part in parts.items()}
        for placed in self._placed:
            rows = spread[id(placed.part)]
            table[placed.base : placed.base + len(rows)] = np.where(
                rows > 0, rows + (placed.base - 1), 0
            )
        self._write_edges(table, classes)
        accepting = np.zeros(self._count, np.bool_)
        accepting[end] = True
        return ByteDfa(classes, determinise(Nfa(table, accepting, self._free, start), self._budget))

    def _literal_classes(self) -> Classes:
        """Each byte of a literal is a class of its own."""
        classes = np.zeros(256, np.uint8)
        used = np.array(sorted({byte for _, byte, _ in self._edges}), np.intp)
        classes[used] = np.arange(1, len(used) + 1) if len(used) < 256 else used
        return classes

    def _write_edges(self, table: Table, classes: Classes) -> None:
        if not self._edges:
            return
        edges: NDArray[np.int64] = np.array(self._edges, np.int64)
        source, byte, target = edges.T
        assert not table[source, classes[byte]].any(), "two literals leave a state alike"
        table[source, classes[byte]] = target
