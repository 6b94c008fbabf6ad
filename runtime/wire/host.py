"""The engine's side of the wire: a process that opens an engine and answers one socket.

    python -P -m trellis.runtime.wire.host FD          # FD: its end of the socket pair; the config comes first on stdin

It ends when the other side is gone, whatever it is doing. What is slow: opening the model. It refuses to know of HTTP.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...lang.backends.base import Delta, Prefix, Prompt
from ..client import Client
from ..config import EngineConfig
from ..errors import EngineError, RequestError
from ..garbage import spare_what_stays
from ..prompt import LocalPrefix
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
    KeptPrefix,
    Query,
    Request,
    Score,
    WireDelta,
    constraint_from_wire,
    failure,
)
from .queries import ANSWERS

log = logging.getLogger("trellis.wire")


@dataclass(eq=False, slots=True)
class _Kept:
    """A prefix that the other side holds, and how many there do."""

    prefix: LocalPrefix
    holders: int = 1


class Host:
    """Runs the calls of one socket on a client. `kept`: what the other side holds, by number.

    What is read is meant in the order in which it was sent: a call holds the prefix it continues from the moment it is
    read, so one that is released behind it is still there when the call gets to run.
    """

    def __init__(self, client: Client, writer: FrameWriter) -> None:
        self._client = client
        self._writer = writer
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._kept: dict[int, _Kept] = {}
        self._count = 0
        self._deltas: list[WireDelta] = []

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answers until the other side is gone."""
        self._writer.send(Hello(self._client.resources.context))
        async with aclosing(read_frames(reader, Request)) as frames:  # pyright: ignore[reportArgumentType]  # a union
            async for messages in frames:
                for message in messages:
                    self._take(message)

    def _take(self, message: Any) -> None:
        if isinstance(message, Cancel):
            if (task := self._tasks.get(message.call)) is not None:
                task.cancel()
        elif isinstance(message, Count):
            self._recount(message)
        else:
            self._begin(message)

    def _begin(self, message: Any) -> None:
        number = None if isinstance(message, Query) else message.prompt.base
        kept = None if number is None else self._kept.get(number)
        base = None if kept is None else kept.prefix
        if base is not None:
            self._client.retain(base)
        task = self._tasks[message.call] = asyncio.ensure_future(self._run(message, base))

        def end(_: Any) -> None:
            self._tasks.pop(message.call, None)
            if base is not None:
                self._client.release(base)

        task.add_done_callback(end)

    def _recount(self, message: Count) -> None:
        kept = self._kept.get(message.prefix)
        if kept is None:  # a mistake over there; who computes here has no part in it
            log.error("there is no prefix %s to count: it was released too often", message.prefix)
            return
        kept.holders += message.more
        if kept.holders <= 0:
            del self._kept[message.prefix]
            self._client.release(kept.prefix)

    async def _run(self, message: Any, base: LocalPrefix | None) -> None:
        try:
            self._writer.send(await self._answer(message, base))
        except (
            Exception
        ) as error:  # whatever it is belongs to this call, and is told to who made it
            self._flush()
            self._writer.send(failure(message.call, error))

    async def _answer(self, message: Any, base: LocalPrefix | None) -> Done:
        match message:
            case Generate():
                return await self._generate(message, _prompt(message.prompt, base))
            case Score():
                prompt = _prompt(message.prompt, base)
                scores = await self._client.score(prompt, message.choices, message.params)
                return Done(message.call, scores=scores)
            case Hold():
                kept = await self._client.hold(_prompt(message.prompt, base), message.params)
                return Done(message.call, prefix=self._keep(kept))
            case Query():
                answer = await ANSWERS[message.what](self._client, **message.arguments)
                return Done(message.call, answer=answer)
            case _:
                raise AssertionError(message)

    async def _generate(self, message: Generate, prompt: Prompt) -> Done:
        constraint = constraint_from_wire(message.constraint)
        post = partial(self._post, message.call)
        await self._client.send(prompt, message.params, constraint, post)
        self._flush()
        return Done(message.call)

    def _post(self, call: int, delta: Delta) -> None:
        """Deltas of one moment go together: many requests advance in one step of the engine."""
        if not self._deltas:
            asyncio.get_running_loop().call_soon(self._flush)
        prefix = None if delta.prefix is None else self._keep(delta.prefix)
        self._deltas.append(
            WireDelta(
                call, delta.text, delta.index, delta.tokens, delta.finish, delta.usage, prefix
            )
        )

    def _flush(self) -> None:
        deltas, self._deltas = self._deltas, []
        if deltas:
            self._writer.send(Deltas(deltas))

    def _keep(self, prefix: Prefix) -> KeptPrefix:
        assert isinstance(prefix, LocalPrefix)
        self._count += 1
        self._kept[self._count] = _Kept(prefix)
        return KeptPrefix(self._count, prefix.length)


def _prompt(ask: Ask, base: LocalPrefix | None) -> Prompt:
    if ask.base is not None and base is None:
        raise RequestError(f"there is no prefix {ask.base}: it was released, or never existed")
    return Prompt(base, ask.pieces)


async def run_host(sock: socket.socket, opening: Callable[[], Client]) -> None:
    """Opens an engine and serves the socket until the other side is gone."""
    reader, stream = await asyncio.open_unix_connection(sock=sock, limit=1 << 20)
    writer = FrameWriter(stream)
    try:
        client = await asyncio.to_thread(opening)
    except (EngineError, OSError) as error:
        writer.send(Failed(0, type(error).__name__, str(error)))
        writer.close()
        await stream.wait_closed()
        return
    spare_what_stays()
    try:
        await Host(client, writer).serve(reader)
    finally:
        client.close()


def main() -> None:
    """The process: its socket is the file descriptor named by the first argument."""
    from ..launch import open_client

    # The server that started this decides when it ends: by closing the socket. A terminal's Ctrl-C reaches both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sock = socket.socket(fileno=int(sys.argv[1]))
    line = sys.stdin.readline()
    if not line:  # the server has gone, or needs no other engine
        return
    config = EngineConfig.of(**json.loads(line))
    asyncio.run(run_host(sock, lambda: open_client(config)))
    # Threads of libraries must not keep a process alive whose owner has gone.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
