"""Held: what connections and streams cost in memory while they are open.

    rows = measure(server, prompts, output=8)        # one stream for each prompt, all at once

Connections are idle ones, each after one small request. Counted is what the processes hold more than before, at most,
with all of them open; what a process got for an earlier peak and kept is not counted again, so connections go first.
Nothing is checked but that every stream ends as it should. It refuses to know time.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from ..table import Row
from .exchange import Address, Exchange, begin
from .started import Started
from .streams import Generate, stream

LOOK_SECONDS = 0.02
KEPT_OPEN = b"GET /health HTTP/1.1\r\nHost: %s\r\n\r\n"


@dataclass(slots=True)
class Memory:
    """Bytes that the server and its engine held at most since it was begun."""

    started: Started
    server: int = 0
    engine: int = 0

    def look(self) -> None:
        """Looks once."""
        self.server = max(self.server, self.started.resident(self.started.process.pid))
        self.engine = max(self.engine, self.started.resident(self.started.engine))

    async def watch(self) -> None:
        """Looks again and again, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_SECONDS)


def _looked(server: Started) -> Memory:
    memory = Memory(server)
    memory.look()
    return memory


async def hold_connections(server: Started, count: int) -> Memory:
    """What is held with so many idle connections open."""
    address = Address.of(server.url)
    open_: list[Exchange] = []
    try:
        for _ in range(count):
            open_.append(await begin(address, KEPT_OPEN % address.host.encode()))
            await open_[-1].grown(1)
        return _looked(server)
    finally:
        for exchange in open_:
            exchange.leave()


async def hold_streams(server: Started, prompts: list[list[int]], output: int) -> Memory:
    """What is held at most while all prompts are answered. Raises SystemExit if one is not."""
    address = Address.of(server.url)
    memory = Memory(server)
    watching = asyncio.ensure_future(memory.watch())
    try:
        asked = (stream(address, Generate(), prompt, output) for prompt in prompts)
        answers = await asyncio.gather(*asked)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    if failed := [a.timing.error for a in answers if a.timing.error is not None]:
        raise SystemExit(f"{len(failed)} of {len(prompts)} streams failed: {failed[0]}")
    return memory


def measure(server: Started, prompts: list[list[int]], output: int) -> list[Row]:
    """Kilobytes for each idle connection and stream, and all that is held with the streams open."""
    # The first ones make the server import and build what it keeps.
    asyncio.run(hold_streams(server, prompts[:16], output))
    count = len(prompts)
    bare = _looked(server)
    idle = asyncio.run(hold_connections(server, count))
    before = _looked(server)
    busy = asyncio.run(hold_streams(server, prompts, output))
    return [
        Row("an idle connection, server", (idle.server - bare.server) / count / 1024, "KiB"),
        Row(f"a stream of {count}, server", (busy.server - before.server) / count / 1024, "KiB"),
        Row(f"a stream of {count}, engine", (busy.engine - before.engine) / count / 1024, "KiB"),
        Row(f"server with {count} streams open", busy.server / 2**20, "MiB"),
        Row(f"engine with {count} streams open", busy.engine / 2**20, "MiB"),
    ]
