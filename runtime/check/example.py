"""Example: a short text that a grammar accepts.

    short_text(grammar)                         # b'{"name": "", "age": 0}'; None where none was found soon

A best-first search over places. What is left from a place is bounded from below by the fewest bytes to the end of its
rule and of those that wait (counters ignored, so never too many): what is found first is a shortest text. Where that
takes too long, because a counter asks for much, a second search goes on from the latest byte, each time towards the
nearest end, and finds some text. Of bytes that a grammar cannot tell apart the most readable is taken. Slow: some
milliseconds; up to two seconds where nothing is found.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...constrained.grammar import Grammar
from ...constrained.place import AHEAD, Place

SHORTEST_STEPS, ANY_STEPS = 3_000, 20_000
FAR = 1 << 20  # more than any text has bytes
READABLE = b"0abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789"
Order = Callable[[Any, bytes], tuple[int, int]]


def short_text(grammar: Any) -> bytes | None:
    """A text that the grammar accepts, a shortest one where that can be found soon; None if the search is given up."""
    left = Distances(grammar).left if isinstance(grammar, Grammar) else _nothing_known

    def shortest(place: Any, text: bytes) -> tuple[int, int]:
        return len(text) + left(place), -len(text)

    def nearest(place: Any, text: bytes) -> tuple[int, int]:
        return -len(text), left(place)

    found = _search(grammar, shortest, SHORTEST_STEPS)
    return _search(grammar, nearest, ANY_STEPS) if found is None else found


def _nothing_known(place: object) -> int:
    return 0


def _search(grammar: Any, order: Order, most_steps: int) -> bytes | None:
    letters, ticks = readable_bytes(grammar.classes), count()
    waiting = [(order(grammar.start, b""), next(ticks), grammar.start, b"")]
    seen = {grammar.start}
    for _ in range(most_steps):
        if not waiting:
            return None
        _, _, place, text = heappop(waiting)
        if grammar.accepting(place):
            return text
        for letter in letters:
            after = grammar.walk(place, letter)
            if after is not None and after not in seen:
                seen.add(after)
                longer = text + letter
                heappush(waiting, (order(after, longer), next(ticks), after, longer))
    return None


def readable_bytes(classes: NDArray[np.uint8]) -> list[bytes]:
    """One byte of each class, the most readable; readable ones first."""
    order = [*READABLE, *(b for b in range(0x21, 0x7F) if b not in READABLE)]
    order += [b for b in range(256) if b not in order]
    chosen: dict[int, int] = {}
    for byte in order:
        chosen.setdefault(int(classes[byte]), byte)
    return [bytes((byte,)) for byte in chosen.values()]


class Distances:
    """The fewest bytes from each state of a grammar to the end of its rule, counters and bits ignored."""

    def __init__(self, grammar: Grammar) -> None:
        self._returns = grammar.returns
        self._verdicts = grammar.verdicts
        self._states = _settle(grammar)

    def left(self, place: Place) -> int:
        """The fewest bytes that can follow before the text may end."""
        total = int(self._states[place.state])
        for pushed, _ in place.stack:
            total += int(self._states[self._returns[pushed : pushed + self._verdicts]].min())
        return total


def _settle(grammar: Grammar) -> NDArray[np.int64]:
    """The distances, made smaller until nothing changes."""
    edges = grammar.edges[:, AHEAD:]
    states = np.where(grammar.edges[:, 0] != 0, 0, FAR).astype(np.int64)
    states[0] = FAR
    acting = np.full(
        len(grammar.actions) + 2, FAR, np.int64
    )  # behind the actions: dead, the caller reads on
    acting[-1] = FAR
    while True:
        acting = _through_actions(grammar, states, acting)
        onward = np.where(edges > 0, states[np.maximum(edges, 0)], acting[_slots(edges, acting)])
        nearer = np.minimum(states, onward.min(1, initial=FAR) + 1)
        nearer[0] = FAR
        if (nearer == states).all():
            return states
        states = nearer


def _slots(entries: NDArray[Any], acting: NDArray[np.int64]) -> NDArray[Any]:
    """Where in `acting` the cost of an entry stands that is no state."""
    return np.where(entries < -1, -2 - entries, len(acting) - 1)


def _through_actions(
    grammar: Grammar, states: NDArray[np.int64], acting: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What is left after each action: of the rule it goes to, and of the caller that it leaves waiting."""
    actions = grammar.actions
    if not len(actions):
        return acting
    go, push = actions[:, 4:6], actions[:, 6:8]
    waiting = np.zeros(push.shape, np.int64)
    rows = push[push > 0][:, None] + np.arange(grammar.verdicts)
    waiting[push > 0] = states[grammar.returns[rows]].min(1)
    inner = np.where(go > 0, states[np.maximum(go, 0)], acting[_slots(go, acting)])
    costs = (inner + waiting).min(1)
    return np.concatenate([np.minimum(costs, FAR), acting[-1:]])
