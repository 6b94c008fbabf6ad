"""Ahead: something that a backend computes before a block of runs, and keeps while the block runs.

    with Ahead(backend, work): ...              # async with in async code
    with Ahead(backend, work, seconds, forgiven=(Exception,)): ...

`Program.warm` and batches use it. It refuses to know what is computed.
"""

import asyncio
import concurrent.futures
import contextlib
import time
from collections.abc import Generator
from typing import Protocol

from ..backends.base import Backend
from ..errors import DeadlineExceeded, InvalidProgram, NoBackend
from ..settings import SECONDS
from .deadline import until


class Work(Protocol):
    """What is computed, and given back. Both run on the backend's loop."""

    async def begin(self) -> None: ...

    def end(self) -> None:
        """Also where there is nothing to give back."""
        ...


class Ahead:
    """Keeps the work's outcome while the block runs. forgiven: errors that every run inside meets and tells, too.

    Raises what the work raises, DeadlineExceeded after `seconds`, NoBackend, and InvalidProgram where a plain `with`
    would stop the loop that it waits for.
    """

    def __init__(
        self,
        backend: Backend,
        work: Work,
        seconds: float = SECONDS,
        forgiven: tuple[type[Exception], ...] = (),
    ) -> None:
        self._backend = backend
        self._work = work
        self._seconds = seconds
        self._forgiven = forgiven

    def __enter__(self) -> None:
        with contextlib.suppress(*self._forgiven), self._told():
            if self._backend.loop.here():
                raise InvalidProgram("async code computes ahead with `async with`")
            work = self._backend.loop.submit(self._begin())
            try:
                work.result()
            finally:
                work.cancel()  # whoever waits may be interrupted

    def __exit__(self, *raised: object) -> None:
        with contextlib.suppress(NoBackend):  # a closed backend holds nothing
            self._backend.loop.call(self._work.end)

    async def __aenter__(self) -> None:
        with contextlib.suppress(*self._forgiven), self._told():
            work = self._backend.loop.submit(self._begin())
            try:
                await asyncio.wait([asyncio.wrap_future(work)])
            finally:
                work.cancel()
            work.result()

    async def __aexit__(self, *raised: object) -> None:
        self.__exit__()

    async def _begin(self) -> None:
        with until(time.monotonic() + self._seconds):
            async with asyncio.timeout(self._seconds):
                await self._work.begin()

    @contextlib.contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except TimeoutError as error:
            why = str(error) or f"{self._seconds:g} seconds have passed"
            raise DeadlineExceeded(f"what runs begin with was not computed: {why}") from error
        except concurrent.futures.CancelledError as error:
            raise NoBackend("the backend was closed") from error
        except BaseException:
            # The block does not begin, so nobody else gives back what may be there by now.
            self.__exit__()
            raise
