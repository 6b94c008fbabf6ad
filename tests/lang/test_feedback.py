"""Retries: an answer that is refused is forgotten; with feedback the model sees it and the reason once."""

import time

import pytest
from pydantic import BaseModel, Field

import trellis as tr


class Person(BaseModel):
    name: str = Field(description="the full name")
    age: int = Field(ge=0, le=130)


def above(limit):
    def check(value):
        if value <= limit:
            raise ValueError(f"{value} is not above {limit}")

    return check


@tr.function
def plain(s, **options):
    s += "A number: " + tr.gen("x", int, check=above(5), retries=3, **options) + "."
    return s["x"]


@tr.function
def chat(s, feedback=True):
    s += tr.user("A number?")
    s += tr.assistant("Sure: " + tr.gen("x", int, check=above(5), retries=3, feedback=feedback))
    s += tr.user("Thanks.")
    return s["x"]


def test_the_refused_answer_and_the_reason_are_shown_once_each(fake):
    backend = fake({"x": ["1", "2", "7"]})
    run = chat.run(backend=backend)
    assert run.value == 7 and run.meta("x").attempts == 3
    last = backend.calls[-1].text
    assert last.count("1 is not above 5") == last.count("2 is not above 5") == 1
    assert last.startswith("User:\nA number?\n\nAssistant:\nSure: 1\n\nUser:\nThat answer")
    assert last.endswith("Answer again.\n\nAssistant:\n")


def test_the_text_goes_on_as_if_the_first_answer_had_been_right(fake):
    run = chat.run(backend=fake({"x": ["1", "7"]}))
    assert run.text() == "User:\nA number?\n\nAssistant:\nSure: 7\n\nUser:\nThanks."
    assert [m["content"] for m in run.messages()] == ["A number?", "Sure: 7", "Thanks."]


def test_without_feedback_the_prompt_stays_and_the_draw_changes(fake):
    backend = fake({"x": ["1", "7"]})
    run = chat.run(feedback=False, backend=backend)
    first, second = backend.calls
    assert first.text == second.text and run.value == 7
    assert first.params.temperature == 0 and second.params.temperature > 0


def test_feedback_outside_of_turns_is_plain_text(fake):
    backend = fake({"x": ["1", "7"]})
    run = plain.run(feedback=True, backend=backend)
    assert run.text() == "A number: 7."
    assert "1 is not above 5" in backend.calls[1].text


def test_text_that_is_no_value_of_its_type_is_shown_too(fake):
    @tr.function
    def ask(s):
        s += tr.user("Who?") + tr.assistant(tr.gen("p", Person, retries=1, feedback=True))
        return s["p"]

    bad, good = '{"name": "Ada", "age": 200}', Person(name="Ada", age=36)
    backend = fake({"p": [bad, good]})
    assert ask.run(backend=backend).value == good
    assert bad in backend.calls[1].text and "less than or equal to 130" in backend.calls[1].text


def test_what_is_saved_is_told_and_is_what_asking_anew_would_compute(fake, tmp_path, capsys):
    run = plain.run(backend=fake({"x": ["1", "2", "7"]}))
    once = plain.run(backend=fake({"x": ["7"]}))
    assert once.meta("x").saved == 0
    assert run.meta("x").saved == 0  # a first prompt has no prefix to start from

    @tr.function
    def later(s):
        s += "one two three " + tr.gen("a")
        s += " four " + tr.gen("x", int, check=above(5), retries=3)

    run = later.run(backend=fake({"a": "b", "x": ["1", "2", "7"]}))
    meta = run.meta("x")
    assert meta.attempts == 3 and meta.saved == 2 * 4  # "one two three b", twice
    run.show(tmp_path / "run.html")
    run.show()
    for shown in ((tmp_path / "run.html").read_text(), " ".join(capsys.readouterr().out.split())):
        assert "3 attempts, 8 tokens saved by going back" in shown


def test_the_last_refusal_is_the_error_and_nothing_is_held(fake):
    run = plain.run(feedback=True, backend=fake({"x": ["1"] * 4}))
    assert isinstance(run.error, tr.InvalidAnswer) and run.error.text == "1"
    assert "1 is not above 5" in run.error.reason and run.error.where not in run.error.reason


def test_streams_tell_that_earlier_deltas_are_void(fake):
    events = list(chat.stream(backend=fake({"x": ["1", "7"]})))
    kinds = [type(e).__name__ for e in events if not isinstance(e, tr.Finished)]
    assert kinds == ["TextDelta", "Retried", "TextDelta", "VariableSet"]


@pytest.mark.parametrize(
    ("node", "hint"),
    [
        (tr.gen("x", Person, schema_in_prompt=True),
         'Answer with JSON: {"name": text (the full name), "age": integer 0 to 130}'),
        (tr.gen("x", choices=["a", "b"], schema_in_prompt=True), "Answer with one of: a, b"),
        (tr.gen("x", int, schema_in_prompt=True), "Answer with an integer"),
        (tr.gen("x", regex="a+", schema_in_prompt=True), "Answer with text that matches a+"),
    ],
)  # fmt: skip
def test_the_prompt_is_told_what_the_grammar_wants(fake, node, hint):
    @tr.function
    def ask(s):
        s += tr.system("Be brief.") + tr.user("Who?") + tr.assistant(node)

    backend = fake({"x": {"name": "Ada", "age": 36}} if node.type else None)
    run = ask.run(backend=fake({"x": "aa"}) if "a+" in hint else backend)
    assert run.error is None
    assert run.messages()[1]["content"] == f"Who?\n\n{hint}"
    assert f"User:\nWho?\n\n{hint}\n\nAssistant:\n" in run.text()


def test_the_hint_of_a_gen_outside_of_turns_stands_before_it(fake):
    @tr.function
    def ask(s):
        s += "Text: Ada, 36." + tr.gen("x", int, schema_in_prompt=True)

    assert ask.run(backend=fake({"x": 36})).text() == "Text: Ada, 36.\nAnswer with an integer\n36"


def test_a_hint_reaches_a_turn_that_was_computed_already(fake):
    @tr.function
    def ask(s):
        s += tr.user("A long question " * 30)
        branches = s.fork(2)
        for branch in branches:
            branch += tr.assistant(tr.gen("x", int, schema_in_prompt=True))
        branches.join()
        return s["x"]

    backend = fake({"x": 36})
    assert ask.run(backend=backend).value == [36, 36]
    asked = [call.text for call in backend.calls if call.kind == "generate"]
    assert all(text.count("Answer with an integer") == 1 for text in asked)


@pytest.mark.parametrize("error", [ValueError("no"), AssertionError("no"), SystemExit("no")])
def test_whatever_a_check_raises_is_a_refusal(fake, error):
    def check(value):
        raise error

    @tr.function
    def ask(s):
        s += tr.gen("x", check=check)

    failure = ask.run(backend=fake({"x": "1"})).error
    assert isinstance(failure, tr.InvalidAnswer) and failure.reason == "refused by its check: no"
    assert failure.__cause__ is error


def test_a_check_may_be_a_coroutine_and_may_call_functions(fake):
    @tr.function
    async def judge(s, text):
        s += text + tr.gen("verdict", bool)
        return await s.get("verdict")

    async def check(value):
        return await judge.acall(value)

    @tr.function
    def ask(s):
        s += tr.gen("x", check=check, retries=1)
        return s["x"]

    assert ask.run(backend=fake({"x": ["a", "b"], "verdict": [False, True]})).value == "b"


def test_a_check_that_hangs_ends_with_the_time_and_holds_up_nothing(fake):
    @tr.function
    def ask(s, limit=None):
        s += tr.gen("x", check=lambda value: time.sleep(3), timeout=limit)

    began = time.monotonic()
    with tr.Fake({"x": "1"}) as backend:
        of_gen = ask.run(0.1, backend=backend).error
        of_run = ask.run(backend=backend, timeout=0.1).error
    assert isinstance(of_gen, tr.DeadlineExceeded) and "the gen's 0.1 seconds" in str(of_gen)
    assert isinstance(of_run, tr.DeadlineExceeded) and "the run's 0.1 seconds" in str(of_run)
    assert time.monotonic() - began < 2
