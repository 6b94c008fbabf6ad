"""What typical mistakes are told: the word that is wrong, and what would be right."""

import re
import time

import pytest

import trellis as tr


@tr.function
def ask(s, text: str):
    s += text + tr.gen("x")
    return s["x"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((), {}), (("a", "b"), {}), ((), {"txt": "a"}), (("a",), {"text": "b"})],
)
def test_wrong_arguments_are_told_with_the_function_and_what_it_takes(fake, arguments, named):
    with pytest.raises(TypeError, match=r"^ask\(text: str\): "):
        ask(*arguments, **named)
    (run,) = ask.run_batch([{"txt": "a"}], backend=fake())
    assert str(run.error).startswith("ask(text: str): missing a required argument: 'text'")


@pytest.mark.parametrize("wrong", ["http://localhost", tr.Fake])
def test_what_is_no_backend_is_told_at_once(wrong):
    for call in (
        lambda: ask.run("a", backend=wrong),
        lambda: ask.using(backend=wrong),
        lambda: ask.stream("a", backend=wrong),
        lambda: ask.run_batch([{"text": "a"}], backend=wrong),
        lambda: tr.use(wrong),
    ):
        with pytest.raises(tr.InvalidProgram, match="backend"):
            call()


def test_what_is_no_function_cannot_be_one():
    with pytest.raises(tr.InvalidProgram, match="a Python function of a state, got 3"):
        tr.function(3)


@pytest.mark.parametrize("wrong", [lambda value: True, len, str.upper, tr.gen])
def test_a_check_in_the_place_of_the_type_is_told_where_it_goes(wrong):
    with pytest.raises(tr.InvalidType, match="check="):
        tr.gen("x", wrong)


def test_a_tool_without_a_signature_is_told_so():
    with pytest.raises(tr.InvalidProgram, match="monotonic.*wrap it in a function"):
        tr.gen("x", tools=[time.monotonic])


def test_tools_are_called_so_where_they_cannot_be_traced():
    @tr.tool
    def add(a: int, b: int) -> int:
        return a + b

    @tr.function
    def calculate(s):
        s += tr.user("1 + 2?") + tr.assistant(tr.gen("x", tools=[add]))

    with pytest.raises(tr.Untraceable, match="tools= are Python functions"):
        calculate.trace()


def test_a_backend_that_notices_the_deadline_first_says_the_same(fake):
    def late(call):
        time.sleep(0.1)  # in which the run's own timer cannot go off
        return TimeoutError("the choices were not scored in 0.05 seconds")

    error = ask.run("a", backend=fake(late), timeout=0.05).error
    assert isinstance(error, tr.DeadlineExceeded)
    assert "the run's 0.05 seconds" in str(error)


@pytest.mark.parametrize(
    ("mistake", "meant"),
    [
        (lambda: tr.gen("x", temprature=1), "temperature"),
        (lambda: tr.gen("x", max_token=1), "max_tokens"),
        (lambda: ask.using(max_token=1), "max_tokens"),
        (lambda: ask.run_batch([], limt=3), "limit"),
        (lambda: tr.Engine(max_runing=3), "max_running"),
        (lambda: tr.function(lambda s: s.set("answer", 1) or s["anwser"])(), "answer"),
    ],
)
def test_of_a_word_that_is_nearly_right_the_right_one_is_said(fake, mistake, meant):
    with tr.use(fake()), pytest.raises(Exception, match=rf"did you mean '{meant}'\?"):
        mistake()


def test_a_constraint_that_is_none_is_told_with_its_gen_and_line(fake):
    @tr.function
    def find(s):
        s += "a " + tr.gen("good", regex="[0-9]") + tr.gen("bad", regex="[0-9")

    run = find.run(backend=fake())
    assert isinstance(run.error, tr.InvalidConstraint)
    (note,) = run.error.__notes__
    assert re.fullmatch(r"in gen 'bad' at .*test_mistakes.py:\d+", note)
