"""Probes: how /ready finds out that work would be done.

    probe = engine_probe(client.engine)
    await probe()                       # returns once the engine has answered; raises when it cannot any more

An engine answers between two steps, on its own thread: it does when it makes progress, however long
its queue is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ...lang.backends.base import Backend
from ..engine import Engine

Probe = Callable[[], Awaitable[None]]


def loop_probe(backend: Backend) -> Probe:
    """Asks the backend's loop: all that can be asked of any backend."""

    async def ask() -> None:
        await asyncio.wrap_future(backend.loop.submit(asyncio.sleep(0)))

    return ask


def engine_probe(engine: Engine) -> Probe:
    """Asks the engine's own thread."""

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        answered = asyncio.Event()

        def answer() -> None:
            # A loop that has ended has nobody waiting; what is raised here would end the engine.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(answered.set)

        engine.call(answer)
        await answered.wait()

    return ask
