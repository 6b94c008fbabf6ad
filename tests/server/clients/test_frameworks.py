"""Frameworks that people already have, as clients of a real server: they only need its address."""

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pydantic
import pytest

MODEL = "seedling"
ASK = "Ada is 36 years old."


class Person(pydantic.BaseModel):
    name: str
    age: int


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """What these packages warn about themselves is none of our business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_instructor(url) -> None:
    import instructor

    with openai.OpenAI(base_url=f"{url}/v1", api_key="secret") as plain:
        for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA):
            client = instructor.from_openai(plain, mode=mode)
            person = client.chat.completions.create(
                model=MODEL,
                response_model=Person,
                messages=[{"role": "user", "content": ASK}],
                max_tokens=80,
                temperature=0,
            )
            assert isinstance(person, Person)


def test_instructor_streams_partial_objects(url) -> None:
    import instructor

    with openai.OpenAI(base_url=f"{url}/v1", api_key="secret") as plain:
        client = instructor.from_openai(plain, mode=instructor.Mode.JSON_SCHEMA)
        parts = list(
            client.chat.completions.create_partial(
                model=MODEL,
                response_model=Person,
                messages=[{"role": "user", "content": ASK}],
                max_tokens=80,
                temperature=0,
            )
        )
    assert len(parts) > 1 and parts[-1].name and parts[-1].age is not None


def langchain(url: str, **options: Any) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(
        base_url=f"{url}/v1", api_key="secret", model=MODEL, temperature=0, max_tokens=80, **options
    )


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_langchain_gives_the_type(url, method) -> None:
    model = langchain(url).with_structured_output(Person, method=method)
    assert isinstance(model.invoke(ASK), Person)


@pytest.mark.parametrize("responses", [False, True])
def test_langchain_calls_tools(url, responses) -> None:
    from langchain_core.messages import HumanMessage, ToolMessage

    def get_weather(city: str) -> str:
        """Get the weather of a city."""
        return f"sunny in {city}"

    model = langchain(url, use_responses_api=responses)
    tooled = model.bind_tools([get_weather], tool_choice="get_weather")
    question = HumanMessage("What is the weather in Lisbon?")
    asked = tooled.invoke([question])
    (call,) = asked.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Lisbon"})
    result = ToolMessage("sunny, 21 degrees", tool_call_id=call["id"])
    told = model.bind_tools([get_weather]).invoke([question, asked, result])
    assert told.text and not told.tool_calls
    assert "".join(piece.text for piece in model.stream("Name a city."))


@asynccontextmanager
async def agent(url: str, **options: Any) -> AsyncIterator[Any]:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="secret") as client:
        model = OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client))
        yield Agent(model, model_settings={"temperature": 0, "max_tokens": 80}, **options)


@pytest.mark.parametrize("native", [False, True])
async def test_pydantic_ai_gives_the_type(url, native) -> None:
    from pydantic_ai import NativeOutput

    async with agent(url, output_type=NativeOutput(Person) if native else Person) as asked:
        result = await asked.run(ASK)
    assert isinstance(result.output, Person)


async def test_pydantic_ai_calls_tools(url) -> None:
    called: list[str] = []

    def get_weather(city: str) -> str:
        """Get the weather of a city."""
        called.append(city)
        return "sunny, 21 degrees"

    async with agent(url, tools=[get_weather]) as asked:
        result = await asked.run("What is the weather in Lisbon?")
    assert called == ["Lisbon"] and isinstance(result.output, str)


def test_dspy(url, monkeypatch) -> None:
    # Without it the package asks another host for a list of models.
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "true")
    import dspy

    class Served(dspy.LM):
        """A model that its list of hosted models cannot know of: it takes schemas."""

        supports_response_schema = True
        supported_params = frozenset({"response_format", "temperature", "max_tokens"})

    class Extract(dspy.Signature):
        """Extract the person."""

        text: str = dspy.InputField()
        person: Person = dspy.OutputField()

    server = {"api_base": f"{url}/v1", "api_key": "secret", "num_retries": 0, "cache": False}
    model = Served(f"openai/{MODEL}", temperature=0.0, max_tokens=80, **server)
    with dspy.context(lm=model, adapter=dspy.JSONAdapter()):
        made = dspy.Predict(Extract)(text=ASK)
    assert isinstance(made.person, Person)
