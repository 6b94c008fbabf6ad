"""Loop: one background thread that runs asyncio, for one backend.

    loop = Loop("engine")
    future = loop.submit(coroutine)       # a concurrent.futures.Future; the thread starts with the first use
    loop.call(function, argument)         # runs there soon
    loop.close()                          # cancels what runs, waits for it, ends the thread

Forgotten loops are closed when they are collected, or at interpreter exit. It refuses to know what it runs.
"""

import asyncio
import concurrent.futures
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .errors import NoBackend

T = TypeVar("T")
CLOSE_SECONDS = 10.0


class Loop:
    """A background asyncio thread, started by its first use. Every method may be called from any thread."""

    def __init__(self, name: str = "backend") -> None:
        self.name = name
        self.closed = False
        self._lock = threading.Lock()
        self._running: asyncio.AbstractEventLoop | None = None
        self._stop: weakref.finalize[[], Loop] | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> "concurrent.futures.Future[T]":
        """Runs a coroutine; its result or error is in the future. Raises NoBackend after `close`."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._start())
        except NoBackend:
            work.close()
            raise

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Runs a function soon, on the loop's thread. Raises NoBackend after `close`."""
        loop = self._start()
        try:
            loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError as error:  # closed by another thread in between
            raise NoBackend(f"the {self.name} was closed") from error

    def here(self) -> bool:
        """Whether the calling code runs on this loop."""
        try:
            return asyncio.get_running_loop() is self._running
        except RuntimeError:
            return False

    def close(self) -> None:
        """Cancels everything that runs, waits for it and ends the thread. Closing twice is fine."""
        with self._lock:
            self.closed = True
            stop = self._stop
        if stop is not None:
            stop()

    def _start(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self.closed:
                raise NoBackend(f"the {self.name} was closed: open a new one")
            if self._running is None:
                self._running = asyncio.new_event_loop()
                # The thread must not hold this object, or it would never be collected.
                thread = threading.Thread(
                    target=_serve, args=(self._running,), name=f"trellis-{self.name}", daemon=True
                )
                thread.start()
                self._stop = weakref.finalize(self, _end, self._running, thread)
            return self._running


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
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    if loop.is_closed():
        return
    loop.call_soon_threadsafe(loop.stop)
    if thread is not threading.current_thread():
        thread.join(CLOSE_SECONDS)
