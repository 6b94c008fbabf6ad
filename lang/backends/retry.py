"""Retries: what may be tried again is, after the time that the server names or a growing one.

    answer = await retried(Retries(4), send)          # send: makes one attempt

Only what did no work is tried again: no connection, or a server that says it is busy (`Busy`). It refuses to know
what is sent.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from ..errors import LangError, NoBackend

T = TypeVar("T")
FIRST_SECONDS, LONGEST_SECONDS = 0.25, 8.0


class Busy(LangError):
    """The server cannot take this now; the same call may succeed later. seconds: when, if it said so."""

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class Unreachable(NoBackend):
    """No connection to the server could be made; nothing was asked of it."""


AGAIN = (Busy, Unreachable)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to try again: `most` times after the first attempt."""

    most: int

    def pause(self, attempt: int, error: Exception) -> float:
        """Seconds to wait after a failed attempt; spread, so that callers do not come back all at once."""
        told = error.seconds if isinstance(error, Busy) else None
        usual = min(FIRST_SECONDS * 2**attempt, LONGEST_SECONDS)
        return max(told or 0.0, usual * random.uniform(0.5, 1.0))


async def retried(retries: Retries, send: Callable[[], Awaitable[T]]) -> T:
    """What an attempt gives; the last attempt's error is raised."""
    for attempt in range(retries.most):
        try:
            return await send()
        except AGAIN as error:
            await asyncio.sleep(retries.pause(attempt, error))
    return await send()
