"""Machine: a register pushdown automaton over bytes, as the front ends build it.

    machine = Machine(rules, start)
    threads = machine.begin()
    for byte in b'{"a": 1}':
        threads = machine.step(threads, byte)       # empty: this byte is not allowed
    machine.accepts(threads)

A Rule is a byte automaton of its own. Some of its entries are Moves: they call another rule, which reads on from the
very same byte, or count, or test and set bits. A running rule has a frame: its state and one register, 0 at the call,
used either as a counter or as a set of bits. So a length of 100,000, a list of 10,000 and sixty names in any order cost
a number, and recursion costs a stack; neither costs states.

A called rule ends in a state whose `ends` is not 0. It ends as late as it can: when the next byte leads nowhere within
it, or at once when no byte could. Its verdict, ends - 1, says which of several kinds of text it has read, and chooses
where its caller goes on. (A schema with `anyOf` asks a value which branches it satisfied.)

A machine is deterministic when no move has `others` and no state `lingers`: then there is never more than one thread.

This walks one byte at a time in Python: the specification of what the tables of `grammar` do, and what front ends are
tested with. It refuses to know tokens.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Table, trim
from ..automata.bytedfa import ByteDfa, Classes, distinct_columns

MOST_FRAMES = 64


class Move(NamedTuple):
    """What happens on a byte besides going to a state. In this order:

    unseen, seen: bits of the register; the byte is refused unless some bit of `unseen` (if any) is not set, and all
    of `seen` are. mark: bits that are set then.
    limit: the register is raised by one, and when it thereby equals `limit`, `at_limit` stands for `after`.
    call: the rule that reads this byte, its frame on top of this one; None: no call.
    after: without a call, the one state to go to; with one, the state to go on in for each verdict, 0 where the
    called rule cannot end so here.
    others: more entries of the same kind as a table's, tried as well (nondeterminism).
    """

    after: tuple[int, ...]
    call: int | None = None
    limit: int | None = None
    at_limit: tuple[int, ...] = ()
    unseen: int = 0
    seen: int = 0
    mark: int = 0
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One byte automaton.

    classes: uint8 [256], the class of each byte. table: int32 [states, classes]: 0 not allowed, n > 0 the next state,
    -1 - i the move i. ends: int32 [states]: 0, or 1 + the verdict with which the rule may end here. State 0 is dead.
    lingers: states that may end here even where the byte leads on within the rule.
    No chain of moves may call without end on one byte.
    """

    classes: Classes
    table: Table
    ends: NDArray[np.int32]
    start: int = 1
    moves: tuple[Move, ...] = ()
    lingers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Frame:
    """A rule that waits for one that it called: where it goes on for each verdict, and its register."""

    rule: int
    after: tuple[int, ...]
    register: int


@dataclass(frozen=True, slots=True)
class Thread:
    """One way in which the bytes so far can be read: the running rule, its state and register, and who waits."""

    rule: int
    state: int
    register: int = 0
    stack: tuple[Frame, ...] = ()


Threads = frozenset[Thread]


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """Rules that call each other; rule `start` reads the whole text."""

    rules: tuple[Rule, ...]
    start: int = 0

    def begin(self) -> Threads:
        """The threads before the first byte."""
        return frozenset((Thread(self.start, self.rules[self.start].start),))

    def walk(self, data: bytes) -> Threads:
        """The threads after these bytes; none if they are not allowed."""
        threads = self.begin()
        for byte in data:
            threads = self.step(threads, byte)
        return threads

    def step(self, threads: Threads, byte: int) -> Threads:
        """The threads after one more byte."""
        return frozenset(moved for thread in threads for moved in self._read(thread, byte))

    def accepts(self, threads: Threads) -> bool:
        """Whether the text may end here."""
        return any(self._complete(thread) for thread in threads)

    def _read(self, thread: Thread, byte: int) -> Iterator[Thread]:
        rule = self.rules[thread.rule]
        entry = int(rule.table[thread.state, rule.classes[byte]])
        if entry:
            yield from self._follow(thread, entry, byte)
        if entry == 0 or thread.state in rule.lingers:
            for caller in self._return(thread):
                yield from self._read(caller, byte)

    def _follow(self, thread: Thread, entry: int, byte: int) -> Iterator[Thread]:
        if entry > 0:
            yield from self._settle(Thread(thread.rule, entry, thread.register, thread.stack))
            return
        move = self.rules[thread.rule].moves[-1 - entry]
        for other in move.others:
            yield from self._follow(thread, other, byte)
        register = thread.register
        if (move.unseen and not move.unseen & ~register) or move.seen & ~register:
            return
        register |= move.mark
        after = move.after
        if move.limit is not None:
            register += 1
            after = move.at_limit if register == move.limit else after
        if move.call is None:
            if after[0]:
                yield from self._settle(Thread(thread.rule, after[0], register, thread.stack))
            return
        if not any(after) or len(thread.stack) >= MOST_FRAMES:
            return
        callee = self.rules[move.call]
        entry = int(callee.table[callee.start, callee.classes[byte]])
        stack = (*thread.stack, Frame(thread.rule, after, register))
        if entry:
            yield from self._follow(Thread(move.call, callee.start, 0, stack), entry, byte)

    def _settle(self, thread: Thread) -> Iterator[Thread]:
        """The thread, or its callers where its rule has ended and cannot go on."""
        rule = self.rules[thread.rule]
        if thread.stack and rule.ends[thread.state] and not rule.table[thread.state].any():
            for caller in self._return(thread):
                yield from self._settle(caller)
        else:
            yield thread

    def _return(self, thread: Thread) -> Iterable[Thread]:
        verdict = int(self.rules[thread.rule].ends[thread.state]) - 1
        if verdict < 0 or not thread.stack:
            return ()
        frame = thread.stack[-1]
        state = frame.after[verdict] if verdict < len(frame.after) else 0
        return (Thread(frame.rule, state, frame.register, thread.stack[:-1]),) if state else ()

    def _complete(self, thread: Thread) -> bool:
        if not self.rules[thread.rule].ends[thread.state]:
            return False
        return not thread.stack or any(self._complete(caller) for caller in self._return(thread))


def machine_of(part: ByteDfa) -> Machine:
    """The machine that accepts what an automaton does, without states that lead nowhere or that nothing enters."""
    dfa = trim(part.dfa)
    columns, merged = distinct_columns(dfa.table)
    ends = dfa.accepting.astype(np.int32)
    return Machine((Rule(merged[part.classes], dfa.table[:, columns], ends, dfa.start),))
