"""Performing: bringing a run of a function to its end: in this thread, in one of its own, or on an asyncio loop.

    perform(function, run, bound)                      # blocks; raises nothing that the run ran into
    perform_aside(function, run, bound, post)          # at once; post(Finished(run)) at the end
    await perform_async(function, run, bound)          # cancelling it cancels the run

A backend that runs whole programs is sent the function, where it can be traced. It refuses to know why it runs.
"""

import asyncio
import concurrent.futures
import contextvars
import inspect
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from ..default import Chosen
from ..errors import NoBackend
from ..nodes.flow import at_work
from ..program.program import Program
from .deadline import until
from .events import Event, Finished
from .run import Run
from .whole import whole_of


class Runnable(Protocol):
    """A function, as far as it is run here."""

    body: Callable[..., Any]
    is_async: bool

    def traced(self) -> Program: ...


def perform(function: Runnable, run: Run[Any], bound: inspect.BoundArguments) -> None:
    """Brings a run to its end in this thread. Raises only what is no Exception, such as KeyboardInterrupt, and
    InvalidProgram on the backend's own loop."""
    run.scope.check_thread()
    whole = whole_of(function, run, bound.arguments)
    if function.is_async or whole is not None:
        _perform_there(run, whole or perform_async(function, run, bound))
        return
    with Chosen(run.scope.backend), at_work(run.state), until(run.scope.patience):
        try:
            value = function.body(run.state, *bound.args, **bound.kwargs)
            run.settle()
        except BaseException as error:
            run.abandon(error)
            if not isinstance(error, Exception):
                raise
        else:
            run.complete(value)


def perform_aside(
    function: Runnable,
    run: Run[Any],
    bound: inspect.BoundArguments,
    post: Callable[[Event], None] | None = None,
) -> "concurrent.futures.Future[None]":
    """Brings a run to its end in a thread of its own, and posts that it did."""
    future: concurrent.futures.Future[None] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()  # a cancelled waiter leaves the thread to end by itself
    context = contextvars.copy_context()

    def work() -> None:
        try:
            context.run(perform, function, run, bound)
        finally:
            if post is not None:
                post(Finished(run))
            future.set_result(None)

    threading.Thread(target=work, name=f"trellis-{function.body.__name__}", daemon=True).start()
    return future


async def perform_async(function: Runnable, run: Run[Any], bound: inspect.BoundArguments) -> None:
    """Brings a run to its end from an asyncio loop: an async body here, any other in a thread of its own."""
    if function.is_async and (whole := whole_of(function, run, bound.arguments)) is not None:
        await _performed_there(run, whole)
        return
    if not function.is_async:
        try:
            await asyncio.wrap_future(perform_aside(function, run, bound))
        except asyncio.CancelledError:
            run.cancel()
            raise
        except RuntimeError as error:  # there is no thread to be had
            await run.abandoned(error)
        return
    with Chosen(run.scope.backend), at_work(run.state), until(run.scope.patience):
        try:
            value = await function.body(run.state, *bound.args, **bound.kwargs)
            await run.settled()
        except BaseException as error:
            await run.abandoned(error)
            if not isinstance(error, Exception):
                raise
        else:
            await run.completed(value)


def _perform_there(run: Run[Any], work: Coroutine[Any, Any, None]) -> None:
    """Waits for work on the backend's loop that brings the run to its end. A loop that is closed does none."""
    try:
        done = run.scope.backend.loop.submit(work)
        done.result()
    except (NoBackend, concurrent.futures.CancelledError) as error:
        run.abandon(_closed(error))
    except BaseException:
        run.cancel()
        raise


async def _performed_there(run: Run[Any], work: Coroutine[Any, Any, None]) -> None:
    """The same on any asyncio loop."""
    try:
        done = run.scope.backend.loop.submit(work)
    except NoBackend as error:
        await run.abandoned(error)
        return
    try:
        await asyncio.shield(asyncio.wrap_future(done))
    except asyncio.CancelledError as error:
        if done.cancelled():
            await run.abandoned(_closed(error))
            return
        run.cancel()
        raise


def _closed(error: BaseException) -> NoBackend:
    return error if isinstance(error, NoBackend) else NoBackend("the backend was closed")
