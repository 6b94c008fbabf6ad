"""The short way to a route answers as FastAPI does, whatever is sent, and no request leaves garbage behind."""

import asyncio
import gc
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from trellis.runtime.errors import Overloaded
from trellis.runtime.server.app import create_app
from trellis.runtime.server.errors import ERRORS, BadRequest, install_errors
from trellis.runtime.server.reading import LARGE_BYTES, ReadingRoute
from trellis.runtime.server.shortcut import Shortcut
from trellis.runtime.server.strict import StrictBody


class Inner(StrictBody):
    number: int = 0


class Body(StrictBody):
    words: str
    inner: list[Inner] = []
    count: int = Field(default=1, ge=1, alias="n")


def routes() -> APIRouter:
    router = APIRouter(prefix="/v1", route_class=ReadingRoute, responses=ERRORS)

    @router.post("/say")
    async def say(body: Body, request: Request) -> Response:
        if body.words == "bad":
            raise BadRequest("not this", "words")
        if body.words == "busy":
            raise Overloaded("later")
        if body.words == "broken":
            raise RuntimeError("a mistake")
        said = [body.words, body.count, len(body.inner), request.url.path, len(request.headers)]
        return JSONResponse(said, 201)

    @router.post("/plain")
    async def plain(body: Body) -> dict[str, int]:
        return {"count": body.count}

    @router.post("/named/{name}")
    async def named(name: str, body: Body) -> Response:
        return Response(name)

    return router


@pytest.fixture
def both() -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """Clients of the same routes, with the short way and without; what must not be called stays uncalled."""
    app, router = FastAPI(), routes()
    install_errors(app)
    app.include_router(router)
    transports = [
        httpx.ASGITransport(one, raise_app_exceptions=False)
        for one in (Shortcut(app, router.routes), app)
    ]
    first, second = (httpx.AsyncClient(transport=t, base_url="http://t") for t in transports)
    return first, second


JSON = "application/json"
WORDS = [
    {"words": "a"},
    {"words": "a", "n": 3, "inner": [{}, {"number": 2}], "count": None},
    {"words": "x" * LARGE_BYTES},
    {"words": "bad"},
    {"words": "busy"},
    {"words": "broken"},
    {},
    {"words": 1},
    {"words": "a", "wordz": 1},
    {"words": "a", "n": 0},
    {"words": "a", "inner": [{"number": "2"}]},
    {"words": "a", "inner": [{"numbr": 2}]},
    [],
    "words",
    None,
    {"words": "x" * LARGE_BYTES, "n": "1"},
]
RAW = [
    (b"", JSON), (b"{", JSON), (b'{"words": NaN}', JSON), (b"[" * 5000, JSON), (b"\xff", JSON),
    (b'{"words": "a"}', ""), (b'{"words": "a"}', "text/plain"), (b'{"words": "a"}', "application/x+json"),
    (b'{"words": "a"}', "Application/JSON; charset=utf-8"), (b'{"words": "a"}', "application"),
]  # fmt: skip


async def same(both: tuple[httpx.AsyncClient, ...], method: str, path: str, **sent: Any) -> int:
    first, second = [await client.request(method, path, **sent) for client in both]
    assert (first.status_code, first.content) == (second.status_code, second.content), sent
    assert first.headers == second.headers
    return first.status_code


@pytest.mark.parametrize("words", WORDS, ids=lambda words: str(words)[:40])
async def test_a_body_means_the_same(both, words) -> None:
    expected = {"bad": 400, "busy": 429, "broken": 500}
    status = await same(both, "POST", "/v1/say", json=words)
    known = isinstance(words, dict) and isinstance(words.get("words"), str)
    if known and words["words"] in expected:
        assert status == expected[words["words"]]
    assert status in (201, 400, 429, 500)


@pytest.mark.parametrize(("content", "kind"), RAW, ids=lambda part: str(part)[:30])
async def test_what_is_no_body_is_told_the_same(both, content, kind) -> None:
    headers = {"content-type": kind} if kind else {}
    assert await same(both, "POST", "/v1/say", content=content, headers=headers) in (201, 400)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/say", 405), ("POST", "/v1/say/", 307), ("POST", "/v1/says", 404), ("PUT", "/v1/say", 405),
     ("POST", "/v1/plain", 200), ("POST", "/v1/named/x", 200), ("POST", "/v1/say?x=1", 201)],
)  # fmt: skip
async def test_other_ways_are_the_frameworks(both, method, path, status) -> None:
    assert await same(both, method, path, json={"words": "a"}) == status


async def asked(app: Any, path: str, body: Any, leave: bool = False) -> int:
    """Sends a request past any client, whose own garbage would be counted; the status."""
    sent, gone, seen = json.dumps(body).encode(), asyncio.Event(), [0]

    async def receive() -> Any:
        nonlocal sent
        if sent:
            data, sent = sent, b""
            return {"type": "http.request", "body": data, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        seen[0] = message.get("status", seen[0])
        if leave and message["type"] == "http.response.body":
            gone.set()

    headers = [(b"content-type", b"application/json"), (b"host", b"t")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "headers": headers,
    }
    scope |= {
        "query_string": b"",
        "scheme": "http",
        "server": ("t", 80),
        "client": ("c", 1),
        "root_path": "",
    }
    await app(scope, receive, send)
    return seen[0]


def left_over(module: str) -> list[object]:
    """What a search for garbage finds of a package's objects, among what is not frozen."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return [found for found in gc.garbage if type(found).__module__.startswith(module)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


@pytest.mark.parametrize("stream", [False, True])
async def test_requests_leave_no_garbage(backend, stream) -> None:
    app = create_app(backend)
    acts: list[Callable[[], Any]] = [
        lambda: asked(app, "/generate", {"text": "hello", "stream": stream}),
        lambda: asked(app, "/generate", {"text": "wait", "stream": stream}, leave=stream),
        lambda: asked(app, "/generate", {"text": "a", "regexx": 1, "stream": stream}),
        lambda: asked(
            app, "/generate", {"text": "a", "sampling_params": {"n": 3}, "stream": stream}
        ),
    ]
    if not stream:
        del acts[1]  # nobody is told anything before the end
    assert await garbage_of(acts) == []


@pytest.mark.parametrize("stream", [False, True])
async def test_conversations_leave_no_garbage(fakes, stream) -> None:
    app = create_app(fakes("Some words that END here."))
    turns = [{"role": "user", "content": "hello"}]
    asking = {"model": "fake", "messages": turns, "max_tokens": 8, "stream": stream}
    response = {"model": "fake", "input": "hello", "store": False, "stream": stream}
    refused = asking | {"max_tokens": -1}
    sent = [
        ("/v1/chat/completions", asking | {"n": 2, "stop": "END"}),
        ("/v1/chat/completions", refused),
        ("/v1/messages", asking),
        ("/v1/messages", refused),
        ("/v1/responses", response),
        ("/v1/responses", response | {"previous_response_id": "resp_0"}),
    ]
    acts: list[Callable[[], Any]] = [partial(asked, app, path, body) for path, body in sent]
    assert await garbage_of(acts) == []


async def garbage_of(acts: list[Callable[[], Any]]) -> list[object]:
    """What requests leave behind that only a search for garbage finds."""
    for act in acts:  # what the first of a kind makes for good
        await act()
    gc.collect()
    gc.freeze()  # what earlier tests left is theirs
    gc.disable()
    try:
        assert {await act() for _ in range(5) for act in acts} <= {200, 400, 404}
        return left_over("trellis.")
    finally:
        gc.enable()
