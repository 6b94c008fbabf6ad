"""Whoever leaves a call that keeps its prefix leaves nothing locked behind, here and over the wire."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any, cast

import pytest

from trellis.lang.backends.base import Backend, Delta, Piece, Prompt
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.config import EngineConfig
from trellis.runtime.launch import open_engine
from trellis.runtime.server.served import Served, serve_local, serve_process
from trellis.runtime.server.source import Source
from trellis.runtime.wire.backend import open_process
from trellis.runtime.wire.link import Link
from trellis.runtime.wire.messages import Ask, Count, Done, KeptPrefix

CONFIG = {"kv_tokens": 4096, "max_running": 16, "threads": 1}
KEPT = SamplingParams(max_tokens=24, ignore_eos=True, keep=True)


@pytest.fixture(scope="module", params=["here", "over the wire"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    config = EngineConfig(**CONFIG)
    if request.param == "here":
        found = serve_local(open_engine(**CONFIG), config)
    else:
        found = serve_process(open_process(config))
    yield found
    found.backend.close()


def prompt(number: int) -> Prompt:
    return Prompt(None, (Piece(f"Number {number}: " + "and so on, " * 10),))


async def read_some(backend: Backend, number: int, most: int) -> None:
    """Leaves after so many Deltas; what came with a prefix is let go of."""
    async with aclosing(backend.generate(prompt(number), KEPT, None)) as deltas:
        async for delta in deltas:
            if delta.prefix is not None:
                backend.release(delta.prefix)
            most -= 1
            if most <= 0:
                return


async def take_for(backend: Any, number: int, seconds: float) -> None:
    """The same of a call that is cancelled after a time."""

    def take(delta: Delta) -> None:
        if delta.prefix is not None:
            backend.release(delta.prefix)

    sending = backend.client.send if hasattr(backend, "client") else backend.send
    task = asyncio.ensure_future(sending(prompt(number), KEPT, None, take))
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def hold_for(backend: Backend, number: int, seconds: float) -> None:
    task = asyncio.ensure_future(backend.hold(prompt(number), SamplingParams()))
    await asyncio.sleep(seconds)
    if not task.cancel():
        backend.release(task.result())
    else:
        found = (await asyncio.gather(task, return_exceptions=True))[0]
        if not isinstance(found, BaseException):
            backend.release(found)


async def leave_all(backend: Backend) -> None:
    rng = random.Random(7)
    for start in range(0, 60, 12):
        calls: list[Any] = []
        for number in range(start, start + 12):
            way = number % 3
            if way == 0:
                calls.append(read_some(backend, number, rng.randrange(26)))
            elif way == 1:
                calls.append(take_for(backend, number, rng.random() * 0.05))
            else:
                calls.append(hold_for(backend, number, rng.random() * 0.02))
        await asyncio.gather(*calls)


def locked(served: Served) -> list[dict[str, Any]]:
    async def ask() -> Any:
        return await served.ask("tree", namespace=None, limit=10_000)

    return [node for node in asyncio.run(ask())["nodes"] if node["locks"]]


def wait_for_none(served: Served) -> None:
    until = time.monotonic() + 10
    while (left := locked(served)) and time.monotonic() < until:
        time.sleep(0.02)
    assert left == []


def test_nothing_stays_locked(served: Served) -> None:
    served.backend.loop.submit(leave_all(served.backend)).result(60)
    wait_for_none(served)


def test_a_prefix_computed_while_its_caller_leaves_is_let_go_of(served: Served) -> None:
    """The answer has come to the caller's loop, or is on its way there, when the caller is cancelled."""
    source = Source(served.backend)

    async def leave_late(number: int) -> None:
        task = asyncio.ensure_future(source.hold(prompt(number), SamplingParams()))
        await asyncio.sleep(0.001)
        time.sleep(0.15)  # nothing is taken from the other loop meanwhile
        for _ in range(number % 3):
            await asyncio.sleep(0)
        if task.done():
            served.backend.loop.call(served.backend.release, task.result())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for number in range(100, 106):
        asyncio.run(leave_late(number))
    wait_for_none(served)


async def test_an_answer_over_the_wire_that_nobody_takes_is_let_go_of() -> None:
    sent: list[Any] = []

    class Writer:
        def send(self, message: Any) -> None:
            sent.append(message)

    link = Link(cast(Any, Writer()), 100)
    task = asyncio.ensure_future(link.hold(Ask(None, prompt(0).pieces), SamplingParams()))
    await asyncio.sleep(0)
    link._end(1, Done(1, prefix=KeptPrefix(7, 3)))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sent[1:] == [Count(7, -1)]
