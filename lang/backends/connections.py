"""Connections: calls of one server from one asyncio loop, kept open between them.

    connections = Connections(Server(url, read_failure, headers))
    found = await connections.post("/v1/states", body)                    # decoded JSON
    async with contextlib.AsyncExitStack() as stack:
        response = await connections.begin(stack, "/v1/states/generate", body)
        async for event in connections.events(response): ...              # leaving early closes the connection
    await connections.close()

Many programs at once each wait for a call of their own, so what a call costs here is what programs cost: this client
takes a tenth of a millisecond, and does not look at every connection for each call. A task on the loop owns the
session, so that a backend that nobody closes ends it with the loop. It refuses to know what is sent.
"""

import asyncio
import contextlib
import contextvars
import json
import urllib.parse
import urllib.request
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp

from .network import ErrorReply, Refused, reached

CONNECT_SECONDS = 10.0
# Shorter than servers keep idle connections, so that they are not closed there just as they are used here.
KEPT_SECONDS = 4.0
FOREVER_SECONDS = 1e9


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to call. failure: what its error replies mean; silent_seconds: without a sign of life, at most."""

    url: str
    failure: Callable[[ErrorReply], Exception]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    silent_seconds: float = 600.0


class Connections:
    """The connections to one server. Every method is for the one loop that uses it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._headers = {**server.headers, "Content-Type": "application/json"}
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
            with reached(self._server.url):
                return json.loads(await response.read())

    async def begin(
        self, stack: contextlib.AsyncExitStack, path: str, body: Mapping[str, Any]
    ) -> aiohttp.ClientResponse:
        """The reply, whose body is still to come; the stack ends it. Raises as `post`."""
        data = json.dumps(body, separators=(",", ":")).encode()
        url = self._server.url
        with reached(url):
            response = await self._opened().post(
                url + path, data=data, headers=self._headers, allow_redirects=False
            )
        stack.callback(response.close)
        if response.status >= 300:
            with reached(url):
                content = await response.read()
            reply = ErrorReply.read(response.status, url + path, content, response.headers)
            raise self._server.failure(reply)
        return response

    async def events(self, response: aiohttp.ClientResponse) -> AsyncGenerator[dict[str, Any]]:
        """The events of a stream. Raises what an error event tells of, Refused for one that is no JSON,
        ConnectionError for a stream that breaks off; else as `reached`."""
        done = False
        with reached(self._server.url):
            # Read to its very end: a connection whose answer was left before that can serve no other call.
            async for line in _lines(response.content):
                data = line[5:].strip() if line.startswith(b"data:") else b""
                if data == b"[DONE]":
                    done = True
                elif data and not done:
                    yield self._read(response, data)
        if not done:
            raise ConnectionError(
                "the server ended the answer in the middle: it was stopped, or crashed"
            )

    async def close(self) -> None:
        """Closes them all."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    def _read(self, response: aiohttp.ClientResponse, data: bytes) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            said = data.decode(errors="replace")
            raise Refused(f"an event of the stream is no JSON object: {said:.80}")
        event = cast(dict[str, Any], event)
        if event.get("error"):
            raise self._server.failure(ErrorReply.told(str(response.url), event))
        return event

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    sock_connect=CONNECT_SECONDS,
                    sock_read=self._server.silent_seconds,
                ),
                proxy=_proxy_for(self._server.url),
            )
            # The context of whoever calls first holds the backend, which would then live as long as its loop.
            keep, context = _keep(self._session), contextvars.Context()
            self._keeper = asyncio.get_running_loop().create_task(keep, context=context)
        return self._session


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
        # A timer of the loop's, so that the loop holds this task: whoever has the connections may forget them.
        await asyncio.sleep(FOREVER_SECONDS)
    finally:
        await session.close()


def _proxy_for(url: str) -> str | None:
    """What the environment says, asked once: the client would look it up, and a file besides, for every call."""
    parts = urllib.parse.urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get(parts.scheme)
