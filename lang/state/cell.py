"""Cell: a variable of a run, set or failed once; Meta: how its value came about.

    cell = Cell("answer")
    cell.set(42, meta)                  # on the backend's loop
    value = cell.read(deadline)         # in the program's thread: waits
    value = await cell.wait()           # on any asyncio loop

It refuses to know who sets it.
"""

import asyncio
import concurrent.futures
import contextlib
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..backends.base import Finish, Token, Usage
from ..errors import DeadlineExceeded, ProgramError
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


class Cell:
    """A variable: empty until it is set or failed, once. Any thread may do either."""

    __slots__ = ("_error", "_lock", "_settled", "_value", "_waiters", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._settled = False
        self._value: tuple[Any, Meta] | None = None
        self._error: ProgramError | None = None
        # One each, so that a waiter who is cancelled takes nothing from the others; most variables have none.
        self._waiters: tuple[concurrent.futures.Future[None], ...] = ()

    def set(self, value: Any, meta: Meta | None = None) -> None:
        """Gives it its value; a cell that failed meanwhile stays failed."""
        self._settle((value, meta if meta is not None else Meta()), None)

    def fail(self, error: ProgramError) -> None:
        """Makes every read raise the error, unless there is a value already."""
        self._settle(None, error)

    @property
    def settled(self) -> bool:
        """Whether it has a value or an error."""
        return self._settled

    def read(self, deadline: float = math.inf) -> Any:
        """The value; waits for it, until `deadline` (time.monotonic) at most. Raises its error, or DeadlineExceeded."""
        return self.both(deadline)[0]

    def meta(self, deadline: float = math.inf) -> Meta:
        """How the value came about; waits like `read`."""
        return self.both(deadline)[1]

    def both(self, deadline: float = math.inf) -> tuple[Any, Meta]:
        """The value and how it came about; waits like `read`."""
        if not self._settled:
            left = None if deadline == math.inf else max(0.0, deadline - time.monotonic())
            try:
                self._waiting().result(left)
            except TimeoutError as error:
                raise DeadlineExceeded(
                    f"{self.name!r} was not there when the time had passed"
                ) from error
        return self._outcome()

    async def wait(self) -> Any:
        """The value, awaited on whichever loop runs. Raises its error."""
        if not self._settled:
            await asyncio.wrap_future(self._waiting())
        return self._outcome()[0]

    def _settle(self, value: tuple[Any, Meta] | None, error: ProgramError | None) -> None:
        with self._lock:
            if self._settled:
                return
            self._value, self._error = value, error
            self._settled = True
            waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            with contextlib.suppress(concurrent.futures.InvalidStateError):  # it was cancelled
                waiter.set_result(None)

    def _waiting(self) -> "concurrent.futures.Future[None]":
        """What one waiter waits for."""
        waiter: concurrent.futures.Future[None] = concurrent.futures.Future()
        with self._lock:
            if not self._settled:
                self._waiters += (waiter,)
                return waiter
        waiter.set_result(None)
        return waiter

    def _outcome(self) -> tuple[Any, Meta]:
        if self._error is not None:
            # The same error is raised in many places: each starts its own traceback.
            raise self._error.with_traceback(None) from self._error.__cause__
        assert self._value is not None, f"{self.name!r} is read before it is settled"
        return self._value
