"""Lanes: many bytes read at once, from many places of one grammar.

    lanes = TableLanes(grammar, longest)
    state, context = lanes.enter(place)
    states, contexts = lanes.follow(states, contexts, data)         # state 0: not allowed

Plain bytes are one array operation for all lanes. The rest, calls, returns and counters, is worked out once for each
kind that occurs and remembered: a context stands for a register, the stack, and the lowest that the stack has been.
Registers too far from any limit for `longest` bytes are one. Slow: five microseconds for each new kind.
"""

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from .grammar import Grammar
from .place import AHEAD, MOST_PUSHED, Place, Stack

Ints = NDArray[np.int64]
P_contra = TypeVar("P_contra", contravariant=True)
Context = tuple[int, Stack, int]
FAR = -(1 << 60)
MOST_KINDS = 1 << 17


class Lanes(Protocol[P_contra]):
    """Reads bytes for many lanes of one grammar. after_any: what a Shelf remembers, until `enter` forgets contexts."""

    after_any: dict[tuple[int, int], tuple[int, int] | None]

    def enter(self, place: P_contra) -> tuple[int, int]: ...
    def follow(
        self, states: Ints, contexts: Ints, data: NDArray[np.uint8]
    ) -> tuple[Ints, Ints]: ...


class TableLanes:
    """Lanes of a Grammar. Not for several threads at once."""

    def __init__(self, grammar: Grammar, longest: int) -> None:
        self._grammar = grammar
        self._longest = longest
        self._columns = grammar.classes.astype(np.int64) + AHEAD
        self._flat = grammar.edges.reshape(-1)
        self._width = grammar.edges.shape[1]
        self._contexts: list[Context] = []
        self._numbers: dict[Context, int] = {}
        self._known: dict[tuple[int, int, int], tuple[int, int]] = {}
        self.after_any: dict[tuple[int, int], tuple[int, int] | None] = {}

    def enter(self, place: Place) -> tuple[int, int]:
        """The state and context of a place."""
        if len(self._known) > MOST_KINDS:
            self._contexts, self._numbers, self._known, self.after_any = [], {}, {}, {}
        state, register, stack = self._grammar.mask_key(place, self._longest)
        below = tuple((p, r - 1 if r else FAR) for p, r in stack)
        return state, self._number((register - 1 if register else FAR, below, len(stack)))

    def follow(self, states: Ints, contexts: Ints, data: NDArray[np.uint8]) -> tuple[Ints, Ints]:
        """States and contexts after one more byte each."""
        columns = self._columns[data]
        entries = self._flat[states * self._width + columns].astype(np.int64)
        special = np.flatnonzero(entries < 0)
        if special.size:
            contexts = contexts.copy()
            at = states[special], contexts[special], columns[special]
            entries[special], contexts[special] = self._resolve(*at)
        return entries, contexts

    def within(self, context: int) -> tuple[int, Stack, int]:
        """The register, the stack, and the lowest that the stack has been, for which a context stands."""
        return self._contexts[context]

    def _resolve(self, states: Ints, contexts: Ints, columns: Ints) -> tuple[Ints, Ints]:
        """States and contexts after bytes that are not plain."""
        keys = (states * len(self._contexts) + contexts) * self._width + columns
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        kinds = zip(
            states[first].tolist(), contexts[first].tolist(), columns[first].tolist(), strict=True
        )
        known = self._known
        found = np.array([known.get(kind) or self._learn(kind) for kind in kinds], np.int64)
        return found[which, 0], found[which, 1]

    def _learn(self, kind: tuple[int, int, int]) -> tuple[int, int]:
        state, context, column = kind
        register, stack, low = self._contexts[context]
        entry = self._grammar.edges.item(state, column)
        place = Place(state, register, stack)
        found = self._grammar.resolve(place, entry, column - AHEAD, (low, MOST_PUSHED))
        if found is None:
            self._known[kind] = (0, 0)
            return 0, 0
        (state, register, stack), low = found
        near = self._grammar.clamp(self._grammar.edges.item(state, 1), register, self._longest)
        number = self._number((register if near else FAR, stack, low))
        self._known[kind] = state, number
        return state, number

    def _number(self, context: Context) -> int:
        found = self._numbers.get(context)
        if found is None:
            found = self._numbers[context] = len(self._contexts)
            self._contexts.append(context)
        return found
