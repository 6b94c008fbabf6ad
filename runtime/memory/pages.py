"""Pages: the free list of physical page ids.

    pages = Pages(total)
    taken = pages.take(3)         # int32 ids, or None when there are fewer
    pages.give_back(taken)

Page 0 is the one that padding writes to; it is never handed out. Last given back is first taken.
It refuses to know who holds a page; giving one back twice is a bug and asserted.
"""

import numpy as np

from ...radix.key import Ints


class Pages:
    """Ids 1 to total - 1, each free or taken."""

    def __init__(self, total: int) -> None:
        if total < 2:
            raise ValueError(f"at least 2 pages are needed, page 0 being nobody's; got {total}")
        self.total = total
        self.free = total - 1
        self._stack = np.arange(total - 1, 0, -1, dtype=np.int32)
        self._is_free = np.ones(total, np.bool_)
        self._is_free[0] = False

    def take(self, count: int) -> Ints | None:
        """Takes `count` free pages, int32; None, and nothing taken, when there are fewer."""
        assert count >= 0, f"{count} pages wanted"
        if count > self.free:
            return None
        self.free -= count
        taken = self._stack[self.free : self.free + count][::-1].copy()
        self._is_free[taken] = False
        return taken

    def give_back(self, pages: Ints) -> None:
        """Takes pages back, int32."""
        if not len(pages):
            return
        assert pages.min() > 0, f"page 0 is nobody's and pages are positive: {pages}"
        assert not self._is_free[pages].any(), f"given back twice: {pages[self._is_free[pages]]}"
        assert len(set(pages.tolist())) == len(pages), f"the same page twice in {pages}"
        self._is_free[pages] = True
        end = self.free + len(pages)
        self._stack[self.free : end] = pages[::-1]
        self.free = end

    def free_pages(self) -> Ints:
        """The free pages, int32, in the order in which they would be taken."""
        return self._stack[: self.free][::-1].copy()

    def check(self) -> None:
        """Raises AssertionError when the list of free pages and the marks disagree."""
        listed = np.sort(self._stack[: self.free])
        marked = np.flatnonzero(self._is_free)
        assert np.array_equal(listed, marked), f"free by the list {listed}, by the marks {marked}"
