"""The reader: however a text is cut, the same thoughts, words and calls come out of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis.lang.tools.formats import deepseek, hermes, llama, mistral
from trellis.lang.tools.formats.form import Call, Form
from trellis.runtime.server.conversation.events import (
    CallArguments,
    CallBegun,
    CallEnded,
    Event,
    Said,
    Thought,
)
from trellis.runtime.server.conversation.reader import Reader

MARKS = ("<think>", "</think>")
FORMS = [hermes.FORM, llama.FORM, mistral.FORM, mistral.NAMED, deepseek.FORM, deepseek.FENCED]


def read(
    text: str, form: Form | None = None, cuts: tuple[int, ...] = (), **options
) -> tuple[str, str, list[tuple[str, str]], str | None]:
    """(thoughts, words, calls, stop) of a text that comes in pieces."""
    reader = Reader(form, **options)
    events: list[Event] = []
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    for start, end in zip(places, places[1:], strict=False):
        events += reader.push(text[start:end])
    events += reader.end(cut=False)
    thoughts = "".join(e.text for e in events if isinstance(e, Thought))
    words = "".join(e.text for e in events if isinstance(e, Said))
    calls = [e for e in events if isinstance(e, CallBegun)]
    assert len(calls) == sum(isinstance(e, CallEnded) for e in events)
    arguments = [
        "".join(e.text for e in events if isinstance(e, CallArguments) and e.call == call.call)
        for call in calls
    ]
    made = [(call.name, text) for call, text in zip(calls, arguments, strict=True)]
    return thoughts, words, made, reader.stopped


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=6), JSON, max_size=3)
CUTS = st.lists(st.integers(0, 400), max_size=12).map(tuple)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@given(arguments=st.lists(OBJECTS, min_size=1, max_size=3), cuts=CUTS)
def test_what_a_form_writes_is_read_back(form, arguments, cuts) -> None:
    several = arguments if form.several != "never" else arguments[:1]
    calls = [Call(f"tool_{at}", one) for at, one in enumerate(several)]
    _, words, made, _ = read(form.write(calls), form, cuts)
    assert [(name, json.loads(text)) for name, text in made] == [
        (call.name, call.arguments) for call in calls
    ]
    assert words == ""


@given(cuts=CUTS)
def test_words_stand_beside_calls(cuts) -> None:
    call = hermes.FORM.write([Call("look", {"at": "}<tool_call>"})])
    text = f"<think>\nshould I?\n</think>\n\nYes.\n{call}\n{call}"
    thoughts, words, made, _ = read(text, hermes.FORM, cuts, marks=MARKS)
    assert (thoughts, words) == ("should I?", "Yes.")
    assert made == [("look", '{"at": "}<tool_call>"}')] * 2


@given(st.text(st.sampled_from("<think>/ \nab"), max_size=40), CUTS)
def test_pieces_make_the_whole(text, cuts) -> None:
    assert read(text, hermes.FORM, cuts, marks=MARKS) == read(text, hermes.FORM, (), marks=MARKS)
    assert read(text, None, cuts)[1] == text


@given(cuts=CUTS)
def test_a_stop_ends_words_and_not_calls(cuts) -> None:
    call = hermes.FORM.write([Call("look", {"at": "END"})])
    _, words, made, stopped = read(f"One{call}two END three", hermes.FORM, cuts, stops=("END",))
    assert (words, stopped) == ("Onetwo ", "END")
    assert made == [("look", '{"at": "END"}')]


def test_what_only_looks_like_a_call_is_text() -> None:
    assert read("<tool_call> is a mark", hermes.FORM)[1] == "<tool_call> is a mark"
    assert read("5 < 6", hermes.FORM)[1] == "5 < 6"


def test_a_call_that_is_cut_tells_what_there_is() -> None:
    reader = Reader(hermes.FORM)
    events = reader.push('<tool_call>\n{"name": "look", "arguments": {"at": "the wo')
    events += reader.end(cut=True)
    assert [type(event) for event in events] == [CallBegun, CallArguments, CallEnded]
    reader = Reader(hermes.FORM)
    assert reader.push('<tool_call>\n{"name": "lo') + reader.end(cut=True) == []


def test_text_is_given_out_as_it_comes() -> None:
    reader = Reader(hermes.FORM)
    assert reader.push("One ") == [Said("One")]
    assert reader.push("two <too") == [Said(" two")]
    assert reader.push("th>") == [Said(" <tooth>")]
