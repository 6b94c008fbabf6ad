"""Source: jobs, run on the backend's loop, read on the server's.

    async with aclosing(source.run(jobs)) as deltas:
        async for index, delta in deltas: ...   # all jobs interleaved; leaving ends all work

    await unless_left(request.receive, work)    # ends the work when the client leaves

A backend runs on one loop of its own; whole batches cross over to it in one call, and what comes
back in the same moment shares one wake-up. It refuses to know about HTTP bodies.
"""

import asyncio
import concurrent.futures
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.types import Receive

from ...constrained.errors import ConstraintError
from ...constrained.spec import Constraint
from ...lang.backends.base import Backend, ChoiceScore, Delta, Finish, Prefix, Prompt, Usage
from ...lang.nodes.params import SamplingParams
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


@dataclass(eq=False, slots=True)
class _Working:
    """A job at work, and whether somebody asked for its end."""

    task: "asyncio.Task[Any]"
    aborted: bool = False


class Source:
    """One backend, as the server's loop sees it. observe: hears of every answer that ends."""

    def __init__(
        self, backend: Backend, observe: Callable[[Finish, Usage], None] | None = None
    ) -> None:
        self.backend = backend
        self._observe = observe
        self._mailboxes = Mailboxes()
        # Jobs at work, by id; touched on the backend's loop only.
        self._working: dict[str, set[_Working]] = {}

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

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """Log-probabilities of every choice after the prompt."""
        future = self.backend.loop.submit(self.backend.score(prompt, choices, params))
        return await asyncio.wrap_future(future)

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """Computes a prompt and keeps it; the caller holds it then."""
        return await asyncio.wrap_future(
            self.backend.loop.submit(self.backend.hold(prompt, params))
        )

    async def abort(self, id: str | None) -> int:
        """Ends the jobs with this id, or all; their answers finish with "abort". Gives how many there were."""

        async def end() -> int:
            found = self._working.values() if id is None else [self._working.get(id, set())]
            jobs = [job for jobs in found for job in jobs]
            for job in jobs:
                job.aborted = True
                job.task.cancel()
            return len(jobs)

        return await asyncio.wrap_future(self.backend.loop.submit(end()))

    async def _run_one(self, job: Job, mailbox: Mailbox, queue: asyncio.Queue[Any]) -> None:
        task = asyncio.current_task()
        assert task is not None
        working = _Working(task)
        self._working.setdefault(job.id, set()).add(working)
        left = set(range(job.params.n))

        def post(delta: Delta) -> None:
            if delta.finish is not None:
                left.discard(delta.index)
                if self._observe is not None:
                    self._observe(delta.finish, delta.usage or Usage())
            mailbox.post(queue, (job.first + delta.index, delta))

        deltas = self.backend.generate(job.prompt, job.params, job.constraint)
        try:
            async with aclosing(deltas):
                async for delta in deltas:
                    post(delta)
        except ConstraintError as error:
            raise FieldError(error, job.constraint_param) from error
        except asyncio.CancelledError:
            if not working.aborted:
                raise
            task.uncancel()
            for index in sorted(left):
                post(Delta("", index, finish=Finish("abort")))
        finally:
            self._working[job.id].discard(working)
            if not self._working[job.id]:
                del self._working[job.id]


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
