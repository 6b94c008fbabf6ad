"""Structural tags: free text in which what is begun must be finished as demanded.

    machine = lower_tagged(Tagged((Tag("<call>", JsonSchema(schema), "</call>"),)), lower, budget, specials)

One rule reads the free text: any characters, through an automaton that knows how much of a trigger has just been read,
so it does not matter how the trigger is cut into tokens. Behind a begin text it calls a rule of the tag. A tag ends at
the first place where its constraint and then its end text are complete; without an end text, where the constraint is.
What `specials` names is one token of the vocabulary, spelled with the byte 0xFF before it, which no text has: a begin
or end text with such a name in it means the token. It refuses to know what is within a tag: `lower` compiles that.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Nfa, determinise, trim
from ..automata.bytedfa import distinct_columns, join_classes, representatives
from ..errors import InvalidConstraint, UnsupportedConstraint
from ..limits import Budget
from ..machine.rule import Machine, Move, Rule
from ..spec import Constraint, Tag, Tagged
from ..tokens.trie import words
from .free_text import Trigger, watch_for

SPECIAL = b"\xff"
Row = NDArray[np.int32]


def lower_tagged(
    tagged: Tagged,
    lower: Callable[[Constraint], Machine],
    budget: Budget,
    specials: frozenset[str] = frozenset(),
) -> Machine:
    """The machine of a text with tags. Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget."""
    _check(tagged)
    rules: list[Rule] = []
    entries: list[int] = []
    for tag in tagged.tags:
        budget.spend(1)
        entries.append(1 + len(rules))
        rules += _tag_rules(tag, lower(tag.constraint), 1 + len(rules), _Spelled(specials), budget)
    firsts = [rules[entry - 1] for entry in entries]
    outer = _Outer(tagged, _Spelled(specials), budget)
    return Machine((outer.write(entries, [_first(rule) for rule in firsts]), *rules))


def _check(tagged: Tagged) -> None:
    if not tagged.tags:
        raise InvalidConstraint("at least one tag is needed")
    if tagged.at_least < 0 or (tagged.stop_after_first and tagged.at_least > 1):
        raise InvalidConstraint(f"{tagged.at_least} tags at least cannot be had")
    for number, tag in enumerate(tagged.tags):
        path = f"tag {number}"
        if not tag.begin:
            raise InvalidConstraint("a tag needs a begin text", path)
        if isinstance(tag.constraint, Tagged):
            raise UnsupportedConstraint("a tag with tags in it is not supported", path)
        if tagged.triggers and sum(map(tag.begin.startswith, tagged.triggers)) != 1:
            raise InvalidConstraint(f"{tag.begin!r} must start with exactly one trigger", path)
    triggers = _triggers(tagged)
    for first in triggers:
        for second in triggers:
            if first != second and first in second or not first:
                raise InvalidConstraint(f"{second!r} can never be read: it has {first!r} in it")


def _triggers(tagged: Tagged) -> list[str]:
    return list(dict.fromkeys(tagged.triggers or [tag.begin for tag in tagged.tags]))


@dataclass(frozen=True, slots=True)
class _Spelled:
    """How texts of tags are spelled: special tokens have a mark before them."""

    specials: frozenset[str]

    def spell(self, text: str) -> bytes:
        found = b""
        while text:
            special = max(filter(text.startswith, self.specials), key=len, default="")
            found += SPECIAL + special.encode() if special else text[0].encode()
            text = text[len(special) or 1 :]
        return found

    def marks(self, text: str) -> list[bool]:
        """For each byte of the spelling whether the next one belongs to the same special token."""
        found: list[bool] = []
        while text:
            special = max(filter(text.startswith, self.specials), key=len, default="")
            count = len(special.encode()) or len(text[0].encode()) - 1
            found += [bool(special)] * count + [False]
            text = text[len(special) or 1 :]
        return found


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
    moved[inner.start] = _linger(moved[inner.start], end)
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
    moves = tuple(m if m.call is None else replace(m, call=m.call + base) for m in rule.moves)
    return replace(rule, moves=moves)


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
                    move = replace(move, limit=most, at_limit=(done or enough,))
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
            wanted = replace(move, others=(other,)) if other else move
            if wanted not in self._moves:
                self._moves.append(wanted)
            row[byte] = -1 - self._moves.index(wanted)
