"""Relay: a door in front of a server that counts what goes through: requests, and bytes each way.

    with relayed(server.url) as relay:
        httpx.get(f"{relay.url}/health")
        relay.take()                             # Counts since the last take

It counts what a client really sends, heads and all, whatever library it uses. A request is counted by its first line.
What is slow: one more hop on this machine. It refuses to understand bodies, and knows plain HTTP only.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ....lang.run.loop import Loop
from .exchange import Address

FIRST_LINE = re.compile(rb"(?:GET|POST|DELETE|PUT) [^\r\n ]+ HTTP/1\.1\r\n")
LONGEST_LINE = 2048
READ_BYTES = 1 << 16


@dataclass(slots=True)
class Counts:
    """What went through. up: bytes from clients; down: bytes to them."""

    requests: int = 0
    connections: int = 0
    up: int = 0
    down: int = 0


class Relay:
    """One door. Runs on a loop of its own."""

    def __init__(self, server: Address, loop: Loop) -> None:
        self._server = server
        self._loop = loop
        self._counts = Counts()
        self._open: set[asyncio.StreamWriter] = set()
        self.url = ""

    def take(self) -> Counts:
        """What went through since the last time."""
        taken, self._counts = self._counts, Counts()
        return taken

    async def open(self) -> None:
        """Opens the door on a free port of this machine."""
        self._door = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._door.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Closes the door and all that is open."""
        self._door.close()
        for side in tuple(self._open):
            side.close()
        while self._open:
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._counts.connections += 1
        there, back = await asyncio.open_connection(self._server.host, self._server.port)
        self._open |= {writer, back}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._up(reader, back))
                both.create_task(self._down(there, writer))
        except* OSError:
            pass  # one side has gone: so does the other
        finally:
            for side in (writer, back):
                side.close()
            self._open -= {writer, back}

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tail = b""
        while data := await reader.read(READ_BYTES):
            self._counts.up += len(data)
            tail += data
            found = list(FIRST_LINE.finditer(tail))
            self._counts.requests += len(found)
            tail = tail[found[-1].end() :] if found else tail
            tail = tail[-LONGEST_LINE:]
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(READ_BYTES):
            self._counts.down += len(data)
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()


@contextmanager
def relayed(url: str) -> Iterator[Relay]:
    """A door in front of the server at this URL."""
    loop = Loop("relay")
    relay = Relay(Address.of(url), loop)
    loop.submit(relay.open()).result()
    try:
        yield relay
    finally:
        loop.submit(relay.close()).result()
        loop.close()
