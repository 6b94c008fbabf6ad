"""Frames: messages to bytes and back. A frame is its length, 4 bytes little-endian, and one msgpack list of messages.

    writer.send(message)                  # many of one moment leave in one frame
    async for message in read_frames(reader, Reply): ...      # until the other side is gone

It refuses to know what the messages mean.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, TypeVar

import msgspec

MOST_BYTES = 256 << 20
HEAD_BYTES = 5  # of the list that a frame is, at most
T = TypeVar("T")


class FrameWriter:
    """Writes messages to a stream; those of one turn of the loop share a frame. Used on the loop only."""

    def __init__(self, stream: asyncio.StreamWriter) -> None:
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._waiting: list[msgspec.Raw] = []
        self._size = 0
        self._encoder = msgspec.msgpack.Encoder()

    def send(self, message: Any) -> None:
        """Sends soon. What is sent after the other side has gone is dropped: its calls have failed already.

        Raises ValueError for what cannot be said, such as half of a surrogate pair: others share its frame.
        """
        try:
            data = self._encoder.encode(message)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"this cannot be sent: {error}") from error
        size = len(data) + HEAD_BYTES
        if size > MOST_BYTES:
            raise ValueError(
                f"this cannot be sent: it takes {size:,} bytes, {MOST_BYTES:,} at most"
            )
        if self._size + size > MOST_BYTES:
            self._flush()
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(msgspec.Raw(data))
        self._size += size

    def close(self) -> None:
        """Sends what waits, and no more."""
        self._flush()
        self._stream.close()

    def _flush(self) -> None:
        messages, self._waiting, self._size = self._waiting, [], 0
        if messages and not self._stream.is_closing():
            data = self._encoder.encode(messages)
            self._stream.write(len(data).to_bytes(4, "little") + data)


async def read_frames(stream: asyncio.StreamReader, kind: type[T]) -> AsyncGenerator[list[T], None]:
    """The messages of each frame, until the stream ends, also in the middle of one.

    Raises msgspec.ValidationError for a message that is none of `kind`, ValueError for a frame above MOST_BYTES.
    """
    decoder = msgspec.msgpack.Decoder(list[kind])
    while True:
        try:
            size = int.from_bytes(await stream.readexactly(4), "little")
            if size > MOST_BYTES:
                raise ValueError(f"a frame of {size} bytes is above {MOST_BYTES}")
            data = await stream.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        yield decoder.decode(data)
