"""Aligned: a machine's rules as one table, the step between the front ends' Machine and the finished Grammar.

    aligned = align(machine)                # the rules that the start reaches, over common byte classes
    links = find_links(aligned)             # what each move does on each byte

States and moves are numbered through, the dead state of every rule is state 0. A move that calls acts differently on
different bytes, since the called rule reads the same one: a link is a move together with what becomes of that byte.

No Python runs per state. What is slow: a third of a microsecond for each move, a microsecond for 300 entries. It
refuses to know what is live, but for states that are only left over: nothing follows them and no rule ends there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Table
from ..automata.bytedfa import Classes, join_classes, representatives
from ..errors import ConstraintBudget
from .rule import Machine, Rule
from .ways import REFUSED, Ways, gather_ways

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Numbering:
    """What the entries of rules stand for. meanings: int64, for all rules, one behind the other: 0, n > 0 the state n,
    -1 - i the way i, or REFUSED. middles: int64 [states], where entry 0 of the rule of each state is in it."""

    meanings: Ints
    middles: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """classes: uint8 [256]. table: int32 [states, classes], entries as the rule of each state has them. ends: int32
    [states]; owner: the rule of each state; closed: bool [states], where nothing could ever follow.
    starts: int64 [rules], each rule's start, 0 if it has none; rule 0 reads the whole text. spans: int64 [rules + 1],
    where the ways of each rule begin.
    """

    classes: Classes
    table: Table
    numbering: Numbering
    ends: Table
    owner: Ints
    closed: Flags
    starts: Ints
    ways: Ways
    spans: Ints
    lingers: frozenset[int]

    @property
    def deterministic(self) -> bool:
        """Whether there is never more than one thread."""
        return not self.lingers and not self.ways.others

    def read(self, states: Ints, columns: Ints) -> Ints:
        """The entries at these places: 0, n > 0 the next state, -1 - i the way i, or REFUSED."""
        middles = self.numbering.middles[states]
        return self.numbering.meanings[middles + self.table[states, columns]]

    def spell(self) -> Ints:
        """All entries."""
        width: int = self.table.shape[1]
        return self.read(np.arange(len(self.table))[:, None], np.arange(width))


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """which: int64 [ways, classes], 1 + the link of a way that some state goes on a class of bytes, else 0. ways,
    columns: int64, the way of each link and a class that it stands for. onward, at_limit: int64, what becomes of the
    byte: 0, n > 0 a state, -1 - i the link i. others: the further entries of links that have some. instead: the links
    of ways that may be gone instead of others.
    """

    which: Ints
    ways: Ints
    columns: Ints
    onward: Ints
    at_limit: Ints
    others: dict[int, list[int]]
    instead: dict[int, int] = field(default_factory=dict[int, int])

    def read(self, aligned: Aligned, states: Ints, columns: Ints) -> Ints:
        """As Aligned.read, but -1 - i is the link i."""
        found = aligned.read(states, columns)
        taken = (found < 0) & (found != REFUSED)
        pairs = ((-1 - found) * aligned.table.shape[1] + columns)[taken]
        found[taken] = -self.which.reshape(-1)[pairs]
        return found

    def spell(self, aligned: Aligned) -> Table:
        """All entries."""
        width: int = aligned.table.shape[1]
        rows = np.arange(len(aligned.table))
        return self.read(aligned, rows[:, None], np.arange(width)).astype(np.int32)


def align(machine: Machine, most_bytes: int | None = None) -> Aligned:
    """The rules that the machine's start can call, numbered through. Raises ConstraintBudget for larger tables."""
    numbers = {number: i for i, number in enumerate(called_rules(machine))}
    rules = [machine.rules[number] for number in numbers]
    classes = join_classes(list({id(rule.classes): rule.classes for rule in rules}.values()))
    states = np.array([len(rule.ends) - 1 for rule in rules], np.int64)
    moves = np.array([len(rule.moves) for rule in rules], np.int64)
    count = 1 + int(states.sum())
    check_bytes(count, int(classes.max()) + 1, most_bytes)
    table = _stack(rules, classes, count)
    closed = _find_empty(table)
    ends = np.concatenate([np.zeros(1, np.int32), *(rule.ends[1:] for rule in rules)])
    ends = ends.astype(np.int32, copy=False)
    meanings, middles = _number(states, moves, closed & (ends == 0))
    starts = meanings[middles + [rule.start for rule in rules]]
    moved = [move for rule in rules for move in rule.moves]
    ways = gather_ways(moved, numbers, meanings, np.repeat(middles, moves))
    owner = _repeat(states)
    return Aligned(
        classes, table, Numbering(meanings, middles[owner]), ends, owner, closed, np.maximum(starts, 0), ways,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(moves)]), _lingering(rules, states),
    )  # fmt: skip


def align_again(aligned: Aligned, table: Ints) -> Aligned:
    """The same with another table, whose entries are numbered through already."""
    ways = len(aligned.ways)
    meanings = np.concatenate([[REFUSED], np.arange(-ways, len(table))])
    numbering = Numbering(meanings, np.full(len(table), 1 + ways))
    entries = np.where(table == REFUSED, -1 - ways, table).astype(np.int32)
    return replace(aligned, table=entries, numbering=numbering)


def check_bytes(states: int, columns: int, most_bytes: int | None) -> None:
    """Refuses a table, the row of the dead state not counted, before it is allocated. Raises ConstraintBudget."""
    nbytes = 4 * (states - 1) * columns
    if most_bytes is not None and nbytes > most_bytes:
        raise ConstraintBudget(f"needs a table of {nbytes} bytes, above {most_bytes}")


def called_rules(machine: Machine) -> list[int]:
    """The start rule, and all that are called from there."""
    call = attrgetter("call")
    order = [machine.start]
    seen = {machine.start, None}
    for number in order:
        for callee in dict.fromkeys(map(call, machine.rules[number].moves)):
            if callee not in seen:
                seen.add(callee)
                order.append(callee)
    return order


def _number(states: Ints, moves: Ints, gone: Flags) -> tuple[Ints, Ints]:
    """The meanings of entries, and where that of entry 0 of each rule is, given how many states and moves each has, and
    the states that are left over."""
    sizes = moves + 1 + states
    middles = np.cumsum(sizes) - states - 1
    meanings: Ints = np.arange(int(sizes.sum())) - np.repeat(middles, sizes)
    up, down = np.cumsum(states) - states, np.cumsum(moves) - moves
    meanings += np.repeat(up, sizes) * (meanings > 0) - np.repeat(down, sizes) * (meanings < 0)
    if gone[1:].any():
        is_state = np.flatnonzero(meanings > 0)
        meanings[is_state[gone[1:]]] = REFUSED
    return meanings, middles


def _repeat(states: Ints) -> Ints:
    """The rule of each state, rule 0 for the dead one."""
    return np.repeat(np.arange(len(states)), states + (np.arange(len(states)) == 0))


def _stack(rules: Sequence[Rule], classes: Classes, count: int) -> Table:
    """All rows, with entries as the rules have them."""
    bytes_of = representatives(classes)
    columns = {id(rule.classes): rule.classes[bytes_of] for rule in rules}
    table = np.empty((count, len(bytes_of)), np.int32)
    table[0] = 0
    base = 1
    for rule in rules:
        rows = rule.table[1:].astype(np.int32, copy=False)
        part = table[base : base + len(rows)]
        rows.take(columns[id(rule.classes)], axis=1, out=part, mode="clip")
        base += len(rows)
    return table


def _find_empty(table: Table) -> Flags:
    filled = table != 0
    return np.logical_not(filled[np.arange(len(table)), filled.argmax(1)])


def _lingering(rules: Sequence[Rule], states: Ints) -> frozenset[int]:
    bases = (np.cumsum(states) - states).tolist()
    return frozenset(
        base + s for rule, base in zip(rules, bases, strict=True) for s in rule.lingers if s
    )


def find_links(aligned: Aligned) -> Links:
    """What each way does on each class of bytes, alike ones as one."""
    width, ways = aligned.table.shape[1], aligned.ways
    spots = np.flatnonzero(aligned.table.reshape(-1) < 0)
    rows = spots // width
    columns = spots - rows * width
    numbers = -1 - aligned.read(rows, columns)
    if numbers.max(initial=-1) >= len(ways):  # entries that are refused
        kept = numbers < len(ways)
        columns, numbers = columns[kept], numbers[kept]
    starts = _first_states(aligned)
    # Few ways on few classes make up most entries: these pairs are told apart.
    seen = np.zeros(len(ways) * width, np.bool_)
    seen[numbers * width + columns] = True
    taken = np.flatnonzero(seen)
    way = taken // width
    column = taken - way * width
    # A way that calls nothing is one link on every byte.
    calm = ((starts[0] + starts[1] == 0) & (not ways.others))[way]
    kinds = np.where(calm, 0, _tell_apart(aligned, way, column, starts))
    keys = way * (len(aligned.table) + width + 1) + kinds
    _, first, link = np.unique(keys, return_index=True, return_inverse=True)
    which = np.zeros(len(seen), np.int64)
    which[taken] = 1 + link
    none = np.zeros(0, np.int64)
    columns = np.where(calm, 0, column)[first]
    draft = Links(which.reshape(-1, width), way[first], columns, none, none, {})
    return _complete(aligned, draft)


def _tell_apart(aligned: Aligned, ways: Ints, columns: Ints, starts: tuple[Ints, Ints]) -> Ints:
    """Numbers from 1 on that are equal where a way does the same."""
    width = aligned.table.shape[1]
    if aligned.ways.others:
        return columns + 1
    # Where the called rule goes straight to a state, bytes that lead to one and the same are alike.
    away, at = starts[0][ways], starts[1][ways]
    child = aligned.read(away, columns)
    plain = (child > 0) & ((at == 0) | (aligned.read(at, columns) == child))
    return np.where(plain, width + child, columns) + 1


def _complete(aligned: Aligned, links: Links) -> Links:
    ways, columns, others, instead = links.ways, links.columns, links.others, links.instead
    if aligned.ways.others or aligned.ways.instead:
        ways, columns, others, instead = _add_others(aligned, ways, columns)
    calls = (aligned.ways.call < 0) & (aligned.ways.call_at_limit < 0)
    found: list[Ints] = []
    for firsts, targets in zip(
        _first_states(aligned), (aligned.ways.after, aligned.ways.at_limit), strict=True
    ):
        plain = np.where(calls, targets.first, 0)[ways]
        child = np.where(firsts[ways] > 0, links.read(aligned, firsts[ways], columns), plain)
        found.append(np.where(child == REFUSED, 0, child))
    return Links(links.which, ways, columns, found[0], found[1], others, instead)


def _add_others(
    aligned: Aligned, ways: Ints, columns: Ints
) -> tuple[Ints, Ints, dict[int, list[int]], dict[int, int]]:
    """Links also for the ways that only `others` or `instead` name."""
    pairs: list[tuple[int, int]] = list(zip(ways.tolist(), columns.tolist(), strict=True))
    numbers = {pair: i for i, pair in enumerate(pairs)}
    others: dict[int, list[int]] = {}
    instead: dict[int, int] = {}

    def number(way: int, column: int) -> int:
        found = numbers.setdefault((way, column), len(pairs))
        if found == len(pairs):
            pairs.append((way, column))
        return found

    for link, (way, column) in enumerate(pairs):  # grows
        for entry in aligned.ways.others.get(way, ()):
            found = entry if entry >= 0 else -1 - number(-1 - entry, column)
            others.setdefault(link, []).append(found)
        if way in aligned.ways.instead:
            instead[link] = number(aligned.ways.instead[way], column)
    joint = np.array(pairs, np.int64).reshape(-1, 2).T.copy()
    return joint[0], joint[1], others, instead


def _first_states(aligned: Aligned) -> tuple[Ints, Ints]:
    """For each way the start of the rule it calls, away from the limit and at it; 0 where it does not call."""
    starts, ways = aligned.starts, aligned.ways
    return (
        np.where((ways.call >= 0) & (ways.after.open > 0), starts[ways.call], 0),
        np.where(
            (ways.call_at_limit >= 0) & (ways.at_limit.open > 0), starts[ways.call_at_limit], 0
        ),
    )


def find_chain(aligned: Aligned, links: Links) -> int:
    """Most calls that one byte makes, each called rule calling the next."""
    calls = (aligned.ways.call >= 0) | (aligned.ways.call_at_limit >= 0)
    depth = calls.astype(np.int64)[links.ways]
    below = [links_of(child) for child in (links.onward, links.at_limit)]
    follows = [which > 0 for which in below]
    if not any(some.any() for some in follows):
        return int(depth.max(initial=0))
    for _ in range(len(depth) + 1):
        deeper = depth
        for some, which in zip(follows, below, strict=True):
            deeper = np.where(some, np.maximum(deeper, 1 + depth[which - 1]), deeper)
        if (deeper == depth).all():
            return int(depth.max())
        depth = deeper
    raise AssertionError("rules call each other without end on one byte")


def links_of(children: Ints) -> Ints:
    """1 + the link of each entry, 0 where it is none."""
    return np.maximum(-children, 0)


def list_owners(aligned: Aligned) -> Ints:
    """The rule of each way."""
    return np.repeat(np.arange(len(aligned.starts)), aligned.spans[1:] - aligned.spans[:-1])


def find_pushes(aligned: Aligned, links: Links) -> Flags:
    """bool [links, 2]: which leave a frame behind, away from the limit and at it."""
    ways = aligned.ways
    both = (ways.call, ways.after), (ways.call_at_limit, ways.at_limit)
    return np.stack([(call >= 0) & (targets.open > 0) for call, targets in both], 1)[links.ways]
