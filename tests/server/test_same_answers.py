"""The server, whose engine is another process, answers as an engine in this one, whole and as a stream."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.constrained.spec import Choices, Constraint, JsonSchema, Regex
from trellis.lang.backends.base import Backend, Delta, Piece, Prompt
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.config import EngineConfig
from trellis.runtime.launch import open_engine
from trellis.runtime.server.app import create_app
from trellis.runtime.server.served import serve_process
from trellis.runtime.wire.backend import WireBackend, open_process

CONFIG = {"kv_tokens": 4096, "max_running": 8, "threads": 1}
SCHEMA = '{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}'
CONSTRAINTS: dict[str, Constraint] = {
    "regex": Regex("[A-Z][a-z]{2,8}( [0-9]{1,3})?"),
    "choices": Choices(("Oslo", "Rome", "Quito")),
    "json_schema": JsonSchema(SCHEMA),
}
NAMES = {"max_tokens": "max_new_tokens"}


@dataclass(frozen=True)
class Both:
    """The same model twice."""

    here: Backend
    there: WireBackend
    app: Any

    def known(self, prompt: Prompt, params: SamplingParams, constraint: Any) -> list[list[Delta]]:
        """The Deltas of each answer in this process."""

        async def collect() -> list[Delta]:
            async with aclosing(self.here.generate(prompt, params, constraint)) as deltas:
                return [delta async for delta in deltas]

        found = self.here.loop.submit(collect()).result(30)
        return [[d for d in found if d.index == index] for index in range(params.n)]

    def ask(self, body: dict[str, Any]) -> httpx.Response:
        async def post() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
                return await http.post("/generate", json=body)

        return asyncio.run(post())


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    here, there = open_engine(**CONFIG), open_process(EngineConfig(**CONFIG))
    yield Both(here, there, create_app(serve_process(there)))
    here.close()
    there.close()


PARAMS = st.fixed_dictionaries(
    {"max_tokens": st.integers(1, 10), "seed": st.integers(0, 2**31 - 9)},
    optional={
        "temperature": st.sampled_from([0.0, 0.4, 1.0, 1.7]),
        "top_p": st.sampled_from([0.5, 0.9]),
        "top_k": st.integers(1, 20),
        "n": st.integers(1, 3),
        "stop": st.sampled_from([("e",), ("a", ". ")]),
        "frequency_penalty": st.sampled_from([0.0, 0.7]),
    },
)
TEXTS = st.sampled_from(["The names are", "1, 2, 3,", "Grüße aus", "<|im_end|>Q:", "x"])


def body_of(text: str, params: dict[str, Any], kind: str | None) -> dict[str, Any]:
    sampling = {NAMES.get(name, name): value for name, value in params.items()}
    constraint = CONSTRAINTS.get(kind or "")
    told: dict[str, Any] = {}
    if isinstance(constraint, Regex):
        told = {"regex": constraint.pattern}
    elif isinstance(constraint, Choices):
        told = {"choices": list(constraint.texts)}
    elif constraint is not None:
        told = {"json_schema": SCHEMA}
    return {"text": text, "sampling_params": sampling, "return_logprob": True, **told}


def joined(response: httpx.Response) -> list[dict[str, Any]]:
    """The replies that the events of a stream add up to."""
    lines = [line[6:] for line in response.text.splitlines() if line]
    assert lines.pop() == "[DONE]"
    replies: dict[int, dict[str, Any]] = {}
    for event in map(json.loads, lines):
        reply = replies.setdefault(event["index"], {"text": "", "output_ids": [], "meta_info": {}})
        reply["text"] += event["text"]
        reply["output_ids"] += event["output_ids"]
        before = reply["meta_info"].get("output_token_logprobs", [])
        reply["meta_info"] = event["meta_info"]
        reply["meta_info"]["output_token_logprobs"] = (
            before + event["meta_info"]["output_token_logprobs"]
        )
    return [replies[index] for index in sorted(replies)]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=TEXTS, params=PARAMS, kind=st.sampled_from([None, *CONSTRAINTS]), stream=st.booleans())
def test_the_same_answers(
    both: Both, text: str, params: dict[str, Any], kind: str | None, stream: bool
) -> None:
    asked = SamplingParams(**params, logprobs=True)
    prompt = Prompt(None, (Piece(text, special=True),))
    known = both.known(prompt, asked, CONSTRAINTS.get(kind or ""))
    streamed = {"stream": stream, "incremental_streaming_output": stream}
    response = both.ask(body_of(text, params, kind) | streamed)
    assert response.status_code == 200, response.text
    found = joined(response) if stream else response.json()
    for reply, deltas in zip(found if isinstance(found, list) else [found], known, strict=True):
        tokens = [token for delta in deltas for token in delta.tokens]
        assert reply["text"] == "".join(delta.text for delta in deltas)
        assert reply["output_ids"] == [token.id for token in tokens]
        told = reply["meta_info"]["output_token_logprobs"]
        assert [row[1:] for row in told] == [[token.id, token.text] for token in tokens]
        for (logprob, _, _), token in zip(told, tokens, strict=True):
            assert logprob == pytest.approx(token.logprob, abs=1e-4)
        finish, reason = deltas[-1].finish, reply["meta_info"]["finish_reason"]
        assert finish is not None and reason["type"] == finish.reason
        assert reason.get("matched") == finish.matched
