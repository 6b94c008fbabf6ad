"""A server of any make is measured: what it is called, what is no answer, how long is waited, what stands beside it."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from trellis.runtime.bench.serving.load import Sizes
from trellis.runtime.bench.serving.options import LoadConfig
from trellis.runtime.bench.serving.peers import Peer, print_beside, read_peers
from trellis.runtime.bench.serving.serve import Measured, run
from trellis.runtime.bench.table import Row, append_rows
from trellis.runtime.errors import ConfigError

FEW: dict[str, Any] = {
    "api": "openai",
    "groups": 2,
    "prompts": 3,
    "system_tokens": 8,
    "question_tokens": 4,
    "output_tokens": 6,
    "vocabulary": 1000,
    "rates": "200,inf",
}


class Plain:
    """A server with nothing but /v1/models and /v1/completions. say: the tokens of an answer to a body."""

    def __init__(self, say: Callable[[dict[str, Any]], AsyncIterator[str]]) -> None:
        self._say = say
        self.asked: list[dict[str, Any]] = []
        self.app = FastAPI()
        self.app.get("/v1/models")(self.models)
        self.app.post("/v1/completions")(self.complete)

    async def models(self) -> dict[str, Any]:
        return {"data": [{"id": "m", "owned_by": "other", "max_model_len": 4096}]}

    async def complete(self, request: Request) -> StreamingResponse:
        body = await request.json()
        self.asked.append(body)
        return StreamingResponse(self._events(body), media_type="text/event-stream")

    async def _events(self, body: dict[str, Any]) -> AsyncIterator[str]:
        count = 0
        async for token in self._say(body):
            count += 1
            yield f"data: {json.dumps({'choices': [{'index': 0, 'text': token}]})}\n\n"
        yield f"data: {json.dumps({'choices': [], 'usage': {'completion_tokens': count}})}\n\n"
        yield "data: [DONE]\n\n"


@contextmanager
def serving_plainly(plain: Plain) -> Iterator[str]:
    config = uvicorn.Config(
        plain.app, port=0, log_level="critical", timeout_graceful_shutdown=0, lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


async def obedient(body: dict[str, Any]) -> AsyncIterator[str]:
    for number in range(body["max_tokens"]):
        await asyncio.sleep(0)
        yield f" {body['prompt'][0] + number}"


def figures(measured: Measured) -> dict[str, float]:
    return {row.case: row.ours for row in measured.rows}


def test_any_server_with_completions_is_measured():
    plain = Plain(obedient)
    with serving_plainly(plain) as url:
        measured = run(url, LoadConfig(**FEW))
    found = figures(measured)
    assert measured.name == "other"
    assert measured.work == {
        "workload": "generated-shared-prefix",
        "seconds": None,
        "groups": 2,
        "prompts": 3,
        "system": 8,
        "question": 4,
        "output": 6,
    }
    assert found["rate inf: failed"] == found["rate 200: failed"] == 0
    assert found["rate inf: TTFT p99"] > 0
    assert found["rate inf: output tokens"] == pytest.approx(6 * found["rate inf: answers"])
    assert found["of 4 answers alone, the same together"] == 4
    body = plain.asked[-1]
    assert body["ignore_eos"] and body["stream"] and len(body["prompt"]) == 12
    assert body["model"] == "m" and body["temperature"] == 0.0


def test_an_answer_of_another_length_has_failed():
    async def brief(body: dict[str, Any]) -> AsyncIterator[str]:
        count = body["max_tokens"] if len(body["prompt"]) == 32 else 2
        for _ in range(count):
            yield "a"

    with serving_plainly(Plain(brief)) as url:
        found = figures(run(url, LoadConfig(**FEW)))
    assert found["rate inf: failed"] == 6 and found["rate inf: goodput"] == 0

    async def briefer(body: dict[str, Any]) -> AsyncIterator[str]:
        yield "a"

    with (
        serving_plainly(Plain(briefer)) as url,
        pytest.raises(SystemExit, match="1 tokens instead of 16"),
    ):
        run(url, LoadConfig(**FEW))


def test_nothing_is_waited_for_longer_than_the_limit():
    async def stuck(body: dict[str, Any]) -> AsyncIterator[str]:
        for number in range(body["max_tokens"]):
            if number == 2 and len(body["prompt"]) != 32:
                await asyncio.sleep(60)
            yield "a"

    begun = time.monotonic()
    with serving_plainly(Plain(stuck)) as url:
        found = figures(run(url, LoadConfig(**FEW | {"rates": "inf", "limit_seconds": 0.4})))
    assert found["rate inf: failed"] == 6
    assert time.monotonic() - begun < 20

    async def silent(body: dict[str, Any]) -> AsyncIterator[str]:
        await asyncio.sleep(60)
        yield "a"

    with serving_plainly(Plain(silent)) as url, pytest.raises(SystemExit, match="within 0.2 s"):
        run(url, LoadConfig(**FEW | {"limit_seconds": 0.2}))


def test_fewer_groups_arrive_where_all_would_take_too_long():
    sizes = Sizes(64, 16, 2048, 128, 256)
    assert sizes.arriving(8.0, 10.0).groups == 5
    assert sizes.arriving(0.1, 10.0).groups == 1
    assert sizes.arriving(1000.0, 10.0) == sizes.arriving(float("inf"), 1.0) == sizes
    assert sizes.arriving(8.0, None) == sizes
    for wrong in ({"seconds": 0.0}, {"limit_seconds": -1.0}):
        with pytest.raises(ConfigError, match="seconds must be above 0"):
            LoadConfig(**wrong)


def peer_file(path: Path, name: str, ttft: float, **work: Any) -> Path:
    rows = [Row("rate 4: TTFT p50", ttft, "ms", 1000.0), Row("rate 4: failed", 0.0)]
    append_rows(path, "serve", rows, name=name, work={"groups": 64} | work)
    return path


def test_peers_stand_beside(tmp_path, capsys):
    one = peer_file(tmp_path / "one.jsonl", "other 1", 30.0)
    one.write_text("Starting ...\n" + one.read_text())
    peer_file(one, "other 1", 40.0)  # measured again: the last counts
    two = peer_file(tmp_path / "two.jsonl", "another", 80.0)
    peers = read_peers([one, two])
    assert [(p.name, p.figures["rate 4: TTFT p50"]) for p in peers] == [
        ("other 1", 40.0),
        ("another", 80.0),
    ]
    ours = Measured("ours", {"groups": 64}, [Row("rate 4: TTFT p50", 20.0, "ms")])
    print_beside(Peer.of(ours), peers)
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("ours/other 1", "0.50", "0.25", "40.00"))


def test_what_was_asked_otherwise_is_not_compared(tmp_path):
    (small,) = read_peers([peer_file(tmp_path / "a.jsonl", "other", 30.0, groups=8)])
    with pytest.raises(ValueError, match="not to be compared"):
        print_beside(Peer("ours", {"groups": 64}), [small])
    (tmp_path / "b.jsonl").write_text('{"bench": "engine"}\n')
    with pytest.raises(ValueError, match="no lines"):
        read_peers([tmp_path / "b.jsonl"])
