"""Networks: what a rule consists of, as a deterministic automaton over symbols.

    network = draw(part, budget)                                # of a rule's content
    network = build(starts, follow, budget)                     # of anything that has items, edges and free ways

All changes to a grammar (recursion turned into loops, rules put into each other, alternatives told apart) are made by
building a network from items that stand for places in older ones. A network is trimmed, minimal and numbered in one
way only, so that equal languages over symbols are equal networks. Slow: some 10 us for each edge.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from ..limits import Budget
from .syntax import Either, Part, Row, Symbol, Times

MOST_ROUNDS = 64
MOST_STATES = 1000  # of networks that are built to see whether they are better


class TooManyStates(Exception):
    """A network would become too large. Whoever builds one that is not needed leaves things as they were."""


@dataclass(frozen=True, slots=True)
class Follow:
    """What leads on from an item: by a symbol, by nothing, and whether the text may end there."""

    edges: Iterable[tuple[int, Hashable]] = ()
    free: Iterable[Hashable] = ()
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """rows: for each state the symbols that lead on, ascending, and where to. State 0 is the start."""

    rows: tuple[tuple[tuple[int, int], ...], ...]
    ends: tuple[bool, ...]

    @property
    def weight(self) -> int:
        """States and edges."""
        return len(self.rows) + sum(map(len, self.rows))

    @property
    def empty(self) -> bool:
        """Whether it accepts nothing."""
        return not self.rows[0] and not self.ends[0]

    def symbols(self) -> set[int]:
        """Every symbol on an edge."""
        return {symbol for row in self.rows for symbol, _ in row}

    def follow(self, state: int) -> Follow:
        """What leads on from a state, for `build`."""
        return Follow(self.rows[state], (), self.ends[state])


Rows = list[dict[int, int]]


def build(
    starts: Iterable[Hashable],
    follow: Callable[[Hashable], Follow],
    budget: Budget,
    most: int | None = None,
) -> Network:
    """The network of all that leads from the start items to an end. Raises TooManyStates above `most`."""

    def row_of(items: frozenset[Hashable]) -> dict[int, set[Hashable]]:
        found: dict[int, set[Hashable]] = {}
        for item in items:
            for symbol, target in follow(item).edges:
                found.setdefault(symbol, set()).add(target)
        return found

    free: dict[Hashable, tuple[Hashable, ...]] = {}

    def close(items: Iterable[Hashable]) -> frozenset[Hashable]:
        budget.spend(0)
        seen = set(items)
        stack = list(seen)
        while stack:
            item = stack.pop()
            if item not in free:
                free[item] = tuple(follow(item).free)
            for target in free[item]:
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
        return frozenset(seen)

    ways = Ways(row_of, close, lambda item: follow(item).ends)
    return determinise(close(starts), ways, budget, most)


@dataclass(frozen=True, slots=True)
class Ways:
    """row_of: the items behind each symbol, for a closed set of items; close: a set with all that is free to reach from
    it; ends_at: whether the text may end at an item."""

    row_of: Callable[[frozenset[Hashable]], dict[int, set[Hashable]]]
    close: Callable[[Iterable[Hashable]], frozenset[Hashable]]
    ends_at: Callable[[Hashable], bool]


def determinise(
    start: frozenset[Hashable], ways: Ways, budget: Budget, most: int | None
) -> Network:
    """The network whose states are sets of items. Raises TooManyStates above `most`."""
    numbers = {start: 0}
    order = [start]
    rows: Rows = []
    for items in order:
        row: dict[int, int] = {}
        for symbol, targets in ways.row_of(items).items():
            closed = ways.close(targets)
            if closed not in numbers:
                numbers[closed] = len(order)
                order.append(closed)
            row[symbol] = numbers[closed]
        budget.spend(1)
        if most is not None and len(order) > most:
            raise TooManyStates
        rows.append(row)
    return _finish(rows, [any(map(ways.ends_at, items)) for items in order], budget)


def _finish(rows: Rows, ends: list[bool], budget: Budget) -> Network:
    """Trimmed, minimal, numbered breadth first."""
    distance = _distances(rows, ends)
    rows = [{s: t for s, t in row.items() if distance[t] is not None} for row in rows]
    blocks = _equal_states(rows, ends, distance, budget)
    order = [0]
    numbers = {blocks[0]: 0}
    for state in order:
        for _, target in sorted(rows[state].items()):
            if blocks[target] not in numbers:
                numbers[blocks[target]] = len(order)
                order.append(target)
    return Network(
        tuple(tuple((s, numbers[blocks[t]]) for s, t in sorted(rows[n].items())) for n in order),
        tuple(ends[n] for n in order),
    )


def _distances(rows: Rows, ends: list[bool]) -> list[int | None]:
    """Fewest symbols from each state to an end; None where none is reached."""
    sources: dict[int, list[int]] = {}
    for state, row in enumerate(rows):
        for target in row.values():
            sources.setdefault(target, []).append(state)
    found: list[int | None] = [0 if end else None for end in ends]
    queue = [state for state, end in enumerate(ends) if end]
    for state in queue:
        for source in sources.get(state, ()):
            if found[source] is None:
                found[source] = (found[state] or 0) + 1
                queue.append(source)
    return found


def _equal_states(
    rows: Rows, ends: list[bool], distance: list[int | None], budget: Budget
) -> list[int]:
    """A block for each state; states of one block are equal. Too deep networks are left as they are."""
    blocks = _number([(end, d) for end, d in zip(ends, distance, strict=True)])
    count = 0
    for _ in range(MOST_ROUNDS):
        found = len(set(blocks))
        if found == count:
            return blocks
        count = found
        budget.spend(0)
        blocks = _number(
            [
                (block, *sorted((s, blocks[t]) for s, t in row.items()))
                for block, row in zip(blocks, rows, strict=True)
            ]
        )
    return list(range(len(rows)))


def _number(keys: Iterable[Hashable]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def draw(part: Part, budget: Budget) -> Network:
    """The network of a rule's content."""
    sketch = _Sketch(budget)
    final = sketch.part(part, 0)

    def follow(item: Hashable) -> Follow:
        assert isinstance(item, int)
        return Follow(sketch.edges.get(item, ()), sketch.free.get(item, ()), item == final)

    return build([0], follow, budget)


class _Sketch:
    """Grows edges and free ways between numbered places."""

    def __init__(self, budget: Budget) -> None:
        self.edges: dict[int, list[tuple[int, int]]] = {}
        self.free: dict[int, list[int]] = {}
        self._budget = budget
        self._count = 1

    def part(self, part: Part, entry: int) -> int:
        """Adds a part behind a place, and returns the place behind that."""
        match part:
            case Symbol(number):
                leave = self._place()
                self.edges.setdefault(entry, []).append((number, leave))
                return leave
            case Row(parts):
                for inner in parts:
                    entry = self.part(inner, entry)
                return entry
            case Either(parts):
                leave = self._place()
                for inner in parts:
                    if isinstance(inner, Symbol):
                        self.edges.setdefault(entry, []).append((inner.number, leave))
                    else:
                        self._way(self.part(inner, self._branch(entry)), leave)
                return leave
            case Times(body, low, high):
                for _ in range(low):
                    entry = self.part(body, entry)
                return self._more(body, None if high is None else high - low, entry)

    def _more(self, body: Part, rounds: int | None, entry: int) -> int:
        if rounds is None:
            loop = self._branch(entry)
            self._way(self.part(body, loop), loop)
            return self._branch(loop)
        leave = self._place()
        for _ in range(rounds):
            self._way(entry, leave)
            entry = self.part(body, self._branch(entry))
        self._way(entry, leave)
        return leave

    def _place(self) -> int:
        self._budget.spend(1)
        self._count += 1
        return self._count - 1

    def _way(self, source: int, target: int) -> None:
        self.free.setdefault(source, []).append(target)

    def _branch(self, entry: int) -> int:
        fresh = self._place()
        self._way(entry, fresh)
        return fresh
