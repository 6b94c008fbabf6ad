"""StateStore: the prefixes that remote programs hold, by ids that cannot be guessed.

    id = store.put(prefix)
    prefix = store.get(id)           # raises UnknownState; counts as use
    store.release([id])
    store.sweep()                    # releases those that nobody used for too long; it does so by itself, too

Used on the server's loop, which calls it back when something may have expired; prefixes are released on their
backend's. It refuses to know what a prefix holds.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from ....lang.backends.base import Backend, Prefix
from ....lang.errors import NoBackend
from ...errors import Overloaded
from ..errors import UnknownState

LATE_SECONDS = 0.05


@dataclass(slots=True)
class _State:
    prefix: Prefix
    used: float


class StateStore:
    """At most `most` states, each kept for `seconds` after its last use."""

    def __init__(
        self,
        backend: Backend,
        most: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend = backend
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._states: OrderedDict[str, _State] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._states)

    def check_room(self) -> None:
        """Raises Overloaded when no more states can be held."""
        self.sweep()
        if len(self._states) >= self._most:
            raise Overloaded(f"{self._most} states are held already; release some, or try later")

    def put(self, prefix: Prefix) -> str:
        """Holds a prefix that the caller gives away; its id."""
        id = secrets.token_urlsafe(16)
        self._states[id] = _State(prefix, self._clock())
        if self._timer is None:
            self._wait()
        return id

    def get(self, id: str) -> Prefix:
        """The prefix of a state. Raises UnknownState."""
        self.sweep()
        state = self._states.get(id)
        if state is None:
            raise UnknownState(
                f"there is no state {id!r}: it was released, has expired, or never existed"
            )
        state.used = self._clock()
        self._states.move_to_end(id)
        return state.prefix

    def release(self, ids: Iterable[str]) -> int:
        """Lets go of states; unknown ones are passed over. Gives how many there were."""
        found = [state for id in ids if (state := self._states.pop(id, None)) is not None]
        with suppress(NoBackend):  # a closed backend holds nothing
            for state in found:
                self._backend.loop.call(self._backend.release, state.prefix)
        return len(found)

    def sweep(self) -> None:
        """Releases the states that nobody used for too long."""
        limit = self._clock() - self._seconds
        late: list[str] = []
        for id, state in self._states.items():
            if state.used > limit:
                break
            late.append(id)
        self.release(late)

    def _wait(self) -> None:
        """Looks again when the oldest state may have expired: who left may have been the last to ask for any."""
        oldest = next(iter(self._states.values()))
        seconds = max(oldest.used + self._seconds - self._clock(), 0.0) + LATE_SECONDS
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        self.sweep()
        if self._states:
            self._wait()
