"""/v1/chat/completions over a scripted model: what it is asked, what is said, and in which order."""

import asyncio
import json
from typing import Any

import pytest

import trellis as tr
from trellis.constrained.errors import (
    ConstraintBudget,
    InvalidConstraint,
    UnsupportedConstraint,
)
from trellis.constrained.spec import Choices, Ebnf, JsonSchema, Regex, Tagged
from trellis.runtime.errors import Overloaded

PATH = "/v1/chat/completions"
USER = [{"role": "user", "content": "Hi"}]
WEATHER = {
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
TOOLS = [{"type": "function", "function": WEATHER}]
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'


def body(**more: Any) -> dict[str, Any]:
    return {"model": "fake", "messages": USER, **more}


def events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


async def test_a_chat_is_answered(fakes, connect) -> None:
    fake = fakes("one two")
    reply = (await connect(fake).post(PATH, json=body(max_tokens=9, stop="x", seed=3))).json()
    assert reply["object"] == "chat.completion" and reply["id"].startswith("chatcmpl-")
    message = {"role": "assistant", "content": "one two", "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    assert reply["choices"] == [choice]
    assert reply["usage"]["completion_tokens"] == 2
    (call,) = fake.calls
    assert call.text == "[user]Hi[assistant]" and call.pieces[0].special
    params = call.params
    assert (params.max_tokens, params.stop, params.seed, params.temperature) == (9, ("x",), 3, 1.0)


@pytest.mark.parametrize(
    ("more", "prompt"),
    [
        ({}, "[user]Hi[assistant]It is[assistant]"),
        ({"add_generation_prompt": True}, "[user]Hi[assistant]It is[assistant]"),
        ({"add_generation_prompt": False}, "[user]Hi[assistant]It is"),
        ({"continue_final_message": True}, "[user]Hi[assistant]It is"),
    ],
)
async def test_how_a_prompt_ends(fakes, connect, more: dict[str, Any], prompt: str) -> None:
    fake = fakes(" four")
    said = [*USER, {"role": "assistant", "content": "It is"}]
    reply = (await connect(fake).post(PATH, json=body(messages=said, **more))).json()
    assert reply["choices"][0]["message"]["content"] == " four"
    (call,) = fake.calls
    assert call.text == prompt
    # What the assistant is made to have said is text: control tokens written in it are none.
    assert [p.special for p in call.pieces] == [True] + [False] * ("continue_final_message" in more)


async def test_a_stream_says_the_same_in_pieces(fakes, connect) -> None:
    options = {"include_usage": True}
    sent = body(stream=True, stream_options=options, logprobs=True, top_logprobs=1)
    response = await connect(fakes("one two")).post(PATH, json=sent)
    pieces = events(response.text)
    assert len({piece["id"] for piece in pieces}) == 1
    deltas = [piece["choices"][0]["delta"] for piece in pieces[:-1]]
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"content": "one"},
        {"content": " two"},
        {},
    ]
    assert [p["choices"][0]["finish_reason"] for p in pieces[:-1]] == [None, None, None, "stop"]
    said = pieces[2]["choices"][0]["logprobs"]["content"]
    assert [(one["token"], one["logprob"], one["bytes"]) for one in said] == [
        (" two", -0.1, [32, 116, 119, 111])
    ]
    assert pieces[-1]["choices"] == [] and pieces[-1]["usage"]["completion_tokens"] == 2
    assert all(piece["usage"] is None for piece in pieces[:-1])


async def test_several_answers_have_their_index(fakes, connect) -> None:
    client = connect(fakes(lambda call: f"answer {call.params.seed}"))
    reply = (await client.post(PATH, json=body(n=3, seed=5))).json()
    said = [(c["index"], c["message"]["content"]) for c in reply["choices"]]
    assert said == [(0, "answer 5"), (1, "answer 6"), (2, "answer 7")]
    assert reply["usage"]["completion_tokens"] == 6 and reply["usage"]["prompt_tokens"] == 1
    response = await client.post(PATH, json=body(n=2, stream=True))
    pieces = [piece["choices"][0] for piece in events(response.text)]
    assert sorted(p["index"] for p in pieces if p["finish_reason"]) == [0, 1]


async def test_tools_are_shown_and_called(fakes, connect) -> None:
    fake = fakes(f"Let me see.\n{CALL}\n{CALL}")
    client = connect(fake)
    choice = (await client.post(PATH, json=body(tools=TOOLS, stop=["Oslo"]))).json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Let me see."
    functions = [call["function"] for call in choice["message"]["tool_calls"]]
    assert functions == [{"name": "weather", "arguments": '{"city": "Oslo"}'}] * 2
    ids = {call["id"] for call in choice["message"]["tool_calls"]}
    assert len(ids) == 2 and all(id.startswith("call_") for id in ids)
    assert fake.calls[0].text.startswith("{weather}[user]")
    assert isinstance(fake.calls[0].constraint, Tagged) and fake.calls[0].params.stop == ()


async def test_streamed_calls_come_in_pieces(fakes, connect) -> None:
    response = await connect(fakes(CALL)).post(PATH, json=body(tools=TOOLS, stream=True))
    choices = [piece["choices"][0] for piece in events(response.text)]
    calls = [c["delta"]["tool_calls"][0] for c in choices if "tool_calls" in c["delta"]]
    assert [call["index"] for call in calls] == [0] * len(calls)
    assert calls[0]["function"] == {"name": "weather", "arguments": ""} and "id" in calls[0]
    assert all(set(call) == {"index", "function"} for call in calls[1:])
    assert "".join(c["function"]["arguments"] for c in calls) == '{"city": "Oslo"}'
    assert choices[-1]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    "choice",
    [
        "required",
        {"type": "function", "function": {"name": "weather"}},
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": TOOLS}},
    ],
    ids=lambda c: str(c)[:30],
)
async def test_a_call_that_must_come_is_begun_for_the_model(fakes, connect, choice) -> None:
    fake = fakes('{"name": "weather", "arguments": {"city": "Rome"}}')
    sent = body(
        tools=[*TOOLS, {"type": "function", "function": {"name": "other"}}], tool_choice=choice
    )
    message = (await connect(fake).post(PATH, json=sent)).json()["choices"][0]["message"]
    assert message["content"] is None
    function = message["tool_calls"][0]["function"]
    assert function == {"name": "weather", "arguments": '{"city": "Rome"}'}
    call = fake.calls[0]
    assert call.text.endswith("[assistant]<tool_call>\n") and isinstance(
        call.constraint, JsonSchema
    )
    assert ("other" in call.constraint.schema) == (choice == "required")


async def test_none_means_no_tools(fakes, connect) -> None:
    fake = fakes(CALL)
    reply = (await connect(fake).post(PATH, json=body(tools=TOOLS, tool_choice="none"))).json()
    assert reply["choices"][0]["message"]["content"] == CALL
    assert fake.calls[0].constraint is None and "{weather}" not in fake.calls[0].text


async def test_a_typed_answer_beside_tools(fakes, connect) -> None:
    """The model either begins a call, or its text obeys the schema."""
    schema = {"name": "n", "schema": {"type": "integer"}}
    sent = body(tools=TOOLS, response_format={"type": "json_schema", "json_schema": schema})
    fake = fakes(["Hello there", 5])
    reply = (await connect(fake).post(PATH, json=sent)).json()["choices"][0]
    assert (reply["message"]["content"], reply["finish_reason"]) == ("5", "stop")
    assert [call.constraint for call in fake.calls] == [None, JsonSchema('{"type": "integer"}')]
    fake = fakes([CALL, '{"name": "weather", "arguments": {}}'])
    reply = (await connect(fake).post(PATH, json=sent)).json()["choices"][0]
    assert reply["finish_reason"] == "tool_calls"


async def test_a_schema_beyond_us_is_any_object_unless_it_is_strict(fakes, connect) -> None:
    class Picky(tr.Fake):
        def check(self, constraint: Any) -> None:
            if "unevaluatedItems" in str(constraint):
                raise UnsupportedConstraint("unevaluatedItems")
            if len(str(constraint)) > 2000:
                raise ConstraintBudget("too large")

        async def generate(self, prompt: Any, params: Any, constraint: Any = None) -> Any:
            self.check(constraint)
            async for delta in super().generate(prompt, params, constraint):
                yield delta

    odd = {"name": "odd", "parameters": {"type": "object", "unevaluatedItems": False}}
    with Picky(CALL, template=lambda messages, invite, tools: "prompt") as fake:
        sent = body(tools=[*TOOLS, {"type": "function", "function": odd}])
        assert (await connect(fake).post(PATH, json=sent)).status_code == 200
        schema = str(fake.calls[0].constraint)
        assert "unevaluatedItems" not in schema and '"city"' in schema
        large = WEATHER | {
            "name": "large",
            "parameters": {"type": "object", "properties": {"x" * 2000: {}}},
        }
        sent = body(tools=[*TOOLS, {"type": "function", "function": large}])
        assert (await connect(fake).post(PATH, json=sent)).status_code == 200
        sent = body(tools=[{"type": "function", "function": odd | {"strict": True}}])
        refused = await connect(fake).post(PATH, json=sent)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tools")


async def test_history_reaches_the_template(fakes, connect) -> None:
    fake = fakes("fine")
    call = {
        "id": "call_long_one",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
    }
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None},
        {"role": "tool", "tool_call_id": "call_long_one", "content": "sunny"},
    ]
    response = await connect(fake).post(PATH, json=body(messages=messages))
    assert response.status_code == 200
    text = fake.calls[0].text
    assert text.startswith("[system]Be brief.\n\nBe kind.[user]a\nb[assistant][{")
    assert "'arguments': {'city': 'Oslo'}" in text and "call00001" in text
    assert text.endswith("[tool]sunny[assistant]")


THINKING = "<think>\ntwo and two\n</think>\n\nfour"


async def test_thoughts_are_apart(fakes, connect) -> None:
    client = connect(fakes(THINKING))
    reply = (await client.post(PATH, json=body())).json()
    message = reply["choices"][0]["message"]
    assert (message["reasoning"], message["content"]) == ("two and two", "four")
    assert reply["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4
    pieces = events((await client.post(PATH, json=body(stream=True))).text)
    deltas = [piece["choices"][0]["delta"] for piece in pieces]
    assert "".join(d.get("reasoning", "") for d in deltas) == "two and two"
    assert "".join(d.get("content", "") for d in deltas) == "four"


async def test_effort_is_thought_first_and_the_answer_obeys(fakes, connect) -> None:
    fake = fakes(["let me think", "5"])
    sent = body(reasoning_effort="low", regex="[0-9]", max_tokens=600)
    message = (await connect(fake).post(PATH, json=sent)).json()["choices"][0]["message"]
    assert (message["reasoning"], message["content"]) == ("let me think", "5")
    first, second = fake.calls
    assert first.text.endswith("[assistant]<think>\n") and first.constraint is None
    assert (first.params.max_tokens, first.params.stop) == (512, ("</think>",))
    assert second.text.endswith("<think>\nlet me think\n</think>\n\n")
    assert (second.params.max_tokens, second.constraint) == (597, Regex("[0-9]"))


CONSTRAINTS = [
    ({"regex": "a+"}, Regex("a+"), "aa"),
    ({"choices": ["a", "b"]}, Choices(("a", "b")), "a"),
    ({"ebnf": 'start: "a"'}, Ebnf('start: "a"'), "a"),
    ({"guided_grammar": 'root ::= "a"'}, Ebnf('root ::= "a"', dialect="gbnf"), "a"),
    ({"guided_regex": "b"}, Regex("b"), "b"),
    ({"guided_choice": ["b"]}, Choices(("b",)), "b"),
    ({"schema": {"type": "null"}}, JsonSchema('{"type": "null"}'), "null"),
    ({"guided_json": {"type": "null"}}, JsonSchema('{"type": "null"}'), "null"),
    ({"structured_outputs": {"regex": "c"}}, Regex("c"), "c"),
    ({"structured_outputs": {"choice": ["d"]}}, Choices(("d",)), "d"),
    ({"structured_outputs": {"json_object": True}}, JsonSchema('{"type": "object"}'), "{}"),
    ({"response_format": {"type": "json_object"}}, JsonSchema('{"type": "object"}'), "{}"),
]


@pytest.mark.parametrize(("fields", "constraint", "text"), CONSTRAINTS, ids=lambda v: str(v)[:40])
async def test_constraints_reach_the_model(fakes, connect, fields, constraint, text) -> None:
    fake = fakes(text)
    response = await connect(fake).post(PATH, json=body(**fields))
    assert response.status_code == 200, response.text
    assert fake.calls[0].constraint == constraint


async def test_a_structural_tag_is_a_constraint(fakes, connect) -> None:
    fake = fakes("text")
    tag = {"begin": "<a>", "schema": {"type": "integer"}, "end": "</a>"}
    format = {"type": "structural_tag", "structures": [tag], "triggers": ["<a"]}
    assert (await connect(fake).post(PATH, json=body(response_format=format))).is_success
    constraint = fake.calls[0].constraint
    assert isinstance(constraint, Tagged) and constraint.triggers == ("<a",)


async def test_a_failure_before_the_first_piece_has_its_status(fakes, connect) -> None:
    for stream in (False, True):
        client = connect(fakes(Overloaded("the queue is full")))
        response = await client.post(PATH, json=body(stream=stream))
        assert response.status_code == 429 and response.headers["retry-after"] == "1"
        error = response.json()["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "overloaded")
    client = connect(fakes(InvalidConstraint("unbalanced bracket", "position 3")))
    error = (await client.post(PATH, json=body(regex="("))).json()["error"]
    assert (error["param"], error["code"], error["path"]) == (
        "regex",
        "invalid_constraint",
        "position 3",
    )


async def test_leaving_ends_the_work(fakes, connect) -> None:
    fake = fakes(tr.Stall("begun"))
    request = asyncio.ensure_future(connect(fake).post(PATH, json=body(n=2, tools=TOOLS)))
    while fake.working < 2:
        await asyncio.sleep(0.005)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    while fake.working:
        await asyncio.sleep(0.005)
    assert fake.aborted == 2
