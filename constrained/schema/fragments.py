"""Fragments: what the schemas of one compiler share: patterns, spellings, rules of leaves.

    rule = fragments.keep(("string", 1, 40), make)

The least recently used go first. Safe between threads: at worst something is made twice.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar, cast

Made = TypeVar("Made")


class Fragments:
    """Up to a number of entries, each of them small. The bytes are counted by what a caller says one may take."""

    def __init__(self, most_bytes: int) -> None:
        self._most = max(64, most_bytes // TYPICAL_BYTES)
        self._lock = Lock()
        self._parts: OrderedDict[Hashable, object] = OrderedDict()

    def keep(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What stands under this key, made if nothing does."""
        with self._lock:
            if key in self._parts:
                self._parts.move_to_end(key)
                return cast(Made, self._parts[key])
        made = make()
        with self._lock:
            self._parts[key] = made
            while len(self._parts) > self._most:
                self._parts.popitem(last=False)
        return made


TYPICAL_BYTES = 8192
