"""The native routes beside /generate, over the engine with the bundled model."""

import asyncio
import json
from collections.abc import Callable, Iterator
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
    backend = tr.Engine(kv_tokens=16_384)
    yield serve_local(backend, EngineConfig(kv_tokens=16_384))
    backend.close()


@pytest.fixture
def open_client(served: Served) -> Callable[..., httpx.AsyncClient]:
    def make(**settings: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(
            create_app(served, ServerConfig(**settings)), raise_app_exceptions=False
        )
        return httpx.AsyncClient(transport=transport, base_url="http://t")

    return make


@pytest.fixture
def client(open_client: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    return open_client()


async def test_tokens_there_and_back(client: httpx.AsyncClient) -> None:
    found = (await client.post("/tokenize", json={"prompt": "Grüße, Ada"})).json()
    assert found["count"] == len(found["tokens"])
    back = (await client.post("/detokenize", json={"tokens": found["tokens"]})).json()
    assert back == {"text": "Grüße, Ada"}
    many = (await client.post("/tokenize", json={"prompt": ["a", "a b"]})).json()
    assert many["count"] == [len(row) for row in many["tokens"]]


async def test_a_token_out_of_range_is_refused(client: httpx.AsyncClient) -> None:
    for token in (-1, 10**9):
        reply = await client.post("/detokenize", json={"tokens": [token]})
        assert reply.status_code == 400
        assert "out of range" in reply.json()["error"]["message"]


async def test_score_is_the_mean_of_the_log_probabilities(client: httpx.AsyncClient) -> None:
    body = {"query": "Good", "items": [" morning", " xyzzy plugh"]}
    found = (await client.post("/score", json=body)).json()
    for score, choice in zip(found["scores"], found["choices"], strict=True):
        assert score == pytest.approx(sum(choice["logprobs"]) / len(choice["logprobs"]))
    normal = (await client.post("/score", json=body | {"normalize": True})).json()
    assert sum(normal["scores"]) == pytest.approx(1)


async def test_cache_shows_pins_and_flushes(client: httpx.AsyncClient) -> None:
    text = "remember this sentence for later, all of its words " * 3
    pinned = await client.post(
        "/v1/cache/pin", json={"text": text, "seconds": 60, "cache_salt": "p"}
    )
    assert pinned.json()["tokens"] > 20
    assert (await client.delete("/v1/cache")).json()["success"]
    tree = (await client.get("/v1/cache", params={"namespace": "p"})).json()
    assert [node["pinned"] for node in tree["nodes"]] == [False, True]
    assert tree["nodes"][0]["text"].startswith("remember this")
    assert tree["nodes"][1]["parent"] == tree["nodes"][0]["id"]
    body = {"text": text, "cache_salt": "p", "sampling_params": {"max_new_tokens": 1}}
    usage = (await client.post("/generate", json=body)).json()["meta_info"]
    assert usage["cached_tokens"] >= usage["prompt_tokens"] - 1
    other = await client.post("/generate", json=body | {"cache_salt": "q"})
    assert other.json()["meta_info"]["cached_tokens"] == 0


async def test_abort_ends_an_answer_and_says_so(client: httpx.AsyncClient) -> None:
    params = {"max_new_tokens": 1500, "ignore_eos": True}
    body = {"text": "go on", "rid": "mine", "sampling_params": params}
    running = asyncio.ensure_future(client.post("/generate", json=body))
    while True:
        ended = (await client.post("/abort_request", json={"rid": "mine"})).json()["aborted"]
        if ended:
            break
        await asyncio.sleep(0.01)
    meta = (await running).json()["meta_info"]
    assert meta["finish_reason"]["type"] == "abort"
    assert (await client.post("/abort_request", json={"rid": "mine"})).json() == {"aborted": 0}


async def test_info_has_no_secrets(open_client: Callable[..., httpx.AsyncClient]) -> None:
    client = open_client(api_key="user-key", admin_key="operator-key")
    headers = {"Authorization": "Bearer operator-key"}
    for path in ("/model_info", "/get_model_info", "/server_info", "/get_server_info"):
        reply = await client.get(path, headers=headers)
        assert reply.status_code == 200, path
        assert "user-key" not in reply.text and "operator-key" not in reply.text


ADMIN = [
    ("GET", "/v1/cache"),
    ("DELETE", "/v1/cache"),
    ("POST", "/v1/cache/pin"),
    ("POST", "/flush_cache"),
    ("POST", "/abort_request"),
    ("GET", "/server_info"),
    ("GET", "/get_server_info/"),
    ("GET", "/%67et_server_info"),
]


@pytest.mark.parametrize(("method", "path"), ADMIN)
async def test_operators_routes_need_the_second_key(
    open_client: Callable[..., httpx.AsyncClient], method: str, path: str
) -> None:
    user = {"Authorization": "Bearer user-key"}
    closed = await open_client(api_key="user-key").request(method, path, headers=user)
    assert closed.status_code == 403
    both = open_client(api_key="user-key", admin_key="operator-key")
    assert (await both.request(method, path, headers=user)).status_code == 401
    operator = {"Authorization": "Bearer operator-key"}
    assert (await both.request(method, path, headers=operator)).status_code not in (401, 403)


async def test_health_generates_and_metrics_count(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health_generate")).status_code == 200
    text = (await client.get("/metrics")).text
    lines = dict(
        line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")
    )
    assert lines['trellis:request_success_total{finished_reason="length"}'] == "1.0"
    assert lines["trellis:engine_up"] == "1.0"
    assert lines["trellis:kv_pages_lost"] == "0.0"
    assert float(lines["trellis:time_to_first_token_seconds_count"]) == 1


async def input_logprobs(client: httpx.AsyncClient, **body: Any) -> Any:
    sent = {"return_logprob": True, "sampling_params": {"max_new_tokens": 0}, **body}
    reply = await client.post("/generate", json=sent)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_log_probabilities_of_a_prompt_from_a_position(client: httpx.AsyncClient) -> None:
    text = "The quick brown fox jumps over the lazy dog, and then it sleeps for a while in the sun."
    ids = (await client.post("/tokenize", json={"prompt": text})).json()["tokens"]
    whole = await input_logprobs(client, text=text, logprob_start_len=0)
    told = whole["meta_info"]["input_token_logprobs"]
    assert [id for _, id, _ in told] == ids and "".join(piece for *_, piece in told) == text
    assert told[0][0] is None and all(logprob < 0 for logprob, *_ in told[1:])
    assert whole["meta_info"]["finish_reason"] == {"type": "length", "length": 0}
    for begin in (1, 7, len(ids) - 1, len(ids), len(ids) + 5):
        given = {"logprob_start_len": begin, "return_text_in_logprobs": False}
        part = (await input_logprobs(client, input_ids=ids, **given))["meta_info"]
        for one, other in zip(part["input_token_logprobs"], told[begin:], strict=True):
            assert one == [pytest.approx(other[0], abs=1e-4), other[1], None]
    # What /score says of the same tokens.
    query, item = text[: text.index(" sleeps")], text[text.index(" sleeps") :]
    scored = (await client.post("/score", json={"query": query, "items": [item]})).json()
    (choice,) = scored["choices"]
    tail = [logprob for logprob, *_ in told[-len(choice["logprobs"]) :]]
    assert tail == pytest.approx(choice["logprobs"], abs=1e-4)


async def test_log_probabilities_of_prompts_come_with_answers(client: httpx.AsyncClient) -> None:
    body = {"text": ["One two three", "Four"], "return_logprob": True, "logprob_start_len": 1}
    sampling = {"max_new_tokens": 3, "temperature": 0, "ignore_eos": True}
    plain = await client.post("/generate", json={**body, "sampling_params": sampling})
    replies = plain.json()
    assert [len(r["meta_info"]["output_token_logprobs"]) for r in replies] == [3, 3]
    counts = [len(r["meta_info"]["input_token_logprobs"]) for r in replies]
    assert counts == [r["meta_info"]["prompt_tokens"] - 1 for r in replies]
    streamed = await client.post(
        "/generate", json={**body, "sampling_params": sampling, "stream": True}
    )
    last = [
        json.loads(line[6:]) for line in streamed.text.split("\n\n") if line.startswith("data: {")
    ]
    ends = {e["index"]: e["meta_info"] for e in last if e["meta_info"]["finish_reason"]}
    for index, reply in enumerate(replies):
        found = ends[index]["input_token_logprobs"]
        assert [id for _, id, _ in found] == [
            id for _, id, _ in reply["meta_info"]["input_token_logprobs"]
        ]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"return_logprob": False}, "logprob_start_len"),
        ({"top_logprobs_num": 2}, "top_logprobs_num"),
        ({"logprob_start_len": "1"}, "logprob_start_len"),
    ],
)
async def test_log_probabilities_that_cannot_be_told(
    client: httpx.AsyncClient, more: Any, param: str
) -> None:
    body = {"text": "One two", "return_logprob": True, "logprob_start_len": 1, **more}
    reply = await client.post("/generate", json=body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
