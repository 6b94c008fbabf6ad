"""Function: a Python function whose first parameter is the State, made runnable by `@function`.

    @function
    def answer(s, question: str) -> str:
        s += "Q: " + question + "\\nA: " + gen("answer", stop="\\n")
        return s["answer"]

    answer("Why?")                                   # the value; raises what went wrong
    answer.run(question="Why?")                      # a finished Run; raises nothing that the run ran into
    answer.start(question="Why?")                    # a Run that still goes on
    answer.run_batch([{"question": q} for q in questions], progress=True)
    for event in answer.stream(question="Why?"): ...
    for run in answer.iter_batch(questions()): ...   # any number of items; checkpoint="file.jsonl" survives a kill
    await answer.acall("Why?")                       # and arun, arun_batch, aiter_batch, astream
    answer.trace()                                   # a Program: data, to send, to optimise, to look at
    answer.using(backend=other, temperature=0.5)     # the same function under other settings

`async def` functions work the same and read with `await s.get("answer")`. A plain call runs in the caller's thread;
nothing is slow but the backend. It refuses to know how nodes are run.
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import inspect
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, Unpack, overload

from .backends.base import Backend
from .batch.jobs import BatchOptions, Jobs, Performer, jobs_of
from .default import default_backend, use
from .errors import InvalidProgram, Untraceable
from .nodes.flow import at_work
from .nodes.params import SamplingParams
from .program.program import Program
from .run.events import Event, Finished
from .run.run import Run
from .run.scope import Scope
from .run.stream import AsyncStream, Stream
from .run.whole import whole_of
from .state.state import State

P = ParamSpec("P")
R = TypeVar("R")
SECONDS = 600.0
RESERVED = ("backend", "timeout")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a function runs. backend None: the default one; seconds: for one run; defaults: sampling parameters."""

    backend: Backend | None = None
    seconds: float = SECONDS
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Function(Generic[P, R]):
    """A function that runs on a State. body: the Python function itself."""

    def __init__(self, body: Callable[..., Any], settings: Settings) -> None:
        functools.update_wrapper(self, body)
        self.body = body
        self.settings = settings
        self.is_async = inspect.iscoroutinefunction(body)
        self.signature = self.__signature__ = _signature_without_state(body)
        self._traced: Program | Untraceable | None = None

    def using(
        self, *, backend: Backend | None = None, timeout: float | None = None, **sampling: Any
    ) -> "Function[P, R]":
        """The same function with another backend, time per run in seconds or default sampling parameters."""
        seconds = self.settings.seconds if timeout is None else check_seconds(timeout)
        defaults = {**self.settings.defaults, **sampling}
        SamplingParams().merged(**defaults)
        changed = Settings(backend or self.settings.backend, seconds, defaults)
        return Function(self.body, changed)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Runs it and returns its value, in the caller's thread. Raises what went wrong."""
        bound = self.signature.bind(*arguments, **named)
        run = self._begin(None, None)
        self._perform(run, bound)
        return run.value

    def run(
        self,
        *arguments: Any,
        backend: Backend | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> Run[R]:
        """Runs it; the Run holds value or error. Raises TypeError for arguments that the function does not take."""
        bound = self.signature.bind(*arguments, **named)
        run = self._begin(backend, timeout)
        self._perform(run, bound)
        return run

    def start(
        self,
        *arguments: Any,
        backend: Backend | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> Run[R]:
        """Starts it in a thread of its own and returns the Run at once."""
        bound = self.signature.bind(*arguments, **named)
        run = self._begin(backend, timeout)
        self._perform_aside(run, bound)
        return run

    def run_batch(
        self, items: Iterable[Mapping[str, Any]], **options: Unpack[BatchOptions]
    ) -> list[Run[R]]:
        """Runs it once per item, some at a time, and returns all runs. An item that fails has `.error`.

        For options see BatchOptions. Raises InvalidProgram for items and options that cannot be meant.
        """
        return list(self.iter_batch(items, **options))

    def iter_batch(
        self, items: Iterable[Mapping[str, Any]], **options: Unpack[BatchOptions]
    ) -> Generator[Run[R]]:
        """`run_batch` for any number of items: runs come as they are done, items are taken as there is room.

        Closing the generator cancels what has begun.
        """
        return self._jobs(options).each(items)

    def stream(
        self,
        *arguments: Any,
        backend: Backend | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> Stream[R]:
        """Runs it in a thread of its own and yields events. Leaving the stream cancels the run."""
        bound = self.signature.bind(*arguments, **named)
        stream: Stream[R] = Stream(lambda listener: self._begin(backend, timeout, listener))
        self._perform_aside(stream.run, bound, stream.post)
        return stream

    async def acall(self, *arguments: P.args, **named: P.kwargs) -> R:
        """The async twin of a plain call. Cancelling it cancels the run."""
        bound = self.signature.bind(*arguments, **named)
        run = self._begin(None, None)
        await self._perform_async(run, bound)
        return run.value

    async def arun(
        self,
        *arguments: Any,
        backend: Backend | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> Run[R]:
        """The async twin of `run`."""
        bound = self.signature.bind(*arguments, **named)
        run = self._begin(backend, timeout)
        await self._perform_async(run, bound)
        return run

    async def arun_batch(
        self, items: Iterable[Mapping[str, Any]], **options: Unpack[BatchOptions]
    ) -> list[Run[R]]:
        """The async twin of `run_batch`."""
        async with contextlib.aclosing(self.aiter_batch(items, **options)) as runs:
            return [run async for run in runs]

    def aiter_batch(
        self, items: Iterable[Mapping[str, Any]], **options: Unpack[BatchOptions]
    ) -> AsyncGenerator[Run[R]]:
        """The async twin of `iter_batch`."""
        return self._jobs(options).aeach(items)

    def astream(
        self,
        *arguments: Any,
        backend: Backend | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> AsyncStream[R]:
        """The async twin of `stream`: `async for event in ...`, best inside `async with`, which leaves it at once."""
        bound = self.signature.bind(*arguments, **named)
        return AsyncStream(
            lambda listener: self._begin(backend, timeout, listener),
            lambda run: self._perform_async(run, bound),
        )

    def trace(self, **given: Any) -> Program:
        """The function as a Program: arguments that are given are fixed, the others are its parameters.

        Raises Untraceable, naming the line, for what no Program can say; the function itself runs all the same.
        """
        from .program.trace import trace  # it needs pydantic, which running does not

        return trace(self, given)

    def traced(self) -> Program:
        """`trace()` without arguments, done once. Raises Untraceable, each time."""
        if self._traced is None:
            try:
                self._traced = self.trace()
            except Untraceable as error:
                self._traced = error
        if isinstance(self._traced, Untraceable):
            raise self._traced
        return self._traced

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Sampling parameters for gens that say nothing else."""
        return self.settings.defaults

    def __repr__(self) -> str:
        return f"<function {self.body.__qualname__}{self.signature}>"

    def _backend(self) -> Backend:
        return self.settings.backend or default_backend()

    def _begin(
        self,
        backend: Backend | None,
        timeout: float | None,
        listener: Callable[[Event], None] | None = None,
    ) -> Run[R]:
        seconds = self.settings.seconds if timeout is None else check_seconds(timeout)
        return Run(Scope(backend or self._backend(), self.settings.defaults, seconds, listener))

    def _jobs(self, options: BatchOptions) -> Jobs[R]:
        backend, timeout = options.get("backend") or self._backend(), options.get("timeout")

        def perform(run: Run[R], item: Mapping[str, Any]) -> None:
            if (bound := self._bind_item(run, item)) is not None:
                self._perform(run, bound)

        async def aperform(run: Run[R], item: Mapping[str, Any]) -> None:
            if (bound := self._bind_item(run, item)) is not None:
                await self._perform_async(run, bound)

        def begin() -> Run[R]:
            return self._begin(backend, timeout)

        name = self.body.__name__
        return jobs_of(Performer(name, begin, perform, aperform, self._restored), options)

    def _restored(self, value: Any) -> Any:
        """A value from plain data, as the function's annotation says; as it is, without one."""
        from .values.schemas import adapter_of  # pydantic, which nothing else here needs

        hint = self.signature.return_annotation
        if hint is inspect.Signature.empty or isinstance(hint, str):
            return value
        return adapter_of(hint).validate_python(value)

    def _bind_item(self, run: Run[R], item: Mapping[str, Any]) -> inspect.BoundArguments | None:
        """The arguments of one item of a batch; wrong ones are that item's error only."""
        try:
            return self.signature.bind(**item)
        except TypeError as error:
            run.abandon(error)
            return None

    def _perform(self, run: Run[R], bound: inspect.BoundArguments) -> None:
        """Brings a run to its end in this thread. Raises only what is no Exception, such as KeyboardInterrupt, and
        InvalidProgram on the backend's own loop."""
        run.scope.check_thread()
        whole = whole_of(self, run, bound.arguments)
        if self.is_async or whole is not None:
            work = run.scope.backend.loop.submit(whole or self._perform_async(run, bound))
            try:
                work.result()
            except BaseException:
                run.cancel()
                raise
            return
        with use(run.scope.backend), at_work(run.state):
            try:
                value = self.body(run.state, *bound.args, **bound.kwargs)
                run.settle()
            except BaseException as error:
                run.abandon(error)
                if not isinstance(error, Exception):
                    raise
            else:
                run.complete(value)

    def _perform_aside(
        self,
        run: Run[R],
        bound: inspect.BoundArguments,
        post: Callable[[Event], None] | None = None,
    ) -> "concurrent.futures.Future[None]":
        """Brings a run to its end in a thread of its own, and posts that it did."""
        future: concurrent.futures.Future[None] = concurrent.futures.Future()
        future.set_running_or_notify_cancel()  # a cancelled waiter leaves the thread to end by itself
        context = contextvars.copy_context()

        def work() -> None:
            try:
                context.run(self._perform, run, bound)
            finally:
                if post is not None:
                    post(Finished(run))
                future.set_result(None)

        threading.Thread(target=work, name=f"trellis-{self.body.__name__}", daemon=True).start()
        return future

    async def _perform_async(self, run: Run[R], bound: inspect.BoundArguments) -> None:
        """Brings a run to its end from an asyncio loop: an async body here, any other in a thread of its own."""
        if self.is_async and (whole := whole_of(self, run, bound.arguments)) is not None:
            try:
                await asyncio.shield(asyncio.wrap_future(run.scope.backend.loop.submit(whole)))
            except asyncio.CancelledError:
                run.cancel()
                raise
            return
        if not self.is_async:
            try:
                await asyncio.wrap_future(self._perform_aside(run, bound))
            except asyncio.CancelledError:
                run.cancel()
                raise
            return
        with use(run.scope.backend), at_work(run.state):
            try:
                value = await self.body(run.state, *bound.args, **bound.kwargs)
                await run.settled()
            except BaseException as error:
                await run.abandoned(error)
                if not isinstance(error, Exception):
                    raise
            else:
                await run.completed(value)


@overload
def function(
    body: Callable[Concatenate[State, P], Coroutine[Any, Any, R]], /
) -> Function[P, R]: ...
@overload
def function(body: Callable[Concatenate[State, P], R], /) -> Function[P, R]: ...
@overload
def function(body: Program, /) -> Function[..., Any]: ...
@overload
def function(
    *, backend: Backend | None = None, timeout: float | None = None, **sampling: Any
) -> Callable[[Callable[Concatenate[State, P], R]], Function[P, R]]: ...
def function(
    body: Callable[..., Any] | Program | None = None,
    /,
    *,
    backend: Backend | None = None,
    timeout: float | None = None,
    **sampling: Any,
) -> Any:
    """Makes a Python function whose first parameter is the State runnable: `@function` or `@function(timeout=30)`.

    A Program becomes a function again: `function(program)`.
    """
    if isinstance(body, Program):
        from .program.execute import body_of  # it needs pydantic, which other functions do not

        return Function[..., Any](body_of(body), Settings(defaults=body.document.options))
    if body is None:
        return lambda later: Function[Any, Any](later, Settings()).using(  # pyright: ignore
            backend=backend, timeout=timeout, **sampling
        )
    return Function[Any, Any](body, Settings())


def check_seconds(timeout: float) -> float:
    """The time for one run. Raises InvalidProgram if it is not a positive number."""
    if not isinstance(timeout, int | float) or not timeout > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidProgram(f"timeout must be a positive number of seconds, got {timeout!r}")
    return timeout


def _signature_without_state(body: Callable[..., Any]) -> inspect.Signature:
    signature = inspect.signature(body)
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = list(signature.parameters.values())
    if not parameters or parameters[0].kind not in kinds:
        raise InvalidProgram(
            f"the first parameter of {body.__name__}() must be its state: def {body.__name__}(s)"
        )
    for taken in RESERVED:
        if taken in signature.parameters:
            raise InvalidProgram(
                f"{body.__name__}() cannot have a parameter named {taken!r}: run() takes one"
            )
    return signature.replace(parameters=parameters[1:])
