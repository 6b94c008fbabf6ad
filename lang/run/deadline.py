"""Deadline: until when the run that is at work in this context may take.

    with until(scope.patience): ...          # what runs inside, and the tasks and threads that it starts
    future.result(seconds_left(600.0))       # a wait there

For waits that stand behind a protocol which does not speak of time: what a constraint or a template comes to is asked
anywhere in a program, and some backends ask a server. It refuses to know about runs.
"""

import contextvars
import math
import time

_until: contextvars.ContextVar[float] = contextvars.ContextVar("trellis deadline", default=math.inf)


class until:
    """Inside the block the deadline (of time.monotonic) is this one."""

    __slots__ = ("_deadline", "_token")

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def __enter__(self) -> None:
        self._token = _until.set(self._deadline)

    def __exit__(self, *raised: object) -> None:
        _until.reset(self._token)


def seconds_left(most: float) -> float:
    """Seconds until the deadline of this context, and `most` where that is later or there is none."""
    return min(most, max(0.0, _until.get() - time.monotonic()))
