"""The official anthropic package against a real server: sync, async, and its streaming helpers."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pydantic
import pytest

MODEL = "seedling"
ASK = "What is the weather in Lisbon?"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [
    {"name": "get_weather", "description": "Get the weather of a city.", "input_schema": SCHEMA}
]
GREEDY = {"temperature": 0}


class Person(pydantic.BaseModel):
    name: str
    age: int


def user(content: Any) -> Any:
    return {"role": "user", "content": content}


@pytest.fixture
def client(url) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=url, api_key="secret", max_retries=0) as client:
        yield client


def test_a_message_and_its_stream_say_the_same(client) -> None:
    asked: Any = {
        "model": MODEL,
        "max_tokens": 24,
        "messages": [user("Name a city.")],
        "extra_body": GREEDY,
    }
    whole = client.messages.create(**asked)
    anthropic.types.Message.model_validate(whole.model_dump())
    assert whole.content[0].text and whole.stop_reason in ("end_turn", "max_tokens")
    with client.messages.stream(**asked) as stream:
        said = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert said == whole.content[0].text == final.content[0].text
    assert final.stop_reason == whole.stop_reason
    usage = final.usage
    assert usage.output_tokens == whole.usage.output_tokens and usage.cache_read_input_tokens
    counted = client.messages.count_tokens(model=MODEL, messages=[user("Name a city.")])
    assert counted.input_tokens == usage.input_tokens + usage.cache_read_input_tokens


@pytest.mark.parametrize("choice", ["auto", "any", "tool"])
def test_a_tool_is_called_and_its_result_told(client, choice) -> None:
    chosen: Any = {"type": choice} | ({"name": "get_weather"} if choice == "tool" else {})
    asked: Any = {"model": MODEL, "max_tokens": 60, "tools": TOOLS, "extra_body": GREEDY}
    made = client.messages.create(messages=[user(ASK)], tool_choice=chosen, **asked)
    assert made.stop_reason == "tool_use"
    (call,) = made.content
    assert (call.type, call.name, call.input) == ("tool_use", "get_weather", {"city": "Lisbon"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny, 21 degrees"}
    turns: Any = [user(ASK), {"role": "assistant", "content": made.content}, user([result])]
    told = client.messages.create(messages=turns, **asked)
    assert told.stop_reason == "end_turn" and told.content[0].text


def test_a_streamed_tool(client) -> None:
    with client.messages.stream(
        model=MODEL,
        max_tokens=60,
        tools=TOOLS,
        tool_choice={"type": "any"},
        messages=[user(ASK)],
        extra_body=GREEDY,
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop" and "input_json" in kinds
    assert final.content[0].input == {"city": "Lisbon"}


def test_parse_gives_the_type(client) -> None:
    made = client.messages.parse(
        model=MODEL, max_tokens=60, messages=[user("Ada is 36.")], output_format=Person
    )
    assert isinstance(made.parsed_output, Person)


def test_thinking(client) -> None:
    made = client.messages.create(
        model=MODEL,
        max_tokens=1100,
        messages=[user("Name a city.")],
        thinking={"type": "enabled", "budget_tokens": 8},
        extra_body=GREEDY | {"choices": ["Oslo", "Rome"]},
    )
    kinds = [block.type for block in made.content]
    assert kinds[-1] == "text" and made.content[-1].text in ("Oslo", "Rome")
    assert kinds[:-1] in ([], ["thinking"])


async def test_async(url) -> None:
    async with anthropic.AsyncAnthropic(base_url=url, auth_token="secret") as client:
        assert [model.id async for model in client.models.list()] == [MODEL]
        async with client.messages.stream(
            model=MODEL, max_tokens=12, messages=[user("Name a city.")]
        ) as stream:
            said = [text async for text in stream.text_stream]
    assert "".join(said)


def test_errors_surface(client, url) -> None:
    asked: Any = {"model": MODEL, "max_tokens": 5, "messages": [user("x")]}
    with pytest.raises(anthropic.BadRequestError) as bad:
        client.messages.create(**asked, extra_body={"regex": "("})
    assert "regex" in str(bad.value)
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(**asked | {"model": "other"})
    with (
        anthropic.Anthropic(base_url=url, api_key="wrong") as stranger,
        pytest.raises(anthropic.AuthenticationError),
    ):
        stranger.messages.create(**asked)
