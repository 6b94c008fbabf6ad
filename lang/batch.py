"""Batch: many runs of one function, so many at a time, in the order of their items.

    runs = run_batch(begin, perform, items, Batch(limit=64, progress=True))

`begin` makes a Run, `perform` brings it to its end and raises nothing the run ran into, so an item that fails leaves
the others alone. It refuses to know about functions and backends.
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .errors import InvalidProgram
from .run import Run

R = TypeVar("R")
Item = Mapping[str, Any]
LIMIT = 256


@dataclass(frozen=True, slots=True)
class Batch:
    """limit: most runs at a time; progress: whether a bar is shown on the terminal."""

    limit: int = LIMIT
    progress: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.limit, int) or self.limit < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidProgram(f"limit must be at least 1 program at a time, got {self.limit!r}")


def run_batch(
    begin: Callable[[], Run[R]],
    perform: Callable[[Run[R], Item], None],
    items: Sequence[Item],
    batch: Batch,
) -> list[Run[R]]:
    """One run per item, in threads. An interrupt of the caller cancels those that have begun."""
    _check_items(items)
    begun: list[Run[R]] = []

    def work(item: Item) -> Run[R]:
        run = begin()
        begun.append(run)
        perform(run, item)
        return run

    threads = max(1, min(batch.limit, len(items)))
    with (
        _shown(len(items), batch.progress) as tick,
        concurrent.futures.ThreadPoolExecutor(threads) as pool,
    ):
        futures = [pool.submit(contextvars.copy_context().run, work, item) for item in items]
        try:
            for future in concurrent.futures.as_completed(futures):
                tick(future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for run in begun:
                run.cancel()
            raise
    return [future.result() for future in futures]


async def gather_batch(
    begin: Callable[[], Run[R]],
    perform: Callable[[Run[R], Item], Awaitable[None]],
    items: Sequence[Item],
    batch: Batch,
) -> list[Run[R]]:
    """One run per item, on the loop of the caller. Cancelling it cancels those that have begun."""
    _check_items(items)
    room = asyncio.Semaphore(batch.limit)
    with _shown(len(items), batch.progress) as tick:

        async def work(item: Item) -> Run[R]:
            async with room:
                run = begin()
                await perform(run, item)
            tick(run)
            return run

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work(item)) for item in items]
    return [task.result() for task in tasks]


def _check_items(items: Sequence[Item]) -> None:
    for index, item in enumerate(items):
        if not isinstance(item, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]: callers may be untyped
            raise InvalidProgram(
                f"items[{index}] must be a dict of the function's arguments, got {item!r:.80}"
            )


@contextlib.contextmanager
def _shown(total: int, progress: bool) -> Generator[Callable[[Run[Any]], None]]:
    """A function to call with each finished run; it moves a bar if one is wanted."""
    if not progress:
        yield lambda run: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    failed = 0
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("programs", total=total)

        def tick(run: Run[Any]) -> None:
            nonlocal failed
            failed += run.error is not None
            bar.update(
                task, advance=1, description=f"programs ({failed} failed)" if failed else "programs"
            )

        yield tick
