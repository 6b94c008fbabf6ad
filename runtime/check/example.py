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

from ...constrained.grammar.distances import Distances
from ...constrained.grammar.grammar import Grammar

SHORTEST_STEPS, ANY_STEPS = 3_000, 20_000
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
