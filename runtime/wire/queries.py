"""Queries: what can be asked of a running engine besides answers.

    answer = await ANSWERS["stats"](client)

Each runs on the engine's own thread between two steps, so an answer also says that the engine makes progress.
It refuses to know who asks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

from ..client import Client

T = TypeVar("T")


async def on_engine(client: Client, ask: Callable[[], T]) -> T:
    """What `ask` returns on the engine's thread, between two steps. Raises what it raises."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[T] = loop.create_future()

    def settle(method: Callable[[Any], None], value: Any) -> None:
        if not answered.done():
            method(value)

    def answer() -> None:
        try:
            value = ask()
        except Exception as error:  # it is the asker's to hear
            loop.call_soon_threadsafe(settle, answered.set_exception, error)
        else:
            loop.call_soon_threadsafe(settle, answered.set_result, value)

    client.engine.call(answer)
    return await answered


async def ping(client: Client) -> None:
    """Returns once the engine has answered between two steps."""
    await on_engine(client, lambda: None)


async def stats(client: Client) -> dict[str, Any]:
    """Counts of requests, pages and tokens now."""
    scheduler = client.engine.scheduler

    def ask() -> dict[str, Any]:
        return {
            "running": len(scheduler.running),
            "waiting": len(scheduler.waiting),
            "preemptions": scheduler.preemptions,
            "pages": asdict(scheduler.cache.counts),
            "times": asdict(client.engine.times),
        }

    return await on_engine(client, ask)


ANSWERS: dict[str, Callable[..., Awaitable[Any]]] = {"ping": ping, "stats": stats}
