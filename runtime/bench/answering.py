"""Answering: a server that answers every call with the same word, so that only its clients are left to be measured.

    with answering() as url: ...                 # in a process of its own
    counts = read_counts(url)                    # calls and bytes since the last time

It speaks as much of two protocols as a program of gens needs: `/v1/states/generate` of a Trellis server and
`/generate` of SGLang. Connections are kept for those who ask for that. It refuses to know about text.
"""

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

ANSWER = "ok"
START_SECONDS = 60.0


@dataclass(slots=True)
class Counts:
    """What came: connections, calls that ask for an answer, bytes of requests."""

    connections: int = 0
    calls: int = 0
    received_bytes: int = 0


class Conversation(asyncio.Protocol):
    """One connection. Requests are answered as soon as they are whole."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._held = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It begins."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._counts.connections += 1

    def data_received(self, data: bytes) -> None:
        """Takes in bytes, and answers the requests that are whole now."""
        self._counts.received_bytes += len(data)
        self._held += data
        while self._transport is not None and (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end].decode("latin-1").lower()
            length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
            if len(self._held) < end + 4 + length:
                return
            self._held = self._held[end + 4 + length :]
            self._answer(head.split(" ", 2)[1], "connection: close" in head)

    def _answer(self, path: str, last: bool) -> None:
        assert self._transport is not None
        kind, body = self._body(path)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
        closing = "connection: close\r\n" if last else ""
        self._transport.write(f"{head}{closing}\r\n".encode() + body)
        if last:
            self._transport.close()
            self._transport = None

    def _body(self, path: str) -> tuple[str, bytes]:
        plain = "application/json"
        match path:
            case "/v1/states/generate":
                self._counts.calls += 1
                return "text/event-stream", EVENTS
            case "/generate":
                self._counts.calls += 1
                return plain, REPLY
            case "/counts":
                told = json.dumps(asdict(self._counts)).encode()
                self._counts.connections = self._counts.calls = self._counts.received_bytes = 0
                return plain, told
            case _:
                return plain, b'{"model_path": "answering", "text": null}'


USAGE = {"prompt": 8, "cached": 0, "generated": 1}
EVENT = {
    "text": ANSWER,
    "index": 0,
    "tokens": [[1, "sampled", None, [], ANSWER]],
    "finish": {"reason": "stop"},
    "usage": USAGE,
    "state": {"id": "s", "length": 9},
}
EVENTS = f"data: {json.dumps(EVENT)}\n\ndata: [DONE]\n\n".encode()
META = {"prompt_tokens": 8, "completion_tokens": 1, "finish_reason": {"type": "stop"}}
REPLY = json.dumps({"text": ANSWER, "meta_info": META}).encode()


@contextmanager
def answering() -> Iterator[str]:
    """The URL of a server in a process of its own. Raises RuntimeError if it does not start."""
    command = [sys.executable, "-P", "-m", __name__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise RuntimeError("the answering server did not start: see what it printed")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def read_counts(url: str) -> Counts:
    """What came since the last time it was asked."""
    with urllib.request.urlopen(f"{url}/counts", timeout=START_SECONDS) as reply:
        return Counts(**json.load(reply))


async def serve() -> None:
    """Answers until it is ended. Prints its port."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(counts), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
