"""Whole: a function that its backend runs by itself, in one call, because it can be said as a Program.

    work = whole_of(function, run, bound)            # None: the backend cannot, or no Program says the function
    await work                                       # on the backend's loop: brings the run to its end

A backend that can has `execute`. The function is traced once, which calls its body once with symbols for arguments;
one that cannot be traced, or whose arguments are no data, is interpreted here as anywhere. Events are told as they
come; variables and the value get the function's types back. It refuses to know how the program travels.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, TypeVar

from ..backends.base import Usage
from ..errors import Cancelled, DeadlineExceeded, GenError, ProgramError, Untraceable
from ..program.program import Program
from ..state.cell import Cell
from ..values.partial import GrowingValue
from .events import PartialValue, Retried, TextDelta, ThinkingDelta, VariableSet
from .metas import read_metas
from .run import Run

if TYPE_CHECKING:
    from ..program.restore import Types

R = TypeVar("R")


class Executes(Protocol):
    """A backend that runs whole programs. Events are plain data; the last one has type "done" and the result."""

    def execute(
        self, program: str, arguments: Mapping[str, Any], seconds: float
    ) -> AsyncGenerator[dict[str, Any], None]: ...


class Traced(Protocol):
    """A function, as far as it is traced and bound here."""

    def traced(self) -> Program: ...


def can_execute(backend: object) -> TypeGuard[Executes]:
    """Whether it runs whole programs. Asked for every run, so it is not asked of the protocol, which is slow."""
    return hasattr(backend, "execute")


def whole_of(
    function: Traced, run: Run[R], arguments: Mapping[str, Any]
) -> Coroutine[Any, Any, None] | None:
    """The work of running it whole, or None where it must be interpreted."""
    backend = run.scope.backend
    if not can_execute(backend):
        return None
    from pydantic_core import to_jsonable_python  # only programs need it

    try:
        program = function.traced()
        plain = to_jsonable_python(dict(arguments))
    except (Untraceable, ValueError):
        return None  # no Program says it; or arguments are no data, or bytes that are no text
    return _perform(run, program, backend, plain)


@dataclass(eq=False, slots=True)
class _Work:
    """The call, as a member of the run's scope: stopping the run ends it."""

    task: "asyncio.Task[Any]"
    error: ProgramError | None = None
    idle: bool = True
    _barrier: Cell = field(default_factory=lambda: Cell("whole program"))

    def barrier(self) -> Cell:
        self._barrier.set(None)
        return self._barrier

    def fail(self, error: ProgramError) -> None:
        self.error = error
        self.task.get_loop().call_soon_threadsafe(self.task.cancel)

    async def close(self) -> None:
        self.task.cancel()

    def close_at_once(self) -> bool:
        return False


async def _perform(
    run: Run[Any], program: Program, backend: Executes, arguments: Mapping[str, Any]
) -> None:
    from ..program.restore import Types  # it needs pydantic, as programs do

    task = asyncio.current_task()
    assert task is not None
    work = _Work(task)
    failure: ProgramError | None = None
    # The server's own error knows which gen was too late: it has a little longer to tell.
    deadline = run.scope.patience
    closed = False
    try:
        run.scope.enter(work)
        types = Types(program)
        async with asyncio.timeout_at(None if deadline == math.inf else deadline):
            events = backend.execute(program.to_json(), arguments, run.scope.seconds)
            result = await _follow(events, _Told(run, types))
        _settle(run, types, result)
    except asyncio.CancelledError:
        closed = work.error is None
        failure = work.error or Cancelled(f"{program.name}: the backend was closed")
        if not closed:
            task.uncancel()
    except ProgramError as error:
        failure = error
    except TimeoutError as error:
        why = str(error) or f"the run's {run.scope.seconds:g} seconds have passed"
        failure = DeadlineExceeded(f"{program.name}: {why}")
    except Exception as error:
        failure = GenError(f"{program.name}: {error}", name=getattr(error, "param", None))
        failure.__cause__ = error
    finally:
        # Before the run closes its members: this one is where it is closed.
        run.scope.leave(work)
    if failure is not None:
        # Whatever it was, the run ends: nobody may wait for it for ever.
        await run.abandoned(failure)
    if closed:
        raise asyncio.CancelledError


async def _follow(events: AsyncGenerator[dict[str, Any], None], told: "_Told") -> Mapping[str, Any]:
    """Tells the events; the last one, which holds the result."""
    async with aclosing(events):
        async for event in events:
            if event["type"] == "done":
                return event
            told.tell(event)
    raise ConnectionError("the server ended the run without its result")


class _Told:
    """Plain events on their way to whoever listens to the run, with the function's types."""

    def __init__(self, run: Run[Any], types: "Types") -> None:
        self._emit = run.scope.emit
        self._types = types
        self._growing: dict[tuple[str, tuple[int, ...]], dict[int, GrowingValue]] = {}

    def tell(self, event: Mapping[str, Any]) -> None:
        """One event; what a newer server tells besides is passed over."""
        branch, name = tuple(event.get("branch", ())), event.get("name", "")
        match event["type"]:
            case "text":
                self._emit(TextDelta(event["text"], name, event["index"], branch))
                self._grow(name, event["text"], event["index"], branch)
            case "thinking":
                self._emit(ThinkingDelta(event["text"], name, branch))
            case "retried":
                self._growing.pop((name, branch), None)
                self._emit(Retried(name, event["attempt"], event["reason"], branch))
            case "variable":
                self._growing.pop((name, branch), None)
                value = self._types.variable(name, event["value"])
                self._emit(VariableSet(name, value, branch))
            case _:
                pass

    def _grow(self, name: str, text: str, index: int, branch: tuple[int, ...]) -> None:
        type_ = self._types.growing(name)
        if type_ is not None:
            answers = self._growing.setdefault((name, branch), {})
            there = answers.setdefault(index, GrowingValue(type_))
            self._emit(PartialValue(name, there, there.add(text), index, branch))


def _settle(run: Run[Any], types: "Types", result: Mapping[str, Any]) -> None:
    run.scope.spend(Usage(**result["usage"]))
    variables = {name: types.variable(name, v) for name, v in result["variables"].items()}
    value = types.result(result["value"])
    metas = read_metas(result.get("meta", {}))
    run.restore(value, variables, result["text"], result.get("messages", ()), metas)
