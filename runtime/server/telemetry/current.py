"""Which request this code works for, by its id; whoever is called by it sees the same.

with within(id): ...
current_id()                        # None outside of any
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str | None] = ContextVar("trellis request", default=None)


def current_id() -> str | None:
    """The id of the request that this code works for."""
    return _current.get()


@contextmanager
def within(id: str) -> Iterator[None]:
    """What runs inside works for this request."""
    token = _current.set(id)
    try:
        yield
    finally:
        _current.reset(token)
