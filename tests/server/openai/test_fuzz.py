"""Whatever a body holds, the reply is an answer or a refusal, never a failure of the server."""

import asyncio
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

import trellis as tr
from trellis.runtime.server.anthropic.blocks import Block
from trellis.runtime.server.anthropic.body import MessagesBody
from trellis.runtime.server.app import create_app
from trellis.runtime.server.openai.chat_body import ChatBody
from trellis.runtime.server.openai.completions import CompletionBody
from trellis.runtime.server.openai.items import Item, ItemPart
from trellis.runtime.server.openai.messages import ChatMessage, Part
from trellis.runtime.server.openai.response_body import FlatTool, ResponseBody

BASES: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "/v1/chat/completions": (ChatBody, {"model": "fake", "messages": [{"role": "user", "content": "a"}]}),
    "/v1/completions": (CompletionBody, {"model": "fake", "prompt": "a"}),
    "/v1/responses": (ResponseBody, {"model": "fake", "input": "a"}),
    "/v1/messages": (MessagesBody, {"model": "fake", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}),
}  # fmt: skip
KINDS = ["user", "assistant", "tool", "system", "function", "message", "text", "tool_use", "tool_result", "thinking",
         "function_call", "function_call_output", "reasoning", "input_text", "auto", "any", "required", "none",
         "json_schema", "json_object", "structural_tag", "enabled", "adaptive", "allowed_tools"]  # fmt: skip
INNER = [ChatMessage, Part, Item, ItemPart, Block, FlatTool]
NAMES = sorted(
    {name for model in INNER for name in model.known}
    | {"function", "parameters", "arguments", "schema", "format", "tools", "mode", "structures", "regex", "effort"}
)  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 40)
    | st.floats(-2, 3)
    | st.text(max_size=4)
    | st.sampled_from([*KINDS, "fake", "a", "{}", "[1]", "\ud800"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=10,
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    path = draw(st.sampled_from(sorted(BASES)))
    model, base = BASES[path]
    names = sorted(model.known)
    changed = draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=3))
    return path, {**base, **changed}


@settings(max_examples=60, deadline=None)
@given(requests())
def test_no_body_is_a_failure(request_: tuple[str, dict[str, Any]]) -> None:
    asyncio.run(_send(*request_))


async def _send(path: str, body: dict[str, Any]) -> None:
    with tr.Fake("a b", template=lambda messages, invite, tools: str(messages)) as fake:
        transport = httpx.ASGITransport(create_app(fake))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            try:
                reply = await client.post(path, json=body)
            except UnicodeEncodeError:  # no body at all: this client cannot write it
                return
    assert reply.status_code in (200, 400, 404, 413), reply.text
    if not reply.is_success:
        assert reply.json()["error"]["message"]
