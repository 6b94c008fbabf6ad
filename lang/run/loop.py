"""Loop: one background thread that runs asyncio, for one backend.

    loop = Loop("engine")
    future = loop.submit(coroutine)       # a concurrent.futures.Future; the thread starts with the first use
    loop.call(function, argument)         # runs there soon
    loop.close()                          # cancels what runs, waits for it, ends the thread

Forgotten loops are closed when they are collected, or at interpreter exit. It refuses to know what it runs.
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import threading
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

from ..errors import NoBackend

T = TypeVar("T")
CLOSE_SECONDS = 10.0


class Loop:
    """A background asyncio thread, started by its first use. Every method may be called from any thread."""

    def __init__(self, name: str = "backend") -> None:
        self.name = name
        self._thread = _Thread(name)
        # The thread must not hold this object, or it would never be collected.
        weakref.finalize(self, self._thread.end)

    @property
    def closed(self) -> bool:
        """Whether it was closed; nothing runs on it any more."""
        return self._thread.closed

    def submit(self, work: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
        """Runs a coroutine; its result or error is in the future. Raises NoBackend after `close`."""
        try:
            with self._thread.running() as loop:
                return asyncio.run_coroutine_threadsafe(work, loop)
        except NoBackend:
            work.close()
            raise

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Runs a function soon, on the loop's thread. Raises NoBackend after `close`."""
        self._thread.post(function, arguments)

    def here(self) -> bool:
        """Whether the calling code runs on this loop."""
        return threading.current_thread() is self._thread.thread

    def close(self) -> None:
        """Cancels everything that runs, waits for it and ends the thread. Closing twice is fine."""
        self._thread.end()


class _Thread:
    """The thread and its asyncio loop. What is scheduled under the lock before the end still runs, and is cancelled."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.closed = False
        self.thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._posted: deque[tuple[contextvars.Context, Callable[..., object], Any]] = deque()
        self._woken = False

    @contextlib.contextmanager
    def running(self) -> Generator[asyncio.AbstractEventLoop]:
        """The running loop, which does not end inside the block."""
        with self._lock:
            yield self._begun()

    def post(self, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
        """Runs a function soon. Only the first of those that come together wakes the loop: waking costs the most."""
        context = contextvars.copy_context()
        with self._lock:
            loop = self._begun()
            self._posted.append((context, function, arguments))
            if not self._woken:
                self._woken = True
                loop.call_soon_threadsafe(self._take)

    def _begun(self) -> asyncio.AbstractEventLoop:
        if self.closed:
            raise NoBackend(f"the {self.name} was closed: open a new one")
        if self._loop is None:
            # It keeps the context in which it is made, and with that of a run the backend that owns this loop.
            self._loop = contextvars.Context().run(asyncio.new_event_loop)
            name = f"trellis-{self.name}"
            self.thread = threading.Thread(
                target=_serve, args=(self._loop,), name=name, daemon=True
            )
            self.thread.start()
        return self._loop

    def _take(self) -> None:
        """Schedules what was posted; what comes from now on wakes again."""
        self._woken = False
        loop = asyncio.get_running_loop()
        while self._posted:
            context, function, arguments = self._posted.popleft()
            loop.call_soon(function, *arguments, context=context)

    def end(self) -> None:
        with self._lock:
            ending, self.closed = not self.closed, True
            if ending and self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join(CLOSE_SECONDS)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """The thread: runs until stopped, then ends what is left. A Runner would want the main thread's signals."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_finish())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _finish() -> None:
    loop = asyncio.get_running_loop()
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
