"""Grammar: a constraint compiled to byte tables, immutable and shared by all requests that have it.

    grammar = build_grammar(part)
    state = grammar.step(grammar.start, byte)           # 0: not allowed
    grammar.forced_bytes(state)                         # what must come next, as far as there is no choice

The device copies `classes` and `edges` and walks them; nothing here knows tokens.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .automaton import trim
from .bytedfa import ByteDfa, Classes, distinct_columns
from .errors import InvalidConstraint

MOST_FORCED = 512


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """The tables of a compiled constraint.

    key: content hash. classes: uint8 [256], the class of each byte. edges: int32 [states, 1 + classes]: column 0 is 1
    where the text may end, column 1 + c the next state after a byte of class c. State 0 is dead; from every other one
    some text leads to an end. has_forced: bool [states], whether exactly one byte may follow and the text may not end.
    """

    key: str
    classes: Classes
    edges: NDArray[np.int32]
    start: int
    has_forced: NDArray[np.bool_] = field(repr=False)
    _single: NDArray[np.int16] = field(repr=False)  # the only byte of each class, or -1
    _columns: bytes = field(repr=False)  # `classes`, for bytes.translate

    @property
    def states(self) -> int:
        """Number of states, the dead one included."""
        return len(self.edges)

    @property
    def nbytes(self) -> int:
        """Bytes of the tables."""
        return self.classes.nbytes + self.edges.nbytes + self.has_forced.nbytes

    def step(self, state: int, byte: int) -> int:
        """The state after one more byte; 0 if it is not allowed."""
        return self.edges.item(state, 1 + self._columns[byte])

    def walk(self, state: int, data: bytes) -> int:
        """The state after these bytes; 0 if they are not allowed."""
        edge = self.edges.item
        for column in data.translate(self._columns):
            state = edge(state, 1 + column)
            if state == 0:
                return 0
        return state

    def accepting(self, state: int) -> bool:
        """Whether the text may end here."""
        return bool(self.edges[state, 0])

    def closed(self, state: int) -> bool:
        """Whether nothing may follow: the text must end here."""
        return not self.edges[state, 1:].any()

    def forced_bytes(self, state: int) -> bytes:
        """The bytes that must follow, up to a choice, an end, or 512 of them."""
        found = bytearray()
        while self.has_forced[state] and len(found) < MOST_FORCED:
            column = int(np.argmax(self.edges[state, 1:] != 0))
            found.append(int(self._single[column]))
            state = int(self.edges[state, 1 + column])
        return bytes(found)


def build_grammar(part: ByteDfa) -> Grammar:
    """The grammar of an automaton. Raises InvalidConstraint if it accepts nothing."""
    dfa = trim(part.dfa)
    if dfa.empty:
        raise InvalidConstraint("no text can satisfy this constraint")
    columns, merged = distinct_columns(dfa.table)
    classes = merged[part.classes]
    edges = np.empty((dfa.states, 1 + len(columns)), np.int32)
    edges[:, 0] = dfa.accepting
    edges[:, 1:] = dfa.table[:, columns]
    key = hashlib.sha256(
        classes.tobytes() + edges.tobytes() + str((edges.shape, dfa.start)).encode()
    )
    single = _single_bytes(classes, len(columns))
    has_forced = _find_forced(edges, single)
    for table in (classes, edges, has_forced, single):
        table.flags.writeable = False
    return Grammar(
        key.hexdigest(), classes, edges, dfa.start, has_forced, single, classes.tobytes()
    )


def _single_bytes(classes: Classes, count: int) -> NDArray[np.int16]:
    single = np.full(count, -1, np.int16)
    alone = np.bincount(classes, minlength=count)[classes] == 1
    single[classes[alone]] = np.flatnonzero(alone)
    return single


def _find_forced(edges: NDArray[np.int32], single: NDArray[np.int16]) -> NDArray[np.bool_]:
    follows = edges[:, 1:] != 0
    only = follows.argmax(1)
    return (follows.sum(1) == 1) & (single[only] >= 0) & (edges[:, 0] == 0)
