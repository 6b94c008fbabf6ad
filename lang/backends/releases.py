"""Releases: states on a server that nobody needs any more, told with the next call or, when none comes, by themselves.

    releases = Releases(send)                 # send(ids): tells the server
    releases.add(state.id)
    with releases.riding(body): ...           # a call: its body says what waits, and it need not be said again

An agent that goes on from each answer needs the state before no longer each time; told by calls of their own these
would be as many as its gens. What does not arrive is made up for: the server lets go of unused states by itself.
Used on one loop.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Generator
from typing import Any

AT_ONCE = 4096
# A call that goes on comes soon, or a person thinks; a state that waits so long disturbs nobody.
SECONDS = 0.1


class Releases:
    """What waits to be told."""

    def __init__(self, send: Callable[[list[str]], Awaitable[object]]) -> None:
        self._send = send
        self._waiting: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()

    def add(self, *ids: str) -> None:
        """These are not needed any more."""
        self._waiting += ids
        if self._timer is None and self._waiting:
            self._timer = asyncio.get_running_loop().call_later(SECONDS, self._begin)

    @contextlib.contextmanager
    def riding(self, body: dict[str, Any]) -> Generator[None]:
        """Inside, a call with this body tells of what waits; if it fails, that waits again."""
        ids = self._waiting[:AT_ONCE]
        del self._waiting[:AT_ONCE]
        if ids:
            body["release"] = ids
        try:
            yield
        except BaseException:
            self.add(*ids)
            raise

    async def close(self) -> None:
        """Tells all that waits, now."""
        self._begin()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ids, self._waiting = self._waiting, []
        if ids:
            task = asyncio.ensure_future(self._tell(ids))
            self._sending.add(task)
            task.add_done_callback(self._told)

    def _told(self, task: "asyncio.Task[None]") -> None:
        self._sending.discard(task)
        if not task.cancelled():
            task.exception()

    async def _tell(self, ids: list[str]) -> None:
        for first in range(0, len(ids), AT_ONCE):
            await self._send(ids[first : first + AT_ONCE])
