"""Cell: a variable of a run, set or failed once; Meta: how its value came about.

    cell = Cell("answer")
    cell.set(42, meta)                  # on the backend's loop
    value = cell.read(deadline)         # in the program's thread: waits
    value = await cell.wait()           # on any asyncio loop

It refuses to know who sets it.
"""

import asyncio
import contextlib
import functools
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..backends.base import Finish, Token, Usage
from ..errors import DeadlineExceeded
from ..tools.record import ToolCall


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a gen: its text, its tokens, why it ended and what it cost.

    >>> ask.run().meta("x").answer.text
    'Because.'
    """

    text: str
    tokens: tuple[Token, ...] = ()
    finish: Finish | None = None
    usage: Usage = field(default_factory=Usage)

    @property
    def logprobs(self) -> tuple[float | None, ...]:
        """The log-probability of each token; None where it was not asked for or the token was forced."""
        return tuple(token.logprob for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Meta:
    """How a variable came about. answers: all n of a gen, the first is the one the text goes on with.

    scores: of every choice of a select; attempts: how often the gen ran until its answer was accepted. saved: prompt
    tokens that the attempts after the first found computed, which asking anew would have cost. thinking: what was
    thought before the answer; tool_calls: what was called on the way to it.

    >>> meta = ask.run().meta("x")
    >>> meta.attempts, meta.usage.generated, meta.finish.reason
    (1, 1, 'stop')
    """

    answers: tuple[Answer, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict[str, float])
    attempts: int = 1
    saved: int = 0
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def answer(self) -> Answer:
        """The first answer; an empty one for variables that no gen made."""
        return self.answers[0] if self.answers else Answer("")

    @property
    def text(self) -> str:
        """Text of the first answer, as generated."""
        return self.answer.text

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Tokens of the first answer."""
        return self.answer.tokens

    @property
    def logprobs(self) -> tuple[float | None, ...]:
        """Log-probabilities of the first answer's tokens."""
        return self.answer.logprobs

    @property
    def finish(self) -> Finish | None:
        """Why the first answer ended."""
        return self.answer.finish

    @property
    def usage(self) -> Usage:
        """What all answers cost together."""
        return sum((a.usage for a in self.answers), Usage())


UNMADE = Meta()


class Cell:
    """A variable: empty until it is set or failed, once. Any thread may do either."""

    __slots__ = ("_error", "_meta", "_settled", "_value", "_waiters", "name")
    # One for all, as it is held for a few instructions only: one each would weigh as much as the cell does. The garbage
    # collector may come in between, and a stream that it collects cancels its run, which fails other cells.
    _lock = threading.RLock()

    def __init__(self, name: str) -> None:
        self.name = name
        self._settled = False
        self._value: Any = None
        self._meta = UNMADE
        self._error: Exception | None = None
        # What wakes each waiter; most variables have none.
        self._waiters: tuple[Callable[[], object], ...] = ()

    def set(self, value: Any, meta: Meta = UNMADE) -> None:
        """Gives it its value; a cell that failed meanwhile stays failed."""
        self._settle(value, meta, None)

    def fail(self, error: Exception) -> None:
        """Makes every read raise the error, unless there is a value already."""
        self._settle(None, UNMADE, error)

    @property
    def settled(self) -> bool:
        """Whether it has a value or an error."""
        return self._settled

    @property
    def error(self) -> Exception | None:
        """What it failed with, if it did so far."""
        return self._error

    def read(self, deadline: float = math.inf) -> Any:
        """The value; waits for it, until `deadline` (time.monotonic) at most. Raises its error, or DeadlineExceeded."""
        return self.both(deadline)[0]

    def meta(self, deadline: float = math.inf) -> Meta:
        """How the value came about; waits like `read`."""
        return self.both(deadline)[1]

    def both(self, deadline: float = math.inf) -> tuple[Any, Meta]:
        """The value and how it came about; waits like `read`."""
        if not self.settles(deadline):
            raise DeadlineExceeded(f"{self.name!r} was not there when the time had passed")
        self._raise()
        return self._value, self._meta

    def settles(self, deadline: float = math.inf) -> bool:
        """Waits until it has a value or an error; False if that does not come before the deadline."""
        if self._settled:
            return True
        asleep = threading.Lock()
        asleep.acquire()
        if not self._wakes(asleep.release):
            return True
        left = min(deadline - time.monotonic(), threading.TIMEOUT_MAX)
        return asleep.acquire(timeout=max(0.0, left))

    async def wait(self) -> Any:
        """The value, awaited on whichever loop runs. Raises its error."""
        if not self._settled:
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] = loop.create_future()
            if self._wakes(functools.partial(_wake, loop, future)):
                await future
        self._raise()
        return self._value

    def _settle(self, value: Any, meta: Meta, error: Exception | None) -> None:
        with self._lock:
            if self._settled:
                return
            self._value, self._meta, self._error = value, meta, error
            self._settled = True
            waiters, self._waiters = self._waiters, ()
        for wake in waiters:
            wake()

    def _wakes(self, wake: Callable[[], object]) -> bool:
        """Notes a waiter, once for each who waits; False if there is nothing to wait for any more."""
        with self._lock:
            if not self._settled:
                self._waiters += (wake,)
            return not self._settled

    def _raise(self) -> None:
        if self._error is not None:
            # The same error is raised in many places: each starts its own traceback.
            raise self._error.with_traceback(None) from self._error.__cause__


def _wake(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[None]") -> None:
    # A loop that is closed has nobody left to wake.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(_end, future)


def _end(future: "asyncio.Future[None]") -> None:
    if not future.done():  # whoever waited may have been cancelled
        future.set_result(None)
