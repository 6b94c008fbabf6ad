"""Fragments: what the schemas of one compiler share: patterns, spellings, rules of leaves.

    rule = fragments.keep(("string", 1, 40), make)

The least recently used go first. Safe between threads: at worst something is made twice, and the first of the two is
kept by all.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar, cast

import numpy as np

from ..automata.bytedfa import ByteDfa
from ..machine.rule import Rule
from ..regex.pattern import Pattern
from ..regex.spelling import Spelling
from .leaves.counting import Counted
from .leaves.labels import Labelled

Made = TypeVar("Made")
OVERHEAD_BYTES = 2048
NOTHING = object()  # None may be kept


class Fragments:
    """Entries of up to `most_bytes` bytes, all together."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._lock = Lock()
        self._parts: OrderedDict[Hashable, object] = OrderedDict()

    def keep(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What stands under this key, made if nothing does."""
        with self._lock:
            found = self._parts.get(key, NOTHING)
            if found is not NOTHING:
                self._parts.move_to_end(key)
                return cast(Made, found)
        made = make()
        with self._lock:
            if key in self._parts:  # another was faster
                return cast(Made, self._parts[key])
            self._parts[key] = made
            self._bytes += _bytes_of(made)
            while self._bytes > self._most_bytes and len(self._parts) > 1:
                self._bytes -= _bytes_of(self._parts.popitem(last=False)[1])
        return made


def _bytes_of(made: object) -> int:
    """About how many bytes an entry takes: its table, and as much again for what leads to it."""
    if isinstance(made, tuple):
        return sum(_bytes_of(part) for part in cast("tuple[object, ...]", made))
    if isinstance(made, np.ndarray):
        return int(made.nbytes)
    if isinstance(made, Labelled):
        return OVERHEAD_BYTES + made.table.nbytes + made.labels.nbytes
    if isinstance(made, Counted):
        return OVERHEAD_BYTES + made.nbytes
    if isinstance(made, Rule | Spelling):
        return OVERHEAD_BYTES + 2 * made.table.nbytes
    if isinstance(made, ByteDfa | Pattern):
        return OVERHEAD_BYTES + 2 * made.dfa.table.nbytes
    return OVERHEAD_BYTES
