"""Crossings: work on the backend's loop, while who reads what comes of it is on the server's.

    crossings = Crossings(backend.loop)
    with crossings.begun(work, reader): ...     # work(post): a coroutine; reader.put gets what it posts

Whoever leaves the block ends the work. To wake the other loop hands it the interpreter for a while, so all that begins
in one turn of this loop goes over together; a future for each would also be a cycle of references, which keeps all that
a request had until somebody looks for garbage. It refuses to know what the work is.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from ...lang.errors import NoBackend
from ...lang.run.loop import Loop
from ..arrivals import Flow, Queue
from ..errors import EngineStopped
from ..mailbox import Mailbox, Mailboxes

CLOSED = "the backend was closed while the request ran"
T = TypeVar("T")
Work: TypeAlias = Callable[[Callable[[T], None]], Coroutine[Any, Any, None]]


class Crossings:
    """All of one backend."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._mailboxes = Mailboxes()
        self._waiting: deque[_Crossing[Any]] = deque()
        self._leaving: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def begun(self, work: Work[T], reader: Queue[T] | Flow[T]) -> Iterator[None]:
        """Inside, the work is done; on the reader's loop."""
        crossing = _Crossing(self._mailboxes.here(), work, reader)
        here = asyncio.get_running_loop()
        # The loop that was to see to it may have ended before it did.
        if self._leaving is not here:
            self._leaving = here
            here.call_soon(self._leave)
        self._waiting.append(crossing)
        try:
            yield
        finally:
            reader.close()
            crossing.left = True
            if not crossing.over:
                with suppress(NoBackend):  # closed meanwhile, which ends it as well
                    self._loop.call(crossing.cancel)

    def _leave(self) -> None:
        """What waits goes over."""
        # Reset first: who comes from here on either leaves with these, or with the next.
        self._leaving = None
        going: list[_Crossing[Any]] = []
        while self._waiting:
            going.append(self._waiting.popleft())
        try:
            if going:
                self._loop.call(_begin, going)
        except NoBackend as error:
            for crossing in going:
                crossing.close(error)


class _Crossing(Generic[T]):
    """One piece of work. left: nobody waits for it; over: nothing is at work any more."""

    def __init__(self, mailbox: Mailbox, work: Work[T], reader: Queue[T] | Flow[T]) -> None:
        self.left = self.over = False
        self._context = contextvars.copy_context()
        self._mailbox = mailbox
        self._work = work
        self._reader = reader
        self._task: asyncio.Task[None] | None = None

    def close(self, error: Exception | None) -> None:
        """It has ended, or cannot begin."""
        self.over, self._task = True, None
        self._mailbox.post(self._reader.end, error)

    def begin(self) -> None:
        """Begins the work. This and what follows: on the backend's loop."""
        # `cancel` may have come before: it does not wait for the end of a turn.
        if self.left:
            self.over = True
            return
        self._task = self._context.run(self._start)
        self._task.add_done_callback(self._end)

    def cancel(self) -> None:
        """Ends the work early."""
        if self._task is not None:
            self._task.cancel()

    def _start(self) -> "asyncio.Task[None]":
        work = self._work(partial(self._mailbox.post, self._reader.put))
        return asyncio.get_running_loop().create_task(work)

    def _end(self, task: "asyncio.Task[None]") -> None:
        failed = None if task.cancelled() else task.exception()
        assert failed is None or isinstance(failed, Exception), failed
        self.close(EngineStopped(CLOSED) if task.cancelled() else failed)


def _begin(crossings: list[_Crossing[Any]]) -> None:
    for crossing in crossings:
        crossing.begin()
