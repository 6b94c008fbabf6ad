"""`return_tokens` of chats: every token that was generated, and whether it was forced, whole and in streams."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

import trellis as tr

PATH = "/v1/chat/completions"
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": PARAMETERS}}
    for name in ("weather", "map")
]
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'


class Telling(tr.Fake):
    """Tells its tokens; those with a quote in them as forced."""

    capabilities = tr.Fake.capabilities | {"tokens"}

    async def generate(self, prompt: Any, params: Any, constraint: Any = None) -> Any:
        async for delta in super().generate(prompt, params, constraint):
            kinds = ("forced" if '"' in token.text else "sampled" for token in delta.tokens)
            tokens = [
                dataclasses.replace(token, kind=kind, logprob=None if kind == "forced" else -0.5)
                for token, kind in zip(delta.tokens, kinds, strict=True)
            ]
            yield dataclasses.replace(delta, tokens=tuple(tokens))


@pytest.fixture(scope="module")
def engine() -> Iterator[tr.Engine]:
    engine = tr.Engine(kv_tokens=8192)
    yield engine
    engine.close()


def body(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "What is the weather in Lisbon?"}], **more}


def pieces_of(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    return [choice for line in lines for choice in json.loads(line)["choices"]]


def text_of(rows: list[Any]) -> str:
    return "".join(row[-1] for row in rows)


def unnamed(choice: dict[str, Any]) -> dict[str, Any]:
    """Without the ids of calls, which are never the same."""
    calls = choice["delta"].get("tool_calls", ())
    return choice | {"delta": choice["delta"] | {"tool_calls": [c | {"id": ""} for c in calls]}}


async def test_a_call_is_told_by_its_tokens(connect) -> None:
    with Telling(f"Well.\n{CALL}", template=lambda *given: "prompt") as fake:
        client = connect(fake)
        sent = body(model="fake", tools=TOOLS)
        plain = (await client.post(PATH, json=sent)).json()["choices"][0]
        told = (await client.post(PATH, json=sent | {"return_tokens": True})).json()["choices"][0]
    rows = told.pop("tokens")
    assert text_of(rows) == f"Well.\n{CALL}"
    for id, kind, logprob, top, text in rows:
        assert isinstance(id, int) and top == []
        assert (kind, logprob) == (("forced", None) if '"' in text else ("sampled", -0.5))
    for choice in (plain, told):
        for call in choice["message"]["tool_calls"]:
            del call["id"]
    assert told == plain and plain["message"]["tool_calls"]


async def test_a_stream_tells_the_tokens_as_they_come(connect) -> None:
    with Telling(CALL, template=lambda *given: "prompt") as fake:
        client = connect(fake)
        sent = body(model="fake", tools=TOOLS, stream=True)
        plain = pieces_of((await client.post(PATH, json=sent)).text)
        told = pieces_of((await client.post(PATH, json=sent | {"return_tokens": True})).text)
    assert not any("tokens" in choice for choice in plain)
    telling = [choice for choice in told if "tokens" in choice]
    assert text_of([row for choice in telling for row in choice["tokens"]]) == CALL
    assert len(telling) == len(CALL.split())  # none waits for another
    # Without these pieces the stream is what it is otherwise.
    assert all(choice["delta"] == {} and choice["finish_reason"] is None for choice in telling)
    rest = [choice for choice in told if "tokens" not in choice]
    assert [unnamed(choice) for choice in rest] == [unnamed(choice) for choice in plain]


async def test_thoughts_are_told_and_what_is_tried_is_not(connect) -> None:
    """Whether the model would call is tried beside the answer; marks of thinking are the server's here."""
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer"}}}
    with Telling(["Hello there", 5], template=lambda *given: "prompt") as fake:
        sent = body(model="fake", tools=TOOLS, response_format=schema, return_tokens=True)
        reply = (await connect(fake).post(PATH, json=sent)).json()
    assert text_of(reply["choices"][0]["tokens"]) == "5"
    with Telling(["let me think", "fine"], template=lambda *given: "prompt") as fake:
        sent = body(model="fake", reasoning_effort="low", return_tokens=True)
        reply = (await connect(fake).post(PATH, json=sent)).json()
    rows = reply["choices"][0]["tokens"]
    assert text_of(rows) == "let me thinkfine"
    assert len(rows) == reply["usage"]["completion_tokens"] == 4


def named(messages: Any, invite: bool, tools: Any) -> str:
    """A model that writes the name of a call apart from its arguments."""
    calls = [call["function"]["name"] for m in messages for call in m.get("tool_calls", ())]
    return "".join(f"[TOOL_CALLS]{name}[ARGS]{{}}" for name in calls) or "prompt"


async def test_a_name_that_the_model_chooses_is_told(connect) -> None:
    with Telling(["map", '{"city": "Oslo"}'], template=named) as fake:
        sent = body(model="fake", tools=TOOLS, tool_choice="required", return_tokens=True)
        reply = (await connect(fake).post(PATH, json=sent)).json()
    (call,) = reply["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "map", "arguments": '{"city": "Oslo"}'}
    rows = reply["choices"][0]["tokens"]
    assert text_of(rows) == 'map{"city": "Oslo"}'
    assert len(rows) == reply["usage"]["completion_tokens"]


async def test_what_tells_no_tokens_refuses(connect) -> None:
    with tr.Fake("x", template=lambda *given: "prompt") as fake:
        for stream in (False, True):
            sent = body(model="fake", return_tokens=True, stream=stream)
            refused = await connect(fake).post(PATH, json=sent)
            assert (refused.status_code, refused.json()["error"]["param"]) == (400, "return_tokens")


@pytest.mark.parametrize("choice", ["auto", "required"])
async def test_a_model_is_forced_where_its_tools_leave_no_choice(connect, engine, choice) -> None:
    client = connect(engine)
    sent = body(model="local", tools=TOOLS, tool_choice=choice, max_tokens=60, temperature=0)
    sent |= {"return_tokens": True, "logprobs": True, "top_logprobs": 2}
    whole = (await client.post(PATH, json=sent)).json()
    rows = whole["choices"][0]["tokens"]
    streamed = pieces_of((await client.post(PATH, json=sent | {"stream": True})).text)
    assert [row for piece in streamed for row in piece.get("tokens", ())] == rows
    assert len(rows) == whole["usage"]["completion_tokens"]
    (call,) = whole["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] in text_of(rows)
    kinds = {kind for _, kind, *_ in rows}
    assert kinds == {"forced", "sampled"}
    for _, kind, logprob, top, _ in rows:
        assert (logprob is None) == (kind == "forced") == (not top)
