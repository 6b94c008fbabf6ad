"""How answers end when something goes wrong on the way, and that no stream differs from the whole."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trellis as tr
from trellis.runtime.errors import Overloaded
from trellis.runtime.server.app import create_app

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
USER = [{"role": "user", "content": "Hi"}]
ASKED: dict[str, dict[str, Any]] = {
    CHAT: {"model": "fake", "messages": USER},
    RESPONSES: {"model": "fake", "input": "Hi"},
    MESSAGES: {"model": "fake", "messages": USER, "max_tokens": 500},
}
SCHEMA = {"type": "object"}
TOOLS: dict[str, Any] = {
    CHAT: [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
    RESPONSES: [{"type": "function", "name": "f", "parameters": SCHEMA}],
    MESSAGES: [{"name": "f", "input_schema": SCHEMA}],
}


class Broken(tr.Fake):
    """Fails behind the first word."""

    async def generate(self, prompt: Any, params: Any, constraint: Any = None) -> Any:
        async for delta in super().generate(prompt, params, constraint):
            yield delta
            raise Overloaded("no room left")


def data(text: str) -> list[Any]:
    lines = [line for line in text.splitlines() if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


@pytest.fixture
def broken() -> Any:
    with Broken("one two", template=lambda messages, invite: "prompt") as fake:
        yield fake


async def test_a_failure_on_the_way_is_told_in_the_stream(broken, connect) -> None:
    client = connect(broken)
    ends: dict[str, Any] = {}
    for path, asked in ASKED.items():
        reply = await client.post(path, json=asked | {"stream": True})
        assert reply.status_code == 200
        ends[path] = data(reply.text)[-1]
        assert (await client.post(path, json=asked)).status_code == 429
    assert ends[CHAT]["error"]["code"] == "overloaded"
    assert ends[RESPONSES]["type"] == "response.failed"
    assert ends[RESPONSES]["response"]["error"]["code"] == "overloaded"
    assert (ends[MESSAGES]["type"], ends[MESSAGES]["error"]["type"]) == (
        "error",
        "rate_limit_error",
    )


async def test_an_aborted_request_says_so(fakes, connect) -> None:
    fake = fakes(tr.Stall("begun"))
    client = connect(fake)
    sent = ASKED[CHAT] | {"request_id": "mine"}
    request = asyncio.ensure_future(client.post(CHAT, json=sent))
    while fake.working == 0:
        await asyncio.sleep(0.005)
    assert (await client.post("/abort_request", json={"rid": "mine"})).json() == {"aborted": 1}
    reply = await request
    assert (reply.status_code, reply.json()["error"]["code"]) == (499, "client_left")


WORDS = st.lists(
    st.sampled_from(
        ["one", " two", "\n", "  ", "<", "<think>\n", "\n</think>\n\n", "é🌳", "</tool_call>"]
    ),
    max_size=5,
).map("".join)
CALLS = st.sampled_from(["", '<tool_call>\n{"name": "f", "arguments": {"a": "<} "}}\n</tool_call>'])
ANSWERS = st.tuples(WORDS, CALLS, WORDS, CALLS).map("".join)


def whole_chat(reply: Any) -> Any:
    message = reply["choices"][0]["message"]
    calls = [call["function"]["arguments"] for call in message.get("tool_calls", ())]
    return message.get("reasoning", ""), message["content"] or "", calls


def streamed_chat(events: list[Any]) -> Any:
    deltas = [event["choices"][0]["delta"] for event in events]
    calls: dict[int, str] = {}
    for call in (call for delta in deltas for call in delta.get("tool_calls", ())):
        calls[call["index"]] = calls.get(call["index"], "") + call["function"]["arguments"]
    text = "".join(delta.get("content", "") for delta in deltas)
    return "".join(delta.get("reasoning", "") for delta in deltas), text, list(calls.values())


def shown(output: list[Any]) -> Any:
    return [(i["type"], i.get("arguments") or [p["text"] for p in i["content"]]) for i in output]


def blocks_of(events: list[Any]) -> list[Any]:
    blocks: list[Any] = []
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append([event["content_block"]["type"], ""])
        elif event["type"] == "content_block_delta":
            given_out = event["delta"]
            kind = given_out["type"].removesuffix("_delta")
            name = {"input_json": "partial_json", "signature": None}.get(kind, kind)
            blocks[-1][1] += given_out[name] if name else ""
    return blocks


def told(content: list[Any]) -> list[Any]:
    return [
        [b["type"], json.dumps(b["input"]) if b["type"] == "tool_use" else b[b["type"]]]
        for b in content
    ]


@settings(max_examples=25, deadline=None)
@given(answer=ANSWERS, tools=st.booleans())
def test_a_stream_joined_is_the_whole(answer, tools) -> None:
    asyncio.run(_compare(answer, tools))


async def _compare(answer: str, tools: bool) -> None:
    with tr.Fake(answer, template=lambda messages, invite, tools: "prompt") as fake:
        transport = httpx.ASGITransport(create_app(fake))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            replies: dict[str, tuple[Any, list[Any]]] = {}
            for path, asked in ASKED.items():
                sent = asked | ({"tools": TOOLS[path]} if tools else {})
                whole = (await client.post(path, json=sent)).json()
                stream = await client.post(path, json=sent | {"stream": True})
                replies[path] = whole, data(stream.text)
    whole, events = replies[CHAT]
    assert whole_chat(whole) == streamed_chat(events)
    whole, events = replies[RESPONSES]
    assert shown(whole["output"]) == shown(events[-1]["response"]["output"])
    whole, events = replies[MESSAGES]
    assert told(whole["content"]) == blocks_of(events)
