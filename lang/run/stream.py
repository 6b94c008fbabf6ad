"""Stream, AsyncStream: the events of a running program, one after the other.

    with program.stream(question="...") as stream:      # or just: for event in program.stream(...)
        for event in stream: ...

The last event is Finished; if the run failed, the step after it raises the run's error. Leaving a stream early, by
closing or forgetting it, cancels the run. It refuses to know what the events say.
"""

import asyncio
import contextlib
import queue
from collections.abc import Callable, Coroutine
from typing import Any, Generic, Self, TypeVar

from .events import Event, Finished
from .run import Run

R = TypeVar("R")
Listener = Callable[[Event], None]


class Stream(Generic[R]):
    """Events of one run, for a thread. post: what the run's thread calls; it holds only the queue, not the stream.

    >>> with ask.stream() as events:
    ...     [type(event).__name__ for event in events]
    ['TextDelta', 'VariableSet', 'Finished']
    """

    def __init__(self, begin: Callable[[Listener], Run[R]]) -> None:
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._events = events
        self.post: Listener = events.put
        self.run = begin(events.put)
        self._over = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if self._over:
            if self.run.error is not None:
                raise self.run.error
            raise StopIteration
        event = self._events.get()
        self._over = isinstance(event, Finished)
        return event

    def close(self) -> None:
        """Leaves the stream; a run that still goes on is cancelled."""
        if not self.run.done:
            self.run.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "run"):
            self.close()


class AsyncStream(Generic[R]):
    """Events of one run, for the asyncio loop in which it was made.

    >>> async def heard():
    ...     async with ask.astream() as events:
    ...         return [event.text async for event in events if isinstance(event, tr.TextDelta)]
    >>> asyncio.run(heard())
    ['Because.']
    """

    def __init__(
        self,
        begin: Callable[[Listener], Run[R]],
        perform: Callable[[Run[R]], Coroutine[Any, Any, None]],
    ) -> None:
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event] = asyncio.Queue()

        def post(event: Event) -> None:
            # A loop that is closed has nobody left to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(events.put_nowait, event)

        self._events = events
        self.run = begin(post)
        self._over = False
        self._task = loop.create_task(_follow(self.run, perform, post))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if self._over:
            if self.run.error is not None:
                raise self.run.error
            raise StopAsyncIteration
        event = await self._events.get()
        self._over = isinstance(event, Finished)
        return event

    async def aclose(self) -> None:
        """Leaves the stream; a run that still goes on is cancelled, and has ended when this returns."""
        if not self.run.done:
            self.run.cancel()
        await asyncio.wait([self._task])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if hasattr(self, "run") and not self.run.done:
            self.run.cancel()


async def _follow(
    run: Run[R], perform: Callable[[Run[R]], Coroutine[Any, Any, None]], post: Listener
) -> None:
    try:
        await perform(run)
    finally:
        post(Finished(run))
