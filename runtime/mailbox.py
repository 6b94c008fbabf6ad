"""Mailbox: items from the engine's thread to queues of one asyncio loop, many of them per wake-up.

    mailbox = mailboxes.here()            # on the loop
    mailbox.post(queue, delta)            # on the engine's thread

Waking a loop costs more than a queue entry, so entries posted before the loop gets round to them share one wake-up.
It refuses to know what the items are.
"""

import asyncio
import threading
from collections import deque
from typing import Any


class Mailbox:
    """Where another thread leaves items for queues of one loop. Items for a loop that has ended are dropped."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._items: deque[tuple[asyncio.Queue[Any], Any]] = deque()
        self._scheduled = False

    def post(self, queue: asyncio.Queue[Any], item: Any) -> None:
        """Puts the item into the queue soon. From any one thread."""
        self._items.append((queue, item))
        if self._scheduled:
            return
        self._scheduled = True
        try:
            self.loop.call_soon_threadsafe(self._drain)
        except RuntimeError:
            # The loop ended between two steps: nobody is left to read, and what was asked for is aborted by its owner.
            if not self.loop.is_closed():
                raise
            self._items.clear()

    def _drain(self) -> None:
        # Reset first: an item posted from here on either is seen below or schedules another wake-up.
        self._scheduled = False
        while self._items:
            queue, item = self._items.popleft()
            queue.put_nowait(item)


class Mailboxes:
    """One mailbox for each loop in use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[asyncio.AbstractEventLoop, Mailbox] = {}

    def here(self) -> Mailbox:
        """The mailbox of the running loop; those of closed loops are dropped."""
        loop = asyncio.get_running_loop()
        with self._lock:
            for other in [o for o in self._of if o.is_closed()]:
                del self._of[other]
            if loop not in self._of:
                self._of[loop] = Mailbox(loop)
            return self._of[loop]
