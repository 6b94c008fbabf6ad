"""Ahead: which requests sit a step out, so that it is no larger than it needs to be.

    pace = Pace(sizes)
    pace.hear(forced)                           # a request got these tokens without having to draw them
    out = pace.sit_out(line, page_size)         # these are not planned this time

A run of forced tokens is computed at once. So a step of many rows, each with one token, becomes a little larger than
the size it had, and costs what the next size costs: with 268 tokens on a GPU what 320 do. As many requests as it is
too large by wait for the next step instead, if forced text has put so many ahead of one token a step: nobody is ever
slower than without forced text, and as many tokens go through smaller steps.

It refuses to know who forces text, and what a step costs.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .request import Request, Status

NOBODY: frozenset[Request] = frozenset()


class StepSizes(NamedTuple):
    """What steps cost: up to `flat` tokens about the same, above that as the next multiple of `stride`."""

    flat: int
    stride: int


class Pace:
    """Keeps steps to sizes. sizes: None where every token costs the same, so that nobody ever waits."""

    def __init__(self, sizes: StepSizes | None) -> None:
        self._sizes = sizes
        self._runs = False  # came since the last plan

    def hear(self, forced: Sequence[int]) -> None:
        """Some request's forced tokens, which the next step can compute."""
        if len(forced) > 1:
            self._runs = True

    def sit_out(self, line: Sequence[Request], page_size: int) -> frozenset[Request]:
        """Who of the running, in order, waits; nobody where prompts are computed, or too few are ahead, or it pays
        too little: a step that fills half of its last stride is as it should be. Those that wait have used that up."""
        runs, self._runs = self._runs, False
        if self._sizes is None or not runs:
            return NOBODY
        total = 0
        able: list[Request] = []
        for request in line:
            if request.status is not Status.RUNNING or request.finish is not None:
                continue
            if request.computed < request.prompt_length:
                return NOBODY
            if request.flows(page_size):
                total += 1
                if request.ahead > 0:
                    able.append(request)
            else:
                total += request.ready()
        over = total % self._sizes.stride if total > self._sizes.flat else 0
        if not 0 < over <= min(self._sizes.stride // 2, len(able)):
            return NOBODY
        able.sort(key=_by_lead)
        for request in able[:over]:
            request.ahead -= 1
        return frozenset(able[:over])


def _by_lead(request: Request) -> int:
    return -request.ahead
