"""Connections: calls of one server from one asyncio loop, kept open between them.

    connections = Connections(url, headers, Patience(timeout))
    found = await connections.post("/v1/states", body)                    # decoded JSON
    async with contextlib.AsyncExitStack() as stack:
        response = await connections.begin(stack, "/v1/states/generate", body)
        async for event in events_of(response): ...                       # leaving early closes the connection
    await connections.close()

Many programs at once each wait for a call of their own, so what a call costs here is what programs cost: this client
takes a tenth of a millisecond, and does not look at every connection for each call. A task on the loop owns the
session, so that a backend that nobody closes ends it with the loop. It refuses to know what is sent.
"""

import asyncio
import contextlib
import json
import urllib.parse
import urllib.request
from collections.abc import AsyncGenerator, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx

from .http_codec import read_failure
from .retry import Unreachable

CONNECT_SECONDS = 10.0
# Shorter than servers keep idle connections, so that they are not closed there just as they are used here.
KEPT_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds without a sign of life, and until a connection stands."""

    silent_seconds: float
    connect_seconds: float = CONNECT_SECONDS


@contextlib.contextmanager
def reached(url: str) -> Generator[None]:
    """Raises Unreachable, TimeoutError or ConnectionError for what the client raises."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise Unreachable(f"cannot connect to {url}: {error}") from error
    except aiohttp.ServerTimeoutError as error:
        raise TimeoutError(f"{url} gave no sign of life for too long") from error
    except aiohttp.ClientError as error:
        raise ConnectionError(f"the connection to {url} broke: {error}") from error


class Connections:
    """The connections to one server. Every method is for the one loop that uses it."""

    def __init__(self, url: str, headers: Mapping[str, str], patience: Patience) -> None:
        self._url = url
        self._headers = {**headers, "Content-Type": "application/json"}
        self._patience = patience
        self._session: aiohttp.ClientSession | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent: not yet, or not any more."""
        return self._session is None or self._session.closed

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON of the reply. Raises what an error reply tells of, and as `reached`."""
        async with contextlib.AsyncExitStack() as stack:
            response = await self.begin(stack, path, body)
            with reached(self._url):
                return json.loads(await response.read())

    async def begin(
        self, stack: contextlib.AsyncExitStack, path: str, body: Mapping[str, Any]
    ) -> aiohttp.ClientResponse:
        """The reply, whose body is still to come; the stack ends it. Raises as `post`."""
        data = json.dumps(body, separators=(",", ":")).encode()
        with reached(self._url):
            response = await self._opened().post(self._url + path, data=data, headers=self._headers)
        stack.callback(response.close)
        if response.status >= 400:
            with reached(self._url):
                content = await response.read()
            raise read_failure(_as_read(response, content))
        return response

    async def close(self) -> None:
        """Closes them all."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            patience = self._patience
            secure = httpx.create_ssl_context() if self._url.startswith("https:") else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS, ssl=secure),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    sock_connect=patience.connect_seconds,
                    sock_read=patience.silent_seconds,
                ),
                proxy=_proxy_for(self._url),
            )
            self._keeper = asyncio.get_running_loop().create_task(_keep(self._session))
        return self._session


async def events_of(response: aiohttp.ClientResponse) -> AsyncGenerator[dict[str, Any], None]:
    """The events of a stream. Raises what an error event tells of, and ConnectionError if it breaks off."""
    done = False
    # Read to its very end: a connection whose answer was left before that can serve no other call.
    async for line in _lines(response.content):
        if line == b"data: [DONE]":
            done = True
        elif line.startswith(b"data: ") and not done:
            event = json.loads(line[6:])
            if "error" in event:
                raise read_failure(_as_read(response, b""), event)
            yield event
    if not done:
        raise ConnectionError(
            "the server ended the answer in the middle: it was stopped, or crashed"
        )


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """The lines, however long; the reader's own are limited."""
    parts: list[bytes] = []
    async for data in content.iter_any():
        *ends, rest = data.split(b"\n")
        for end in ends:
            yield b"".join([*parts, end]).rstrip(b"\r")
            parts.clear()
        parts.append(rest)


async def _keep(session: aiohttp.ClientSession) -> None:
    """Owns the session until it is cancelled."""
    try:
        await asyncio.Event().wait()
    finally:
        await session.close()


def _as_read(response: aiohttp.ClientResponse, content: bytes) -> httpx.Response:
    """What the codec reads."""
    request = httpx.Request("POST", str(response.url))
    after = response.headers.get("Retry-After")
    headers = {} if after is None else {"Retry-After": after}
    return httpx.Response(response.status, headers=headers, content=content, request=request)


def _proxy_for(url: str) -> str | None:
    """What the environment says, asked once: the client would look it up, and a file besides, for every call."""
    parts = urllib.parse.urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get(parts.scheme)
