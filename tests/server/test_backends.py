"""The server over real backends: the scripted one of the language, and the engine with the bundled model."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

import trellis as tr
from trellis.runtime.server.app import create_app
from trellis.runtime.server.probe import engine_probe

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "maximum": 120},
    },
    "required": ["name", "age"],
}


def connect(backend: tr.Backend) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(backend)), base_url="http://t"
    )


async def test_the_scripted_backend_answers() -> None:
    with tr.Fake(["one two", "three"]) as fake:
        async with connect(fake) as client:
            body = {"text": "count", "sampling_params": {"n": 2}}
            replies = (await client.post("/generate", json=body)).json()
    assert [reply["text"] for reply in replies] == ["one two", "three"]
    assert replies[0]["meta_info"]["finish_reason"] == {"type": "stop"}
    assert replies[0]["meta_info"]["completion_tokens"] == 2


async def test_leaving_ends_the_scripted_work() -> None:
    with tr.Fake(tr.Stall("begun")) as fake:
        async with connect(fake) as client:
            request = asyncio.ensure_future(client.post("/generate", json={"text": "go"}))
            while fake.working == 0:
                await asyncio.sleep(0.005)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            while fake.working:
                await asyncio.sleep(0.005)
    assert fake.aborted == 1


@pytest.fixture(scope="module")
def engine() -> Iterator[tr.Backend]:
    backend = tr.Engine(kv_tokens=16_384)
    yield backend
    backend.close()


@pytest.fixture
async def client(engine: tr.Backend) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(engine) as client:
        yield client


async def post(client: httpx.AsyncClient, **body: object) -> dict:
    response = await client.post("/generate", json=body)
    assert response.is_success, response.text
    return response.json()


async def test_the_engine_streams_what_it_answers(client) -> None:
    body = {
        "text": "Question: What is the capital of Norway?\nAnswer:",
        "sampling_params": {"max_new_tokens": 12},
    }
    whole = await post(client, **body)
    assert whole["output_ids"] and whole["meta_info"]["completion_tokens"] <= 12
    streamed = {"stream": True, "incremental_streaming_output": True}
    response = await client.post("/generate", json=body | streamed)
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    events = [json.loads(line) for line in lines]
    assert "".join(event["text"] for event in events) == whole["text"]
    assert [i for event in events for i in event["output_ids"]] == whole["output_ids"]
    assert events[-1]["meta_info"]["cached_tokens"] > 0


async def test_the_engine_obeys_constraints(client) -> None:
    limit = {"max_new_tokens": 60}
    texts = ["Ada is 36.", "Bram is 44."]
    made = await post(client, text=texts, sampling_params=limit, json_schema=PERSON)
    for reply in made:
        assert set(json.loads(reply["text"])) == {"name", "age"}
        assert reply["meta_info"]["finish_reason"]["type"] == "stop"
        assert reply["meta_info"]["forced_tokens"] > 0
    code = await post(client, text="Code: ", sampling_params=limit, regex="[A-Z]{2}-[0-9]{4}")
    assert re.fullmatch("[A-Z]{2}-[0-9]{4}", code["text"])
    label = await post(client, text="Is it good? ", sampling_params=limit, choices=["yes", "no"])
    assert label["text"] in ("yes", "no")


async def test_the_engine_takes_ids_and_gives_logprobs(client) -> None:
    first = await post(
        client, text="Hello", sampling_params={"max_new_tokens": 4, "ignore_eos": True}
    )
    ids = first["output_ids"]
    reply = await post(client, input_ids=ids, return_logprob=True, top_logprobs_num=2,
                       sampling_params={"max_new_tokens": 3, "ignore_eos": True})  # fmt: skip
    scores = reply["meta_info"]["output_token_logprobs"]
    assert reply["meta_info"]["prompt_tokens"] == len(ids)
    assert [score[1] for score in scores] == reply["output_ids"]
    assert all(score[0] <= 0 for score in scores)
    assert all(len(top) == 2 for top in reply["meta_info"]["output_top_logprobs"])


async def test_leaving_ends_the_engines_work(client, engine) -> None:
    inside = engine.client.engine
    before = inside.times.steps
    body = {"text": "go on", "sampling_params": {"max_new_tokens": 1000, "ignore_eos": True}}
    request = asyncio.ensure_future(client.post("/generate", json=body))
    while inside.times.steps < before + 3:
        await asyncio.sleep(0.002)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    while inside.scheduler.busy:
        await asyncio.sleep(0.005)
    assert inside.times.steps < before + 900


async def test_ready_asks_the_engine() -> None:
    backend = tr.Engine(kv_tokens=1024)
    app = create_app(backend, probe=engine_probe(backend.client.engine))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        assert (await client.get("/ready")).is_success
        backend.close()
        refused = await client.get("/ready")
    assert (refused.status_code, refused.json()["error"]["type"]) == (503, "unavailable")


BAD = [
    ({"text": "a", "regex": "("}, "regex", "invalid_constraint"),
    ({"text": "a", "json_schema": {"type": "objekt"}}, "json_schema", "invalid_constraint"),
    (
        {"text": "a", "json_schema": {"$schema": "https://example.com/a-dialect-of-its-own"}},
        "json_schema",
        "unsupported_constraint",
    ),
    ({"input_ids": [10_000_000]}, None, "invalid_request"),
    ({"text": "a", "sampling_params": {"stop_token_ids": [10_000_000]}}, None, "invalid_request"),
    ({"text": "word " * 5000}, None, "invalid_request"),
]


@pytest.mark.parametrize(("body", "param", "kind"), BAD, ids=lambda v: str(v)[:40])
async def test_the_engine_refuses_and_goes_on(client, body, param, kind) -> None:
    response = await client.post("/generate", json=body)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert (error["param"], error["type"]) == (param, kind)
    assert (await post(client, text="a", sampling_params={"max_new_tokens": 1}))["meta_info"]["id"]
