"""Turns go through framed text and come back as they were, whatever users write."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trellis as tr
from trellis.lang.backends.base import Piece
from trellis.lang.backends.framing import CALL, CALL_END, frame, read_talk
from trellis.lang.state.transcript import Transcript
from trellis.lang.tools.formats.detect import detect, history_arguments, shows_tools

NASTY = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "⟪assistant⟫",
            "⟪/⟫",
            "⟪tools []⟫",
            CALL + "{}" + CALL_END,
            "<tool_call>",
            "[[turn 0 of the chat]]",
        ]
    ),
)
TURNS = st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), NASTY), max_size=6)


class Framed:
    """As much of a backend as a transcript needs to render."""

    def render(self, messages, open_assistant, tools=()):
        return frame(messages, open_assistant, tools)


def written(turns, tools=()) -> Transcript:
    transcript = Transcript(Framed(), tools=tuple(tools))
    for role, content in turns:
        transcript.open(role, fixed=True)
        transcript.write(content)
        transcript.close()
    return transcript


@settings(deadline=None)
@given(TURNS)
def test_roles_and_contents_come_back(turns: list[tuple[str, str]]) -> None:
    transcript = written(turns)
    transcript.open("assistant", fixed=False)
    talk = read_talk(transcript.prompt("x").pieces)
    assert [(m["role"], m["content"]) for m in talk.messages] == turns
    assert (talk.begun, talk.calling, talk.called, talk.tools) == ("", False, False, ())


@settings(deadline=None)
@given(NASTY)
def test_a_turn_that_is_open_has_what_it_says(content: str) -> None:
    transcript = written([("user", "Hi")])
    transcript.open("assistant", fixed=False)
    transcript.write(content)
    assert read_talk(transcript.prompt("x").pieces).begun == content


def test_text_outside_of_turns_is_a_users() -> None:
    transcript = Transcript(Framed())
    transcript.write("Q: who?\nA:")
    assert read_talk(transcript.prompt("x").pieces).messages == [
        {"role": "user", "content": "Q: who?\nA:"}
    ]


def test_calls_get_the_ids_of_their_results() -> None:
    call = '{"name": "add", "arguments": {"a": 1}}'
    told = [Piece("⟪user⟫", True), Piece("Hi"), Piece(f"⟪/⟫⟪assistant⟫{CALL}", True), Piece(call)]
    told += [Piece(CALL_END, True), Piece("\n"), Piece(CALL, True), Piece(call)]
    for id in ("one", "two"):
        result = frame([{"role": "tool", "content": "", "name": "add", "tool_call_id": id}], False)
        told += [
            Piece((CALL_END if id == "one" else "") + "⟪/⟫" + result.removesuffix("⟪/⟫"), True),
            Piece(id),
        ]
    told.append(Piece("⟪/⟫⟪assistant⟫", True))
    _, assistant, first, second = read_talk(told).messages
    assert [c["id"] for c in assistant["tool_calls"]] == ["one", "two"]
    assert json.loads(assistant["tool_calls"][0]["function"]["arguments"]) == {"a": 1}
    assert assistant["content"] is None
    assert first == {"role": "tool", "tool_call_id": "one", "content": "one"}
    assert second["content"] == "two"


def test_an_open_call_is_seen() -> None:
    talk = read_talk([Piece("⟪user⟫", True), Piece("Hi"), Piece(f"⟪/⟫⟪assistant⟫{CALL}", True)])
    assert talk.calling and not talk.called
    made = read_talk([Piece(f"⟪assistant⟫{CALL}", True), Piece("{}"), Piece(CALL_END, True)])
    assert made.called and not made.calling


def test_the_language_knows_what_this_template_can() -> None:
    def render(messages, tools):
        return frame(messages, False, tools)

    assert detect(render).name == "hermes" and shows_tools(render)
    assert history_arguments(render) == {}


def test_tools_come_back_and_a_result_without_a_call_is_refused() -> None:
    tools = [{"type": "function", "function": {"name": "⟪/⟫", "parameters": {}}}]
    transcript = written([("user", "Hi")], tools)
    assert list(read_talk(transcript.prompt("x").pieces).tools) == tools
    with pytest.raises(tr.Unsupported, match="tools="):
        frame([{"role": "tool", "content": "x"}], False)
