"""A server of chat completions that says what the test says, and real servers on free ports of this machine."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse


class Serving:
    """An application on a free port, in a thread."""

    def __init__(self, app: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="warning", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.run(self._server.serve([self._socket]))

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()


class Said:
    """One answer of the chat server. calls: (name, arguments as JSON text); error: (status, body, headers) instead.

    broken: the stream ends before the answer does; open: before it says so.
    """

    def __init__(
        self,
        text: str = "",
        calls: tuple[tuple[str, str], ...] = (),
        reason: str = "stop",
        error: tuple[int, Any, dict[str, str]] | None = None,
        **more: Any,
    ) -> None:
        self.text, self.calls, self.reason, self.error = text, calls, reason, error
        self.more = more


class ChatServer:
    """Answers by `answer(body)`, notes the bodies, and how many connections were left early."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[Any] = []
        self.headers: list[Any] = []
        self.left = 0
        self.working = 0
        self.answer: Callable[[Any], Said] = lambda body: Said("hello")
        self.app = FastAPI()
        self.app.post("/v1/chat/completions")(self._chat)

    async def _chat(self, request: Request) -> Any:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        said = self.answer(body)
        if said.error is not None:
            status, content, headers = said.error
            return JSONResponse(content, status, headers)
        return StreamingResponse(self._stream(body, said), media_type="text/event-stream")

    async def _stream(self, body: Any, said: Said) -> Any:
        self.working += 1
        done = False
        try:
            for piece in self._pieces(body, said):
                yield f": a comment\n\ndata: {json.dumps(piece)}\n\n"
                await asyncio.sleep(said.more.get("delay", 0))
            yield said.more.get("raw", "")
            ends = not said.more.get("broken") and not said.more.get("open")
            yield "data: [DONE]\n\n" if ends else ""
            done = True
        finally:
            self.working -= 1
            self.left += not done

    def _pieces(self, body: Any, said: Said) -> Iterator[Any]:
        for index in range(1 if said.more.get("ignores_n") else body.get("n", 1)):
            yield _piece(index, {"role": "assistant", "content": ""})
            for at in range(0, len(said.text), 3):
                text = said.text[at : at + 3]
                one = {
                    "token": text,
                    "logprob": -0.5,
                    "top_logprobs": [{"token": text, "logprob": -0.5}],
                }
                yield _piece(
                    index,
                    {"content": text},
                    logprobs={"content": [one]} if body.get("logprobs") else None,
                )
            for at, (name, arguments) in enumerate(said.calls):
                begun = {
                    "index": at,
                    "id": f"c{at}",
                    "type": "function",
                    "function": {"name": name, "arguments": ""},
                }
                yield _piece(index, {"tool_calls": [begun]})
                for half in (arguments[:4], arguments[4:]):
                    yield _piece(
                        index, {"tool_calls": [{"index": at, "function": {"arguments": half}}]}
                    )
            if "event" in said.more:
                yield said.more["event"]
            if said.more.get("refusal"):
                yield _piece(index, {"refusal": said.more["refusal"]})
            if not said.more.get("broken"):
                yield _piece(index, {}, "tool_calls" if said.calls else said.reason)
        details = {"cached_tokens": 4}
        yield {
            "choices": [],
            "usage": {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": details},
        }


def _piece(index: int, delta: Any, finish: str | None = None, logprobs: Any = None) -> Any:
    return {
        "choices": [{"index": index, "delta": delta, "finish_reason": finish, "logprobs": logprobs}]
    }


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Any], Serving]]:
    """Serves applications until the module's tests are over."""
    running: list[Serving] = []

    def start(app: Any) -> Serving:
        running.append(Serving(app))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture(scope="module")
def _chat_server(serve: Callable[[Any], Serving]) -> ChatServer:
    chat = ChatServer()
    chat.url = serve(chat.app).url + "/v1"
    return chat


@pytest.fixture
def server(_chat_server: ChatServer) -> ChatServer:
    """The chat server, as if fresh."""
    chat = _chat_server
    chat.bodies.clear()
    chat.headers.clear()
    chat.left = 0
    chat.answer = lambda body: Said("hello")
    return chat


@pytest.fixture
def said() -> type[Said]:
    return Said


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits for something that is not at once."""

    def wait(is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + 5
        while not is_so():
            assert time.monotonic() < until, "it never came"
            time.sleep(0.01)

    return wait
