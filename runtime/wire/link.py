"""Link: the calls of this process on one engine's process, over one socket.

    link = await Link.open(sock)              # waits for the engine to be ready
    async for delta in link.generate(ask, params, constraint): ...
    await link.send(ask, params, constraint, take)            # the same; `take` is called with each
    await link.ended                          # set when the engine's process is gone

All of it runs on one loop. A call that is left is cancelled over there. When the socket ends every call fails with
EngineStopped. It refuses to know processes and prefixes' holders.
"""

import asyncio
import itertools
import socket
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar

from ...constrained.spec import Constraint
from ...lang.nodes.params import SamplingParams
from ..arrivals import Flow, Queue
from ..errors import ConfigError, EngineStopped, ModelError, RequestError
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

Reader = Queue[WireDelta] | Flow[WireDelta]
T = TypeVar("T")


class Link:
    """One connection. context: most tokens of prompt and answer."""

    def __init__(self, writer: FrameWriter, context: int) -> None:
        self.context = context
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer = writer
        self._numbers = itertools.count(1)
        self._readers: dict[int, Reader] = {}
        self._answers: dict[int, asyncio.Future[Done]] = {}
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, sock: socket.socket) -> "Link":
        """The link, once the engine is ready. Raises what kept it from starting, or EngineStopped."""
        reader, stream = await asyncio.open_unix_connection(sock=sock, limit=1 << 20)
        writer = FrameWriter(stream)
        frames = read_frames(reader, Reply)  # pyright: ignore[reportArgumentType]  # a union
        try:
            first: list[Any] = await anext(frames, [])
            link = cls(writer, _context_in(first))
        except BaseException:
            writer.close()
            raise
        link._reading = asyncio.ensure_future(link._read(frames, first[1:]))
        return link

    def close(self) -> None:
        """Ends the connection, and with it the engine's process."""
        self._writer.close()

    async def generate(
        self, ask: Ask, params: SamplingParams, constraint: Constraint | None
    ) -> AsyncGenerator[WireDelta, None]:
        """Deltas of one call; leaving the generator cancels it."""
        queue = Queue[WireDelta](self._lose)
        call = next(self._numbers)
        with self._stream(call, Generate(call, ask, params, constraint_to_wire(constraint)), queue):
            while (delta := await queue.get()) is not None:
                yield delta

    async def send(
        self,
        ask: Ask,
        params: SamplingParams,
        constraint: Constraint | None,
        take: Callable[[WireDelta], None],
    ) -> None:
        """The same for who would rather be called, here on the loop; cancelling it cancels the call."""
        flow = Flow(take, self._lose)
        call = next(self._numbers)
        with self._stream(call, Generate(call, ask, params, constraint_to_wire(constraint)), flow):
            await flow.wait()

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
        answer: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        try:
            with self._call(call, message, self._answers, answer):
                return await answer
        except asyncio.CancelledError:
            # The answer may have come just before, and nobody has taken it.
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                self._lose(answer.result())
            raise

    @contextmanager
    def _stream(self, call: int, message: Generate, reader: Reader) -> Iterator[None]:
        """Inside, the reader gets the Deltas of this call."""
        with self._call(call, message, self._readers, reader):
            try:
                yield
            finally:
                reader.close()

    @contextmanager
    def _call(self, call: int, message: Any, waiting: dict[int, T], reader: T) -> Iterator[None]:
        """Inside, the reader waits for this call; who leaves before the end cancels it. Raises RequestError for what no
        message can hold.
        """
        if self.ended.done():
            raise EngineStopped(GONE)
        try:
            self._writer.send(message)
        except ValueError as error:
            raise RequestError(str(error)) from error
        waiting[call] = reader
        try:
            yield
        finally:
            if waiting.pop(call, None) is not None:
                self._writer.send(Cancel(call))

    def _lose(self, item: WireDelta | Done) -> None:
        """What nobody reads any more: a prefix that comes with it is let go of."""
        if item.prefix is not None:
            self.count(item.prefix.id, -1)

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
            for call in (*self._readers, *self._answers):
                self._end(call, EngineStopped(GONE))

    def _take(self, message: Any) -> None:
        match message:
            case Deltas(items):
                for delta in items:
                    # A call that was left may still be answered for a moment.
                    reader = self._readers.get(delta.call)
                    if reader is None:
                        self._lose(delta)
                    else:
                        reader.put(delta)
            case Done():
                self._end(message.call, message)
            case Failed():
                self._end(message.call, raised(message))
            case _:
                raise AssertionError(message)

    def _end(self, call: int, how: Done | Exception) -> None:
        if (reader := self._readers.pop(call, None)) is not None:
            reader.end(how if isinstance(how, Exception) else None)
        elif (answer := self._answers.pop(call, None)) is not None and not answer.done():
            if isinstance(how, Exception):
                answer.set_exception(how)
            else:
                answer.set_result(how)
        elif isinstance(how, Done):
            self._lose(how)


def _context_in(first: list[Any]) -> int:
    """The engine's context, as its first message says. Raises what kept it from starting, or EngineStopped."""
    match first[:1]:
        case [Hello(context)]:
            return context
        case [Failed(_, kind, message)]:
            raise STARTING.get(kind, EngineStopped)(message)
        case _:
            raise EngineStopped("the engine's process ended while it was starting")
