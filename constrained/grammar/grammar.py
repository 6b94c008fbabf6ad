"""Grammar: a constraint compiled to tables, immutable and shared by all requests that have it.

    grammar = build_grammar(machine)
    place = grammar.walk(grammar.start, b'{"a"')        # None: not allowed
    grammar.forced_bytes(place)                         # what must come next, as far as there is no choice

A Place is a state, its frame's register, and the frames that wait below: for each the row of `returns` that says where
to go on, and its register. One integer table holds all states of all rules:

    edges[s, 0]         0, v + 1: its rule may end here with verdict v, -(v + 1): it has ended, and pops at once
    edges[s, 1]         which values of the register can matter, see below
    edges[s, 2 + c]     on a byte of class c: 0 not allowed, n > 0 the next state, -1 the caller reads it (the rule
                        ends), -2 - a action a
    actions[a]          unseen, seen, mark, limit, go, go_at_limit, push, push_at_limit, need, need_at_limit, instead
    returns[p + v]      the state to go on in after verdict v, for a frame that was pushed as p; 0: not allowed
    returns[p - 1]      which values of its register can matter
    returns[: first]    0, then the limits, four for each kind of counter

An action does what rule.Move says, `go` being an entry again: a state (which may have ended), or the action of the
called rule on the same byte. `push` is 0 or the p of the frame that it leaves behind. `need`: for how many frames more
there must be room, so that the text can still come to its end, see machine/needs; where there is none the action
`instead` is done, or the byte is refused (0). Which values of a register
matter: 0 none, EXACT all, h > 0: only how far it is from returns[h : h + 4], limits in ascending order, the last of
them repeated.

The device copies these tables and walks them; nothing here knows tokens. Slow: a microsecond for a plain byte, five
for an action.
"""

from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..automata.bytedfa import Classes
from ..machine.rule import MOST_FRAMES
from .place import AHEAD, CALLER, EXACT, LIMITS, MOST_PUSHED, Place, Stack

MOST_FORCED = 512
MOST_CLOSED = 256  # places of which it is remembered whether anything may follow


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """The tables of a compiled constraint; int32, but for actions, int64. State 0 is dead.

    key: content hash. classes: uint8 [256], the class of each byte. first_return: where the limits in `returns` end;
    from there on it has rows of 1 + verdicts entries. has_forced: bool [states], whether exactly one
    byte may follow and the text may not end.
    """

    key: str
    classes: Classes
    edges: NDArray[np.int32]
    actions: NDArray[np.int64]
    returns: NDArray[np.int32]
    first_return: int
    verdicts: int
    start: Place
    has_forced: NDArray[np.bool_] = field(repr=False)
    _single: NDArray[np.int16] = field(repr=False)  # the only byte of each class, or -1
    _columns: bytes = field(repr=False)  # `classes`, for bytes.translate
    _told: dict[int, tuple[int, ...]] = field(
        default_factory=dict[int, tuple[int, ...]], init=False, repr=False
    )

    _closed: dict[Place, bool] = field(default_factory=dict[Place, bool], init=False, repr=False)

    def __post_init__(self) -> None:
        for table in (self.classes, self.edges, self.actions, self.returns, self.has_forced):
            table.flags.writeable = False

    def __reduce__(self) -> tuple[type["Grammar"], tuple[object, ...]]:
        return Grammar, tuple(getattr(self, f.name) for f in fields(self) if f.init)

    @property
    def tier(self) -> Literal["device", "host"]:
        """Who makes the masks: the device."""
        return "device"

    @property
    def states(self) -> int:
        """Number of states, the dead one included."""
        return len(self.edges)

    @property
    def nbytes(self) -> int:
        """Bytes of the tables."""
        tables = self.classes, self.edges, self.actions, self.returns, self.has_forced
        return sum(table.nbytes for table in tables)

    @property
    def forces(self) -> bool:
        """Whether any text is ever forced."""
        return bool(self.has_forced.any())

    def walk(self, place: Place, data: bytes) -> Place | None:
        """The place after these bytes; None if they are not allowed."""
        return self._read(place, data, MOST_FRAMES)

    def take(self, place: Place, token: bytes) -> Place | None:
        """As walk, for the bytes of one token, which may leave no more than MOST_PUSHED new frames open."""
        return self._read(place, token, MOST_PUSHED)

    def step(self, place: Place, byte: int) -> Place | None:
        """The place after one more byte."""
        return self._read(place, bytes((byte,)), MOST_FRAMES)

    def accepts(self, data: bytes) -> bool:
        """Whether these bytes are a whole text of the grammar."""
        place = self.walk(self.start, data)
        return place is not None and self.accepting(place)

    def accepting(self, place: Place) -> bool:
        """Whether the text may end here."""
        state, _, stack = place
        depth = len(stack)
        code = self.edges.item(state, 0)
        while code and depth:
            depth -= 1
            state = self.returns.item(stack[depth][0] + abs(code) - 1)
            code = self.edges.item(state, 0)
        return code != 0

    def closed(self, place: Place) -> bool:
        """Whether nothing may follow: the text must end here."""
        if (self.edges[place.state, AHEAD:] > 0).any():
            return False
        known = self._closed.get(place)
        if known is None:
            classes = np.unique(self.classes, return_index=True)[1]
            known = not any(self.step(place, int(byte)) for byte in classes)
            if len(self._closed) < MOST_CLOSED:
                self._closed[place] = known
        return known

    def forces_at(self, place: Place) -> bool:
        """Whether there is just one byte to go on with here, and the text may not end."""
        return bool(self.has_forced[place.state])

    def forced_bytes(self, place: Place) -> bytes:
        """The bytes that must follow, up to a choice, an end, or 512 of them."""
        found = bytearray()
        at: Place | None = place
        while at is not None and self.has_forced[at.state] and len(found) < MOST_FORCED:
            column = int(np.argmax(self.edges[at.state, AHEAD:] != 0))
            byte = int(self._single[column])
            at = self.step(at, byte)
            if at is not None:
                found.append(byte)
        return bytes(found)

    def mask_key(self, place: Place, longest: int) -> Place:
        """The place with registers so far from every limit that `longest` bytes cannot tell them apart as one.

        Two places with equal keys allow the same tokens of up to that many bytes. A register is shown as 1 more than
        it is, and as 0 where it does not matter.
        """
        state, register, stack = place
        clamp, returns = self.clamp, self.returns
        below = tuple((p, clamp(returns.item(p - 1), r, longest)) for p, r in stack)
        return Place(state, clamp(self.edges.item(state, 1), register, longest), below)

    def clamp(self, matters: int, register: int, longest: int) -> int:
        """1 + a register, or 0 where no limit is near enough to matter."""
        if matters == 0:
            return 0
        if matters == EXACT:
            return register + 1
        for limit in self.returns[matters : matters + LIMITS].tolist():
            if limit > register:
                return register + 1 if limit - register <= longest else 0
        return 0

    def _read(self, place: Place, data: bytes, most_pushed: int) -> Place | None:
        state, register, stack = place
        edge = self.edges.item
        low = len(stack)
        for column in data.translate(self._columns):
            entry = edge(state, AHEAD + column)
            if entry > 0:
                state = entry
            elif entry == 0:
                return None
            else:
                found = self._follow((state, register, stack), entry, column, (low, most_pushed))
                if found is None:
                    return None
                state, register, stack, low = found
        return Place(state, register, stack)

    def resolve(
        self, place: Place, entry: int, column: int, bound: tuple[int, int]
    ) -> tuple[Place, int] | None:
        """What an entry below 0 leads to on a byte of this class, and the lowest that the stack has been.

        bound: the lowest that it had been within this token, and how many frames may be above that.
        """
        found = self._follow(place, entry, column, bound)
        return found and (Place(*found[:3]), found[3])

    def _follow(
        self, place: tuple[int, int, Stack], entry: int, column: int, bound: tuple[int, int]
    ) -> tuple[int, int, Stack, int] | None:
        state, register, stack = place
        low, most = bound
        while entry == CALLER:
            state = self._return(state, stack)
            if state == 0:
                return None
            register, stack = stack[-1][1], stack[:-1]
            entry = self.edges.item(state, AHEAD + column)
        depth = len(stack)
        low = depth if depth < low else low
        while entry < 0:
            (
                unseen, seen, mark, limit, go, go_at_limit, push, push_at_limit, need, need_at_limit, instead,
            ) = self._told.get(entry) or self._tell(entry)  # fmt: skip
            if (unseen and not unseen & ~register) or seen & ~register:
                return None
            raised = (register | mark) + (limit != 0)
            if limit and raised == limit:
                go, push, need = go_at_limit, push_at_limit, need_at_limit
            if len(stack) + need > MOST_FRAMES:
                entry = instead
                continue
            register = raised
            if push and go:
                if len(stack) - low >= most:
                    return None
                stack, register = (*stack, (push, register)), 0
            entry = go
        return self._settle(entry, register, stack, low) if entry else None

    def _settle(
        self, state: int, register: int, stack: Stack, low: int
    ) -> tuple[int, int, Stack, int] | None:
        """The place in a state that may have been entered at its rule's very end."""
        while stack and self.edges.item(state, 0) < 0:
            state = self._return(state, stack)
            if state == 0:
                return None
            register, stack = stack[-1][1], stack[:-1]
            low = min(low, len(stack))
        return state, register, stack, low

    def _tell(self, entry: int) -> tuple[int, ...]:
        """The action of an entry, kept as Python's integers, which are faster to look at one by one."""
        found = self._told[entry] = tuple(self.actions[-2 - entry].tolist())
        return found

    def _return(self, state: int, stack: Stack) -> int:
        """The caller's state after the verdict of this one."""
        code = self.edges.item(state, 0)
        return self.returns.item(stack[-1][0] + abs(code) - 1) if code and stack else 0
