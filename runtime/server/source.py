"""Source: jobs, run on the backend's loop, read on the server's.

    async with aclosing(source.run(jobs)) as deltas:
        async for index, delta in deltas: ...   # all jobs interleaved; leaving ends all work

    await unless_left(request.receive, work)    # ends the work when the client leaves

A backend runs on one loop of its own; whole batches cross over to it in one call, and what comes
back in the same moment shares one wake-up. It refuses to know about HTTP bodies.
"""

import asyncio
import concurrent.futures
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.types import Receive

from ...constrained.errors import ConstraintError
from ...constrained.spec import Constraint
from ...lang.backends.base import Backend, Delta, Prompt
from ...lang.params import SamplingParams
from ..errors import EngineStopped
from ..mailbox import Mailbox, Mailboxes
from .errors import ClientLeft, FieldError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """One prompt to answer `params.n` times.

    constraint_param: the field that a bad constraint is the fault of.

    id: for the reply. first: the place of its first answer among those of the whole request.
    """

    id: str
    prompt: Prompt
    params: SamplingParams
    constraint: Constraint | None
    constraint_param: str | None
    first: int


class Source:
    """One backend, as the server's loop sees it."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._mailboxes = Mailboxes()

    async def run(self, jobs: Sequence[Job]) -> AsyncGenerator[tuple[int, Delta], None]:
        """(place, Delta) of all jobs as they come.

        The first job that fails fails all, with its own error.
        """
        queue: asyncio.Queue[tuple[int, Delta] | None] = asyncio.Queue()
        mailbox = self._mailboxes.here()
        future = self.backend.loop.submit(self._run_all(jobs, mailbox, queue))
        future.add_done_callback(lambda _: mailbox.post(queue, None))
        try:
            while (item := await queue.get()) is not None:
                yield item
            _raise_failure(future)
        finally:
            future.cancel()

    async def _run_all(
        self, jobs: Sequence[Job], mailbox: Mailbox, queue: asyncio.Queue[Any]
    ) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(self._run_one(job, mailbox, queue))
        except* Exception as failures:
            raise _first(failures) from None

    async def _run_one(self, job: Job, mailbox: Mailbox, queue: asyncio.Queue[Any]) -> None:
        deltas = self.backend.generate(job.prompt, job.params, job.constraint)
        try:
            async with aclosing(deltas):
                async for delta in deltas:
                    mailbox.post(queue, (job.first + delta.index, delta))
        except ConstraintError as error:
            raise FieldError(error, job.constraint_param) from error


def _first(failures: BaseExceptionGroup[Exception]) -> Exception:
    error = failures.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _raise_failure(future: "concurrent.futures.Future[None]") -> None:
    if future.cancelled():
        raise EngineStopped("the backend was closed while the request ran")
    future.result()


async def unless_left(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`;

    when the client leaves first, `work` is cancelled and ClientLeft raised.

    The body of the request must have been read before.
    """
    task = asyncio.ensure_future(work)
    left = asyncio.ensure_future(_wait_for_leaving(receive))
    try:
        await asyncio.wait((task, left), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientLeft("the client closed the connection")
        return task.result()
    finally:
        task.cancel()
        left.cancel()
        await asyncio.gather(task, left, return_exceptions=True)


async def _wait_for_leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
