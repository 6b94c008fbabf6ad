"""Templates with ways of their own: the text is what they make of the whole conversation, round after round."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trellis as tr
from trellis.lang.state.transcript import Transcript

CALLS = "<｜tool▁calls▁begin｜>"


@tr.tool
def add(a: int, b: int) -> dict[str, int]:
    """Add two numbers."""
    return {"sum": a + b}


@tr.function
def ask(s, system=""):
    if system:
        s += tr.system(system)
    s += tr.user("2 + 3?") + tr.assistant(tr.gen("answer", tools=[add]))
    s += tr.user("And?") + tr.assistant(tr.gen("last"))


def deepseek(messages, open_assistant, tools):
    """Results are opened once behind calls and closed by what follows; arguments of earlier calls must be texts."""
    text, first, results = (
        "".join(m["content"] for m in messages if m["role"] == "system"),
        True,
        False,
    )
    text += "".join(f"## {tool['function']['name']}" for tool in tools)
    for m in messages:
        match m["role"]:
            case "user":
                text += f"<U>{m['content']}<A>"
            case "assistant" if "tool_calls" in m:
                text += "<outputs end>" * results + m["content"] + CALLS
                for call in m["tool_calls"]:
                    made = call["function"]
                    text += f"<｜tool▁call▁begin｜>{made['name']}<｜tool▁sep｜>"
                    text += made["arguments"] + "<｜tool▁call▁end｜>"
                text += "<｜tool▁calls▁end｜><EOS>"
                first, results = True, False
            case "assistant":
                text += "<outputs end>" * results + m["content"] + "<EOS>"
                results = False
            case "tool":
                text += "<outputs begin>" * first + f"<output>{m['content']}</output>"
                first, results = False, True
    return text + "<outputs end>" * results


def llama(messages, open_assistant, tools):
    """Tools stand in the first user turn, without which it fails; results are quoted."""
    text = ""
    if messages[0]["role"] == "system":
        text, messages = f"[system]{messages[0]['content']}<eot>", messages[1:]
    if tools:
        shown = "".join(tool["function"]["name"] for tool in tools)
        text += f"[user]{shown}\n{messages[0]['content']}<eot>"
        messages = messages[1:]
    for m in messages:
        if "tool_calls" in m:
            (call,) = m["tool_calls"]
            made = call["function"]
            arguments = json.dumps(made["arguments"])
            text += f'[assistant]{{"name": "{made["name"]}", "parameters": {arguments}}}<eot>'
        elif m["role"] == "tool":
            text += f"[ipython]{json.dumps({'output': m['content']})}<eot>"
        else:
            text += f"[{m['role']}]{m['content']}<eot>"
    return text + "[assistant]" * open_assistant


def test_results_begin_as_they_do_behind_calls_in_every_round(fake):
    script = {
        "answer": [CALLS] * 2 + ["5"],
        "answer.call": [{"a": 2, "b": 3}, {"a": 1, "b": 1}],
        "last": "6",
    }
    run = ask.run("Be brief.", backend=fake(script, template=deepseek))
    assert run.error is None

    def call(**arguments):
        function = {"name": "add", "arguments": json.dumps(arguments)}
        return {"role": "assistant", "content": "", "tool_calls": [{"function": function}]}

    conversation = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "2 + 3?"},
        call(a=2, b=3),
        {"role": "tool", "content": '{"sum": 5}'},
        call(a=1, b=1),
        {"role": "tool", "content": '{"sum": 2}'},
        {"role": "assistant", "content": "5"},
        {"role": "user", "content": "And?"},
    ]
    told = [add.spec.as_function()]
    # The invitation after results closes them; what follows an answer is the same either way.
    assert run.text() == deepseek(conversation, True, told) + "6"


@pytest.mark.parametrize("system", ["", "Be brief."])
def test_tools_in_the_first_user_turn_and_quoted_results(fake, system):
    call = {"name": "add", "parameters": {"a": 2, "b": 3}}
    script = {"answer": [json.dumps(call), "5"], "answer.call": [call], "last": "6"}
    run = ask.run(system, backend=fake(script, template=llama))
    assert run.error is None and run.tool_calls[0].result == {"sum": 5}
    begin = "[system]Be brief.<eot>" if system else ""
    assert run.text() == (
        f"{begin}[user]add\n2 + 3?<eot>[assistant]{json.dumps(call)}<eot>"
        f"[ipython]{json.dumps({'output': json.dumps({'sum': 5})})}<eot>[assistant]5<eot>[user]And?<eot>[assistant]6"
    )


def chatml(messages, open_assistant, tools):
    shown = "".join(f"[{tool['function']['name']}]" for tool in tools)
    text = f"<start>tools\n{shown}<end>\n" * bool(tools)
    text += "".join(f"<start>{m['role']}\n{m['content']}<end>\n" for m in messages)
    return text + "<start>assistant\n" * open_assistant


def none(messages, open_assistant, tools):
    """A template that writes nothing but what it is given, and nothing at all in front."""
    return "".join(tool["function"]["name"] for tool in tools) + "".join(
        m["content"] for m in messages
    )


PARTS = st.lists(
    st.sampled_from(["system", "user", "assistant", "gen", "tool", "plain"]), min_size=1, max_size=7
)


@given(PARTS, st.sampled_from([chatml, none]))
def test_telling_of_tools_late_is_as_telling_of_them_first(parts, template):
    told = [add.spec.as_function()]
    with tr.Fake(template=template) as backend:
        late, early = Transcript(backend), Transcript(backend, tools=tuple(told))
        for transcript in (late, early):
            for index, part in enumerate(parts):
                if part != "plain":
                    transcript.open("assistant" if part == "gen" else part, part != "gen")
                transcript.write(f"content {index}")
                if part != "plain":
                    transcript.close()
        late.tell_tools(told)
        late.tell_tools(told)
        assert late.text() == early.text() and late.messages() == early.messages()
        assert [(t.begin, t.end) for t in late.turns] == [(t.begin, t.end) for t in early.turns]
        assert late.framed == early.framed and late.waiting == len(late.pieces)
        for transcript in (late, early):
            transcript.open("user", True)
        assert late.text() == early.text()


def test_a_second_gen_with_other_tools_tells_of_those(fake):
    @tr.tool
    def subtract(a: int, b: int) -> int:
        """Subtract."""
        return a - b

    @tr.function
    def talk(s):
        for tools in ([add], [add, subtract], [add, subtract]):
            s += tr.user("?") + tr.assistant(tr.gen("answer", tools=tools))

    backend = fake({"answer": "no"}, template=chatml)
    assert talk.run(backend=backend).error is None
    shown = [call.text.partition("<end>")[0] for call in backend.calls]
    assert [text.count("[") for text in shown] == [1, 2, 2]
    for earlier, later in itertools.pairwise(backend.calls[1:]):
        assert later.text.startswith(earlier.text)
