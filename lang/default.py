"""The default backend: the one that runs use when none is named.

    use(backend)                    # from here on, in this context
    with use(backend): ...          # inside the block only

The choice lives in a context variable: it is right under asyncio and in the threads that runs start, and tests do not
see each other's. A thread started by hand begins with an empty context: copy the context into it, or name the backend.
Where nothing was chosen, `fallback` opens one, once; the package's root says how.
"""

import contextvars
import threading
from collections.abc import Callable

from .backends.base import Backend
from .errors import InvalidProgram, NoBackend

_chosen: contextvars.ContextVar[Backend | None] = contextvars.ContextVar(
    "trellis backend", default=None
)


class Fallback:
    """The backend of those who chose none: opened at its first use, again after it was closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Callable[[], Backend] | None = None
        self._backend: Backend | None = None

    def provide(self, open_backend: Callable[[], Backend]) -> None:
        """Says how to open it."""
        self._open = open_backend

    def backend(self) -> Backend:
        """The one backend. Raises NoBackend if nobody said how to open it."""
        with self._lock:
            if self._backend is None or self._backend.loop.closed:
                if self._open is None:
                    raise NoBackend("no backend is set: call trellis.use(backend) first")
                self._backend = self._open()
            return self._backend


fallback = Fallback()


class Chosen:
    """The default from now on, or inside a `with` block only: a run's own backend, which was checked before."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._token = _chosen.set(backend)

    def __enter__(self) -> Backend:
        return self.backend

    def __exit__(self, *raised: object) -> None:
        _chosen.reset(self._token)


class use(Chosen):
    """Makes a backend the default: from now on, or as a context manager inside the block only.

    >>> with tr.use(tr.Fake("yes")):
    ...     ask()
    'yes'
    """

    def __init__(self, backend: Backend) -> None:
        # Not asked for each run: it looks at every method by name, which costs as much as a call of a program.
        if not isinstance(backend, Backend):  # pyright: ignore[reportUnnecessaryIsInstance]: callers may be untyped
            raise InvalidProgram(
                f"use() takes a backend such as Fake(...) or Engine(...), got {backend!r:.80}"
            )
        super().__init__(backend)


def default_backend() -> Backend:
    """The backend chosen in this context, or the fallback. Raises NoBackend."""
    return _chosen.get() or fallback.backend()
