"""The official openai package against a real server: sync, async, and its streaming helpers."""

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pydantic
import pytest

MODEL = "seedling"
ASK = "What is the weather in Lisbon?"
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = {
    "name": "get_weather",
    "description": "Get the weather of a city.",
    "parameters": PARAMETERS,
}
TOOLS: Any = [{"type": "function", "function": WEATHER}]
FLAT: Any = [{"type": "function", "strict": True, **WEATHER}]


class Person(pydantic.BaseModel):
    name: str
    age: int


class City(pydantic.BaseModel):
    city: str


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


@pytest.fixture
def client(url) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="secret", max_retries=0) as client:
        yield client


def test_a_chat_and_its_stream_say_the_same(client) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": user("Name a city."),
        "max_tokens": 24,
        "temperature": 0,
    }
    whole = client.chat.completions.create(**asked, logprobs=True, top_logprobs=2)
    openai.types.chat.ChatCompletion.model_validate(whole.model_dump(), strict=False)
    text = whole.choices[0].message.content
    assert text and whole.usage and whole.choices[0].logprobs and whole.choices[0].logprobs.content
    tokens = whole.choices[0].logprobs.content
    assert len(tokens) == whole.usage.completion_tokens and len(tokens[0].top_logprobs) == 2
    assert bytes(b for token in tokens for b in token.bytes or ()).decode() == text
    stream = client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    )
    pieces = list(stream)
    said = [piece.choices[0].delta.content or "" for piece in pieces if piece.choices]
    assert "".join(said) == text
    usage = pieces[-1].usage
    assert usage and usage.completion_tokens == whole.usage.completion_tokens
    assert usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens


def test_parse_gives_the_type(client) -> None:
    made = client.chat.completions.parse(
        model=MODEL, messages=user("Ada is 36 years old."), response_format=Person, max_tokens=60
    )
    assert isinstance(made.choices[0].message.parsed, Person)
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(
            model=MODEL, messages=user("Ada is 36."), response_format=Person, max_tokens=3
        )


def test_the_streaming_helper_parses_as_it_goes(client) -> None:
    with client.chat.completions.stream(
        model=MODEL, messages=user("Ada is 36."), response_format=Person, max_tokens=60
    ) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert isinstance(final.choices[0].message.parsed, Person)


@pytest.mark.parametrize(
    "choice", ["auto", "required", {"type": "function", "function": {"name": "get_weather"}}]
)
def test_a_tool_is_called_and_its_result_told(client, choice) -> None:
    messages = user(ASK)
    asked: Any = {"model": MODEL, "tools": TOOLS, "max_tokens": 60, "temperature": 0}
    made = client.chat.completions.create(messages=messages, tool_choice=choice, **asked)
    assert made.choices[0].finish_reason == "tool_calls"
    (call,) = made.choices[0].message.tool_calls
    assert City.model_validate_json(call.function.arguments).city == "Lisbon"
    messages.append(made.choices[0].message)
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"})
    told = client.chat.completions.create(messages=messages, **asked)
    assert told.choices[0].finish_reason == "stop" and told.choices[0].message.content


def test_streamed_tools_are_parsed(client) -> None:
    with client.chat.completions.stream(
        model=MODEL,
        messages=user(ASK),
        tools=[openai.pydantic_function_tool(City, name="get_weather")],
        tool_choice="required",
        max_tokens=60,
        temperature=0,
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.delta" in kinds
    assert "tool_calls.function.arguments.done" in kinds
    (call,) = final.choices[0].message.tool_calls or ()
    assert isinstance(call.function.parsed_arguments, City)


def test_tokens_can_be_told_beside_what_the_package_knows(client) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": user(ASK),
        "tools": TOOLS,
        "max_tokens": 60,
        "temperature": 0,
        "extra_body": {"return_tokens": True},
    }
    choice = client.chat.completions.create(**asked).choices[0]
    assert {kind for _, kind, *_ in choice.tokens} == {"forced", "sampled"}
    with client.chat.completions.stream(**asked) as stream:
        told = [
            row
            for event in stream
            if event.type == "chunk"
            for piece in event.chunk.choices
            for row in getattr(piece, "tokens", ())
        ]
        final = stream.get_final_completion()
    assert told == choice.tokens
    (call,), (before,) = (c.message.tool_calls or () for c in (final.choices[0], choice))
    assert (call.function.name, call.function.arguments) == (
        before.function.name,
        before.function.arguments,
    )


def test_constraints_in_the_extra_body(client) -> None:
    for extra, allowed in (
        ({"regex": "[A-Z]{2}-[0-9]{2}"}, None),
        ({"choices": ["yes", "no"]}, ("yes", "no")),
        ({"ebnf": 'start: "up" | "down"'}, ("up", "down")),
        ({"structured_outputs": {"choice": ["a", "b"]}}, ("a", "b")),
    ):
        made = client.chat.completions.create(
            model=MODEL, messages=user("Go."), max_tokens=20, extra_body=extra
        )
        text = made.choices[0].message.content
        assert text in allowed if allowed else len(text) == 5


def test_completions(client) -> None:
    made = client.completions.create(model=MODEL, prompt="Ada is", max_tokens=5, logprobs=1, n=2)
    assert len(made.choices) == 2 and made.choices[0].logprobs.tokens
    pieces = client.completions.create(
        model=MODEL, prompt="Ada is", max_tokens=5, temperature=0, stream=True
    )
    whole = client.completions.create(model=MODEL, prompt="Ada is", max_tokens=5, temperature=0)
    assert "".join(piece.choices[0].text for piece in pieces) == whole.choices[0].text


def test_responses(client) -> None:
    made = client.responses.parse(
        model=MODEL, input="Ada is 36 years old.", text_format=Person, max_output_tokens=60
    )
    assert isinstance(made.output_parsed, Person)
    assert client.responses.retrieve(made.id).output_text == made.output_text
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_the_streaming_helper_of_responses(client) -> None:
    asked: Any = {"model": MODEL, "max_output_tokens": 60, "temperature": 0, "tools": FLAT}
    with client.responses.stream(input=ASK, tool_choice="required", **asked) as stream:
        kinds = [event.type for event in stream]
        first = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    (call,) = first.output
    assert call.type == "function_call" and call.parsed_arguments == {"city": "Lisbon"}
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    with client.responses.stream(input=[result], previous_response_id=first.id, **asked) as stream:
        said = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert final.status == "completed" and final.output_text == said


def test_a_seed_repeats_and_characters_stay_whole(client) -> None:
    asked: Any = {"model": MODEL, "messages": user("Name a city."), "max_tokens": 12}
    first, again = (
        client.chat.completions.create(**asked, seed=7, n=2, temperature=1.0) for _ in range(2)
    )
    said = [[choice.message.content for choice in made.choices] for made in (first, again)]
    assert said[0] == said[1]
    tree = "h\u00e9llo \U0001f333 \u4f60\u597d"
    stream = client.chat.completions.create(
        **asked | {"max_tokens": 40}, stream=True, extra_body={"choices": [tree]}
    )
    pieces = [piece.choices[0].delta.content or "" for piece in stream]
    assert "".join(pieces) == tree and not any("\ufffd" in piece for piece in pieces)


def test_user_text_is_never_a_control_token(client, url) -> None:
    headers = {"x-api-key": "secret"}

    def count(words: str) -> int:
        sent = {"model": MODEL, "messages": [{"role": "user", "content": words}]}
        reply = httpx.post(f"{url}/v1/messages/count_tokens", json=sent, headers=headers)
        return reply.json()["input_tokens"]

    assert count("a<|im_end|>b") - count("ab") > 2
    kwargs = {"chat_template_kwargs": {"bos_token": "<|im_end|>", "enable_thinking": False}}
    made = client.chat.completions.create(
        model=MODEL, messages=user("a<|im_end|>b"), max_tokens=1, extra_body=kwargs
    )
    assert made.usage.prompt_tokens == count("a<|im_end|>b")


@pytest.mark.parametrize("tools", [[], TOOLS])
def test_leaving_a_stream_ends_the_work(client, url, tools) -> None:
    stream = client.chat.completions.create(
        model=MODEL,
        messages=user("Go on."),
        max_tokens=1500,
        stream=True,
        tools=tools,
        n=2,
        extra_body={"ignore_eos": True, "regex": "(a|b)*"} if not tools else {"ignore_eos": True},
    )
    next(stream)
    stream.close()

    def running() -> float:
        text = httpx.get(f"{url}/metrics", headers={"x-api-key": "secret"}).text
        found = re.search(r"^trellis:num_requests_running ([0-9.]+)$", text, re.MULTILINE)
        assert found is not None
        return float(found[1])

    until = time.monotonic() + 5
    while running() and time.monotonic() < until:
        time.sleep(0.01)
    assert running() == 0


async def test_async(url) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="secret") as client:
        assert [model.id async for model in client.models.list()] == [MODEL]
        stream = await client.chat.completions.create(
            model=MODEL, messages=user("Name a city."), max_tokens=12, stream=True
        )
        said = "".join([piece.choices[0].delta.content or "" async for piece in stream])
        made = await client.responses.create(
            model=MODEL, input="Name a city.", max_output_tokens=12
        )
    assert said and made.output_text


def test_embeddings(client, url) -> None:
    texts = ["A city in France.", "A town in France.", "x = 3;", "A city in France."]
    made = client.embeddings.create(model=MODEL, input=texts)
    vectors = np.array([one.embedding for one in made.data])
    assert [one.index for one in made.data] == [0, 1, 2, 3]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    near = vectors @ vectors[0]
    assert near[3] == pytest.approx(1, abs=1e-5) and near[1] > near[2]
    told = httpx.post(
        f"{url}/tokenize", json={"prompt": texts}, headers={"Authorization": "Bearer secret"}
    )
    ids = told.json()["tokens"]
    assert made.usage.prompt_tokens == made.usage.total_tokens == sum(map(len, ids))
    digits = client.embeddings.create(model=MODEL, input=ids, encoding_format="float")
    np.testing.assert_allclose([one.embedding for one in digits.data], vectors, atol=1e-5)
    few = client.embeddings.create(model=MODEL, input=ids[1], dimensions=8).data[0].embedding
    np.testing.assert_allclose(few, vectors[1][:8] / np.linalg.norm(vectors[1][:8]), atol=1e-5)


def test_errors_surface(client, url) -> None:
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model=MODEL, messages=user("x"), extra_body={"regex": "("})
    assert (bad.value.param, bad.value.code) == ("regex", "invalid_constraint")
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="other", messages=user("x"))
    for options, param in (
        ({"input": ""}, "input"),
        ({"input": [[10**6]]}, "input"),
        ({"input": ["x" * 20_000]}, "input"),
        ({"input": "x", "dimensions": 10**6}, "dimensions"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            client.embeddings.create(model=MODEL, **options)
        assert refused.value.param == param
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="wrong") as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.models.list()
