"""Counted names: other names whose length matters, and may be great.

    others = CountedNames(draft, unroll(names, texts, depth, wanted), ends)

The automaton of other names is unrolled, a copy for each character, as far as listed names are long: so these may
branch off anywhere. What goes on behind that is read by a rule of its own, whose register counts the characters.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...automata.automaton import Dfa, Table
from ...automata.bytedfa import ByteDfa
from ...machine.rule import Move, Rule
from ...regex.pattern import Pattern
from ...regex.spelling import QUOTE, quote, spell
from ..leaves.counting import Counted
from ..leaves.labels import Labelled
from ..leaves.texts import Texts
from ..properties.names import Names
from .draft import Draft
from .other_names import OtherNames


class Unrolled(NamedTuple):
    """part: reads the first characters of a name. ends: the class of names that end in a state; rests: the rule that
    reads what follows a state, its verdicts numbered as the classes that are wanted."""

    part: ByteDfa
    ends: dict[int, int]
    rests: tuple[tuple[int, Rule], ...]


def unroll(names: Names, texts: Texts, depth: int, wanted: tuple[int, ...]) -> Unrolled:
    """Other names of the classes that are wanted, the first `depth` characters of them told apart."""
    key = "unrolled", names.key, texts.ascii, depth, wanted
    return texts.fragments.keep(key, lambda: _unroll(names, texts, depth, wanted))


def _unroll(names: Names, texts: Texts, depth: int, wanted: tuple[int, ...]) -> Unrolled:
    found = names.automaton
    assert found is not None, names.key
    table, levels = _copy(found, depth)
    ends: dict[int, int] = {}
    for length, level in enumerate(levels[:-1]):
        phase = sum(length >= limit for limit in names.limits)
        for number, state in level.items():
            kind = names.class_of.get((phase, int(found.labels[state])))
            if kind in wanted:
                ends[number] = kind
    rests: dict[int, Rule] = {}
    for number, state in levels[-1].items():
        rule = _write_rest(names, texts, (state, depth), wanted)
        if rule is not None:
            rests[number] = rule
    live = np.zeros(len(table), np.bool_)
    live[[*ends, *rests]] = True
    for level in reversed(levels[:-1]):
        for number in level:
            live[number] |= live[table[number]].any()
    kept = np.where(live[table], table, 0).astype(np.int32)
    pattern = Pattern(found.alphabet, Dfa(kept, live, 1))
    return Unrolled(
        spell(pattern, texts.spelling(pattern), texts.budget), ends, tuple(rests.items())
    )


def _copy(found: Labelled, depth: int) -> tuple[Table, list[dict[int, int]]]:
    """The table of the copies, and for each number of characters which state each state of a copy is."""
    levels: list[dict[int, int]] = [{1: found.start}]
    rows = [np.zeros(found.table.shape[1], np.int64)]
    count = 2
    for _ in range(depth):
        states = list(levels[-1].values())
        following = np.unique(found.table[states])
        following = following[following > 0]
        numbers = np.zeros(len(found.table), np.int64)
        numbers[following] = np.arange(count, count + len(following))
        rows += list(numbers[found.table[states]])
        levels.append(dict(zip(numbers[following].tolist(), following.tolist(), strict=True)))
        count += len(following)
    rows += [rows[0]] * len(levels[-1])
    return np.array(rows, np.int32), levels


def _write_rest(
    names: Names, texts: Texts, place: tuple[int, int], wanted: tuple[int, ...]
) -> Rule | None:
    """The rule that reads a name from a state of the automaton on, behind so many characters."""
    found, (start, behind) = names.automaton, place
    assert found is not None, names.key
    limits = [n - behind for n in names.limits if n > behind]
    over = len(names.limits) - len(limits)
    counted = Counted(
        Labelled(found.alphabet, found.table, found.labels, start), limits, texts.budget
    )
    verdicts = {
        (phase, label): wanted.index(kind) + 1
        for phase in range(len(limits) + 1)
        for label in counted.labels(phase)
        if (kind := names.class_of.get((phase + over, label))) in wanted
    }

    def spell_rest(pattern: Pattern) -> ByteDfa:
        part = quote(pattern, texts.spelling(pattern), texts.budget)
        dfa = Dfa(part.dfa.table, part.dfa.accepting, pattern.dfa.start)
        return ByteDfa(part.classes, dfa)

    return counted.rule(verdicts, spell_rest, texts.budget)


class CountedNames(OtherNames):
    """Other names, unrolled. colons: what follows the names of a class; place: that of a rule in the machine."""

    def __init__(
        self,
        draft: Draft,
        unrolled: Unrolled,
        colons: dict[int, int],
        place: Callable[[Rule], int],
    ) -> None:
        base = draft.copy(unrolled.part)
        ends = {state: colons[kind] for state, kind in unrolled.ends.items()}
        super().__init__(draft, unrolled.part, base, ends)
        after = tuple(colons.values())
        self._entries: dict[int, int] = {}
        self._begins: dict[int, frozenset[int]] = {}
        for state, rule in unrolled.rests:
            self._entries[state] = draft.move(Move(after, place(rule)))
            starts = rule.table[rule.start, rule.classes]
            self._begins[state] = frozenset(np.flatnonzero(starts).tolist())
            draft.spread(base + state, self._entries[state])
        for state, colon in ends.items():
            draft.edge(base + state, QUOTE, colon)

    def leads(self, state: int) -> frozenset[int]:
        """The bytes that lead on from a state."""
        return self._begins.get(state) or super().leads(state)

    def lay(self, at: int, state: int) -> None:
        """A state of the draft goes on as one of the automaton does."""
        super().lay(at, state)
        if state in self._entries:
            self._draft.spread(at, self._entries[state])
