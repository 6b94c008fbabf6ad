"""Feeds: server-sent events, each a JSON object with what is new, then `data: [DONE]`.

    rounds = Rounds()                                    # one for many feeds
    return Feed(rounds, work)                            # work(write): calls write(event) until it returns
    return Feed(rounds, partial(pour, events))           # events: an async generator of them
    return GrowingFeed(rounds, work, tell)               # work(grow): calls grow(index); tell(index): all by then

Nothing is sent before the first event exists, so an error until then has its own status; a later one is the last event.
A client that leaves ends the work.

Feeds are written in rounds, one over all that have something new. A step of the engine brings something for every
stream at once. To wake a task for each of them costs more than to write the event, so one task writes for all: what a
stream got since the last round leaves in one piece. A client that reads slowly keeps a round waiting; another round
goes on without it. It refuses to know what events say.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .errors import ClientLeft, describe
from .source import unless_left

Write = Callable[[dict[str, Any]], None]
Grow = Callable[[int], None]
Work = Callable[[Callable[[Any], None]], Awaitable[None]]
Events = AsyncGenerator[dict[str, Any], None]
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


class Feed(Response):
    """A response whose events, of plain values, are handed to it as they come."""

    media_type = "text/event-stream"
    end = b"data: [DONE]\n\n"

    def __init__(self, rounds: Rounds, work: Work) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
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
            await self._work(self._hear)
        except (
            Exception
        ) as error:  # the table turns every one into a status, or into the last event
            failure = describe(error)
            if not self._begun and not self._pieces:
                await failure.response(scope["path"])(scope, receive, send)
                return
            self._add(self.spell(failure.body(scope["path"])))
        self._ended = True
        self._add(self.end)
        if (error := await self._written) is not None:
            raise error

    def spell(self, event: dict[str, Any]) -> bytes:
        """One event, as it is sent."""
        return b"data: " + encode(event) + b"\n\n"

    def _hear(self, said: Any) -> None:
        """What the work is given to call: here with each event."""
        self._add(self.spell(said))

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
                head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
                await self._send(head)
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


class NamedFeed(Feed):
    """The same for APIs whose events carry their type as a name, and where the last one says that it is."""

    end = b""

    def spell(self, event: dict[str, Any]) -> bytes:
        """One event, under its name."""
        name = event.get("type", "error")
        return f"event: {name}\n".encode() + super().spell(event)


class GrowingFeed(Feed):
    """Events that each say again what those before said of their index. tell(index): what there is now; None: nothing.

    That there is something new is noted, and told when it is written: a client that reads slowly gets fewer events,
    and none waits for it.
    """

    def __init__(
        self, rounds: Rounds, work: Work, tell: Callable[[int], dict[str, Any] | None]
    ) -> None:
        super().__init__(rounds, work)
        self._tell = tell
        self._grown: dict[int, None] = {}

    def _hear(self, said: int) -> None:
        """The index that has grown."""
        self._grown[said] = None
        if not self._pieces:
            self._add(b"")

    def _part(self) -> dict[str, Any]:
        told = [event for index in self._grown if (event := self._tell(index)) is not None]
        self._grown.clear()
        self._pieces[:0] = map(self.spell, told)
        return super()._part()


async def pour(events: Events, write: Write) -> None:
    """Hands over all events; whatever ends that closes them."""
    async with aclosing(events):
        async for event in events:
            write(event)
