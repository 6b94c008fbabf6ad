"""The order in which waiting requests are admitted: longest cached prefix first, with ageing.

Serving the request whose prefix is cached first keeps that prefix in use; alone it would starve the others, so a
request that has waited `max_wait_seconds` goes before all that have not, oldest first. Priority comes before both.

What is slow: one prefix lookup per waiting request, so at most `LOOKUPS` of them, oldest first, are looked up.
It refuses to know about memory and budgets.
"""

from collections.abc import Callable, Sequence

from .request import Request

LOOKUPS = 128


def order_waiting(
    waiting: Sequence[Request],
    now: float,
    max_wait_seconds: float,
    lookup: Callable[[Request], int],
) -> list[Request]:
    """The waiting requests, first to admit first. `lookup` gives a request's cached tokens."""
    if len(waiting) <= 1:
        return list(waiting)
    by_age = sorted(waiting, key=lambda r: (-r.params.priority, r.turn))
    head, tail = by_age[:LOOKUPS], by_age[LOOKUPS:]

    def rank(request: Request) -> tuple[int, int, int, int]:
        aged = now - request.arrival >= max_wait_seconds
        return (
            -request.params.priority,
            0 if aged else 1,
            0 if aged else -lookup(request),
            request.turn,
        )

    return sorted(head, key=rank) + tail
