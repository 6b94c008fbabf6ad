"""Source: jobs, run on the backend's loop, read on the server's.

    await source.feed(jobs, take)               # take((index, delta)): all jobs interleaved; cancelling ends all work
    prefix = await source.hold(prompt, params)

    await unless_left(request.receive, work)    # ends the work when the client leaves

A backend runs on one loop of its own; whole batches cross over to it in one call, and what comes
back in the same moment shares one wake-up. It refuses to know about HTTP bodies.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from starlette.types import Receive

from ...constrained.errors import ConstraintError
from ...constrained.spec import Constraint
from ...lang.backends.base import Backend, ChoiceScore, Delta, Finish, Prefix, Prompt, Usage
from ...lang.errors import NoBackend
from ...lang.nodes.params import SamplingParams
from ..arrivals import Flow, Queue
from .crossing import Crossings
from .errors import ClientLeft, FieldError
from .sending import sender_of

T = TypeVar("T")
Item = tuple[int, Delta]


class Enough(Exception):
    """Raised by who is called with what comes: no more of it is wanted."""


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
        self._send = sender_of(backend)
        self._crossings = Crossings(backend.loop)
        # Jobs at work, by id; touched on the backend's loop only.
        self._working: dict[str, set[_Working]] = {}

    async def feed(self, jobs: Sequence[Job], take: Callable[[Item], None]) -> None:
        """Calls `take`, on this loop, with each (place, Delta) of all jobs as they come.

        Returns after the last, or once `take` has raised Enough. The first job that fails fails all, with its error.
        """
        flow = Flow(take, self._lose)
        with suppress(Enough), self._crossings.begun(partial(self._run_all, jobs), flow):
            await flow.wait()

    def _lose(self, item: Item) -> None:
        """What nobody reads any more: a prefix that comes with it is let go of."""
        if (prefix := item[1].prefix) is not None:
            self._let_go(prefix)

    def _let_go(self, prefix: Prefix) -> None:
        with suppress(NoBackend):  # a closed backend holds nothing
            self.backend.loop.call(self.backend.release, prefix)

    async def _run_all(self, jobs: Sequence[Job], post: Callable[[Item], None]) -> None:
        if len(jobs) == 1:
            await self._run_one(jobs[0], post)
            return
        try:
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(self._run_one(job, post))
        except* Exception as failures:
            raise first_failure(failures) from None

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """Log-probabilities of every choice after the prompt."""
        future = self.backend.loop.submit(self.backend.score(prompt, choices, params))
        return await asyncio.wrap_future(future)

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """Computes a prompt and keeps it; the caller holds it then. Nobody does when the caller leaves before."""

        async def work(post: Callable[[Prefix], None]) -> None:
            post(await self.backend.hold(prompt, params))

        # A future's result is dropped when who waits for it leaves just then; what a queue holds is let go of.
        queue = Queue(self._let_go)
        with self._crossings.begun(work, queue):
            prefix = await queue.get()
        assert prefix is not None
        return prefix

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

    async def _run_one(self, job: Job, post: Callable[[Item], None]) -> None:
        task = asyncio.current_task()
        assert task is not None
        working = _Working(task)
        self._working.setdefault(job.id, set()).add(working)
        left = set(range(job.params.n))

        def take(delta: Delta) -> None:
            if delta.finish is not None:
                left.discard(delta.index)
                if self._observe is not None:
                    self._observe(delta.finish, delta.usage or Usage())
            post((job.first + delta.index, delta))

        try:
            await self._send(job.prompt, job.params, job.constraint, take)
        except ConstraintError as error:
            raise FieldError(error, job.constraint_param) from error
        except asyncio.CancelledError:
            if not working.aborted:
                raise
            task.uncancel()
            for index in sorted(left):
                take(Delta("", index, finish=Finish("abort")))
        finally:
            self._working[job.id].discard(working)
            if not self._working[job.id]:
                del self._working[job.id]
            # The trace of what is raised leads here, and the task keeps what is raised.
            del task, working


def first_failure(failures: BaseExceptionGroup[Exception]) -> Exception:
    """The first error of a group, however deep."""
    error = failures.exceptions[0]
    return first_failure(error) if isinstance(error, BaseExceptionGroup) else error


async def unless_left(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`;

    when the client leaves first, `work` is cancelled and ClientLeft raised.

    The body of the request must have been read before.
    """
    own, left, over = asyncio.current_task(), False, False
    assert own is not None

    def leave(watching: "asyncio.Task[None]") -> None:
        nonlocal left
        if not over:
            left = True
            own.cancel()

    # The work stays in this task: one more for each request would cost as much as what most of them do there.
    watching = asyncio.ensure_future(_wait_for_leaving(receive))
    watching.add_done_callback(leave)
    try:
        return await work
    except asyncio.CancelledError:
        if not left:
            raise
        raise ClientLeft("the client closed the connection") from None
    finally:
        over = True
        watching.cancel()
        if left:
            own.uncancel()


async def _wait_for_leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
