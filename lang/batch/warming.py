"""Warming: what all runs of a batch begin with is computed once, before the first of them.

    with warming_of(function, backend, seconds): ...          # async with, where the batch is async

Runs that begin together would each compute it, as none is done when the next begins. Only a function that can be
traced says what its runs have in common, which calls its body once with symbols; of any other, and on a backend that
holds nothing, nothing is computed. What goes wrong here goes wrong in the runs, too, and is told there. It refuses to
know about items.
"""

import asyncio
import concurrent.futures
import contextlib
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from ..backends.base import Backend
from ..errors import NoBackend, Untraceable
from ..program.program import Program

if TYPE_CHECKING:
    from ..program.warm import warm  # it needs pydantic, which running does not


class Traced(Protocol):
    """A function, as far as it is traced."""

    def traced(self) -> Program: ...


class Warming:
    """Keeps the beginning of all runs computed while the block runs. beginning: None where there is none."""

    def __init__(self, beginning: "warm | None", backend: Backend, seconds: float) -> None:
        self._beginning = beginning
        self._backend = backend
        self._seconds = seconds

    def __enter__(self) -> None:
        with contextlib.suppress(NoBackend, concurrent.futures.CancelledError):
            if self._beginning is not None and not self._backend.loop.here():
                self._backend.loop.submit(self._begin(self._beginning)).result()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._beginning is not None:
            self._beginning.__exit__(kind, error, trace)

    async def __aenter__(self) -> None:
        with contextlib.suppress(NoBackend):
            if self._beginning is not None:
                work = self._backend.loop.submit(self._begin(self._beginning))
                await asyncio.wait([asyncio.wrap_future(work)])

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    async def _begin(self, beginning: "warm") -> Exception | None:
        """Computes; the error is for nobody: every run meets it, and names its line."""
        try:
            async with asyncio.timeout(self._seconds):
                await beginning.begin()
        except Exception as error:
            return error


def warming_of(function: Traced, backend: Backend, seconds: float) -> Warming:
    """What is computed before a batch of a function, for so many seconds at most."""
    beginning: Any = None
    if "hold" in backend.capabilities:
        with contextlib.suppress(Untraceable):
            beginning = function.traced().optimized().warm(backend)
    return Warming(beginning, backend, seconds)
