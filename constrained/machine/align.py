"""Aligned: a machine's rules as one table, the step between the front ends' Machine and the finished Grammar.

    aligned = align(machine)                # the rules that the start reaches, over common byte classes
    links = find_links(aligned)             # what each move does on each byte

States and moves are numbered through, the dead state of every rule is state 0. A move that calls acts differently on
different bytes, since the called rule reads the same one: a link is a move together with what becomes of that byte.

No Python runs per state. What is slow: a microsecond or two for each move. It refuses to know what is live.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Table
from ..automata.bytedfa import Classes, join_classes, representatives
from ..errors import ConstraintBudget
from .rule import Machine, Move, Rule

REFUSED = -(2**31)  # as an entry: not allowed, even where the rule may end
ENDLESS = 1 << 62  # a limit that is never met
Ints = NDArray[np.int64]


class Way(NamedTuple):
    """A Move with states, moves and rules numbered through; see there. limit: 0 if it does not count.

    A call that is made at the limit may be to a different copy of the rule.
    """

    unseen: int
    seen: int
    mark: int
    limit: int
    call: int | None
    call_at_limit: int | None
    after: tuple[int, ...]
    at_limit: tuple[int, ...]
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """classes: uint8 [256]. table: int32 [states, classes]: 0, n > 0 the next state, -1 - i the way i, or REFUSED.
    ends: int32 [states]; owner: the rule of each state; closed: bool [states], where nothing could ever follow.
    starts: each rule's start; rule 0 reads the whole text. spans: the ways of each rule.
    """

    classes: Classes
    table: Table
    ends: Table
    owner: Ints
    closed: Flags
    starts: tuple[int, ...]
    ways: tuple[Way, ...]
    spans: tuple[range, ...]
    lingers: frozenset[int]

    @property
    def deterministic(self) -> bool:
        """Whether there is never more than one thread."""
        return not self.lingers and not any(way.others for way in self.ways)


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """table: as that of Aligned, but -1 - i is the link i. ways, columns: int64, the way of each link and a class
    that it stands for. onward, at_limit: int32, what becomes of the byte: a state, another link, 0 or REFUSED.
    others: the further entries of links that have some.
    """

    table: Table
    ways: Ints
    columns: Ints
    onward: Table
    at_limit: Table
    others: dict[int, list[int]]


def align(machine: Machine, most_bytes: int | None = None) -> Aligned:
    """The rules that the machine's start can call, numbered through. Raises ConstraintBudget for larger tables."""
    order = _called(machine)
    rules = [machine.rules[number] for number in order]
    numbers = {number: i for i, number in enumerate(order)}
    counts = np.array([len(rule.ends) - 1 for rule in rules], np.int64)
    bases = (np.cumsum(counts) - counts).tolist()
    moves = np.array([len(rule.moves) for rule in rules], np.int64)
    move_bases = (np.cumsum(moves) - moves).tolist()
    distinct = {id(rule.classes): rule.classes for rule in rules}
    classes = join_classes(distinct.values())
    nbytes = 4 * int(counts.sum()) * (int(classes.max()) + 1)
    if most_bytes is not None and nbytes > most_bytes:
        raise ConstraintBudget(f"needs a table of {nbytes} bytes, above {most_bytes}")
    table = _stack(rules, classes, bases, move_bases)
    ways: list[Way] = []
    for rule, base, move_base in zip(rules, bases, move_bases, strict=True):
        ways += [_way(move, base, move_base, numbers) for move in rule.moves]
    return Aligned(
        classes,
        table,
        np.concatenate([[0], *(rule.ends[1:] for rule in rules)]).astype(np.int32),
        np.repeat(np.arange(len(rules)), counts + (np.arange(len(rules)) == 0)),
        np.asarray(~table.any(1)),
        tuple(
            base + rule.start if rule.start else 0 for rule, base in zip(rules, bases, strict=True)
        ),
        tuple(ways),
        tuple(range(n, n + len(r.moves)) for n, r in zip(move_bases, rules, strict=True)),
        frozenset(
            base + s for rule, base in zip(rules, bases, strict=True) for s in rule.lingers if s
        ),
    )


def _called(machine: Machine) -> list[int]:
    """The start rule, and all that are called from there."""
    order = [machine.start]
    seen = {machine.start}
    for number in order:
        for move in machine.rules[number].moves:
            if move.call is not None and move.call not in seen:
                seen.add(move.call)
                order.append(move.call)
    return order


def _stack(
    rules: Sequence[Rule], classes: Classes, bases: Sequence[int], move_bases: Sequence[int]
) -> Table:
    bytes_of = representatives(classes)
    width = len(bytes_of)
    parts = [np.zeros((1, width), np.int32)]
    parts += [rule.table[1:].take(rule.classes[bytes_of], axis=1) for rule in rules]
    table = np.concatenate(parts)
    if len(rules) == 1:
        return table
    counts = [len(part) for part in parts]
    up = np.repeat(np.array([0, *bases], np.int32), counts)[:, None]
    down = np.repeat(np.array([0, *move_bases], np.int32), counts)[:, None]
    table += up * (table > 0)
    table -= down * (table < 0)
    return table


def _way(move: Move, base: int, move_base: int, numbers: dict[int, int]) -> Way:
    def states(after: Iterable[int]) -> tuple[int, ...]:
        return tuple(base + state if state else 0 for state in after)

    limit = 0 if move.limit is None else move.limit if move.limit > 0 else ENDLESS
    call = None if move.call is None else numbers[move.call]
    others = tuple(o + base if o > 0 else o - move_base if o else 0 for o in move.others)
    return Way(
        move.unseen, move.seen, move.mark, limit, call, call,
        states(move.after), states(move.at_limit), others,
    )  # fmt: skip


def find_links(aligned: Aligned) -> Links:
    """What each way does on each class of bytes, alike ones as one."""
    table = aligned.table.copy()
    rows, columns = np.nonzero((table < 0) & (table != REFUSED))
    if not rows.size:
        none = np.zeros(0, np.int32)
        return Links(table, none.astype(np.int64), none.astype(np.int64), none, none, {})
    ways = -1 - table[rows, columns].astype(np.int64)
    firsts, at_limits = _first_states(aligned)
    same = columns
    if not any(way.others for way in aligned.ways):
        # Where the called rule goes straight to a state, bytes that lead to one and the same are alike.
        child, other = table[firsts[ways], columns], table[at_limits[ways], columns]
        plain = (child > 0) & ((other == child) | (at_limits[ways] == 0))
        same = np.where(plain, table.shape[1] + child, columns)
        same = np.where(firsts[ways] + at_limits[ways] == 0, -1, same)
    keys = ways * (len(table) + table.shape[1] + 1) + same + 1
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    table[rows, columns] = -1 - which
    return _complete(aligned, table, ways[first], columns[first])


def _complete(aligned: Aligned, table: Table, ways: Ints, columns: Ints) -> Links:
    others: dict[int, list[int]] = {}
    if any(way.others for way in aligned.ways):
        ways, columns, others = _add_others(aligned, ways, columns)
    firsts, at_limits = _first_states(aligned)
    calm = [way.call is None and way.call_at_limit is None for way in aligned.ways]
    plain = [way.after[0] if no else 0 for way, no in zip(aligned.ways, calm, strict=True)]
    plain_at = [
        way.at_limit[0] if no and way.at_limit else 0
        for way, no in zip(aligned.ways, calm, strict=True)
    ]
    onward = np.where(
        firsts[ways] > 0, table[firsts[ways], columns], np.array(plain, np.int32)[ways]
    )
    at_limit = np.where(
        at_limits[ways] > 0, table[at_limits[ways], columns], np.array(plain_at, np.int32)[ways]
    )
    return Links(table, ways, columns, onward, at_limit, others)


def _add_others(
    aligned: Aligned, ways: Ints, columns: Ints
) -> tuple[Ints, Ints, dict[int, list[int]]]:
    """Links also for the ways that only `others` name."""
    pairs: list[tuple[int, int]] = list(zip(ways.tolist(), columns.tolist(), strict=True))
    numbers = {pair: i for i, pair in enumerate(pairs)}
    others: dict[int, list[int]] = {}
    for link, (way, column) in enumerate(pairs):
        for entry in aligned.ways[way].others:
            if entry < 0:
                pair = -1 - entry, column
                if pair not in numbers:
                    numbers[pair] = len(pairs)
                    pairs.append(pair)
                entry = -1 - numbers[pair]
            others.setdefault(link, []).append(entry)
    joint = np.array(pairs, np.int64)
    return joint[:, 0], joint[:, 1], others


def _first_states(aligned: Aligned) -> tuple[Ints, Ints]:
    """For each way the start of the rule it calls, away from the limit and at it; 0 where it does not call."""
    starts = aligned.starts
    away = [starts[w.call] if w.call is not None and any(w.after) else 0 for w in aligned.ways]
    at = [
        starts[w.call_at_limit] if w.call_at_limit is not None and any(w.at_limit) else 0
        for w in aligned.ways
    ]
    return np.array(away, np.int64), np.array(at, np.int64)
