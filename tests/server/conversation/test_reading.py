"""Large bodies are read beside the loop, and mean what small ones mean."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from pydantic import field_validator

from trellis.runtime.server.errors import install_errors
from trellis.runtime.server.reading import LARGE_BYTES, ReadingRoute, work_out
from trellis.runtime.server.strict import StrictBody

SLOW_SECONDS = 0.15


class Body(StrictBody):
    words: str
    number: int = 0

    @field_validator("number")
    @classmethod
    def _slow(cls, number: int) -> int:
        time.sleep(SLOW_SECONDS)
        return number


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI()
    install_errors(app)
    router = APIRouter(route_class=ReadingRoute)

    @router.post("/read")
    async def read(body: Body, request: Request) -> dict[str, Any]:
        def work() -> int:
            time.sleep(SLOW_SECONDS)
            return len(body.words)

        return {"length": await work_out(request, work), "number": body.number}

    app.include_router(router)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t")


async def test_the_loop_goes_on_meanwhile(client) -> None:
    sent = {"words": "x" * LARGE_BYTES, "number": 5}
    request = asyncio.ensure_future(client.post("/read", json=sent))
    ticks = 0
    while not request.done():
        await asyncio.sleep(0.005)
        ticks += 1
    assert (await request).json() == {"length": LARGE_BYTES, "number": 5}
    assert ticks > 10


@pytest.mark.parametrize("size", [1, LARGE_BYTES])
async def test_mistakes_are_the_same(client, size) -> None:
    words = "x" * size
    for sent, param in (
        ({"words": words, "word": 1}, "word"),
        ({"words": words, "number": "5"}, "number"),
        ({"words": [words]}, "words"),
        ([words], None),
    ):
        reply = await client.post("/read", json=sent)
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    headers = {"content-type": "application/json"}
    for content in (b'{"words": "' + words.encode(), b"[" * (3 * size), b'{"words": NaN}'):
        reply = await client.post("/read", content=content, headers=headers)
        assert reply.status_code == 400
        assert "no" in reply.json()["error"]["message"].lower()
    reply = await client.post("/read", content=b'{"words": "' + words.encode() + b'"}')
    assert reply.status_code == 400
