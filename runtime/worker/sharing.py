"""Sharing: which keys the rows of a step have in common, remembered while the rows stay the same.

    shared = sharing.of(step.work, rows)      # None: nothing that pays
    sharing.forget()                          # when requests take rows: the same rows hold other pages then

It is read off the page tables: pages before a row's new tokens that another row has in the same place. What is slow:
rows that changed, a fraction of a millisecond for hundreds of them. A plan is kept while rows grow: where all layers
see a window, it may read what only the rows' earlier tokens saw, which is hidden from the later ones. It refuses to
know about prefixes and trees.
"""

from collections.abc import Sequence

import numpy as np

from ...kernels.attention.share import Segment, Shared, find_segments, plan_shared
from ..step import Work
from .attend import Attention
from .rows import Rows


class Sharing:
    """The last rows looked at, what they share, and the plan for as many new tokens as they had last."""

    def __init__(self, attention: Attention, rows: Rows) -> None:
        self._attention = attention
        self._state = rows
        self._rows: tuple[int, ...] = ()
        self._segments: list[Segment] = []
        self._counts = b""
        self._shared: Shared | None = None

    def forget(self) -> None:
        """Looks anew the next time."""
        self._rows = ()

    def of(self, work: Sequence[Work], rows: tuple[int, ...]) -> Shared | None:
        """What the rows of this work share, the same object while rows and counts are the same. rows: those of work."""
        if not self._attention.shares:
            return None
        if rows != self._rows:
            self._segments = self._find(work, rows)
            self._rows, self._counts = rows, b""
        if not self._segments:
            return None
        counts = np.fromiter((w.count for w in work), np.int32, len(work))
        if counts.tobytes() != self._counts:
            limits = self._attention.space.limits
            oldest = self._attention.space.oldest(
                np.fromiter((w.position for w in work), np.int32, len(work))
            )
            self._shared = plan_shared(
                self._segments, counts, np.array(rows, np.int32), limits, oldest
            )
            self._counts = counts.tobytes()
        return self._shared

    def _find(self, work: Sequence[Work], rows: tuple[int, ...]) -> list[Segment]:
        size = self._attention.pool.shape.page_size
        known = np.fromiter((w.position // size for w in work), np.int32, len(work))
        return find_segments(self._state.listed[list(rows), : int(known.max())], known, size)
