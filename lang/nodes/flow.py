"""Flow: match, map and repeat, the control flow that a Program can hold.

    tr.match(s["label"], {"bug": file_bug, "question": "Answer: " + gen("answer")}, default=shrug)
    details = tr.map(s["points"], expand, at_most=8)            # expand(branch, point), each on a branch of its own
    tr.repeat(improve, until=lambda s: s["verdict"] == "good", at_most=5)

Where Python runs they do what `if`, a fork and `for` would do; while a function is traced they become instructions.
They work on the state of the function, case or branch that is running, or on the state said by `on`. Where a case, body
or branch is an async function they are awaited. They refuse to know how they are traced: that is up to the state.
"""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import inspect
import weakref
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

from ..errors import InvalidProgram, ProgramError, Untraceable
from ..state.state import State
from ..types import write_value
from .ir import Node
from .where import where_is

Case = Callable[[Any], Any] | Node | str
Failed = Callable[[Exception], Any] | None
T = TypeVar("T")
MAX_BRANCHES = 1024
MAX_ROUNDS = 1000
THREADS = 64

# Weakly: contexts are copied into loops and threads that outlive the run.
_working: contextvars.ContextVar["weakref.ref[State | Recorder] | None"] = contextvars.ContextVar(
    "trellis state", default=None
)


class Recorder(Protocol):
    """A state that records instead of running."""

    def record_match(self, value: Any, cases: Mapping[str, Case], default: Case | None) -> Any: ...

    def record_map(self, items: Any, branch: Callable[..., Any], at_most: int | None) -> Any: ...

    def record_repeat(
        self, body: Case, until: Callable[[Any], Any] | None, at_most: int
    ) -> Any: ...


@contextlib.contextmanager
def at_work(state: "State | Recorder") -> Generator[None]:
    """Inside the block, match, map and repeat work on this state."""
    token = _working.set(weakref.ref(state))
    try:
        yield
    finally:
        _working.reset(token)


def match(
    value: Any, cases: Mapping[Any, Case], default: Case | None = None, *, on: State | None = None
) -> Any:
    """Runs the case whose label the value has, else the default, and returns what it returns.

    A case is a function of the state, or text and nodes to append. Labels and values are compared as they are written:
    True as "true", an Enum as its value. Raises ProgramError for a value without a case.

    >>> @tr.function
    ... def react(s):
    ...     s += "Good or bad? " + tr.gen("mood", choices=["good", "bad"])
    ...     return tr.match(s["mood"], {"good": lambda s: "glad", "bad": lambda s: "sorry"})
    >>> react.run(backend=tr.Fake("bad")).value
    'sorry'
    """
    state = _state("match", on)
    labelled = {_label(key): case for key, case in cases.items()}
    if not labelled and default is None:
        raise InvalidProgram("match needs a case at least")
    if not isinstance(state, State):
        recorded = state.record_match(value, labelled, default)
        return _as_awaited(recorded, *labelled.values(), default)
    where = where_is(2)
    done = _done(state, chosen(value, labelled, default, where), where)
    return done if inspect.isawaitable(done) else _as_awaited(done, *labelled.values(), default)


def map(
    items: Any,
    branch: Callable[..., Any],
    *,
    at_most: int | None = None,
    failed: Failed = None,
    on: State | None = None,
) -> Any:
    """Runs branch(state, item) for each item, each on a branch of its own, all at once; the list of what they return.

    The branches share what was computed so far; their texts and variables stay theirs. at_most: only so many items are
    taken. A branch that fails leaves the others to their end; then the first failure is raised, or with `failed`, a
    function of the error, its result stands in the list for that branch. Raises ProgramError for items that are no
    list, or more than 1024.

    >>> @tr.function
    ... def each(s):
    ...     return tr.map(["a", "b"], lambda branch, item: item + "!")
    >>> each()
    ['a!', 'b!']
    """
    _check_count("map", at_most, MAX_BRANCHES)
    state = _state("map", on)
    where = where_is(2)
    if not isinstance(state, State):
        if failed is not None:
            raise Untraceable("map(failed=...) looks at errors, which no Program can hold", where)
        return _as_awaited(state.record_map(items, branch, at_most), branch)
    taken = listed(items, at_most, where)
    branches = tuple(state.split(len(taken), where)) if taken else ()
    if inspect.iscoroutinefunction(branch):
        return _mapped(branches, branch, taken, failed)
    return _map_in_threads(branches, branch, taken, failed)


def repeat(
    body: Case,
    *,
    until: Callable[[Any], Any] | None = None,
    at_most: int,
    on: State | None = None,
) -> Any:
    """Runs the body until `until`, a function of the state, is true after it, `at_most` times; what it last returned.

    The body is a function of the state, or text and nodes to append.

    >>> @tr.function
    ... def thrice(s):
    ...     tr.repeat("again ", at_most=3)
    >>> thrice.run().text()
    'again again again '
    """
    _check_count("repeat", at_most, MAX_ROUNDS)
    state = _state("repeat", on)
    if not isinstance(state, State):
        return _as_awaited(state.record_repeat(body, until, at_most), body, until)
    where = where_is(2)
    if inspect.iscoroutinefunction(body) or inspect.iscoroutinefunction(until):
        return _repeated(state, body, until, at_most, where)
    result: Any = None
    for _ in range(at_most):
        result = _done(state, body, where)
        if until is not None and until(state):
            break
    return result


def chosen(value: Any, cases: Mapping[str, T], default: T | None, where: str) -> T:
    """The case for a value. Raises ProgramError if there is none."""
    try:
        label = write_value(value, None)
    except InvalidProgram:
        label = None
    case = cases.get(label, default) if label is not None else default
    if case is None:
        raise ProgramError(
            f"match at {where}: no case for {value!r:.80} among {', '.join(cases)}; add default=",
            where=where,
        )
    return case


def listed(items: Any, at_most: int | None, where: str) -> Sequence[Any]:
    """The items to map. Raises ProgramError if they are no list or too many."""
    if not isinstance(items, list | tuple):
        raise ProgramError(f"map at {where}: needs a list, got {items!r:.80}", where=where)
    taken = cast(Sequence[Any], items[:at_most])
    if len(taken) > MAX_BRANCHES:
        raise ProgramError(
            f"map at {where}: {len(taken)} items, at most {MAX_BRANCHES} run at once: say at_most=",
            where=where,
        )
    return taken


def perform(case: Case, state: Any, where: str) -> Any:
    """A case on a state, traced or not: what its function returns; None for text and nodes."""
    if not callable(case):
        state.add(case, where)
        return None
    with at_work(state):
        return case(state)


def _done(state: State, case: Case, where: str) -> Any:
    if not inspect.iscoroutinefunction(case):
        return perform(case, state, where)
    return _inside(state, case)


async def _inside(state: State, case: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    with at_work(state):
        return await case(state)


def _map_in_threads(
    branches: tuple[State, ...], branch: Callable[..., Any], items: Sequence[Any], failed: Failed
) -> list[Any]:
    """Branches read, which blocks, so each has a thread."""

    def work(state: State, item: Any) -> Any:
        try:
            with at_work(state):
                result = branch(state, item)
            state.sync()
            return result
        finally:
            state.close()

    if not branches:
        return []
    pool = concurrent.futures.ThreadPoolExecutor(min(len(branches), THREADS))
    try:
        futures = [
            pool.submit(contextvars.copy_context().run, work, state, item)
            for state, item in zip(branches, items, strict=True)
        ]
        for future in concurrent.futures.as_completed(futures):
            error = future.exception()
            if error is not None and not isinstance(error, Exception):
                raise error
    finally:
        # An interrupted caller goes on to end the run, which ends the threads.
        pool.shutdown(wait=False, cancel_futures=True)
    found = [future.exception() or future.result() for future in futures]
    return _outcomes(found, failed, branches)


async def _mapped(
    branches: tuple[State, ...],
    branch: Callable[..., Coroutine[Any, Any, Any]],
    items: Sequence[Any],
    failed: Failed,
) -> list[Any]:
    async def work(state: State, item: Any) -> Any:
        try:
            with at_work(state):
                result = await branch(state, item)
            await state.settled()
            return result
        finally:
            state.close()

    pairs = zip(branches, items, strict=True)
    works = [work(state, item) for state, item in pairs]
    return _outcomes(await asyncio.gather(*works, return_exceptions=True), failed, branches)


async def all_of(works: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """What all of them come to, once all are over. Raises the first failure then."""
    return _outcomes(await asyncio.gather(*works, return_exceptions=True), None, ())


def _outcomes(found: Sequence[Any], failed: Failed, branches: Sequence[State]) -> list[Any]:
    """What branches came to; errors are raised, or replaced by what `failed` makes of them while the run goes on."""
    stopped = any(branch.scope.error is not None for branch in branches)
    results: list[Any] = []
    for result in found:
        if not isinstance(result, BaseException):
            results.append(result)
        elif failed is None or stopped or not isinstance(result, Exception):
            raise result
        else:
            results.append(failed(result))
    return results


async def _repeated(
    state: State,
    body: Case,
    until: Callable[[Any], Any] | None,
    at_most: int,
    where: str,
) -> Any:
    result: Any = None
    for _ in range(at_most):
        result = _done(state, body, where)
        result = await result if inspect.isawaitable(result) else result
        over = until(state) if until is not None else False
        if await over if inspect.isawaitable(over) else over:
            break
    return result


def _state(verb: str, on: Any) -> "State | Recorder":
    working = _working.get()
    state = on if on is not None else working() if working is not None else None
    if state is None:
        raise InvalidProgram(f"{verb} works inside a running function; elsewhere say on=state")
    return state


def _label(key: Any) -> str:
    if not (label := write_value(key, None)):
        raise InvalidProgram("the label of a case is not empty")
    return label


def _check_count(verb: str, count: int | None, most: int) -> None:
    if count is None and verb == "map":
        return
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= most:
        raise InvalidProgram(f"{verb} needs at_most from 1 to {most}, got {count!r}")


def _as_awaited(result: Any, *functions: Any) -> Any:
    """A result that is there already, to be awaited where any of the functions would be."""
    if not any(inspect.iscoroutinefunction(function) for function in functions):
        return result

    async def ready() -> Any:
        return result

    return ready()
