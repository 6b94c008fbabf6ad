"""Mailbox: items from the engine's thread to readers on one asyncio loop, many of them per wake-up.

    mailbox = mailboxes.here()                        # on the loop
    with mailboxes.together():                        # on the engine's thread
        mailbox.post(queue.put_nowait, delta)         # calls it there, soon

Waking a loop costs more than an entry, and hands the interpreter to the loop's thread for as long as that has
work. So entries posted together, or before the loop gets round to them, share one wake-up; and a thread of its own
wakes the loops for those posted together, once the posting thread leaves the interpreter, as it does to compute.
It refuses to know what the items are.
"""

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Mailbox:
    """Where another thread leaves items for readers on one loop. After its end only those that were left get any."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._items: deque[tuple[Callable[[Any], object], Any]] = deque()
        self._scheduled = False
        self._held = False

    def post(self, take: Callable[[Any], object], item: Any) -> None:
        """Calls `take`, which must not raise, with the item on the loop soon. From any one thread."""
        self._items.append((take, item))
        if not self._held:
            self.wake()

    def hold(self) -> None:
        """From here on posting wakes nobody; on the thread that posts."""
        self._held = True

    def release(self) -> bool:
        """Posting wakes again; whether somebody is to be woken for what was posted since `hold`."""
        self._held = False
        return bool(self._items)

    def wake(self) -> None:
        """Has the loop take what was posted. From any thread."""
        if self._scheduled and not self.loop.is_closed():
            return
        self._scheduled = True
        try:
            self.loop.call_soon_threadsafe(self._drain)
        except RuntimeError:
            if not self.loop.is_closed():
                raise
            self._lose()

    def _lose(self) -> None:
        """The loop ended: readers that were left let go of what comes, as they would there; others cannot be told."""
        with suppress(IndexError):  # another thread may have come to the same
            while True:
                take, item = self._items.popleft()
                with suppress(RuntimeError):
                    take(item)

    def _drain(self) -> None:
        # Reset first: an item posted from here on either is seen below or schedules another wake-up.
        self._scheduled = False
        while self._items:
            take, item = self._items.popleft()
            take(item)


class Mailboxes:
    """One mailbox for each loop in use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[asyncio.AbstractEventLoop, Mailbox] = {}
        self._bell = _Bell()

    def here(self) -> Mailbox:
        """The mailbox of the running loop; those of closed loops are dropped."""
        loop = asyncio.get_running_loop()
        with self._lock:
            for other in [o for o in self._of if o.is_closed()]:
                del self._of[other]
            if loop not in self._of:
                self._of[loop] = Mailbox(loop)
            return self._of[loop]

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is posted inside, on the one thread that posts, wakes each loop once, afterwards."""
        with self._lock:
            held = list(self._of.values())
        for mailbox in held:
            mailbox.hold()
        try:
            yield
        finally:
            self._bell.ring([mailbox for mailbox in held if mailbox.release()])


class _Bell:
    """A thread that wakes loops; it begins with the first ring and ends with the bell."""

    def __init__(self) -> None:
        self._waiting: deque[Mailbox | None] = deque()
        self._rung = threading.Event()
        self._thread: threading.Thread | None = None

    def ring(self, mailboxes: list[Mailbox]) -> None:
        """Has these woken soon."""
        if not mailboxes:
            return
        if self._thread is None:
            arguments = (self._rung, self._waiting)
            self._thread = threading.Thread(
                target=_answer, args=arguments, name="trellis-bell", daemon=True
            )
            self._thread.start()
            weakref.finalize(self, _silence, self._rung, self._waiting)
        self._waiting.extend(mailboxes)
        self._rung.set()


def _answer(rung: threading.Event, waiting: deque[Mailbox | None]) -> None:
    """The thread of a bell, which it does not know, so that it can end with it."""
    while True:
        rung.wait()
        rung.clear()
        while waiting:
            mailbox = waiting.popleft()
            if mailbox is None:
                return
            mailbox.wake()


def _silence(rung: threading.Event, waiting: deque[Mailbox | None]) -> None:
    waiting.append(None)
    rung.set()
