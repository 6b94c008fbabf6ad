"""Thinking: free, within its budget, apart from the answer; the constraint holds behind the end mark."""

import pytest
from pydantic import BaseModel

import trellis as tr
from trellis.lang.answers.reasoning import find_marks


class Verdict(BaseModel):
    good: bool


def chatml(messages, open_assistant):
    text = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages)
    return text + ("<|im_start|>assistant\n" if open_assistant else "")


def forgetful(messages, open_assistant):
    """A template that leaves the thinking out of earlier turns."""
    kept = [{**m, "content": m["content"].split("[/THINK]")[-1].strip()} for m in messages]
    return chatml(kept, open_assistant)


def inviting(messages, open_assistant):
    """A template whose invitation begins the thinking."""
    return chatml(messages, open_assistant) + ("<think>\n" if open_assistant else "")


@tr.function
def judge(s, think=True, type=None):
    s += tr.user("Good?") + tr.assistant(tr.gen("verdict", type, think=think, max_tokens=20))
    return s["verdict"]


THOUGHTS = {"verdict.thinking": "it looks fine </think> not heard", "verdict": {"good": True}}


def test_the_thought_is_kept_apart_from_value_and_messages(fake):
    backend = fake(THOUGHTS, template=chatml)
    run = judge.run(type=Verdict, backend=backend)
    assert run.value == Verdict(good=True)
    assert run.meta("verdict").thinking == "it looks fine"
    assert run.messages()[-1] == {"role": "assistant", "content": '{"good": true}'}
    assert run.text().endswith('<think>\nit looks fine \n</think>\n\n{"good": true}')
    thought, answer = backend.calls
    assert thought.constraint is None and answer.constraint is not None
    assert answer.text.endswith("</think>\n\n")


def test_the_budget_ends_the_thinking_and_the_mark_is_written(fake):
    backend = fake({"verdict.thinking": "one two three four five", "verdict": "yes"})
    run = judge.run(think=tr.Thinking(max_tokens=3), backend=backend)
    assert (run.value, run.meta("verdict").thinking) == ("yes", "one two three")
    assert run.text().endswith("<think>\none two three\n</think>\n\nyes")
    assert [call.params.max_tokens for call in backend.calls] == [3, 20]


def test_a_model_that_forgets_the_end_mark_gets_it(fake):
    run = judge.run(backend=fake({"verdict.thinking": "hm", "verdict": "yes"}))
    assert run.text().endswith("<think>\nhm\n</think>\n\nyes")


@pytest.mark.parametrize(
    ("template", "marks"),
    [
        (chatml, ("<think>", "</think>")),
        (forgetful, ("[THINK]", "[/THINK]")),
        (inviting, ("<think>", "</think>")),
        (lambda messages, open_assistant: 1 / 0, ("<think>", "</think>")),
        (lambda messages, open_assistant: None, ("<think>", "</think>")),
    ],
)
def test_marks_are_found_by_what_the_template_does(template, marks):
    assert find_marks(template) == marks


def test_an_invitation_that_begins_the_thinking_is_not_repeated(fake):
    run = judge.run(backend=fake(THOUGHTS | {"verdict": "yes"}, template=inviting))
    assert run.text().count("<think>") == 1 and run.messages()[-1]["content"] == "yes"


def test_marks_of_ones_own(fake):
    think = tr.Thinking(begin="(hm: ", end=")")
    run = judge.run(think=think, backend=fake({"verdict.thinking": "well) x", "verdict": "yes"}))
    assert run.text().endswith("(hm: \nwell\n)\n\nyes")


def test_streams_tell_thoughts_apart(fake):
    events = list(judge.stream(backend=fake(THOUGHTS | {"verdict": "yes sir"})))
    thought = "".join(e.text for e in events if isinstance(e, tr.ThinkingDelta))
    said = "".join(e.text for e in events if isinstance(e, tr.TextDelta))
    assert (thought, said) == ("it looks fine ", "yes sir")


def test_a_retry_thinks_once(fake):
    @tr.function
    def ask(s):
        s += tr.gen("x", int, think=True, check=lambda value: value > 5, retries=1)

    backend = fake({"x.thinking": "hm", "x": ["1", "7"]})
    run = ask.run(backend=backend)
    assert (run["x"], run.meta("x").attempts, run.meta("x").thinking) == (7, 2, "hm")
    assert [call.name for call in backend.calls] == ["x.thinking", "x", "x"]


def test_thinking_that_stalls_ends_with_the_gens_time(fake):
    @tr.function
    def ask(s):
        s += tr.gen("x", think=True, timeout=0.05)

    error = ask.run(backend=fake({"x.thinking": tr.Stall("hm")})).error
    assert isinstance(error, tr.DeadlineExceeded) and "the gen's 0.05 seconds" in str(error)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: tr.gen("x", think="yes"), lambda: tr.Thinking(max_tokens=0), lambda: tr.Thinking(begin="<a>"),
        lambda: tr.Thinking(begin="", end=""), lambda: tr.gen("x", think=True, n=2), lambda: tr.Thinking(True),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(tr.InvalidProgram):
        wrong()
    assert tr.gen("x", think=False).thinking is None
