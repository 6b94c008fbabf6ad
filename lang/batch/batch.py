"""Batch: many runs of one function, so many at a time, out of any number of items.

    for run in each(work, items, Batch(limit=64, ordered=False)): ...     # work(index, item) -> a finished Run
    async for run in aeach(awork, items, batch): ...

Items are taken when there is room, so they may come from a generator, and a slow reader slows the batch down: no more
than a few times `limit` runs are there at once. `work` raises nothing the run ran into, so an item that fails leaves
the others alone. It refuses to know about functions, backends and files.
"""

import asyncio
import concurrent.futures
import contextvars
import itertools
import queue
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import InvalidProgram
from ..run.run import Run
from .progress import Tick, hidden, shown

R = TypeVar("R")
Item = Mapping[str, Any]
LIMIT = 256
AHEAD = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """limit: most runs at a time; progress: whether a bar is shown; ordered: as the items are, or as runs complete."""

    limit: int = LIMIT
    progress: bool = False
    ordered: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.limit, int) or self.limit < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidProgram(f"limit must be at least 1 program at a time, got {self.limit!r}")

    @property
    def window(self) -> int:
        """Most items taken and not yet handed on: ordered, a slow one must not leave the others idle."""
        return self.limit * AHEAD if self.ordered else self.limit


class _Handing:
    """Finished runs by index, handed on in the order asked for. left: taken, but not handed on."""

    def __init__(self, ordered: bool) -> None:
        self._ordered = ordered
        self._ready: dict[int, Any] = {}
        self._next = 0
        self.left = 0

    def put(self, index: int, run: Run[R]) -> Generator[Run[R]]:
        """Takes a run in; the runs whose turn it is now."""
        self._ready[index] = run
        while self._ready:
            key = self._next if self._ordered else next(iter(self._ready))
            if key not in self._ready:
                return
            self._next += 1
            self.left -= 1
            yield self._ready.pop(key)


def each(
    work: Callable[[int, Item], Run[R]],
    items: Iterable[Item],
    batch: Batch,
    tick: Tick,
    stop: Callable[[], None],
) -> Generator[Run[R]]:
    """One run per item, in threads. When it is left, `stop` cancels those that have begun; it waits for their end."""
    done: queue.SimpleQueue[tuple[int, concurrent.futures.Future[Run[R]]]] = queue.SimpleQueue()
    handing, numbered = _Handing(batch.ordered), enumerate(items)
    pool = concurrent.futures.ThreadPoolExecutor(batch.limit)

    def start(index: int, item: Item) -> None:
        context = contextvars.copy_context()
        future = pool.submit(context.run, work, index, checked(item, index))
        future.add_done_callback(lambda future: done.put((index, future)))

    try:
        while True:
            for index, item in itertools.islice(numbered, batch.window - handing.left):
                start(index, item)
                handing.left += 1
            if not handing.left:
                return
            index, future = done.get()
            run = future.result()
            tick(run.error is not None)
            yield from handing.put(index, run)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        stop()
        pool.shutdown()


async def aeach(
    work: Callable[[int, Item], Coroutine[Any, Any, Run[R]]],
    items: Iterable[Item],
    batch: Batch,
    tick: Tick,
) -> AsyncGenerator[Run[R]]:
    """One run per item, on the loop of the caller. Whatever stops the reader cancels those that have begun."""
    done: asyncio.Queue[tuple[int, asyncio.Task[Run[R]]]] = asyncio.Queue()
    handing, numbered = _Handing(batch.ordered), enumerate(items)
    room = asyncio.Semaphore(batch.limit)
    tasks: set[asyncio.Task[Run[R]]] = set()

    async def within(index: int, item: Item) -> Run[R]:
        async with room:
            return await work(index, item)

    def start(index: int, item: Item) -> None:
        task = asyncio.get_running_loop().create_task(within(index, checked(item, index)))
        tasks.add(task)
        task.add_done_callback(lambda task: done.put_nowait((index, task)))

    try:
        while True:
            for index, item in itertools.islice(numbered, batch.window - handing.left):
                start(index, item)
                handing.left += 1
            if not handing.left:
                return
            index, task = await done.get()
            tasks.discard(task)
            run = task.result()
            tick(run.error is not None)
            for ready in handing.put(index, run):
                yield ready
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def bar_of(batch: Batch, items: Iterable[Item]) -> Any:
    """The bar that a batch wants, or none."""
    total = len(items) if isinstance(items, list | tuple) else None
    return (shown if batch.progress else hidden)(total)


def check_items(items: Iterable[Item]) -> None:
    """Raises for mistakes that can be seen before anything runs; a generator's are seen as they come."""
    if isinstance(items, list | tuple):
        for index, item in enumerate(items):
            checked(item, index)


def checked(item: Any, index: int) -> Item:
    """The item, if it is one. Raises InvalidProgram."""
    if not isinstance(item, Mapping):
        raise InvalidProgram(
            f"items[{index}] must be a dict of the function's arguments, got {item!r:.80}"
        )
    return item  # pyright: ignore[reportUnknownVariableType]: its keys are checked when they are bound
