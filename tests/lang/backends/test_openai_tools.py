"""Tools over trellis.OpenAI are the API's own: offered, called, answered with the right ids, each call told once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

import trellis as tr
from trellis.lang.backends.openai import OpenAI


@pytest.fixture
def backend(server: Any) -> Iterator[OpenAI]:
    opened = OpenAI(server.url, "some-model")
    yield opened
    opened.close()


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def weather(city: str) -> str:
    """Tell the weather."""
    return f"sunny in {city}"


def asking(*types: Any, **options: Any) -> tr.Function[Any, Any]:
    @tr.function
    def ask(s: tr.State) -> Any:
        s += tr.user("How is it?")
        s += tr.assistant(tr.gen("x", *types, tools=[add, weather], **options))
        return s["x"]

    return ask


def in_turn(server: Any, *answers: Any) -> None:
    left = list(answers)
    server.answer = lambda body: left.pop(0)


def test_a_call_and_an_answer(server: Any, backend: OpenAI, said: Any) -> None:
    in_turn(server, said("Let me see.", (("add", '{"a": 2, "b": 3}'),)), said("It is 5."))
    run = asking().run(backend=backend)
    assert run.value == "It is 5."
    (call,) = run.meta("x").tool_calls
    assert (call.name, call.arguments, call.result) == ("add", {"a": 2, "b": 3}, 5)
    first, second = server.bodies
    assert first["tool_choice"] == second["tool_choice"] == "auto"
    assert [tool["function"]["name"] for tool in first["tools"]] == ["add", "weather"]
    assert first["messages"] == [{"role": "user", "content": "How is it?"}]
    _, assistant, result = second["messages"]
    assert assistant["content"] == "Let me see."
    made = assistant["tool_calls"][0]
    assert made["function"]["name"] == "add"
    assert json.loads(made["function"]["arguments"]) == {"a": 2, "b": 3}
    assert result == {"role": "tool", "tool_call_id": made["id"], "content": "5"}


def test_several_calls_of_one_reply_are_made_once(server: Any, backend: OpenAI, said: Any) -> None:
    calls = (
        ("weather", '{"city": "Oslo"}'),
        ("add", '{"a": 1, "b": 1}'),
        ("add", '{"a": 9, "b": 9}'),
    )
    in_turn(server, said("", calls), said("All done."))
    run = asking().run(backend=backend)
    assert run.value == "All done."
    assert [call.result for call in run.meta("x").tool_calls] == ["sunny in Oslo", 2, 18]
    assert len(server.bodies) == 2
    _, assistant, *results = server.bodies[1]["messages"]
    assert assistant["content"] is None
    ids = [call["id"] for call in assistant["tool_calls"]]
    assert [result["tool_call_id"] for result in results] == ids and len(set(ids)) == 3


def test_rounds_go_on(server: Any, backend: OpenAI, said: Any) -> None:
    one, two = said("", (("add", '{"a": 1, "b": 1}'),)), said("", (("add", '{"a": 2, "b": 2}'),))
    in_turn(server, one, two, said("4"))
    assert asking().run(backend=backend).value == "4"
    roles = [message["role"] for message in server.bodies[2]["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [("required", "required"), ("add", {"type": "function", "function": {"name": "add"}})],
)
def test_a_call_can_be_demanded(
    server: Any, backend: OpenAI, said: Any, choice: str, sent: Any
) -> None:
    in_turn(server, said("", (("add", '{"a": 2, "b": 2}'),)), said("4"))
    run = asking(tool_choice=choice).run(backend=backend)
    assert run.value == "4" and run.meta("x").tool_calls[0].result == 4
    assert server.bodies[0]["tool_choice"] == sent
    assert "response_format" not in server.bodies[0]
    assert server.bodies[1]["tool_choice"] == "auto"


def test_a_typed_answer_follows_calls(server: Any, backend: OpenAI, said: Any) -> None:
    in_turn(server, said("", (("add", '{"a": 2, "b": 2}'),)), said("four"), said('{"value": "4"}'))
    assert asking(int).run(backend=backend).value == 4
    assert server.bodies[2]["tool_choice"] == "none" and "response_format" in server.bodies[2]


def test_wrong_arguments_are_shown_to_the_model(server: Any, backend: OpenAI, said: Any) -> None:
    in_turn(server, said("", (("add", '{"a": "x"}'),)), said("sorry"))
    run = asking().run(backend=backend)
    assert run.value == "sorry" and run.meta("x").tool_calls[0].error
    assert "a" in server.bodies[1]["messages"][-1]["content"]


def test_arguments_that_are_no_json_are_an_error(server: Any, backend: OpenAI, said: Any) -> None:
    in_turn(server, said("", (("add", '{"a": '),)))
    run = asking().run(backend=backend)
    assert isinstance(run.error, tr.InvalidAnswer) and "no JSON" in str(run.error)


def test_a_demanded_call_that_does_not_come_is_an_error(
    server: Any, backend: OpenAI, said: Any
) -> None:
    in_turn(server, said("I will not."))
    run = asking(tool_choice="required").run(backend=backend)
    assert isinstance(run.error, tr.InvalidAnswer) and "I will not." in str(run.error)


def test_a_chat_goes_on_after_tools(server: Any, backend: OpenAI, said: Any) -> None:
    in_turn(server, said("", (("add", '{"a": 2, "b": 2}'),)), said("4"), said("bye"))

    @tr.function
    def ask(s: tr.State) -> Any:
        s += tr.user("2+2?")
        s += tr.assistant(tr.gen("x", tools=[add]))
        s += tr.user("Thanks.")
        s += tr.assistant(tr.gen("y"))
        return s["y"]

    assert ask.run(backend=backend).value == "bye"
    last = server.bodies[2]
    assert last["tool_choice"] == "none"
    assert [m["role"] for m in last["messages"]] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    assert last["messages"][3]["content"] == "4"
