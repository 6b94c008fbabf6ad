"""Feeds: server-sent events that are written in rounds, one over all streams that have something new.

    rounds = Rounds()                                    # one for all feeds of an application
    return Feed(rounds, work)                            # work(write): calls write(event) until it returns

A step of the engine brings something new for every stream at once. To wake a task for each of them costs more than to
write the event, so one task writes for all: what a stream got since the last round leaves in one piece. A client that
reads slowly keeps a round waiting; another round goes on without it. What is true of streams in stream.py is true here.
It refuses to know what events say.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from .errors import ClientLeft, describe
from .source import unless_left
from .stream import EventResponse

Write = Callable[[dict[str, Any]], None]
Work = Callable[[Write], Awaitable[None]]
encode = msgspec.json.Encoder().encode


class Rounds:
    """Who writes. Used on one loop at a time."""

    def __init__(self) -> None:
        self._waiting: deque[Feed] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, feed: "Feed") -> None:
        """Has the feed written in the next round."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._begin)
        self._waiting.append(feed)

    def _begin(self) -> None:
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._write())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # It comes after the task's first turn. What still waits then waits for a slow client: another task goes on.
        loop.call_soon(self._begin)

    async def _write(self) -> None:
        while self._waiting:
            await self._waiting.popleft().write()


class Feed(EventResponse):
    """A response whose events, of plain values, are handed to it as they come."""

    def __init__(self, rounds: Rounds, work: Work) -> None:
        super().__init__()
        self._rounds = rounds
        self._work = work
        self._pieces: list[bytes] = []
        self._send: Send | None = None
        self._begun = self._ended = self._writing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        # When the last piece is written: None, or what went wrong.
        self._written: asyncio.Future[Exception | None] = asyncio.Future()
        with suppress(ClientLeft, OSError):
            await unless_left(receive, self._run(scope, receive, send))

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._work(self._take)
        except (
            Exception
        ) as error:  # the table turns every one into a status, or into the last event
            failure = describe(error)
            if not self._begun and not self._pieces:
                await failure.response(scope["path"])(scope, receive, send)
                return
            self._take(failure.body(scope["path"]))
        self._ended = True
        self._add(self.end)
        if (error := await self._written) is not None:
            raise error

    def _take(self, event: dict[str, Any]) -> None:
        self._add(b"data: " + encode(event) + b"\n\n")

    def _add(self, piece: bytes) -> None:
        if not self._pieces:
            self._rounds.add(self)
        self._pieces.append(piece)

    async def write(self) -> None:
        """Sends what is new. While one call of it waits for a slow client, others leave all to that one."""
        if self._writing or self._send is None or self._written.done():
            return
        self._writing = True
        try:
            if not self._begun:
                self._begun = True
                await self._send(self.start)
            while self._pieces:
                await self._send(self._part())
            if self._ended:
                self._written.set_result(None)
        except Exception as error:  # belongs to this feed, and not to the others of the round
            self._written.set_result(error)
        finally:
            self._writing = False

    def _part(self) -> dict[str, Any]:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return {"type": "http.response.body", "body": data, "more_body": not self._ended}
