"""Link: the calls of this process on one engine's process, over one socket.

    link = await Link.open(sock)              # waits for the engine to be ready
    async for delta in link.generate(ask, params, constraint): ...
    await link.ended                          # set when the engine's process is gone

All of it runs on one loop. A call that is left is cancelled over there. When the socket ends every call fails with
EngineStopped. It refuses to know processes and prefixes' holders.
"""

import asyncio
import itertools
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from ...constrained.spec import Constraint
from ...lang.nodes.params import SamplingParams
from ..errors import ConfigError, EngineStopped, ModelError
from .frames import FrameWriter, read_frames
from .messages import (
    Ask,
    Cancel,
    Count,
    Deltas,
    Done,
    Failed,
    Generate,
    Hello,
    Hold,
    Query,
    Reply,
    Score,
    WireDelta,
    constraint_to_wire,
    raised,
)

GONE = "the engine's process ended before it answered; a new one is being started"
STARTING = {kind.__name__: kind for kind in (ConfigError, ModelError)}

Item = WireDelta | Done | Exception


class Link:
    """One connection. context: most tokens of prompt and answer."""

    def __init__(self, writer: FrameWriter, context: int) -> None:
        self.context = context
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer = writer
        self._numbers = itertools.count(1)
        self._queues: dict[int, asyncio.Queue[Item]] = {}
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, sock: socket.socket) -> "Link":
        """The link, once the engine is ready. Raises what kept it from starting, or EngineStopped."""
        reader, stream = await asyncio.open_unix_connection(sock=sock, limit=1 << 20)
        writer = FrameWriter(stream)
        frames = read_frames(reader, Reply)  # pyright: ignore[reportArgumentType]  # a union
        first: list[Any] = await anext(frames, [])
        match first[:1]:
            case [Hello(context)]:
                link = cls(writer, context)
                link._reading = asyncio.ensure_future(link._read(frames, first[1:]))
                return link
            case [Failed(_, kind, message)]:
                writer.close()
                raise STARTING.get(kind, EngineStopped)(message)
            case _:
                writer.close()
                raise EngineStopped("the engine's process ended while it was starting")

    def close(self) -> None:
        """Ends the connection, and with it the engine's process."""
        self._writer.close()

    async def generate(
        self, ask: Ask, params: SamplingParams, constraint: Constraint | None
    ) -> AsyncGenerator[WireDelta, None]:
        """Deltas of one call; leaving the generator cancels it."""
        call = next(self._numbers)
        message = Generate(call, ask, params, constraint_to_wire(constraint))
        async with aclosing(self._call(call, message)) as items:
            async for item in items:
                if isinstance(item, Done):
                    return
                yield item

    async def score(self, ask: Ask, choices: tuple[str, ...], params: SamplingParams) -> Done:
        """Log-probabilities of choices."""
        call = next(self._numbers)
        return await self._one(call, Score(call, ask, choices, params))

    async def hold(self, ask: Ask, params: SamplingParams) -> Done:
        """A prompt computed and kept."""
        call = next(self._numbers)
        return await self._one(call, Hold(call, ask, params))

    async def query(self, what: str, **arguments: Any) -> Any:
        """The answer to one of the engine's queries."""
        call = next(self._numbers)
        return (await self._one(call, Query(call, what, arguments))).answer

    def count(self, prefix: int, more: int) -> None:
        """One holder of a prefix more, or less."""
        self._writer.send(Count(prefix, more))

    async def _one(self, call: int, message: Any) -> Done:
        async with aclosing(self._call(call, message)) as items:
            async for item in items:
                assert isinstance(item, Done), item
                return item
        raise AssertionError(f"call {call} has no answer")

    async def _call(self, call: int, message: Any) -> AsyncGenerator[WireDelta | Done, None]:
        if self.ended.done():
            raise EngineStopped(GONE)
        queue = self._queues[call] = asyncio.Queue()
        self._writer.send(message)
        done = False
        try:
            while not done:
                item = await queue.get()
                done = not isinstance(item, WireDelta)
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            del self._queues[call]
            if not done:
                self._writer.send(Cancel(call))

    async def _read(self, frames: AsyncGenerator[list[Any], None], first: list[Any]) -> None:
        try:
            for message in first:
                self._take(message)
            async with aclosing(frames):
                async for messages in frames:
                    for message in messages:
                        self._take(message)
        finally:
            self.ended.set_result(None)
            self._writer.close()
            for queue in self._queues.values():
                queue.put_nowait(EngineStopped(GONE))

    def _take(self, message: Any) -> None:
        match message:
            case Deltas(items):
                for delta in items:
                    self._put(delta.call, delta)
            case Done():
                self._put(message.call, message)
            case Failed():
                self._put(message.call, raised(message))
            case _:
                raise AssertionError(message)

    def _put(self, call: int, item: Item) -> None:
        # A call that was left may still be answered for a moment.
        if (queue := self._queues.get(call)) is not None:
            queue.put_nowait(item)
