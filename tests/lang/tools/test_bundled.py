"""The bundled model calls tools by its own chat template: right tool, right arguments, an answer from the result."""

from typing import Literal

import pytest
from pydantic import BaseModel

import trellis as tr
from trellis.lang.backends.base import Piece, Prompt
from trellis.lang.tools.formats.detect import detect
from trellis.lang.tools.formats.form import ToolSpec
from trellis.lang.tools.formats.tagged import tagged


@tr.tool
def calculate(operation: Literal["add", "subtract", "multiply"], a: float, b: float) -> float:
    """Calculate with two numbers."""
    return {"add": a + b, "subtract": a - b, "multiply": a * b}[operation]


@tr.tool
async def get_weather(city: str) -> dict[str, object]:
    """Get the current weather in a city."""
    return {"temperature": 8 + len(city), "sky": "sunny"}


@tr.tool
def create_event(title: str, date: str, time: str) -> str:
    """Create a calendar event."""
    return f"created {title} on {date} at {time}"


class Weather(BaseModel):
    temperature: int
    sky: Literal["sunny", "cloudy"]


@pytest.fixture(scope="module")
def engine():
    backend = tr.Engine()
    with tr.use(backend):
        yield backend
    backend.close()


@tr.function
def assist(s, request: str, type=None, choice="auto"):
    s += tr.user(request)
    tools = [calculate, get_weather, create_event]
    s += tr.assistant(tr.gen("answer", type, tools=tools, tool_choice=choice, max_tokens=96))
    return s["answer"]


def test_it_calls_and_answers_from_the_result(engine):
    run = assist.run("What is 17 times 23?", backend=engine)
    (call,) = run.tool_calls
    assert (call.name, call.arguments) == ("calculate", {"operation": "multiply", "a": 17, "b": 23})
    assert call.result == 391 and "391" in run.value


def test_the_text_is_what_the_template_makes_of_the_conversation(engine):
    run = assist.run("How is the weather in Lisbon today?", backend=engine)
    call, tools = run.tool_calls[0], (calculate, get_weather, create_event)
    made = {"type": "function", "function": {"name": call.name, "arguments": dict(call.arguments)}}
    messages = [
        {"role": "user", "content": "How is the weather in Lisbon today?"},
        {"role": "assistant", "content": "", "tool_calls": [made]},
        {"role": "tool", "content": call.text},
    ]
    whole = engine.render(messages, True, [tool.spec.as_function() for tool in tools])
    assert run.text() == whole + run.value
    assert "14" in run.value and call.arguments == {"city": "Lisbon"}


def test_two_requests_are_two_calls_of_one_turn(engine):
    said = "How is the weather in Rome? Also set a lunch with Nora for June 3, 2027 at 12:30."
    run = assist.run(said, backend=engine)
    assert [c.name for c in run.tool_calls] == ["get_weather", "create_event"]
    assert {c.round for c in run.tool_calls} == {1} and run.tool_calls[1].arguments[
        "time"
    ] == "12:30"


def test_small_talk_calls_nothing(engine):
    run = assist.run("Hello there!", backend=engine)
    assert run.tool_calls == () and run.value


def test_a_typed_answer_after_a_call_and_the_prefix_is_reused(engine):
    run = assist.run("How is the weather in Lisbon today?", Weather, "get_weather", backend=engine)
    assert run.value.temperature == 14
    usage = run.meta("answer").usage
    assert usage.cached > 0.8 * usage.prompt


def test_every_argument_type_is_enforced_whatever_the_model_would_say(engine):
    seen = []

    @tr.tool
    def odd(level: Literal[3, 7], flags: list[bool], note: Literal["a b"] | None = None) -> str:
        """Calculate."""
        seen.append((level, flags, note))
        return "ok"

    @tr.function
    def ask(s):
        s += tr.user("What is 2 plus 2?")
        s += tr.assistant(tr.gen("x", tools=[odd], tool_choice="odd", max_rounds=1, max_tokens=80))

    run = ask.run(backend=engine)
    (call,) = run.tool_calls
    assert call.error is None and seen[0][0] in (3, 7) and all(type(f) is bool for f in seen[0][1])


def test_a_schema_that_cannot_be_enforced_is_refused_before_anything_runs(engine):
    spec = ToolSpec("t", "", {"type": "string", "pattern": "("})
    wrong = tr.Tool(spec, lambda: None)

    @tr.function
    def ask(s):
        s += tr.user("x") + tr.assistant(tr.gen("x", tools=[wrong]))

    assert isinstance(ask.run(backend=engine).error, tr.ConstraintError)


def test_thinking_is_kept_apart_and_the_constraint_starts_behind_it(engine):
    @tr.function
    def ask(s):
        s += tr.user("In Rome it is sunny with 12 degrees.")
        s += tr.assistant(
            tr.gen("w", Weather, think=tr.Thinking(max_tokens=8), schema_in_prompt=True)
        )
        return s["w"]

    run = ask.run(backend=engine)
    assert isinstance(run.value, Weather) and run.meta("w").thinking
    assert run.messages()[-1]["content"] == run.meta("w").text
    assert run.text().endswith(f"</think>\n\n{run.meta('w').text}")


def test_retries_find_the_prompt_computed(engine):
    tried = []

    def check(value):
        tried.append(value)
        assert len(tried) > 2, f"{value} is not right"

    @tr.function
    def ask(s, feedback):
        s += tr.user("Name a number between 1 and 99. " * 5)
        s += tr.assistant(tr.gen("x", int, check=check, retries=3, feedback=feedback, max_tokens=8))

    for feedback in (False, True):
        tried.clear()
        meta = ask.run(feedback, backend=engine).meta("x")
        assert meta.attempts == 3 and meta.saved > 0.8 * 2 * meta.usage.prompt / (
            2 if feedback else 1
        )


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("How is the weather in Lisbon today?", ["get_weather"]),
        ("Hello there!", []),
    ],
)
def test_a_turn_as_one_constraint_is_what_a_server_needs(engine, said, names):
    specs = [tool.spec for tool in (calculate, get_weather, create_event)]
    form = detect(lambda messages, tools: engine.render(messages, False, tools))
    told = [spec.as_function() for spec in specs]
    text = engine.render([{"role": "user", "content": said}], True, told)
    prompt, params = Prompt(None, (Piece(text, special=True),)), tr.SamplingParams(max_tokens=96)

    async def answer(constraint):
        return "".join([d.text async for d in engine.generate(prompt, params, constraint)])

    written = engine.loop.submit(answer(tagged(form, specs))).result()
    around, calls = form.find(written)
    assert [call.name for call in calls] == names and bool(around) == (not names)
    if names:
        required = engine.loop.submit(answer(tagged(form, specs, False, at_least=1))).result()
        (call,) = form.find(required)[1]
        tool = {tool.name: tool for tool in (calculate, get_weather, create_event)}[call.name]
        assert tool.bind(call.arguments)
