"""Stacking: `align` as loops over arrays."""

from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...automata.automaton import Flags, Table
from ...automata.bytedfa import Classes
from ..align import Aligned, Ints, Numbering, called_rules, check_bytes
from ..rule import Machine, Move, Rule
from ..ways import ENDLESS, NOBODY, REFUSED, Targets, Ways
from .native import native


class Parts(NamedTuple):
    """What rules have, one behind the other. flat: int32, their tables; ends: int32, with those of dead states.
    columns: uint8 [kinds, 256], the different classes of bytes; shapes: int64 [rules, 5]: which of those classes it
    has, its states with the dead one, its columns, moves and start."""

    flat: Table
    ends: Table
    columns: NDArray[np.uint8]
    shapes: Ints


class Stacked(NamedTuple):
    """See Aligned and Numbering; `homes`: int64 [ways], the middle of the rule of each."""

    table: Table
    closed: Flags
    ends: Table
    owner: Ints
    meanings: Ints
    middles: Ints
    starts: Ints
    spans: Ints
    homes: Ints


def align(machine: Machine, most_bytes: int | None = None) -> Aligned:
    """As align.align."""
    order = called_rules(machine)
    rules = [machine.rules[number] for number in order]
    parts = _gather(rules)
    classes, bytes_of = join_parts(parts.columns)
    count = 1 + int(parts.shapes[:, 1].sum()) - len(rules)
    check_bytes(count, len(bytes_of), most_bytes)
    stacked = stack(parts, bytes_of, count)
    numbering = Numbering(stacked.meanings, stacked.middles)
    moves = [move for rule in rules for move in rule.moves]
    lingers: set[int] = set()
    if any(rule.lingers for rule in rules):
        for base, rule in zip(_bases(parts.shapes), rules, strict=True):
            lingers |= {base + state for state in rule.lingers if state}
    return Aligned(
        classes, stacked.table, numbering, stacked.ends, stacked.owner, stacked.closed, stacked.starts,
        gather_ways(moves, dict(zip(order, range(len(order)), strict=True)), stacked), stacked.spans,
        frozenset(lingers),
    )  # fmt: skip


def _gather(rules: list[Rule]) -> Parts:
    kinds: dict[int, int] = {}
    columns: list[Classes] = []
    shapes: list[tuple[int, int, int, int, int]] = []
    for rule in rules:
        kind = kinds.setdefault(id(rule.classes), len(columns))
        if kind == len(columns):
            columns.append(rule.classes)
        states, width = rule.table.shape
        shapes.append((kind, states, width, len(rule.moves), rule.start))
    flat = np.concatenate([rule.table.ravel() for rule in rules], dtype=np.int32)
    ends = np.concatenate([rule.ends for rule in rules], dtype=np.int32)
    return Parts(flat, ends, np.array(columns), np.array(shapes, np.int64))


def _bases(shapes: Ints) -> list[int]:
    states = shapes[:, 1] - 1
    return (np.cumsum(states) - states).tolist()


@native
def join_parts(columns: NDArray[np.uint8]) -> tuple[Classes, Ints]:
    """As bytedfa.join_classes, with one byte of each class."""
    joint, count = np.zeros(256, np.int64), 1
    for part in columns:
        if splits(joint, part, count):
            count = refine(joint, part, count)
    bytes_of, classes = np.zeros(count, np.int64), np.empty(256, np.uint8)
    for byte in range(255, -1, -1):
        bytes_of[joint[byte]] = byte
        classes[byte] = joint[byte]
    return classes, bytes_of


@native
def splits(joint: Ints, part: Classes, count: int) -> bool:
    """Whether some bytes of one class so far are told apart."""
    known = np.full(count, -1, np.int64)
    for byte in range(256):
        if known[joint[byte]] < 0:
            known[joint[byte]] = part[byte]
        elif known[joint[byte]] != part[byte]:
            return True
    return False


@native
def refine(joint: Ints, part: Classes, count: int) -> int:
    """Tells them apart: classes in order, then by the part's. Returns how many there are."""
    most = 1
    for byte in range(256):
        most = max(most, np.int64(part[byte]) + 1)
    ranks = np.zeros(count * most, np.int64)
    for byte in range(256):
        ranks[joint[byte] * most + part[byte]] = 1
    found = 0
    for key in range(len(ranks)):
        if ranks[key]:
            ranks[key] = found
            found += 1
    for byte in range(256):
        joint[byte] = ranks[joint[byte] * most + part[byte]]
    return found


@native
def stack(parts: Parts, bytes_of: Ints, count: int) -> Stacked:
    """All rules numbered through."""
    rules, shapes = len(parts.shapes), parts.shapes
    table = np.empty((count, len(bytes_of)), np.int32)
    table[0] = 0
    closed = np.ones(count, np.bool_)
    ends, owner = np.zeros(count, np.int32), np.zeros(count, np.int64)
    middles, starts = np.zeros(count, np.int64), np.zeros(rules, np.int64)
    spans, columns, moves = np.zeros(rules + 1, np.int64), np.empty(len(bytes_of), np.int64), 0
    for rule in range(rules):
        moves += shapes[rule, 3]
    meanings = np.zeros(count - 1 + rules + moves, np.int64)
    homes = np.zeros(moves, np.int64)
    base, middle, place, at = 0, 0, 0, 0
    for rule in range(rules):
        kind, states, width, own, start = shapes[rule]
        check_entries(parts.flat, (place, place + states * width), own, states)
        assert 0 <= start < states, "a start that is no state of its rule"
        middle += own
        spans[rule + 1] = spans[rule] + own
        for column in range(len(bytes_of)):
            columns[column] = parts.columns[kind, bytes_of[column]]
        for way in range(own):
            homes[spans[rule] + way] = middle
            meanings[middle - 1 - way] = -1 - spans[rule] - way
        for state in range(1, states):
            row = base + state
            filled, first = np.int32(0), place + state * width
            for column in range(len(columns)):
                table[row, column] = parts.flat[first + columns[column]]
                filled |= table[row, column]
            closed[row] = filled == 0
            ends[row], owner[row], middles[row] = parts.ends[at + state], rule, middle
            left_over = closed[row] and ends[row] == 0
            meanings[middle + state] = -(2**31) if left_over else row
        starts[rule] = max(meanings[middle + start], 0)
        base, middle = base + states - 1, middle + states
        place, at = place + states * width, at + states
    middles[0] = shapes[0, 3]
    return Stacked(table, closed, ends, owner, meanings, middles, starts, spans, homes)


@native
def check_entries(flat: Table, part: tuple[int, int], moves: int, states: int) -> None:
    """Machine code looks nothing up twice: entries must be of their rule."""
    low, high = np.int32(0), np.int32(0)
    for at in range(part[0], part[1]):
        low, high = min(low, flat[at]), max(high, flat[at])
    assert low >= -moves and high < states, "an entry that is no state or move of its rule"


def gather_ways(moves: list[Move], numbers: dict[int, int], stacked: Stacked) -> Ways:
    """As ways.gather_ways."""
    columns: list[tuple[Any, ...]] = list(zip(*moves, strict=True)) or [()] * len(Move._fields)
    after, call, limit, at_limit, unseen, seen, mark, others = columns
    named: dict[int | None, int] = {**numbers, None: NOBODY}
    called = np.fromiter(map(named.__getitem__, call), np.int64, len(call))
    registers = np.zeros((4, len(moves)), np.int64)
    for register, column in zip(registers, (unseen, seen, mark), strict=False):
        if any(column):
            register[:] = np.fromiter(column, np.int64, len(column))
    if limit.count(None) < len(limit):
        registers[3] = [0 if n is None else n if n > 0 else ENDLESS for n in limit]
    further: dict[int, tuple[int, ...]] = {}
    if any(others):
        for way, entries in enumerate(others):
            if entries:
                found = (int(stacked.meanings[stacked.homes[way] + e]) for e in entries)
                further[way] = tuple(0 if entry == REFUSED else entry for entry in found)
    return Ways(
        registers.T, called, called, _target(after, stacked), _target(at_limit, stacked), further
    )


def _target(after: tuple[tuple[int, ...], ...], stacked: Stacked) -> Targets:
    if not any(after):
        none = np.zeros(len(after), np.int64)
        return Targets(none[:0], np.zeros(len(after) + 1, np.int64), none, none)
    counts = np.fromiter(map(len, after), np.int64, len(after))
    states = np.fromiter(chain.from_iterable(after), np.int64)
    return Targets(states, *target(states, counts, stacked.meanings, stacked.homes))


@native
def target(states: Ints, counts: Ints, meanings: Ints, homes: Ints) -> tuple[Ints, Ints, Ints]:
    """Numbers the states through; where those of each way begin, its first, and how many there are."""
    firsts = np.zeros(len(counts) + 1, np.int64)
    first, some = np.zeros(len(counts), np.int64), np.zeros(len(counts), np.int64)
    at = 0
    for way in range(len(counts)):
        for place in range(at, at + counts[way]):
            known = 0 <= states[place] < len(meanings) - homes[way]
            assert known, "a move to what is no state of its rule"
            states[place] = max(meanings[homes[way] + states[place]], 0)
            some[way] += states[place] > 0
        if counts[way]:
            first[way] = states[at]
        at += counts[way]
        firsts[way + 1] = at
    return firsts, first, some
