"""Jobs: the items of a batch on their way to finished runs, through a checkpoint if there is one.

    jobs = jobs_of(performer, {"limit": 64, "checkpoint": "extract.jsonl"})
    for run in jobs.each(items): ...            # async for run in jobs.aeach(items)

It refuses to know what a function is: a Performer begins, performs and restores its runs.
"""

import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar

from ..backends.base import Backend
from ..errors import InvalidProgram
from ..near import near
from ..run.run import Run
from .batch import LIMIT, Batch, Item, aeach, bar_of, check_items, each
from .checkpoint import Checkpoint
from .warming import Warming

R = TypeVar("R")


class BatchOptions(TypedDict, total=False):
    """How a batch runs.

    limit: most runs at a time; progress: a bar on the terminal; ordered: runs in the order of the items, else as they
    complete (run.index says which item); checkpoint: a JSONL file: finished items are written there, and not run again
    when the batch is started again with it. Their values have the type that the function says it returns, their
    variables are plain data.
    """

    limit: int
    progress: bool
    ordered: bool
    checkpoint: str | os.PathLike[str] | None
    backend: Backend | None
    timeout: float | None


@dataclass(frozen=True, slots=True)
class Performer(Generic[R]):
    """A function's way with one item. perform brings a run to its end; value_of restores a value from plain data.

    warming: what is computed once for all of them, around the batch.
    """

    name: str
    begin: Callable[[], Run[R]]
    perform: Callable[[Run[R], Item], None]
    aperform: Callable[[Run[R], Item], Awaitable[None]]
    value_of: Callable[[Any], Any]
    warming: Callable[[], Warming]


class Jobs(Generic[R]):
    """One batch. Runs that go on when it is left are cancelled."""

    def __init__(
        self,
        performer: Performer[R],
        batch: Batch,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> None:
        self._performer = performer
        self._batch = batch
        self._path = checkpoint
        self._checkpoint: Checkpoint | None = None
        self._begun: dict[Run[R], None] = {}
        self._stopped = False

    def each(self, items: Iterable[Item]) -> Generator[Run[R]]:
        """The finished runs. Raises InvalidProgram at once for items that are none, where they can be seen."""
        check_items(items)
        return self._each(items)

    def aeach(self, items: Iterable[Item]) -> AsyncGenerator[Run[R]]:
        """The async twin of `each`."""
        check_items(items)
        return self._aeach(items)

    def _each(self, items: Iterable[Item]) -> Generator[Run[R]]:
        with bar_of(self._batch, items) as tick, self._recording(), self._performer.warming():
            runs = each(self._work, items, self._batch, tick, self._stop)
            with contextlib.closing(runs):
                yield from runs

    async def _aeach(self, items: Iterable[Item]) -> AsyncGenerator[Run[R]]:
        with bar_of(self._batch, items) as tick, self._recording():
            runs = aeach(self._awork, items, self._batch, tick)
            async with self._performer.warming(), contextlib.aclosing(runs):
                async for run in runs:
                    yield run

    @contextlib.contextmanager
    def _recording(self) -> Generator[None]:
        if self._path is not None:
            self._checkpoint = Checkpoint(self._path, self._performer.name)
        try:
            yield
        finally:
            self._stop()
            if self._checkpoint is not None:
                self._checkpoint.close()

    def _stop(self) -> None:
        self._stopped = True
        for run in list(self._begun):
            run.cancel()

    def _note(self, run: Run[R]) -> None:
        """One more goes on. Its thread may come this far only after the batch was left."""
        self._begun[run] = None
        if self._stopped:
            run.cancel()

    def _work(self, index: int, item: Item) -> Run[R]:
        run, key = self._begin(index, item)
        if not run.done:
            self._note(run)
            self._performer.perform(run, item)
            self._end(run, key)
        return run

    async def _awork(self, index: int, item: Item) -> Run[R]:
        run, key = self._begin(index, item)
        if not run.done:
            self._note(run)
            await self._performer.aperform(run, item)
            self._end(run, key)
        return run

    def _begin(self, index: int, item: Item) -> tuple[Run[R], str | None]:
        """A run for the item, done already if the checkpoint has it."""
        key = self._checkpoint.key(item) if self._checkpoint is not None else None
        run = self._performer.begin()
        run.index = index
        if self._checkpoint is None or key is None:
            return run, None
        if (line := self._checkpoint.found(key)) is not None:
            value = self._performer.value_of(line["value"])
            run.restore(value, line["variables"], line["text"])
        return run, key

    def _end(self, run: Run[R], key: str | None) -> None:
        self._begun.pop(run, None)
        if self._checkpoint is not None and key is not None:
            self._checkpoint.add(key, line_of(run))


def line_of(run: Run[Any]) -> dict[str, Any]:
    """What a checkpoint keeps of a run. Raises InvalidProgram for a value that is no data."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    if run.error is not None:
        return {"error": f"{type(run.error).__name__}: {run.error}"}
    try:
        value, variables = to_jsonable_python((run.value, run.variables))
    except (PydanticSerializationError, ValueError) as error:
        raise InvalidProgram(f"a checkpoint needs values that are data: {error}") from error
    return {"value": value, "variables": variables, "text": run.text(), "error": None}


def jobs_of(performer: Performer[R], options: Mapping[str, Any]) -> Jobs[R]:
    """The batch that the options ask for. Raises TypeError for unknown ones, InvalidProgram for unusable ones."""
    known = BatchOptions.__annotations__
    if unknown := sorted(set(options) - set(known)):
        meant = near(unknown[0], known)
        raise TypeError(f"a batch takes no {unknown[0]!r}{meant}; it takes {', '.join(known)}")
    batch = Batch(
        options.get("limit", LIMIT), options.get("progress", False), options.get("ordered", True)
    )
    return Jobs(performer, batch, options.get("checkpoint"))
