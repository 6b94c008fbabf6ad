"""A regex as a machine: long repeats of single characters are counted in a register, not unrolled into states.

    machine = lower_regex(r"[a-z_]{1,64}=.{0,100000};?", budget)

Counted are repeats of one character or class, of more than 64, in a plain sequence, where the byte that comes next says
whether the repeat goes on. Every other regex is one automaton, and its repeats cost states.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Table
from ..automata.bytedfa import ByteDfa, distinct_columns
from ..limits import Budget
from ..machine.rule import Machine, Move, Rule, machine_of
from .parser import parse
from .pattern import compile_tree, require_some
from .spelling import spell, utf8
from .tree import Atomic, Chars, Edge, Look, Repeat, Sequence, Tree, walk

MANY = 64

Row = NDArray[np.int32]


def lower_regex(text: str, budget: Budget) -> Machine:
    """The machine of the texts that re.fullmatch(text, ...) accepts. Raises as `pattern.compile_pattern`."""
    tree = parse(text, "python", budget.limits)
    parts = _plain_parts(tree)
    machine = _Chain(budget).lower(parts) if any(map(_is_counted, parts)) else None
    return machine or machine_of(_spell(tree, budget))


def _spell(tree: Tree, budget: Budget) -> ByteDfa:
    pattern = require_some(compile_tree(tree, budget))
    return spell(pattern, utf8(pattern.alphabet), budget)


def _plain_parts(tree: Tree) -> list[Tree]:
    """What the text consists of, one after the other; anchors at its very ends say nothing."""
    parts = _flatten(tree)
    while parts and parts[0] == Edge(at_end=False):
        parts = parts[1:]
    while parts and parts[-1] == Edge(at_end=True):
        parts = parts[:-1]
    looks = any(isinstance(t, Look | Atomic | Edge) for part in parts for t in walk(part))
    return [] if looks else parts


def _flatten(tree: Tree) -> list[Tree]:
    if not isinstance(tree, Sequence):
        return [tree]
    return [inner for part in tree.parts for inner in _flatten(part)]


def _is_counted(tree: Tree) -> bool:
    return (
        isinstance(tree, Repeat)
        and isinstance(tree.body, Chars)
        and max(tree.low, tree.high or 0) > MANY
    )


@dataclass(frozen=True, slots=True)
class _Rest:
    """What follows a place: an entry for each byte, and whether the text may end there."""

    row: Row
    ends: bool


class _Chain:
    """Builds the rule of a sequence from its end to its begin."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._rows: list[Table] = [np.zeros((1, 256), np.int32)]
        self._ends: list[NDArray[np.bool_]] = [np.zeros(1, np.bool_)]
        self._count = 1
        self._moves: list[Move] = []
        self._rules: list[Rule] = []

    def lower(self, parts: list[Tree]) -> Machine | None:
        """The machine, or None where a byte does not say whether a counted repeat goes on."""
        rest: _Rest | None = _Rest(np.zeros(256, np.int32), True)
        run: list[Tree] = []
        for part in [*reversed(parts), None]:
            if part is not None and not _is_counted(part):
                run.insert(0, part)
                continue
            rest = self._plain(run, rest) if run else rest
            run = []
            if isinstance(part, Repeat) and rest is not None:
                rest = self._counted(part, rest)
            if rest is None:
                return None
        start = self._state(rest)
        columns, classes = distinct_columns(np.concatenate(self._rows))
        table = np.concatenate(self._rows)[:, columns]
        ends = np.concatenate(self._ends).astype(np.int32)
        rule = Rule(classes, np.ascontiguousarray(table), ends, start, tuple(self._moves))
        return Machine((rule, *self._rules))

    def _state(self, rest: _Rest) -> int:
        self._rows.append(rest.row[None, :])
        self._ends.append(np.array([rest.ends]))
        self._count += 1
        return self._count - 1

    def _plain(self, parts: list[Tree], rest: _Rest) -> _Rest | None:
        part = _spell(Sequence(tuple(parts)), self._budget)
        self._budget.check_table(part.dfa.states, 256)
        rows = part.dfa.table[1:, part.classes]
        rows = np.where(rows > 0, rows + (self._count - 1), 0).astype(np.int32)
        accepting = part.dfa.accepting[1:]
        if (rows[accepting][:, rest.row != 0] != 0).any():
            return None
        rows[accepting] += rest.row
        ends = accepting & rest.ends
        self._rows.append(rows)
        self._ends.append(ends)
        self._count += len(rows)
        start = part.dfa.start - 1
        return _Rest(rows[start], bool(ends[start]))

    def _counted(self, repeat: Repeat, rest: _Rest) -> _Rest | None:
        rule = count_characters(repeat, self._budget)
        first = rule.table[rule.start][rule.classes] != 0
        if (first & (rest.row != 0)).any():
            return None
        self._moves.append(Move((self._state(rest),), call=len(self._rules) + 1))
        self._rules.append(rule)
        row = rest.row if repeat.low == 0 else np.zeros(256, np.int32)
        row = np.where(first, -len(self._moves), row).astype(np.int32)
        return _Rest(row, rest.ends and repeat.low == 0)


def count_characters(repeat: Repeat, budget: Budget) -> Rule:
    """The rule that reads at least one and otherwise as many characters as a repeat of a class allows."""
    part = _spell(Repeat(repeat.body, 0, None), budget)
    loop, table = part.dfa.start, part.dfa.table
    low, high = max(repeat.low, 1), repeat.high
    # Two copies, for too few characters so far and for enough, and a state for when no more may come.
    enough, full = len(table) + loop, 2 * len(table)
    moves = [Move((enough,), limit=high, at_limit=(full,))] if high is not None else []
    more = -1 if moves else enough
    first = more
    if low > 1:
        moves.append(Move((loop,), limit=low, at_limit=(full if low == high else enough,)))
        first = -len(moves)
    copies = [_copy(table, loop, 0, first), _copy(table, loop, len(table), more)]
    rows = np.concatenate([*copies, np.zeros((1, table.shape[1]), np.int32)])
    ends = np.zeros(len(rows), np.int32)
    ends[[enough, full]] = 1
    return Rule(part.classes, rows, ends, loop, tuple(moves))


def _copy(table: Table, loop: int, base: int, completed: int) -> Table:
    """The table with its states numbered from `base`; a completed character has an entry of its own."""
    moved = np.where(table > 0, table + base, 0)
    return np.where(table == loop, completed, moved).astype(np.int32)
