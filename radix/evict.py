"""The order of eviction: leaves that nobody keeps, the longest unused first.

    queue.add(leaf)           # when it becomes evictable
    leaf = queue.take()       # the oldest that still is

A heap with lazy repair: a node has at most one entry; using a node again leaves its entry where it is, and `take`
moves it when it comes up. So using is free and taking costs O(log n), in exact order of use.
It refuses to know about pages.
"""

import heapq
from collections.abc import Iterator

from .node import Node


def evictable(node: Node) -> bool:
    """Whether it is a leaf in a tree that nobody keeps. (Roots and removed nodes have no parent.)"""
    return not node.children and not node.locks and node.parent is not None


class LeafQueue:
    """Evictable leaves by last use. Entries may be out of date; `take` never gives such a one."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Node]] = []
        self._adds = 0

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[tuple[int, Node]]:
        """The entries (tick, node), in no order."""
        return ((tick, node) for tick, _, node in self._heap)

    def add(self, node: Node) -> None:
        """Queues a node at its last use, unless it has an entry already."""
        if not node.queued:
            node.queued = True
            # The count decides between equal ticks (both parts of a split), so that nodes are never compared.
            self._adds += 1
            heapq.heappush(self._heap, (node.tick, self._adds, node))

    def take(self) -> Node | None:
        """Removes and gives the evictable leaf that was used longest ago; None when there is none."""
        while self._heap:
            tick, _, node = heapq.heappop(self._heap)
            node.queued = False
            if not evictable(node):
                continue
            if node.tick == tick:
                return node
            self.add(node)
        return None

    def prune(self) -> None:
        """Drops the entries of nodes that are no longer evictable, so that they do not keep removed nodes alive."""
        kept = [entry for entry in self._heap if evictable(entry[2])]
        for _, _, node in self._heap:
            node.queued = False
        for _, _, node in kept:
            node.queued = True
        heapq.heapify(kept)
        self._heap = kept
