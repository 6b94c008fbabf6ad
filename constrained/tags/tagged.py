"""Structural tags: free text in which what is begun must be finished as demanded.

    machine = lower_tagged(Tagged((Tag("<call>", JsonSchema(schema), "</call>"),)), lower, budget, specials)

One rule reads the free text: any characters, through an automaton that knows how much of a trigger has just been read,
so it does not matter how the trigger is cut into tokens. Behind a begin text it calls a rule of the tag. A tag ends at
the first place where its constraint and then its end text are complete, if the constraint is one automaton; if it
counts or recurs, at any such place; without an end text, where the constraint is.
What `specials` names is one token of the vocabulary, spelled with the byte 0xFF before it, which no text has: a begin
or end text with such a name in it means the token. It refuses to know what is within a tag: `lower` compiles that.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Nfa, determinise, trim
from ..automata.bytedfa import distinct_columns, join_classes, representatives
from ..errors import ConstraintError, InvalidConstraint, UnsupportedConstraint
from ..limits import Budget
from ..machine.rule import Machine, Move, Rule
from ..spec import Constraint, Tag, Tagged
from ..tokens.trie import words
from .free_text import Trigger, watch_for

SPECIAL = b"\xff"
MOST_TAGS = 1 << 20  # that a text can be asked to have
Row = NDArray[np.int32]


def lower_tagged(
    tagged: Tagged,
    lower: Callable[[Constraint], Machine],
    budget: Budget,
    specials: frozenset[str] = frozenset(),
) -> Machine:
    """The machine of a text with tags. Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget."""
    _check(tagged, budget)
    rules: list[Rule] = []
    entries: list[int] = []
    for number, tag in enumerate(tagged.tags):
        budget.spend(1)
        entries.append(1 + len(rules))
        try:
            inner = lower(tag.constraint)
        except ConstraintError as error:
            message = str(error).removeprefix(f"{error.path}: ")
            place = f"tag {number}, {error.path}" if error.path else f"tag {number}"
            raise type(error)(message, place) from None
        rules += _tag_rules(tag, inner, 1 + len(rules), _Spelled(specials), budget)
    firsts = [rules[entry - 1] for entry in entries]
    outer = _Outer(tagged, _Spelled(specials), budget)
    return Machine((outer.write(entries, [_first(rule) for rule in firsts]), *rules))


def _check(tagged: Tagged, budget: Budget) -> None:
    if not tagged.tags:
        raise InvalidConstraint("at least one tag is needed")
    most = 1 if tagged.stop_after_first else MOST_TAGS
    if not 0 <= tagged.at_least <= most:
        raise InvalidConstraint(
            f"at least {tagged.at_least} tags: only 0 to {most} can be asked for"
        )
    for trigger in tagged.triggers:
        _check_text(trigger, "trigger", budget)
    for number, tag in enumerate(tagged.tags):
        path = f"tag {number}"
        _check_text(tag.begin, f"{path}: its begin text", budget)
        _check_text(tag.end, f"{path}: its end text", budget)
        if not tag.begin:
            raise InvalidConstraint("a tag needs a begin text", path)
        if isinstance(tag.constraint, Tagged):
            raise UnsupportedConstraint("a tag with tags in it is not supported", path)
        if tagged.triggers and sum(map(tag.begin.startswith, tagged.triggers)) != 1:
            raise InvalidConstraint(f"{tag.begin!r} must start with exactly one trigger", path)
    triggers = _triggers(tagged)
    for first in triggers:
        budget.spend(0)
        for second in triggers:
            if first != second and first in second or not first:
                raise InvalidConstraint(f"{second!r} can never be read: it has {first!r} in it")


def _check_text(text: str, what: str, budget: Budget) -> None:
    budget.spend(0)
    most = budget.limits.pattern_chars
    if len(text) > most:
        raise InvalidConstraint(f"{what} has {len(text)} characters, more than {most}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidConstraint(f"{what} has a lone surrogate, which no text can contain") from None


def _triggers(tagged: Tagged) -> list[str]:
    return list(dict.fromkeys(tagged.triggers or [tag.begin for tag in tagged.tags]))


@dataclass(frozen=True, slots=True)
class _Spelled:
    """How texts of tags are spelled: special tokens have a mark before them."""

    specials: frozenset[str]

    def spell(self, text: str) -> bytes:
        return b"".join(
            (SPECIAL if special else b"") + piece.encode() for piece, special in self._cut(text)
        )

    def marks(self, text: str) -> list[bool]:
        """For each byte of the spelling whether the next one belongs to the same special token."""
        found: list[bool] = []
        for piece, special in self._cut(text):
            found += [special] * len(piece.encode()) + [False] * special
        return found

    def _cut(self, text: str) -> list[tuple[str, bool]]:
        """The pieces of a text, and which are special tokens: the longest ones."""
        longest = sorted(self.specials, key=len, reverse=True)
        cuts = re.split(f"({'|'.join(map(re.escape, longest))})", text) if longest else [text]
        return [(piece, index % 2 == 1) for index, piece in enumerate(cuts)]


def _first(rule: Rule) -> Flags:
    """[256]: the bytes that a rule can begin with."""
    return rule.table[rule.start][rule.classes] != 0


def _tag_rules(
    tag: Tag, inner: Machine, base: int, spelled: _Spelled, budget: Budget
) -> list[Rule]:
    """The rules of one tag behind its begin text, numbered from `base`; the first is the tag's."""
    start = inner.rules[inner.start]
    end = spelled.spell(tag.end)
    nullable = bool(start.ends[start.start])
    if nullable and not end:
        raise InvalidConstraint(f"the tag {tag.begin!r} could be empty, so it needs an end text")
    if len(inner.rules) == 1 and not start.moves and end:
        return [_plain_rule(start, end, budget)]
    moved = [_renumber(rule, base + 1) for rule in inner.rules]
    for number in _find_last(inner):
        moved[number] = _linger(moved[number], end)
    return [_calling_rule(start, base + 1 + inner.start, end), *moved]


def _plain_rule(rule: Rule, end: bytes, budget: Budget) -> Rule:
    """An automaton and the end text behind it, up to the first place where both are complete."""
    tail = words([end], budget)
    classes = join_classes([rule.classes, tail.classes])
    columns = representatives(classes)
    head = rule.table[:, rule.classes[columns]]
    behind = np.where(tail.dfa.table > 0, tail.dfa.table + (len(head) - 1), 0)
    table = np.concatenate([head, behind[1:, tail.classes[columns]]]).astype(np.int32)
    accepting = np.zeros(len(table), np.bool_)
    accepting[len(head) :] = tail.dfa.accepting[1:]
    last = len(head) - 1 + tail.dfa.start
    free = {state: [last] for state in np.flatnonzero(rule.ends).tolist()}
    dfa = determinise(Nfa(table, accepting, free, rule.start), budget)
    dfa.table[dfa.accepting] = 0
    dfa = trim(dfa)
    return Rule(classes, dfa.table, dfa.accepting.astype(np.int32), dfa.start)


def _renumber(rule: Rule, base: int) -> Rule:
    """The rule with its calls going to rules numbered from `base`."""
    if all(move.call is None for move in rule.moves):
        return rule
    moves = tuple(m if m.call is None else m._replace(call=m.call + base) for m in rule.moves)
    return replace(rule, moves=moves)


def _find_last(machine: Machine) -> set[int]:
    """The rules with whose end the whole text may end."""
    found = {machine.start}
    stack = [machine.start]
    while stack:
        rule = machine.rules[stack.pop()]
        for move in rule.moves:
            last = any(rule.ends[state] for state in (*move.after, *move.at_limit) if state > 0)
            if move.call is not None and last and move.call not in found:
                found.add(move.call)
                stack.append(move.call)
    return found


def _linger(rule: Rule, end: bytes) -> Rule:
    """The rule, which also ends where the next byte could go on within it but may begin the end text, too."""
    open_bytes = rule.table[:, rule.classes] != 0
    unclear = open_bytes[:, end[0]] if end else open_bytes.any(1)
    states = np.flatnonzero((rule.ends != 0) & unclear).tolist()
    return replace(rule, lingers=rule.lingers | frozenset(states))


def _calling_rule(inner: Rule, number: int, end: bytes) -> Rule:
    """Calls the rule of that number, then reads the end text."""
    # State 1 is the start; from 2 on so much of the end text has been read.
    table = np.zeros((3 + len(end), 256), np.int32)
    for index, byte in enumerate(end):
        table[2 + index, byte] = 3 + index
    moves = [Move((2,), number)]
    row = np.where(_first(inner), -1, 0)
    if inner.ends[inner.start]:
        if row[end[0]]:
            moves.append(Move((2,), number, others=(3,)))
        row[end[0]] = -len(moves) if row[end[0]] else 3
    table[1] = row
    ends = np.zeros(len(table), np.int32)
    ends[-1] = 1
    columns, classes = distinct_columns(table)
    return Rule(classes, np.ascontiguousarray(table[:, columns]), ends, 1, tuple(moves))


class _Outer:
    """The rule of the free text. Its rows are the watch's, once for too few tags so far and once for enough."""

    def __init__(self, tagged: Tagged, spelled: _Spelled, budget: Budget) -> None:
        self._tagged = tagged
        self._triggers = [
            Trigger(spelled.spell(text), tuple(spelled.marks(text))) for text in _triggers(tagged)
        ]
        self._begins = [spelled.spell(tag.begin) for tag in tagged.tags]
        self._watch = watch_for(self._triggers, budget)
        self._rows: list[Row] = [np.zeros(256, np.int32)]
        self._ends: list[bool] = [False]
        self._moves: list[Move] = []
        self._budget = budget

    def write(self, entries: list[int], firsts: list[Flags]) -> Rule:
        """The rule, from the number of each tag's rule and the bytes that it can begin with."""
        few = self._free(enough=False) if self._tagged.at_least else None
        enough = None if few is not None and self._tagged.stop_after_first else self._free(True)
        done = self._state(np.zeros(256, np.int32), True) if self._tagged.stop_after_first else None
        for base in (few, enough):
            if base is None:
                continue
            most = self._tagged.at_least if base == few else 0
            after = done or (enough if most <= 1 else base) or 0
            opened = [self._open(trigger) for trigger in self._triggers]
            self._join(
                base,
                [
                    nodes[trigger.text]
                    for nodes, trigger in zip(opened, self._triggers, strict=True)
                ],
            )
            for begin, entry, first in zip(self._begins, entries, firsts, strict=True):
                move = Move((after,), entry)
                if most > 1:
                    assert enough is not None
                    move = move._replace(limit=most, at_limit=(done or enough,))
                node = next(nodes[begin] for nodes in opened if begin in nodes)
                self._call(node, move, first)
        columns, classes = distinct_columns(np.stack(self._rows))
        table = np.ascontiguousarray(np.stack(self._rows)[:, columns])
        ends = np.array(self._ends, np.int32)
        return Rule(classes, table, ends, (few or enough or 0), tuple(self._moves))

    def _state(self, row: Row, ends: bool) -> int:
        self._budget.spend(1)
        self._rows.append(row)
        self._ends.append(ends)
        return len(self._rows) - 1

    def _free(self, enough: bool) -> int:
        """A copy of the watch; returns its first state. Where triggers are complete is still to be joined."""
        base = len(self._rows)
        for state in range(1, len(self._watch.ends)):
            self._state(self._watch.table[state].copy(), enough and bool(self._watch.ends[state]))
        return base

    def _join(self, base: int, opened: list[int]) -> None:
        """Renumbers a copy of the watch; complete triggers lead to the states given."""
        count = len(self._watch.ends)
        numbers = np.array([0, *range(base, base + count - 1), *opened], np.int32)
        for state in range(base, base + count - 1):
            self._rows[state] = numbers[self._rows[state]]

    def _open(self, trigger: Trigger) -> dict[bytes, int]:
        """States for what follows a trigger up to the ends of begin texts, by the bytes read so far."""
        nodes = {trigger.text: self._state(np.zeros(256, np.int32), False)}
        for begin in self._begins:
            if begin.startswith(trigger.text):
                for end in range(len(trigger.text) + 1, len(begin) + 1):
                    if begin[:end] not in nodes:
                        nodes[begin[:end]] = self._state(np.zeros(256, np.int32), False)
                        self._rows[nodes[begin[: end - 1]]][begin[end - 1]] = nodes[begin[:end]]
        return nodes

    def _call(self, node: int, move: Move, first: Flags) -> None:
        """Lets the rule of a tag begin in a state, beside whatever else may go on there."""
        row = self._rows[node]
        for byte in np.flatnonzero(first).tolist():
            other = int(row[byte])
            wanted = move._replace(others=(other,)) if other else move
            if wanted not in self._moves:
                self._moves.append(wanted)
            row[byte] = -1 - self._moves.index(wanted)
