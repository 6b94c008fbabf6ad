"""ByteDfa: an automaton over bytes, the common currency of everything below a schema.

    part = from_rows(classes, table, accepting, start)

Bytes that no state tells apart share a class, so tables have 5 to 100 columns instead of 256.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..limits import Budget
from .automaton import Dfa, Table

Classes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class ByteDfa:
    """classes: uint8 [256], the class of each byte; dfa: its symbols are those classes."""

    classes: Classes
    dfa: Dfa

    def walk(self, state: int, data: bytes) -> int:
        """The state after reading `data`, 0 once it is not accepted."""
        for symbol in self.classes[np.frombuffer(data, np.uint8)].tolist():
            state = int(self.dfa.table[state, symbol])
        return state

    def accepts(self, data: bytes) -> bool:
        """Whether these bytes, whole, are accepted."""
        return bool(self.dfa.accepting[self.walk(self.dfa.start, data)])


def join_classes(parts: Iterable[Classes]) -> Classes:
    """The coarsest classes that tell apart whatever one of the parts does. At most 256, so uint8 holds them."""
    columns = [np.zeros(256, np.uint8), *parts]
    width = max(8, len(columns))
    packed = np.zeros((256, width), np.uint8)
    packed[:, : len(columns)] = np.stack(columns, 1)
    # Eight numbers are one, the first of them weighing most; more are a text.
    rows = packed.view(">u8").astype(np.uint64) if width == 8 else packed.view(f"S{width}")
    rows = rows.reshape(-1)
    order = rows.argsort(kind="stable")
    ordered = rows[order]
    numbers = np.zeros(256, np.uint8)
    numbers[order[1:]] = (ordered[1:] != ordered[:-1]).cumsum()
    return numbers


def representatives(classes: Classes) -> NDArray[np.intp]:
    """One byte of each class, the first, in the order of classes."""
    found = np.empty(int(classes.max()) + 1, np.intp)
    found[classes[::-1]] = np.arange(255, -1, -1)
    return found


def distinct_columns(table: Table) -> tuple[list[int], Classes]:
    """The first of each kind of column of a table with at most 256 kinds, and each column's number among those."""
    numbers: dict[bytes, int] = {}
    first: list[int] = []
    which: list[int] = []
    for index, column in enumerate(np.ascontiguousarray(table.T)):
        number = numbers.setdefault(column.tobytes(), len(numbers))
        if number == len(first):
            first.append(index)
        which.append(number)
    return first, np.array(which, np.uint8)


def explore(
    start: Hashable,
    follow: Callable[[Hashable], Iterable[tuple[bytes, Hashable]]],
    accepting: Callable[[Hashable], bool],
    budget: Budget,
) -> ByteDfa:
    """The automaton whose states are values: `follow` gives (bytes, next value) for each way on from one."""
    numbers: dict[Hashable, int] = {start: 1}
    order = [start]
    edges: list[tuple[int, bytes, int]] = []
    for value in order:
        budget.spend(1)
        for data, target in follow(value):
            if target not in numbers:
                numbers[target] = len(numbers) + 1
                order.append(target)
            edges.append((numbers[value], data, numbers[target]))
    classes = join_classes(_marks(data) for data in {data for _, data, _ in edges})
    table = np.zeros((len(order) + 1, int(classes.max()) + 1), np.int32)
    for source, data, target in edges:
        table[source, classes[np.frombuffer(data, np.uint8)]] = target
    flags = np.array([False, *map(accepting, order)])
    return ByteDfa(classes, Dfa(table, flags, 1))


def _marks(data: bytes) -> Classes:
    marks = np.zeros(256, np.uint8)
    marks[np.frombuffer(data, np.uint8)] = 1
    return marks
