"""Whoever leaves a request, at whatever moment, leaves nothing behind: no prefix held, no work, nothing locked."""

import asyncio
import itertools
import json
import random
import time
import types
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

import trellis as tr
from trellis.runtime.config import EngineConfig
from trellis.runtime.launch import open_engine
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.served import Served, serve_local, serve_process
from trellis.runtime.wire.backend import open_process


@types.coroutine
def left_at(step: int, work: Coroutine[Any, Any, Any]) -> Any:
    """Does the work, cancelled when it goes on for the `step`th time: what it waited for has come, and is not told.

    True if there were so many steps.
    """
    failure: BaseException | None = None  # what the next turn begins with
    for count in itertools.count(1):
        if count == step:
            failure = asyncio.CancelledError()
        try:
            waited = work.send(None) if failure is None else work.throw(failure)
        except (StopIteration, asyncio.CancelledError):
            return count >= step
        try:
            yield waited
            failure = None
        except BaseException as error:  # it is the work's
            failure = error


async def call(app: Any, path: str, body: dict[str, Any], seconds: float | None = None) -> int:
    """A request past any client, which is gone after so many seconds; the reply's status, 0 for none."""
    content, status = [json.dumps(body).encode()], 0

    async def receive() -> dict[str, Any]:
        if content:
            return {"type": "http.request", "body": content.pop(), "more_body": False}
        await asyncio.sleep(1e6 if seconds is None else seconds)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        await asyncio.sleep(0)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "client": ("t", 1), "server": ("t", 80),
        "headers": [(b"content-type", b"application/json"), (b"host", b"localhost")], "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    return status


@tr.function
def branching(s, text: str):
    s += text + tr.gen("first", max_tokens=4)
    branches = s.fork(2)
    for branch in branches:
        branch += tr.gen("each", max_tokens=6)
    branches.join()
    s += tr.gen("last", max_tokens=4)
    return s["last"]


def asked(model: str) -> list[tuple[str, dict[str, Any]]]:
    """One of every kind that computes something."""
    turns = [{"role": "user", "content": "Say this and that and more"}]
    chat = {"model": model, "messages": turns, "max_tokens": 12}
    program = {
        "program": json.loads(branching.trace().to_json()),
        "arguments": {"text": "so on " * 60},
    }
    kept = {"max_tokens": 6, "keep": True, "n": 2}
    return [
        ("/v1/states", {"pieces": [{"text": "word " * 30}]}),
        ("/v1/states/generate", {"pieces": [{"text": "a"}], "params": kept}),
        ("/v1/states/score", {"pieces": [{"text": "a"}], "choices": ["this and that", " no"]}),
        ("/v1/programs", program),
        ("/v1/programs", program | {"stream": True}),
        ("/v1/chat/completions", chat),
        ("/v1/chat/completions", chat | {"stream": True, "n": 2, "stop": "and"}),
        ("/v1/messages", chat | {"stream": True}),
        ("/v1/responses", {"model": model, "input": "Say this", "max_output_tokens": 12}),
        ("/v1/responses", {"model": model, "input": "Say this", "max_output_tokens": 12, "background": True}),
        ("/v1/completions", {"model": model, "prompt": ["a", "b"], "max_tokens": 12, "stream": True}),
        ("/generate", {"text": "a b", "sampling_params": {"max_new_tokens": 12, "n": 2}}),
        ("/score", {"query": "a b", "items": ["this and that", " no"]}),
    ]  # fmt: skip


def template(messages: Any, invite: bool, tools: Any = ()) -> str:
    return "".join(f"[{m['role']}]{m['content']}" for m in messages) + "[assistant]" * invite


@pytest.fixture
def fake() -> Iterator[tr.Fake]:
    script = {"first": "a b c", "each": "d e f", "last": "g"}
    backend = tr.Fake(lambda c: script.get(c.name, "this and that"), template=template)
    yield backend
    backend.close()


@pytest.mark.parametrize("number", range(13))
async def test_cancelled_at_any_step(fake: tr.Fake, number: int) -> None:
    path, body = asked("fake")[number]
    app = create_app(fake, ServerConfig(state_seconds=0.05))
    assert await call(app, path, body) == 200
    for step in itertools.count(1):
        if not await asyncio.ensure_future(left_at(step, call(app, path, body))):
            break
        assert step < 200
    assert step > 2
    await until(lambda: fake.held == fake.working == 0)


async def until(settled: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not settled():
        assert time.monotonic() < deadline, "something was left behind"
        await asyncio.sleep(0.02)


CONFIG: dict[str, Any] = {"kv_tokens": 8192, "max_running": 8, "max_waiting": 64, "threads": 1}


@pytest.fixture(scope="module", params=["here", "over the wire"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    config = EngineConfig(**CONFIG)
    if request.param == "here":
        found = serve_local(open_engine(**CONFIG), config)
    else:
        found = serve_process(open_process(config))
    yield found
    found.backend.close()


@pytest.mark.parametrize("seed", range(2))
async def test_left_at_random_moments(served: Served, seed: int) -> None:
    rng = random.Random(seed)
    app = create_app(served, ServerConfig(state_seconds=0.2))
    sent = [*asked(served.name), ("/v1/embeddings", {"model": served.name, "input": ["a", "b"]})]
    calls = [call(app, *rng.choice(sent), rng.random() * 0.3) for _ in range(60)]
    statuses = await asyncio.wait_for(asyncio.gather(*calls), 30)
    assert set(statuses) <= {0, 200, 429, 499} and 200 in statuses and len(set(statuses)) > 1
    deadline = time.monotonic() + 15
    while True:
        await served.ask("flush", namespace=None)
        stats = await served.ask("stats")
        pages = stats["pages"]
        if stats["running"] == stats["waiting"] == 0 and pages["free"] == pages["total"]:
            return
        assert time.monotonic() < deadline, stats
        await asyncio.sleep(0.05)
