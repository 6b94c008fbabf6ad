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
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..backends.base import Finish, Token, Usage
from ..errors import DeadlineExceeded, ProgramError
from ..tools.record import ToolCall


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a gen: its text, its tokens, why it ended and what it cost."""

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

    __slots__ = ("_future", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._future: concurrent.futures.Future[tuple[Any, Meta]] = concurrent.futures.Future()

    def set(self, value: Any, meta: Meta | None = None) -> None:
        """Gives it its value; a cell that failed meanwhile stays failed."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self._future.set_result((value, meta if meta is not None else Meta()))

    def fail(self, error: ProgramError) -> None:
        """Makes every read raise the error, unless there is a value already."""
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self._future.set_exception(error)

    @property
    def settled(self) -> bool:
        """Whether it has a value or an error."""
        return self._future.done()

    def read(self, deadline: float = math.inf) -> Any:
        """The value; waits for it, until `deadline` (time.monotonic) at most. Raises its error, or DeadlineExceeded."""
        return self._result(deadline)[0]

    def meta(self, deadline: float = math.inf) -> Meta:
        """How the value came about; waits like `read`."""
        return self._result(deadline)[1]

    async def wait(self) -> Any:
        """The value, awaited on whichever loop runs. Raises its error."""
        return (await asyncio.wrap_future(self._future))[0]

    def _result(self, deadline: float) -> tuple[Any, Meta]:
        left = None if deadline == math.inf else max(0.0, deadline - time.monotonic())
        try:
            return self._future.result(left)
        except ProgramError as error:
            # The same error is raised in many places: each starts its own traceback.
            raise error.with_traceback(None) from error.__cause__
        except TimeoutError as error:
            raise DeadlineExceeded(
                f"{self.name!r} was not there when the time had passed"
            ) from error
