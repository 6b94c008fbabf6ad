"""ThreadGrammar: a grammar whose texts can be read in several ways at once, walked on the host.

    grammar = build_threads(aligned, needs)
    place = grammar.walk(grammar.start, b"a+a")         # None: not allowed

Where a byte can be read in more than one way the machine's threads multiply, and no table holds them. A Reading is a
set of threads; what each byte makes of it is worked out when it is first asked for and remembered, which makes the
grammar an automaton that is built as it is used. Threads that could no longer end within the frames that there are go
at once. Slow: some 10 microseconds for each thread and byte, the first time.
"""

import hashlib
from collections.abc import Callable
from itertools import count, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..automata.bytedfa import representatives
from ..errors import ConstraintBudget
from ..machine.align import Aligned
from ..machine.rule import MOST_FRAMES, Machine, Move, Rule, Thread, Threads
from ..machine.ways import REFUSED, Way

MOST_THREADS = 128
MOST_READINGS = 1 << 15
Ints = NDArray[np.int64]
Needs = tuple[tuple[int, ...], ...]  # how many frames more each state of each rule needs


class Reading:
    """A set of threads, and the readings that followed it so far, by class of byte."""

    __slots__ = ("following", "number", "threads")

    def __init__(self, threads: Threads, number: int) -> None:
        self.threads = threads
        self.number = number
        self.following: dict[int, Reading | None] = {}


class ThreadGrammar:
    """A compiled constraint of the host tier. Readings that are equal are one, until too many are kept.

    needs: how many frames more each state of each rule needs, see machine/needs.
    """

    def __init__(self, machine: Machine, needs: Needs) -> None:
        self.machine = machine
        self._needs = needs
        self._deep = MOST_FRAMES - max(map(max, needs))  # up to here every thread can end
        self.classes = machine.rules[0].classes
        self._bytes = representatives(self.classes).tolist()
        self._readings: dict[Threads, Reading] = {}
        self._numbers = count()
        self.key = _digest(machine, needs)
        self.start = self._reading(machine.begin())
        self.nbytes = sum(rule.table.nbytes + rule.ends.nbytes for rule in machine.rules)

    def __reduce__(self) -> "tuple[type[ThreadGrammar], tuple[Machine, Needs]]":
        return ThreadGrammar, (self.machine, self._needs)

    @property
    def tier(self) -> Literal["device", "host"]:
        """Who makes the masks: the host."""
        return "host"

    @property
    def forces(self) -> bool:
        """False: nothing is ever forced."""
        return False

    def walk(self, place: Reading, data: bytes) -> Reading | None:
        """The reading after these bytes; None if they are not allowed. Raises ConstraintBudget."""
        for column in self.classes[np.frombuffer(data, np.uint8)].tolist():
            following = self.step(place, column)
            if following is None:
                return None
            place = following
        return place

    def take(self, place: Reading, token: bytes) -> Reading | None:
        """As walk."""
        return self.walk(place, token)

    def step(self, place: Reading, column: int) -> Reading | None:
        """The reading after a byte of this class. Raises ConstraintBudget if there are too many ways to read on."""
        if column not in place.following:
            threads = self.machine.step(place.threads, self._bytes[column])
            threads = frozenset(thread for thread in threads if self._fits(thread))
            if len(threads) > MOST_THREADS:
                raise ConstraintBudget(
                    f"a text can be read in more than {MOST_THREADS} ways at once: make the grammar less ambiguous"
                )
            place.following[column] = self._reading(threads) if threads else None
        return place.following[column]

    def accepts(self, data: bytes) -> bool:
        """Whether these bytes are a whole text of the grammar."""
        place = self.walk(self.start, data)
        return place is not None and self.accepting(place)

    def accepting(self, place: Reading) -> bool:
        """Whether the text may end here."""
        return self.machine.accepts(place.threads)

    def closed(self, place: Reading) -> bool:
        """Whether nothing may follow: the text must end here."""
        return not any(self.step(place, column) for column in range(len(self._bytes)))

    def forces_at(self, place: Reading) -> bool:
        """False: nothing is forced."""
        return False

    def forced_bytes(self, place: Reading) -> bytes:
        """None: nothing is forced."""
        return b""

    def mask_key(self, place: Reading, longest: int) -> Reading:
        """The reading itself."""
        return place

    def _fits(self, thread: Thread) -> bool:
        """Whether a thread and those that wait for it can end within the frames that there are."""
        depth, needs = len(thread.stack), self._needs
        if depth <= self._deep:
            return True
        return depth + needs[thread.rule][thread.state] <= MOST_FRAMES and all(
            below + max(needs[frame.rule][state] for state in frame.after if state) <= MOST_FRAMES
            for below, frame in enumerate(thread.stack)
        )

    def _reading(self, threads: Threads) -> Reading:
        found = self._readings.get(threads)
        if found is None:
            if len(self._readings) >= MOST_READINGS:
                for reading in self._readings.values():
                    reading.following = {}
                self._readings = {}
            found = self._readings[threads] = Reading(threads, next(self._numbers))
        return found


class ThreadLanes:
    """Many bytes read at once, see lanes.py; a state is the index of a reading."""

    def __init__(self, grammar: ThreadGrammar) -> None:
        self._grammar = grammar
        self._columns = grammar.classes.astype(np.int64)
        self._width = int(self._columns.max()) + 1
        self._readings: list[Reading] = []
        self._indices: dict[int, int] = {}
        self.after_any: dict[tuple[int, int], tuple[int, int] | None] = {}

    def enter(self, place: Reading) -> tuple[int, int]:
        """The state and context of a reading."""
        if len(self._readings) > MOST_READINGS:
            self._readings, self._indices, self.after_any = [], {}, {}
        return self._index(place), 0

    def follow(self, states: Ints, contexts: Ints, data: NDArray[np.uint8]) -> tuple[Ints, Ints]:
        """States and contexts after one more byte each. Raises ConstraintBudget."""
        kinds, which = np.unique(states * self._width + self._columns[data], return_inverse=True)
        found: list[int] = []
        numbers: list[int] = kinds.tolist()
        for kind in numbers:
            after = self._grammar.step(self._readings[kind // self._width - 1], kind % self._width)
            found.append(0 if after is None else self._index(after))
        return np.array(found, np.int64)[which], contexts

    def _index(self, reading: Reading) -> int:
        found = self._indices.get(reading.number)
        if found is None:
            self._readings.append(reading)
            found = self._indices[reading.number] = len(self._readings)
        return found


def build_threads(aligned: Aligned, needs: Ints) -> ThreadGrammar:
    """The grammar of a machine without dead ends, as the host walks it. needs: int64 [states], see machine/needs."""
    ways, spans = aligned.ways.listed(), aligned.spans.tolist()
    table = aligned.spell()
    rules = [_rule(aligned, table, r, ways[a:b]) for r, (a, b) in enumerate(pairwise(spans))]
    known: list[int] = needs.tolist()
    members: list[list[int]] = [_members(aligned, n).tolist() for n in range(len(rules))]
    asked = tuple((0, *(known[state] for state in states)) for states in members)
    return ThreadGrammar(Machine(tuple(rules)), asked)


def _members(aligned: Aligned, number: int) -> NDArray[np.intp]:
    """The states of a rule."""
    members = np.flatnonzero(aligned.owner == number)
    return members[members > 0]


def _rule(aligned: Aligned, entries: Ints, number: int, ways: list[Way]) -> Rule:
    members = _members(aligned, number)
    first = int(aligned.spans[number])
    down = int(members[0]) - 1 if members.size else 0

    def local(entries: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(e - down if e > 0 else e + first if e else 0 for e in entries)

    entries = entries[np.concatenate([[0], members])]
    refusal = -1 - len(ways)
    table = np.where(entries > 0, entries - down, np.where(entries < 0, entries + first, 0))
    table = np.where(entries == REFUSED, refusal, table)
    moves = [_move(way, local) for way in ways]
    start = int(aligned.starts[number])
    return Rule(
        aligned.classes,
        table.astype(np.int32),
        np.concatenate([[0], aligned.ends[members]]).astype(np.int32),
        start - down if start else 0,
        (*moves, Move((0,))),
        frozenset(s - down for s in aligned.lingers if aligned.owner[s] == number),
    )


def _move(way: Way, local: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Move:
    """A way as a move again, which calls one rule, at its limit and away from it."""
    assert way.limit == 0 or way.call == way.call_at_limit, way
    return Move(
        local(way.after), way.call, way.limit or None, local(way.at_limit), way.unseen, way.seen,
        way.mark, local(way.others),
    )  # fmt: skip


def _digest(machine: Machine, needs: Needs) -> str:
    found = hashlib.sha256(repr(needs).encode())
    for rule in machine.rules:
        head = rule.start, rule.table.shape, rule.moves, sorted(rule.lingers)
        found.update(repr(head).encode())
        for table in (rule.classes, rule.table, rule.ends):
            found.update(table.tobytes())
    return found.hexdigest()
