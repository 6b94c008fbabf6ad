"""Aside: a function of the user's at work in a daemon thread, so that whatever it does stops nobody else.

    aside = Aside(function, {"city": "Lisbon"}, backend)
    aside.start()
    done, _ = await asyncio.wait([aside.outcome], timeout=5)
    aside.cancel()                     # a coroutine is asked to end; a plain function goes on unheard

A coroutine runs in a loop of its own there. Functions of ours that are called inside run on `backend`. A thread cannot
be ended, but as a daemon it holds up neither a loop that closes nor the interpreter. It refuses to know what for.
"""

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..backends.base import Backend
from ..default import use


class AsideFailed(Exception):
    """The function raised; what it raised is the cause, also where that ends programs, such as SystemExit."""


class Aside:
    """One call. outcome: the result, or AsideFailed, for the loop on which this was made."""

    def __init__(
        self, function: Callable[..., Any], arguments: Mapping[str, Any], backend: Backend
    ) -> None:
        self._function = function
        self._arguments = arguments
        self._backend = backend
        self._waiting = asyncio.get_running_loop()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self.outcome: asyncio.Future[Any] = self._waiting.create_future()

    def start(self) -> None:
        """Begins. To be called once."""
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._work,), name="trellis-aside", daemon=True).start()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self.outcome.cancel()
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            with contextlib.suppress(RuntimeError):  # its loop ended just now
                loop.call_soon_threadsafe(task.cancel)

    def _work(self) -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            with use(self._backend):
                result = self._function(**self._arguments)
                if inspect.isawaitable(result):
                    result = asyncio.run(self._awaited(result))
        except BaseException as raised:  # it must not end anything but itself
            error = raised
        # A loop that was closed has nobody waiting.
        with contextlib.suppress(RuntimeError):
            self._waiting.call_soon_threadsafe(self._tell, result, error)

    async def _awaited(self, value: Any) -> Any:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        return await value

    def _tell(self, result: Any, error: BaseException | None) -> None:
        if self.outcome.done():
            return
        if error is None:
            self.outcome.set_result(result)
            return
        failed = AsideFailed(str(error))
        failed.__cause__ = error
        self.outcome.set_exception(failed)


async def call_aside(
    function: Callable[..., Any], arguments: Mapping[str, Any], backend: Backend
) -> Any:
    """Calls the function and waits for its result. Raises AsideFailed; cancelling this leaves the function behind."""
    aside = Aside(function, arguments, backend)
    aside.start()
    try:
        return await aside.outcome
    finally:
        if not aside.outcome.done() or aside.outcome.cancelled():
            aside.cancel()
