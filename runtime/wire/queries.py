"""Queries: what can be asked of a running engine besides answers.

    answer = await ANSWERS["stats"](client)

Each runs on the engine's own thread between two steps, so an answer also says that the engine makes progress.
It refuses to know who asks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from typing import Any, TypeVar

from ...lang.backends.base import Piece, Prompt
from ...lang.nodes.params import SamplingParams
from ...radix.node import Node
from ..client import Client

T = TypeVar("T")


async def on_engine(client: Client, ask: Callable[[], T]) -> T:
    """What `ask` returns on the engine's thread, between two steps. Raises what it raises."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[T] = loop.create_future()

    def settle(method: Callable[[Any], None], value: Any) -> None:
        if not answered.done():
            method(value)

    def tell(method: Callable[[Any], None], value: Any) -> None:
        # A loop that has ended has nobody waiting; what is raised here would end the engine.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, method, value)

    def answer() -> None:
        try:
            value = ask()
        except Exception as error:  # it is the asker's to hear
            tell(answered.set_exception, error)
        else:
            tell(answered.set_result, value)

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


async def tree(client: Client, namespace: str | None, limit: int) -> dict[str, Any]:
    """The radix tree, parents first, at most `limit` nodes: where each begins and ends, how it is used and held."""
    cache = client.engine.scheduler.cache

    def ask() -> dict[str, Any]:
        numbers: dict[Node, int] = {}
        nodes: list[dict[str, Any]] = []
        for depth, node in islice(cache.tree.walk(namespace), limit):
            numbers[node] = len(numbers)
            nodes.append(
                {
                    "id": numbers[node],
                    "parent": numbers.get(node.parent) if node.parent is not None else None,
                    "depth": depth,
                    "start": node.start,
                    "end": node.end,
                    "pages": len(node.pages),
                    "locks": node.locks,
                    "pinned": node in cache.tree.pins,
                    "idle_seconds": round(cache.tree.idle_seconds(node), 3),
                    "tokens": node.tokens.tolist(),
                }
            )
        pages = asdict(cache.counts)
        return {"page_size": cache.page_size, "pages": pages, "nodes": nodes}

    return await on_engine(client, ask)


async def flush(client: Client, namespace: str | None) -> int:
    """Evicts what nobody keeps, of one namespace or of all; the pages that are free now."""
    return await on_engine(client, lambda: client.engine.scheduler.cache.flush(namespace))


async def pin(client: Client, tokens: list[int], namespace: str, seconds: float) -> int:
    """Computes these tokens and keeps them for a time; how many there are."""
    params = SamplingParams(namespace=namespace)
    prefix = await client.hold(Prompt(None, (Piece(tokens=tuple(tokens)),)), params)
    try:
        node = prefix.node
        if node is not None:
            await on_engine(client, lambda: client.engine.scheduler.cache.tree.pin(node, seconds))
    finally:
        client.release(prefix)
    return prefix.length


async def embed(
    client: Client, rows: list[list[int]], namespace: str, seconds: float | None
) -> list[dict[str, Any]]:
    """Rows of token ids as {"vector": float32 little-endian bytes, "tokens", "cached"} each; see Client.embed."""
    params = SamplingParams(namespace=namespace, timeout=seconds)
    prompts = [Prompt(None, (Piece(tokens=tuple(row)),)) for row in rows]
    return [
        {"vector": e.vector.astype("<f4").tobytes(), "tokens": e.tokens, "cached": e.cached}
        for e in await client.embed(prompts, params)
    ]


async def score_rows(
    client: Client, rows: list[list[int]], begin: int, namespace: str, seconds: float | None
) -> list[dict[str, Any]]:
    """{"logprobs", "cached"} of each row of token ids; see Client.score_rows."""
    params = SamplingParams(namespace=namespace, timeout=seconds)
    found = await client.score_rows(rows, begin, params)
    return [{"logprobs": logprobs, "cached": cached} for logprobs, cached in found]


ANSWERS: dict[str, Callable[..., Awaitable[Any]]] = {
    "ping": ping,
    "stats": stats,
    "tree": tree,
    "flush": flush,
    "pin": pin,
    "embed": embed,
    "score_rows": score_rows,
}
