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

import contextlib
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Mapping
from typing import (
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    TypeVar,
    Unpack,
    get_type_hints,
    overload,
)

from .backends.base import Backend
from .batch.jobs import BatchOptions, Jobs, Performer, jobs_of
from .batch.warming import Warming, warming_of
from .default import default_backend
from .errors import InvalidProgram, Untraceable
from .nodes.params import SamplingParams
from .program.program import Program
from .run.events import Event
from .run.performing import perform, perform_aside, perform_async
from .run.run import Run
from .run.scope import Scope
from .run.stream import AsyncStream, Stream
from .settings import Settings, check_backend, check_seconds, signature_without_state
from .state.state import State

P = ParamSpec("P")
R = TypeVar("R")


class Function(Generic[P, R]):
    """A function that runs on a State. body: the Python function itself.

    >>> ask.using(temperature=0.5).run().value
    'Because.'
    """

    def __init__(self, body: Callable[..., Any], settings: Settings) -> None:
        functools.update_wrapper(self, body)
        self.body = body
        self.settings = settings
        self.is_async = inspect.iscoroutinefunction(body)
        self.signature = self.__signature__ = signature_without_state(body)
        self._traced: Program | Untraceable | None = None

    def using(
        self, *, backend: Backend | None = None, timeout: float | None = None, **sampling: Any
    ) -> "Function[P, R]":
        """The same function with another backend, time per run in seconds or default sampling parameters."""
        seconds = self.settings.seconds if timeout is None else check_seconds(timeout)
        defaults = {**self.settings.defaults, **sampling}
        SamplingParams().merged(**defaults)
        chosen = self.settings.backend if backend is None else check_backend(backend)
        return Function(self.body, Settings(chosen, seconds, defaults))

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        """Runs it and returns its value, in the caller's thread. Raises what went wrong."""
        bound = self._bind(arguments, named)
        run = self._begin(None, None)
        perform(self, run, bound)
        return run.value

    def run(
        self,
        *arguments: Any,
        backend: Backend | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> Run[R]:
        """Runs it; the Run holds value or error. Raises TypeError for arguments that the function does not take."""
        bound = self._bind(arguments, named)
        run = self._begin(backend, timeout)
        perform(self, run, bound)
        return run

    def start(
        self,
        *arguments: Any,
        backend: Backend | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> Run[R]:
        """Starts it in a thread of its own and returns the Run at once."""
        bound = self._bind(arguments, named)
        run = self._begin(backend, timeout)
        perform_aside(self, run, bound)
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
        bound = self._bind(arguments, named)
        stream: Stream[R] = Stream(lambda listener: self._begin(backend, timeout, listener))
        perform_aside(self, stream.run, bound, stream.post)
        return stream

    async def acall(self, *arguments: P.args, **named: P.kwargs) -> R:
        """The async twin of a plain call. Cancelling it cancels the run."""
        bound = self._bind(arguments, named)
        run = self._begin(None, None)
        await perform_async(self, run, bound)
        return run.value

    async def arun(
        self,
        *arguments: Any,
        backend: Backend | None = None,
        timeout: float | None = None,
        **named: Any,
    ) -> Run[R]:
        """The async twin of `run`."""
        bound = self._bind(arguments, named)
        run = self._begin(backend, timeout)
        await perform_async(self, run, bound)
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
        bound = self._bind(arguments, named)
        return AsyncStream(
            lambda listener: self._begin(backend, timeout, listener),
            lambda run: perform_async(self, run, bound),
        )

    def trace(self, **given: Any) -> Program:
        """The function as a Program: arguments that are given are fixed, the others are its parameters.

        Raises Untraceable, naming the line, for what no Program can say; the function itself runs all the same.
        """
        from .program.trace import trace  # it needs pydantic, which running does not

        return trace(self, given)

    def traced(self) -> Program:
        """`trace()` without arguments, done once. Raises Untraceable, each time, whatever went wrong.

        A mistake that is no matter of tracing is met again where the function is interpreted.
        """
        if self._traced is None:
            try:
                self._traced = self.trace()
            except Untraceable as error:
                self._traced = error
            except Exception as error:
                self._traced = Untraceable(f"tracing it raised {type(error).__name__}: {error}")
        if isinstance(self._traced, Untraceable):
            raise self._traced
        return self._traced

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Sampling parameters for gens that say nothing else."""
        return self.settings.defaults

    def __repr__(self) -> str:
        return f"<function {self.body.__qualname__}{self.signature}>"

    def _backend(self, named: Backend | None) -> Backend:
        if named is not None:
            return check_backend(named)
        return self.settings.backend or default_backend()

    def _begin(
        self,
        backend: Backend | None,
        timeout: float | None,
        listener: Callable[[Event], None] | None = None,
    ) -> Run[R]:
        seconds = self.settings.seconds if timeout is None else check_seconds(timeout)
        return Run(Scope(self._backend(backend), self.settings.defaults, seconds, listener))

    def _jobs(self, options: BatchOptions) -> Jobs[R]:
        backend, timeout = self._backend(options.get("backend")), options.get("timeout")

        def perform_item(run: Run[R], item: Mapping[str, Any]) -> None:
            if (bound := self._bind_item(run, item)) is not None:
                perform(self, run, bound)

        async def aperform_item(run: Run[R], item: Mapping[str, Any]) -> None:
            if (bound := self._bind_item(run, item)) is not None:
                await perform_async(self, run, bound)

        def begin() -> Run[R]:
            return self._begin(backend, timeout)

        def warming() -> Warming:
            seconds = self.settings.seconds if timeout is None else check_seconds(timeout)
            return warming_of(self, backend, seconds)

        name = self.body.__name__
        performer = Performer(name, begin, perform_item, aperform_item, self._restored, warming)
        return jobs_of(performer, options)

    def _restored(self, value: Any) -> Any:
        """A value from plain data, as the function's annotation says; as it is, without one. Raises InvalidProgram."""
        from .values.schemas import adapter_of  # pydantic, which nothing else here needs

        try:
            hints = get_type_hints(self.body, include_extras=True)
        except (NameError, TypeError):
            return value  # names that exist for the type checker only
        if "return" not in hints:
            return value
        try:
            return adapter_of(hints["return"]).validate_python(value)
        except ValueError as error:
            raise InvalidProgram(
                f"the checkpoint holds no value that {self.body.__name__}() returns: name another file. {error}"
            ) from error

    def _bind(self, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> inspect.BoundArguments:
        """The arguments of a call. Raises TypeError, which says what the function takes."""
        try:
            return self.signature.bind(*arguments, **named)
        except TypeError as error:
            name = getattr(self, "__name__", "function")
            raise TypeError(f"{name}{self.signature}: {error}") from None

    def _bind_item(self, run: Run[R], item: Mapping[str, Any]) -> inspect.BoundArguments | None:
        """The arguments of one item of a batch; wrong ones are that item's error only."""
        try:
            return self._bind((), item)
        except TypeError as error:
            run.abandon(error)
            return None


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

    >>> @tr.function(timeout=30)
    ... def why(s, what: str) -> str:
    ...     s += "Why " + what + "? " + tr.gen("x")
    ...     return s["x"]
    >>> why("rain")
    'Because.'
    """
    if isinstance(body, Program):
        from .program.execute import body_of  # it needs pydantic, which other functions do not

        return Function[..., Any](body_of(body), Settings(defaults=body.document.options))
    if body is None:
        return lambda later: Function[Any, Any](later, Settings()).using(  # pyright: ignore
            backend=backend, timeout=timeout, **sampling
        )
    return Function[Any, Any](body, Settings())
