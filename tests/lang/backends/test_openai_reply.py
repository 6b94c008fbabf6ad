"""A reply's pieces come to the same answers however they are cut and interleaved."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.lang.backends.base import Delta
from trellis.lang.backends.framing import call_text
from trellis.lang.backends.openai_reply import Reply

TEXTS = st.lists(st.text("ab\n<", max_size=10), min_size=1, max_size=3)


def piece(index: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def told(reply: Reply, pieces: list[dict[str, Any]]) -> dict[int, str]:
    deltas: list[Delta] = [delta for one in pieces for delta in reply.take(one)]
    return {
        index: "".join(delta.text for delta in deltas if delta.index == index)
        for index in range(len(reply.answers))
    }


@settings(deadline=None)
@given(TEXTS, st.integers(1, 4), st.randoms(use_true_random=False))
def test_cuts_and_order_do_not_matter(texts: list[str], size: int, random: Any) -> None:
    queues = [
        [piece(index, {"content": text[at : at + size]}) for at in range(0, len(text), size)]
        + [piece(index, {}, "length")]
        for index, text in enumerate(texts)
    ]
    pieces: list[dict[str, Any]] = []
    while any(queues):
        pieces.append(random.choice([queue for queue in queues if queue]).pop(0))
    reply = Reply(("<b",), len(texts))
    found = told(reply, pieces)
    assert reply.ended
    for index, text in enumerate(texts):
        finish = reply.answers[index].finish
        assert found[index] == text.partition("<b")[0] == "".join(reply.answers[index].told)
        assert finish is not None
        assert (finish.reason, finish.matched) == (
            ("stop", "<b") if "<b" in text else ("length", None)
        )


def test_a_changed_answer_comes_in_one_piece_at_its_end() -> None:
    reply = Reply((), 1, change=str.upper)
    assert reply.take(piece(0, {"content": "a"})) == []
    assert reply.take(piece(0, {"content": "b"}, "stop")) == [Delta("AB", 0)]


def test_calls_behind_a_stop_are_kept_ahead() -> None:
    reply = Reply(("<tool_call>",), 1)
    call = {"index": 0, "function": {"name": "add", "arguments": ""}}
    more = {"index": 0, "function": {"arguments": '{"a": 1}'}}
    pieces = [piece(0, {"content": "Well."}), piece(0, {"tool_calls": [call]})]
    pieces += [piece(0, {"tool_calls": [more]}), piece(0, {}, "tool_calls")]
    assert told(reply, pieces) == {0: "Well."}
    (answer,) = reply.answers
    assert answer.ahead == call_text("add", '{"a": 1}')
    assert answer.finish is not None and answer.finish.matched == "<tool_call>"


def test_an_answer_nobody_asked_for_is_not_heard() -> None:
    reply = Reply((), 1)
    assert reply.take(piece(3, {"content": "x"}, "stop")) == [] and not reply.ended
    assert reply.take({"choices": None, "usage": None}) == []
