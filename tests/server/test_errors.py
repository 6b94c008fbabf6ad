"""Every mistake has its status, its field and one shape; no failure takes the server with it."""

import logging

import httpx
import pytest

from trellis.constrained.errors import ConstraintBudget, InvalidConstraint, UnsupportedConstraint
from trellis.lang.errors import Unsupported
from trellis.runtime.errors import EngineStopped, Overloaded, RequestError

BAD = [
    ({}, "text"),
    ({"text": "a", "input_ids": [1]}, "text"),
    ({"text": ""}, "text"),
    ({"text": []}, "text"),
    ({"text": 5}, "text"),
    ({"text": ["a", 5]}, "text[1]"),
    ({"input_ids": [[1], ["x"]]}, "input_ids[1][0]"),
    ({"text": "a", "txt": 1}, "txt"),
    ({"text": "a", "sampling_params": {"max_tokens": 1}}, "sampling_params.max_tokens"),
    ({"text": "a", "sampling_params": {"temperature": -1}}, "sampling_params.temperature"),
    ({"text": "a", "sampling_params": {"temperature": "hot"}}, "sampling_params.temperature"),
    ({"text": "a", "sampling_params": [{"n": 500}]}, "sampling_params[0].n"),
    (
        {"text": "a", "sampling_params": {"min_new_tokens": 9, "max_new_tokens": 3}},
        "sampling_params",
    ),
    ({"text": "a", "sampling_params": {"ignore_eos": "yes"}}, "sampling_params.ignore_eos"),
    ({"text": "a", "sampling_params": {"logit_bias": {"x": 1.0}}}, "sampling_params.logit_bias"),
    ({"text": "a", "sampling_params": {"stop": [""]}}, "sampling_params.stop"),
    ({"text": "a", "sampling_params": {"timeout": -1.0}}, "sampling_params.timeout"),
    ({"text": "a", "sampling_params": {"seed": 1, "sampling_seed": 1}}, "sampling_params.seed"),
    ({"text": ["a", "b"], "sampling_params": [{}]}, "sampling_params"),
    ({"text": ["a", "b"], "rid": ["1"]}, "rid"),
    ({"text": "a", "top_logprobs_num": 2}, "top_logprobs_num"),
    ({"text": "a", "return_logprob": True, "top_logprobs_num": 99}, "top_logprobs_num"),
    ({"text": "a", "regex": "a", "choices": ["b"]}, "choices"),
    ({"text": "a", "regex": "a", "sampling_params": {"regex": "b"}}, "sampling_params.regex"),
    ({"text": ["a"] * 5}, "text"),
]


@pytest.mark.parametrize(("body", "param"), BAD, ids=lambda v: str(v)[:40])
async def test_a_bad_field_is_named(connect, backend, body, param) -> None:
    response = await connect(max_batch=4).post("/generate", json=body)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert (error["param"], error["type"]) == (param, "invalid_request")
    assert error["message"] and not backend.seen


async def test_an_unknown_field_suggests_the_meant_one(client) -> None:
    body = {"text": "a", "sampling_params": {"max_tokens": 5}}
    error = (await client.post("/generate", json=body)).json()["error"]
    assert error["message"] == "unknown field 'max_tokens'; did you mean 'max_new_tokens'?"


async def test_messages_use_the_names_of_the_route(client) -> None:
    body = {"text": "a", "sampling_params": {"max_new_tokens": -5}}
    error = (await client.post("/generate", json=body)).json()["error"]
    assert error["message"] == "max_new_tokens must be at least 0, got -5"


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{", b'"a"', b"null", b"\xff", b"[" * 100_000, b'{"text": NaN}']
)
async def test_what_is_no_object_is_refused(client, content) -> None:
    headers = {"content-type": "application/json"}
    response = await client.post("/generate", content=content, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request"


@pytest.mark.parametrize("depth", [100, 400, 900, 2000])
async def test_a_deep_schema_is_no_failure(client, depth) -> None:
    content = b'{"text": "a", "json_schema": ' + b'{"items": ' * depth + b"{}" + b"}" * depth + b"}"
    headers = {"content-type": "application/json"}
    response = await client.post("/generate", content=content, headers=headers)
    assert response.status_code in (200, 400)
    assert response.is_success or response.json()["error"]["type"] == "invalid_request"


async def test_nan_is_no_temperature(client) -> None:
    content = b'{"text": "a", "sampling_params": {"temperature": NaN}}'
    headers = {"content-type": "application/json"}
    response = await client.post("/generate", content=content, headers=headers)
    assert response.status_code == 400
    assert "not JSON" in response.json()["error"]["message"]


TABLE = [
    (InvalidConstraint("unbalanced bracket", "position 3"), 400, "invalid_constraint"),
    (UnsupportedConstraint("unevaluatedItems", "/a"), 400, "unsupported_constraint"),
    (ConstraintBudget("too many states"), 413, "constraint_too_large"),
    (RequestError("token id 9 is out of range"), 400, "invalid_request"),
    (Unsupported("no such thing here"), 400, "unsupported"),
    (Overloaded("the queue is full"), 429, "overloaded"),
    (EngineStopped("the engine was closed"), 503, "unavailable"),
    (TimeoutError("not within 3 seconds"), 504, "timeout"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("error", "status", "kind"), TABLE, ids=lambda v: type(v).__name__)
async def test_each_exception_has_its_status(client, backend, error, status, kind, stream) -> None:
    backend.fail = error
    response = await client.post("/generate", json={"text": "a", "regex": "(", "stream": stream})
    assert response.status_code == status
    said = response.json()["error"]
    assert (said["type"], said["message"]) == (kind, str(error))
    assert said["param"] == ("regex" if "constraint" in kind else None)
    assert ("retry-after" in response.headers) == (status in (429, 503))


@pytest.mark.parametrize("stream", [False, True])
async def test_our_own_failure_says_little_and_logs_all(client, backend, caplog, stream) -> None:
    backend.fail = KeyError("secret")
    with caplog.at_level(logging.ERROR, "trellis.server"):
        response = await client.post("/generate", json={"text": "a", "stream": stream})
    assert response.status_code == 500
    assert "secret" not in response.text and "secret" in caplog.text
    backend.fail = None
    assert (await client.post("/generate", json={"text": "a"})).json()["text"] == "A"


async def test_a_failure_on_the_way_is_the_last_event(client, backend) -> None:
    backend.fail, backend.late = Overloaded("gone"), True
    response = await client.post("/generate", json={"text": "abc", "stream": True})
    events = response.text.split("\n\n")
    assert '"text":"A"' in events[0]
    assert '"type":"overloaded"' in events[1]
    assert events[2] == "data: [DONE]"


async def test_one_failing_prompt_ends_the_others(client, backend) -> None:
    backend.fail, backend.late = RequestError("no"), True
    response = await client.post("/generate", json={"text": ["a", "wait"]})
    assert response.status_code == 400
    assert backend.running == 0


async def test_a_closed_backend_is_unavailable(client, backend) -> None:
    backend.close()
    response = await client.post("/generate", json={"text": "a"})
    assert (response.status_code, response.json()["error"]["type"]) == (503, "unavailable")


async def test_what_does_not_exist_has_the_same_shape(client) -> None:
    missing, wrong = await client.get("/nothing"), await client.get("/generate")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert missing.json()["error"]["type"] == "not_found"
    assert wrong.json()["error"]["type"] == "method_not_allowed"


async def test_abilities_that_are_missing_are_refused(connect, backend) -> None:
    backend.capabilities = frozenset()
    client: httpx.AsyncClient = connect()
    for body, param in (
        ({"input_ids": [1]}, "input_ids"),
        ({"text": "a", "return_logprob": True}, "return_logprob"),
    ):
        response = await client.post("/generate", json=body)
        assert (response.status_code, response.json()["error"]["param"]) == (400, param)
