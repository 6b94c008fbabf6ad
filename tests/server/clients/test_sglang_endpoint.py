"""What SGLang's own client sends to a server, and what it reads of the answer: written here again, to the field.

Its classes are not imported: they need a server's packages. The bodies are those of its `RuntimeEndpoint`.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

SAMPLING: dict[str, Any] = {
    "skip_special_tokens": True,
    "spaces_between_special_tokens": True,
    "max_new_tokens": 12,
    "min_new_tokens": 0,
    "n": 1,
    "stop": [],
    "stop_token_ids": [],
    "stop_regex": [],
    "temperature": 0,
    "top_p": 1.0,
    "top_k": -1,
    "min_p": 0.0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
    "ignore_eos": False,
    "regex": None,
    "json_schema": None,
}


@pytest.fixture(scope="module")
def http(url: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer secret"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client


def generate(http: httpx.Client, **body: Any) -> Any:
    reply = http.post("/generate", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_what_it_asks_first(http: httpx.Client) -> None:
    assert http.get("/get_model_info").json()["model_path"]
    assert http.get("/health_generate").status_code == 200


def test_gen_and_its_stream(http: httpx.Client) -> None:
    body = {"text": "Ada Lovelace, 36, lives in", "sampling_params": SAMPLING}
    whole = generate(http, **body)
    assert whole["text"] and whole["meta_info"]["completion_tokens"] > 0
    read, pos = "", 0
    with http.stream("POST", "/generate", json=body | {"stream": True}) as reply:
        for line in reply.iter_lines():
            if line.startswith("data:") and line != "data: [DONE]":
                data = json.loads(line[5:].strip("\n"))
                piece = data["text"][pos:]
                pos += len(piece)
                read += piece
    assert read == whole["text"]


def test_gen_under_a_constraint(http: httpx.Client) -> None:
    sampling = SAMPLING | {"regex": "[0-9]{3}"}
    assert generate(http, text="Number ", sampling_params=sampling)["text"].isdigit()


def test_select_by_unconditional_likelihood(http: httpx.Client) -> None:
    nothing = {"max_new_tokens": 0}
    length = generate(http, text="The capital is ", sampling_params=nothing)["meta_info"]
    body = {
        "text": ["The capital is Paris", "The capital is Rome"],
        "sampling_params": {"max_new_tokens": 0, "temperature": 0},
        "return_logprob": True,
        "return_text_in_logprobs": True,
        "logprob_start_len": max(length["prompt_tokens"] - 2, 0),
    }
    scored = [reply["meta_info"] for reply in generate(http, **body)]
    ids = [[id for _, id, _ in one["input_token_logprobs"]] for one in scored]
    assert all(one["output_token_logprobs"] == [] for one in scored)
    alone = generate(http, input_ids=ids, sampling_params=nothing, return_logprob=True)
    told = [reply["meta_info"]["input_token_logprobs"] for reply in alone]
    assert [[id for _, id, _ in one] for one in told] == ids


@pytest.mark.parametrize("field", ["skip_special_tokens", "no_stop_trim"])
def test_what_would_change_the_text_is_refused(http: httpx.Client, field: str) -> None:
    other = not SAMPLING.get(field, False)
    reply = http.post("/generate", json={"text": "a", "sampling_params": {field: other}})
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == f"sampling_params.{field}"


def test_fields_that_are_null_ask_for_nothing(http: httpx.Client) -> None:
    body = {"text": "a", "sampling_params": {"max_new_tokens": 1}}
    assert generate(http, **body, lora_path=None, image_data=None)["text"]
    reply = http.post("/generate", json=body | {"lora_path": "x"})
    assert reply.status_code == 400 and "lora_path" in reply.text


def test_texts_and_tokens_as_other_servers_are_asked(http: httpx.Client) -> None:
    """The bodies of SGLang and vLLM, which name the model."""
    told = http.post("/tokenize", json={"model": "seedling", "prompt": "hello"}).json()
    body = {"model": "seedling", "tokens": told["tokens"], "skip_special_tokens": True}
    assert http.post("/detokenize", json=body).json()["text"] == "hello"
    for path, sent in (("/tokenize", {"prompt": "a"}), ("/detokenize", {"tokens": [300]})):
        assert http.post(path, json=sent | {"model": "another"}).status_code == 404
    kept = http.post("/detokenize", json=body | {"skip_special_tokens": False})
    assert kept.status_code == 400 and "skip_special_tokens" in kept.text
