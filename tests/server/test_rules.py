"""The server's rules that span its parts, each by its number.

Those that lie in one part are tested beside it: 3 in tests/constrained (workers, compiler, hostile), 4 and 5 in
test_gates, test_incidents, runtime/wire and runtime/bench (chaos), 6 in test_gates, 8 and 9 in test_incidents_code.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

import trellis as tr
from trellis.runtime.config import EngineConfig
from trellis.runtime.server.app import create_app
from trellis.runtime.server.config import ServerConfig
from trellis.runtime.server.served import Served, serve_local


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    options: dict[str, Any] = {"kv_tokens": 16_384, "max_running": 4, "max_waiting": 24}
    backend = tr.Engine(**options)
    yield serve_local(backend, EngineConfig(**options))
    backend.close()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(served, ServerConfig(state_seconds=0.3))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t", timeout=60) as opened:
        yield opened


async def generate(client: httpx.AsyncClient, text: str, salt: str = "", **sampling: Any) -> Any:
    body = {"text": text, "cache_salt": salt, "sampling_params": {"max_new_tokens": 8} | sampling}
    reply = await client.post("/generate", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


UNENFORCEABLE = [
    ({"type": "object", "properties": {"a": {"pattern": "(a)\\1", "type": "string"}}, "required": ["a"]}, "a"),
    ({"properties": {"a": {"$ref": "http://example.com/other"}}, "required": ["a"]}, "a"),
    ({"type": "array", "items": {"properties": {"b": {"type": "no such type"}}}}, "b"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "place"), UNENFORCEABLE, ids=str)
async def test_rule_1_what_is_not_enforced_is_refused_with_its_place(
    client: httpx.AsyncClient, schema: dict[str, Any], place: str
) -> None:
    formats = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    chat = {"model": "seedling", "messages": [{"role": "user", "content": "a"}]}
    for path, body in (
        ("/generate", {"text": "a", "json_schema": json.dumps(schema)}),
        ("/v1/chat/completions", chat | {"response_format": formats}),
    ):
        reply = await client.post(path, json=body)
        assert reply.status_code == 400, reply.text
        assert place in (reply.json()["error"]["path"] or ""), reply.text


async def test_rule_1_a_truncated_answer_says_so(client: httpx.AsyncClient) -> None:
    reply = await generate(client, "a", regex="[a-z]{40}", max_new_tokens=2)
    assert reply["meta_info"]["finish_reason"]["type"] == "length"


async def test_rule_2_too_much_at_once_may_be_tried_again(client: httpx.AsyncClient) -> None:
    body = {"text": "a", "sampling_params": {"max_new_tokens": 60, "ignore_eos": True}}
    replies = await asyncio.gather(*(client.post("/generate", json=body) for _ in range(48)))
    told = [reply for reply in replies if reply.status_code != 200]
    assert told and {reply.status_code for reply in told} == {429}
    assert all(int(reply.headers["retry-after"]) > 0 for reply in told)


async def test_rule_4_and_5_states_of_who_left_are_let_go_of(
    client: httpx.AsyncClient, served: Served
) -> None:
    rng = random.Random(2)
    app: Any = client._transport.app  # type: ignore[attr-defined]
    asked = [
        ("/v1/states", {"pieces": [{"text": "word " * 30}]}),
        ("/v1/states/generate", {"pieces": [{"text": "a"}], "params": {"max_tokens": 6, "keep": True, "n": 2}}),
    ]  # fmt: skip
    work = (leave(app, *rng.choice(asked), rng.uniform(0, 0.06)) for _ in range(40))
    await asyncio.gather(*work)
    for _ in range(200):  # what nobody uses expires, though nobody asks for a state any more
        await asyncio.sleep(0.1)
        await client.delete("/v1/cache")
        stats = await served.ask("stats")
        if stats["pages"]["free"] == stats["pages"]["total"]:
            break
    assert stats["running"] == stats["waiting"] == 0
    assert stats["pages"]["free"] == stats["pages"]["total"], stats["pages"]


async def leave(app: Any, path: str, body: dict[str, Any], seconds: float) -> None:
    """A request whose client is gone after so many seconds."""
    content, asked = json.dumps(body).encode(), False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": content, "more_body": False}
        await asyncio.sleep(seconds)
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        await asyncio.sleep(0)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "client": ("t", 1), "server": ("t", 80),
        "headers": [(b"content-type", b"application/json")], "root_path": "",
    }  # fmt: skip
    await asyncio.wait_for(app(scope, receive, send), 30)


async def test_rule_7_a_guess_costs_the_same_whether_another_tenant_has_sent_it(
    client: httpx.AsyncClient, served: Served
) -> None:
    async def work_of(text: str, salt: str) -> tuple[int, int]:
        """Tokens of the prompt that an answer did not compute, and how many the caller is told were cached."""
        before = (await served.ask("stats"))["times"]
        told = (await generate(client, text, salt, max_new_tokens=1))["meta_info"]
        after = (await served.ask("stats"))["times"]
        spared = told["prompt_tokens"] - (after["tokens"] - before["tokens"])
        return spared, told["cached_tokens"]

    for number in range(8):
        sent, other = (f"{chr(65 + number)} {word}, and more. " * 8 for word in ("sent", "kept"))
        await generate(client, sent, "victim", max_new_tokens=1)
        assert await work_of(sent, f"attacker {number}") == (0, 0)
        assert await work_of(other, f"other {number}") == (0, 0)
        spared, told = await work_of(sent, "victim")
        assert spared == told > 16  # its owner has it still


async def test_rule_7_a_flood_does_not_keep_others_from_their_share(
    client: httpx.AsyncClient, served: Served
) -> None:
    ended: list[str] = []

    async def flood(number: int) -> None:
        await generate(client, f"{number} flood", "flood", max_new_tokens=120, ignore_eos=True)
        ended.append("flood")

    tasks = [asyncio.ensure_future(flood(number)) for number in range(16)]
    while not (await served.ask("stats"))["waiting"]:
        await asyncio.sleep(0.01)
    for _ in range(3):
        await generate(client, "quiet", "quiet", max_new_tokens=3, ignore_eos=True)
        ended.append("quiet")
    await asyncio.gather(*tasks)
    # In one queue they would come after at least twelve of the flood.
    assert ended.count("quiet") == 3 and len(ended) == 19
    assert max(at for at, who in enumerate(ended) if who == "quiet") < 12, ended


LIMITS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"n": 16, "max_new_tokens": 1}, {"n": 129, "max_new_tokens": 1}),
    ({"stop": ["x"] * 16}, {"stop": ["x"] * 17}),
    ({"regex": "a" * 8192, "max_new_tokens": 1}, {"regex": "a" * 8193}),
    ({"top_k": 5}, {"logit_bias": {str(token): 1.0 for token in range(1025)}}),
]


@pytest.mark.parametrize(("fits", "over"), LIMITS, ids=lambda part: str(part)[:24])
async def test_rule_10_limits(client: httpx.AsyncClient, fits: Any, over: Any) -> None:
    assert (await generate(client, "a", **fits)) is not None
    reply = await client.post("/generate", json={"text": "a", "sampling_params": over})
    assert reply.status_code in (400, 413), reply.text


@pytest.mark.parametrize("seed", range(6))
async def test_rule_11_the_joined_stream_is_the_answer(
    client: httpx.AsyncClient, seed: int
) -> None:
    sampling = {"temperature": 1.5, "sampling_seed": seed, "max_new_tokens": 40, "ignore_eos": True}
    whole = (await generate(client, "世界 é", **sampling))["text"]
    body = {"text": "世界 é", "stream": True, "sampling_params": sampling}
    body["incremental_streaming_output"] = True
    parts: list[str] = []
    async with client.stream("POST", "/generate", json=body) as reply:
        async for line in reply.aiter_lines():
            if line.startswith("data: {"):
                parts.append(json.loads(line[6:])["text"])
    assert len(parts) > 3 and "".join(parts) == whole
