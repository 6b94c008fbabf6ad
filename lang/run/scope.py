"""Scope: what all states of one run share: the backend, the defaults, the deadline, the totals and the way to stop.

It refuses to know what the states do: to it they are members that can fail and be closed.
"""

import asyncio
import functools
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..backends.base import Backend, Usage
from ..errors import InvalidProgram, NoBackend, ProgramError
from ..nodes.params import SamplingParams
from ..state.cell import Cell
from ..tools.record import ToolCall
from .events import Event

CLOSE_SECONDS = 10.0
GRACE_SECONDS = 0.5


class Member(Protocol):
    """A state's interpreter, as far as its scope knows it."""

    @property
    def idle(self) -> bool: ...

    def barrier(self) -> Cell: ...

    def fail(self, error: ProgramError) -> None: ...

    async def close(self) -> None: ...

    def close_at_once(self) -> bool: ...


class Scope:
    """Shared by the states of one run. seconds: time given to the run, counted from now; may be infinite."""

    def __init__(
        self,
        backend: Backend,
        defaults: Mapping[str, Any],
        seconds: float = math.inf,
        listener: Callable[[Event], None] | None = None,
    ) -> None:
        self.backend = backend
        self.defaults = defaults
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        # A reader waits a little longer than the states work: their error knows which gen was too late.
        self.patience = self.deadline + GRACE_SECONDS
        self.listener = listener
        self._spent: list[Usage] = []
        self.tool_calls: list[ToolCall] = []
        self.error: ProgramError | None = None
        self._lock = threading.Lock()
        self._members: dict[Member, None] = {}

    def enter(self, member: Member) -> None:
        """Counts a state in. Raises the error that stopped the run."""
        with self._lock:
            if self.error is not None:
                raise self.error
            self._members[member] = None

    def leave(self, member: Member) -> None:
        """Counts it out again."""
        with self._lock:
            self._members.pop(member, None)

    def params(self, options: Mapping[str, Any]) -> SamplingParams:
        """The run's defaults with a gen's own options over them. Raises InvalidParams."""
        given = {**self.defaults, **options} if options else self.defaults
        try:
            return _checked_params(tuple(given.items()))
        except TypeError:  # a list, which cannot be remembered
            return SamplingParams(**given)

    def emit(self, event: Event) -> None:
        """Tells whoever listens."""
        if self.listener is not None:
            self.listener(event)

    def spend(self, usage: Usage) -> None:
        """Adds to the run's totals. On the backend's loop."""
        self._spent.append(usage)

    @property
    def usage(self) -> Usage:
        """What has been spent so far."""
        return sum(self._spent, Usage())

    def stop(self, error: ProgramError) -> None:
        """Fails every state with the error and ends the backend's work at once. From any thread."""
        with self._lock:
            if self.error is None:
                self.error = error
            stopped = list(self._members)
        for member in stopped:
            member.fail(self.error)

    def members(self) -> list[Member]:
        """Those that are still open."""
        with self._lock:
            return list(self._members)

    async def aclose(self) -> None:
        """Waits until no state works any more and gives back what they hold. On the backend's loop."""
        for member in self.members():
            await member.close()

    def closing(self) -> Cell:
        """The same from anywhere: a cell to wait for. After the backend was closed there is nothing to give back."""
        closed = Cell("the end of the run")
        try:
            self.backend.loop.call(self._close, closed)
        except NoBackend:
            closed.set(None)
        return closed

    def close(self) -> None:
        """The same, waited for, except on the backend's own loop."""
        closed = self.closing()
        if not self.backend.loop.here():
            closed.settles(time.monotonic() + CLOSE_SECONDS)

    def _close(self, closed: Cell) -> None:
        def tell(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if isinstance(error, Exception):
                closed.fail(error)
            closed.set(None)

        # A task is for those that have something to wait for.
        if [member for member in self.members() if not member.close_at_once()]:
            asyncio.get_running_loop().create_task(self.aclose()).add_done_callback(tell)
        else:
            closed.set(None)

    def check_thread(self) -> None:
        """Raises InvalidProgram where waiting would stop the very loop that is waited for."""
        if self.backend.loop.here():
            raise InvalidProgram(
                "async code must not block its loop: await s.get('x') instead of s['x'], await f.acall() instead "
                "of f(), and await s.settled() before s.text()"
            )


@functools.lru_cache(maxsize=1024)
def _checked_params(given: tuple[tuple[str, Any], ...]) -> SamplingParams:
    # Remembered, as a program says the same few again and again; values are what gen() and using() settled.
    return SamplingParams(**dict(given))
