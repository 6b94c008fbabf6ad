"""Exchange: one HTTP request and all that came back, with the moment of every read.

    exchange = await begin(address, request(address, "/generate", {"text": "1+1="}))
    await exchange.grown(3)                  # at least three reads, or the end
    exchange.leave()                         # the connection is gone, as when a client dies
    reply = await exchange.reply()           # waits for the end
    heard = await listen(address, data)      # the exchange once it has ended; dropped by who is cancelled
    reply.status, reply.json(), reply.events()

While the answer comes only bytes and times are kept, so that many of these disturb little what they measure; they are
understood afterwards. Each has a connection of its own. It refuses to know what is asked.
"""

import asyncio
import json
import time
from bisect import bisect_left
from collections.abc import Coroutine
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeVar
from urllib.parse import urlsplit

END = "[DONE]"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is. root: what goes before every path."""

    host: str
    port: int
    tls: bool = False
    root: str = ""
    key: str | None = None

    @classmethod
    def of(cls, url: str, key: str | None = None) -> "Address":
        """The address of a URL. Raises ValueError for one that is none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the URL must begin with http:// or https://, got {url!r}")
        tls = parts.scheme == "https"
        return cls(
            parts.hostname, parts.port or (443 if tls else 80), tls, parts.path.rstrip("/"), key
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. marks: (bytes of the body, seconds) after each read; whole: whether nothing is missing."""

    status: int
    body: bytes
    whole: bool
    marks: tuple[tuple[int, float], ...]

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def events(self) -> list[tuple[float, Any]]:
        """When each event had come, and its data: JSON, or END."""
        text = self.body.replace(b"\r\n", b"\n") if b"\r\n\r\n" in self.body else self.body
        scale = len(self.body) / max(len(text), 1)
        sizes = [size for size, _ in self.marks]
        found: list[tuple[float, Any]] = []
        start = 0
        while (stop := text.find(b"\n\n", start)) >= 0:
            lines = text[start:stop].split(b"\n")
            data = b"".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
            start = stop + 2
            if data:
                read = min(bisect_left(sizes, int(start * scale)), len(sizes) - 1)
                found.append((self.marks[read][1], END if data == b"[DONE]" else json.loads(data)))
        return found


class Exchange(asyncio.Protocol):
    """One connection. sent: when the request went out; reads: when each piece came, and the piece."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._transport: asyncio.Transport | None = None
        self._grown: asyncio.Future[None] | None = None
        self.reads: list[tuple[float, bytes]] = []
        self.sent = 0.0
        self.ended = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.sent = time.perf_counter()
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.reads.append((time.perf_counter(), data))
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        if self._grown is not None and not self._grown.done():
            self._grown.set_result(None)

    async def grown(self, count: int) -> None:
        """Returns once there are so many reads, or the connection has ended."""
        while not self.ended and len(self.reads) < count:
            self._grown = asyncio.get_running_loop().create_future()
            await self._grown

    async def over(self) -> None:
        """Returns once the connection has ended."""
        while not self.ended:
            await self.grown(len(self.reads) + 1)

    def leave(self) -> None:
        """Drops the connection at once, as a client does that is killed."""
        if self._transport is not None:
            self._transport.abort()

    async def reply(self) -> Reply:
        """All that came, after the end. Raises ConnectionError when that is no answer at all."""
        await self.over()
        return self.told()

    def told(self) -> Reply:
        """All that has come, of an exchange that has ended. Raises ConnectionError when that is no answer at all."""
        raw = b"".join(data for _, data in self.reads)
        head, found, _ = raw.partition(b"\r\n\r\n")
        if not found:
            raise ConnectionError("the connection ended before there was an answer")
        lines = head.decode("latin-1").split("\r\n")
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        sizes = accumulate(len(data) for _, data in self.reads)
        times = list(zip(sizes, (when for when, _ in self.reads), strict=True))
        first = len(head) + 4
        status = int(lines[0].split()[1])
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return _dechunked(status, raw, first, times)
        body = raw[first:]
        whole = "content-length" not in fields or len(body) == int(fields["content-length"])
        return Reply(status, body, whole, tuple((size - first, when) for size, when in times))


def _dechunked(status: int, raw: bytes, first: int, times: list[tuple[int, float]]) -> Reply:
    """The reply whose body is sent in chunks from `first` on."""
    ends = [size for size, _ in times]
    parts: list[bytes] = []
    marks: list[tuple[int, float]] = []
    length, place = 0, first
    while (line := raw.find(b"\r\n", place)) >= 0:
        size = int(raw[place:line].split(b";")[0], 16)
        place = line + 2 + size
        if size == 0 or place > len(raw):
            return Reply(status, b"".join(parts), size == 0, tuple(marks))
        parts.append(raw[line + 2 : place])
        length += size
        marks.append((length, times[bisect_left(ends, place)][1]))
        place += 2
    return Reply(status, b"".join(parts), False, tuple(marks))


def request(address: Address, path: str, body: Any = None, method: str = "POST") -> bytes:
    """The bytes of a request. body: bytes as they are, anything else as JSON; None: no body."""
    sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method if body is not None else 'GET'} {address.root}{path} HTTP/1.1",
        f"Host: {address.host}:{address.port}",
        "Connection: close",
        f"Content-Length: {len(sent)}",
        "Content-Type: application/json",
    ]
    if address.key is not None:
        lines.append(f"Authorization: Bearer {address.key}")
    return "\r\n".join((*lines, "", "")).encode() + sent


async def begin(address: Address, data: bytes) -> Exchange:
    """Connects and sends these bytes. Raises OSError where nobody listens."""
    loop = asyncio.get_running_loop()
    where = {"host": address.host, "port": address.port, "ssl": address.tls or None}
    _, exchange = await loop.create_connection(lambda: Exchange(data), **where)
    return exchange


async def listen(address: Address, data: bytes) -> Exchange:
    """The exchange of these bytes, once it has ended. Whoever is cancelled meanwhile drops the connection."""
    exchange = await begin(address, data)
    try:
        await exchange.over()
    finally:
        exchange.leave()
    return exchange


async def ask(address: Address, path: str, body: Any = None, method: str = "POST") -> Reply:
    """The reply to one request."""
    return await (await begin(address, request(address, path, body, method))).reply()


def run_lightly(work: Coroutine[Any, Any, T]) -> T:
    """The result of work on a loop that takes little of the processors that are measured, where there is one."""
    try:
        from uvloop import new_event_loop
    except ImportError:  # it comes with the server, which may be elsewhere
        from asyncio import new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)
