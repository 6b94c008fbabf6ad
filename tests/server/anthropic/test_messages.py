"""/v1/messages over a scripted model: what it is asked, what is said, and in which order."""

import json
from typing import Any

import pytest

from trellis.constrained.spec import JsonSchema, Regex, Tagged
from trellis.runtime.errors import Overloaded

PATH = "/v1/messages"
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
TOOLS = [
    {"name": "weather", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}
]


def body(**more: Any) -> dict[str, Any]:
    user = [{"role": "user", "content": "Hi"}]
    return {"model": "fake", "max_tokens": 50, "messages": user, **more}


def events(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for block in text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


async def test_a_question_is_answered(fakes, connect) -> None:
    fake = fakes("one two")
    sent = body(system="Be brief.", temperature=0.5, top_k=5, stop_sequences=["END"])
    response = await connect(fake).post(PATH, json=sent)
    message = response.json()
    assert response.headers["request-id"].startswith("req_")
    assert (message["type"], message["role"], message["model"]) == ("message", "assistant", "fake")
    assert message["content"] == [{"type": "text", "text": "one two"}]
    assert (message["stop_reason"], message["stop_sequence"]) == ("end_turn", None)
    assert message["usage"]["output_tokens"] == 2
    (call,) = fake.calls
    assert call.text == "[system]Be brief.[user]Hi[assistant]"
    params = call.params
    assert (params.temperature, params.top_k, params.stop) == (0.5, 5, ("END",))


async def test_why_it_ends(fakes, connect) -> None:
    client = connect(fakes("one two END three"))
    message = (await client.post(PATH, json=body(stop_sequences=["END"]))).json()
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")
    message = (await client.post(PATH, json=body(stop_sequences=["END"], tools=TOOLS))).json()
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")
    message = (await client.post(PATH, json=body(max_tokens=2))).json()
    assert message["stop_reason"] == "max_tokens"


async def test_events_come_in_their_order(fakes, connect) -> None:
    fake = fakes(f"<think>\nhm well\n</think>\n\nLet me see.\n{CALL}\n{CALL}")
    found = events((await connect(fake).post(PATH, json=body(stream=True, tools=TOOLS))).text)
    kinds = [
        event["type"] if "delta" not in event else event["delta"].get("type", event["type"])
        for event in found
    ]
    start, stop = "content_block_start", "content_block_stop"
    thinking = [start, "ping", "thinking_delta", "thinking_delta", "signature_delta", stop]
    text = [start, "text_delta", "text_delta", "text_delta", stop]
    call = [start, "input_json_delta", "input_json_delta", stop]
    ends = ["message_delta", "message_stop"]
    assert kinds == ["message_start", *thinking, *text, *call, *call, *ends]
    assert found[0]["message"]["content"] == [] and found[0]["message"]["stop_reason"] is None
    indices = [event["index"] for event in found if event["type"] == start]
    assert indices == [0, 1, 2, 3]
    assert found[-2]["delta"]["stop_reason"] == "tool_use"
    assert found[-2]["usage"]["output_tokens"] > 0
    opened = next(e["content_block"] for e in found if e.get("index") == 2)
    assert (opened["type"], opened["name"], opened["input"]) == ("tool_use", "weather", {})
    arguments = [e["delta"]["partial_json"] for e in found if e.get("index") == 3 and "delta" in e]
    assert "".join(arguments) == '{"city": "Oslo"}'


async def test_a_stream_says_the_same_as_the_whole(fakes, connect) -> None:
    client = connect(fakes(f"Let me see.\n{CALL}"))
    whole = (await client.post(PATH, json=body(tools=TOOLS))).json()
    assert [block["type"] for block in whole["content"]] == ["text", "tool_use"]
    assert whole["content"][1]["input"] == {"city": "Oslo"}
    found = events((await client.post(PATH, json=body(tools=TOOLS, stream=True))).text)
    texts = [e["delta"]["text"] for e in found if e.get("delta", {}).get("type") == "text_delta"]
    assert "".join(texts) == whole["content"][0]["text"]


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}])
async def test_a_call_that_must_come(fakes, connect, choice) -> None:
    fake = fakes('{"name": "weather", "arguments": {}}')
    message = (await connect(fake).post(PATH, json=body(tools=TOOLS, tool_choice=choice))).json()
    assert [block["type"] for block in message["content"]] == ["tool_use"]
    assert isinstance(fake.calls[0].constraint, JsonSchema)


async def test_one_call_at_a_time(fakes, connect) -> None:
    fake = fakes(CALL)
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert (await connect(fake).post(PATH, json=body(tools=TOOLS, tool_choice=choice))).is_success
    constraint = fake.calls[0].constraint
    assert isinstance(constraint, Tagged) and constraint.stop_after_first


async def test_results_reach_the_template(fakes, connect) -> None:
    fake = fakes("fine")
    messages = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "x"},
                {"type": "text", "text": "Wait."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "sunny"}],
                },
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": "broken",
                    "is_error": True,
                },
                {"type": "text", "text": "And?"},
            ],
        },
    ]
    response = await connect(fake).post(PATH, json=body(messages=messages, tools=TOOLS))
    assert response.status_code == 200, response.text
    text = fake.calls[0].text
    assert text.startswith("{weather}[user]Hi[assistant]Wait.[{")
    assert text.endswith("[tool]sunny[tool]Error: broken[user]And?[assistant]")


async def test_an_answer_that_is_begun_goes_on(fakes, connect) -> None:
    fake = fakes(" four")
    messages = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "It is"}]
    message = (await connect(fake).post(PATH, json=body(messages=messages))).json()
    assert fake.calls[0].text == "[user]2+2?[assistant]It is"
    assert message["content"][0]["text"] == " four"


async def test_thinking_comes_first_and_the_answer_obeys(fakes, connect) -> None:
    fake = fakes(["hm well", "5"])
    format = {"type": "json_schema", "schema": {"type": "integer"}}
    thinking = {"type": "enabled", "budget_tokens": 20}
    sent = body(thinking=thinking, output_config={"format": format})
    message = (await connect(fake).post(PATH, json=sent)).json()
    assert [block["type"] for block in message["content"]] == ["thinking", "text"]
    assert message["content"][0]["thinking"] == "hm well" and message["content"][0]["signature"]
    assert message["content"][1]["text"] == "5"
    assert [call.params.max_tokens for call in fake.calls] == [20, 48]
    assert fake.calls[1].constraint == JsonSchema('{"type": "integer"}')


async def test_further_constraints(fakes, connect) -> None:
    fake = fakes("aa")
    assert (await connect(fake).post(PATH, json=body(regex="a+"))).is_success
    assert fake.calls[0].constraint == Regex("a+")


BAD = [
    ({"max_tokens": 0}, "max_tokens"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "system", "content": "x"}]}, "messages[0].role"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
        "messages[0].content[0]",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x"}]}]},
        "messages[0].content[0].tool_use_id",
    ),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
    ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
    ({"tool_choice": {"type": "any"}}, "tool_choice"),
    ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "enabled", "budget_tokens": 50}}, "thinking.budget_tokens"),
    ({"thinking": {"type": "sometimes"}}, "thinking.type"),
    ({"thinking": {"type": "adaptive", "display": "omitted"}}, "thinking.display"),
    ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
    ({"stop_sequences": [""]}, "stop_sequences"),
    ({"temperature": -1}, "temperature"),
    ({"container": "x"}, "container"),
    ({"mcp_servers": []}, "mcp_servers"),
]


@pytest.mark.parametrize(("fields", "param"), BAD, ids=lambda v: str(v)[:50])
async def test_a_bad_field_is_named(fakes, connect, fields, param) -> None:
    fake = fakes("never said")
    response = await connect(fake).post(PATH, json=body(**fields))
    assert response.status_code == 400, response.text
    told = response.json()
    assert (told["type"], told["error"]["type"]) == ("error", "invalid_request_error")
    assert told["request_id"].startswith("req_")
    assert param in told["error"]["message"] and not fake.calls


async def test_failures_speak_as_the_api_does(fakes, connect) -> None:
    client = connect(fakes(Overloaded("full")), api_key="secret", max_body_bytes=300)
    refused = await client.post(PATH, json=body())
    assert refused.status_code == 401
    assert refused.json()["error"]["type"] == "authentication_error"
    for key in ({"x-api-key": "secret"}, {"authorization": "Bearer secret"}):
        for stream in (False, True):
            response = await client.post(PATH, json=body(stream=stream), headers=key)
            assert response.status_code == 429
            assert response.json()["error"]["type"] == "rate_limit_error"
    large = await client.post(PATH, json=body(system="x" * 400), headers=key)
    assert (large.status_code, large.json()["error"]["type"]) == (413, "request_too_large")
    missing = await client.post(PATH, json=body(model="other"), headers=key)
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")
