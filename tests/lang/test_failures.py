"""What goes wrong surfaces at the read, names the gen and the line, and never hangs."""

import asyncio
import gc
import threading
import time
import weakref
from pathlib import Path

import pytest
from pydantic import BaseModel

import trellis as tr

HERE = Path(__file__).name


class Person(BaseModel):
    name: str
    age: int


def line_of(marker: str) -> int:
    """The line of this file that ends with the marker comment."""
    lines = Path(__file__).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# {marker}"))


def eventually(condition, seconds=2.0):
    """Waits for what another thread is about to do."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.002)


def test_a_backend_error_names_the_gen_and_the_line(fake):
    @tr.function
    def ask(s):
        s += "a " + tr.gen("good")
        s += tr.gen("bad")  # the failing line
        return s["bad"]

    run = ask.run(backend=fake({"good": "ok", "bad": RuntimeError("boom")}))
    error = run.error
    assert isinstance(error, tr.GenError) and isinstance(error, tr.ProgramError)
    assert error.name == "bad"
    assert error.where.endswith(f"{HERE}:{line_of('the failing line')}")
    assert "gen 'bad'" in str(error) and "boom" in str(error) and error.where in str(error)
    assert isinstance(error.__cause__, RuntimeError)
    assert run["good"] == "ok"
    assert run.text() == "a ok"
    with pytest.raises(tr.GenError, match="boom"):
        run["bad"]
    with pytest.raises(tr.GenError, match="boom"):
        _ = run.value


def test_a_plain_call_raises_the_error_through_the_programs_own_line(fake):
    @tr.function
    def ask(s):
        s += tr.gen("bad")
        return s["bad"]

    with pytest.raises(tr.GenError, match="boom") as caught:
        ask.using(backend=fake(RuntimeError("boom")))()
    assert any(entry.path.name == HERE and entry.name == "ask" for entry in caught.traceback)


def test_an_error_nobody_read_is_still_raised(fake):
    @tr.function
    def ask(s):
        s += tr.gen("bad")
        return "fine"

    with pytest.raises(tr.GenError, match="boom"):
        ask.using(backend=fake(RuntimeError("boom")))()


def test_appends_and_reads_after_an_error_raise_it_at_once(fake):
    seen: list[Exception] = []

    @tr.function
    def ask(s):
        s += tr.gen("bad") + "more" + tr.gen("later")
        for read in (
            lambda: s["bad"],
            lambda: s["later"],
            s.text,
            s.messages,
            s.sync,
            lambda: s.fork(2),
        ):
            with pytest.raises(tr.GenError) as caught:
                read()
            seen.append(caught.value)
        with pytest.raises(tr.GenError):
            s += "append"

    run = ask.run(backend=fake({"bad": RuntimeError("boom")}), timeout=5)
    assert isinstance(run.error, tr.GenError)
    assert len(seen) == 6 and all(error is run.error for error in seen)


def test_a_caught_error_of_a_branch_does_not_stop_the_run(fake):
    @tr.function
    def ask(s):
        s += "x"
        branches = s.fork(2)
        branches[0] += tr.gen("bad")
        branches[1] += tr.gen("good")
        with pytest.raises(tr.GenError):
            branches[0]["bad"]
        return branches[1]["good"]

    run = ask.run(backend=fake({"bad": RuntimeError("boom"), "good": "fine"}))
    assert (run.error, run.value) == (None, "fine")


@pytest.mark.parametrize("max_tokens", [1, 2, 3])
def test_truncated_typed_text_is_an_error_with_the_partial_text(fake, max_tokens):
    @tr.function
    def ask(s):
        s += tr.gen("person", Person, max_tokens=max_tokens)
        return s["person"]

    error = ask.run(backend=fake({"person": Person(name="Ada", age=36)})).error
    assert isinstance(error, tr.InvalidAnswer)
    assert error.text == '{"name": "Ada", "age": 36}'[: len(error.text)] != ""
    assert isinstance(error.partial, tr.Partial) and error.partial.age is None
    assert error.partial.name == (None if max_tokens == 1 else "Ada")
    assert f"max_tokens={max_tokens}" in str(error)


def test_truncated_free_text_is_fine_and_says_so(fake):
    @tr.function
    def ask(s):
        s += tr.gen("x", max_tokens=2)

    run = ask.run(backend=fake({"x": "one two three"}))
    assert (run["x"], run.meta("x").finish.reason) == ("one two", "length")


def test_text_that_is_no_value_of_the_type_is_an_error(fake):
    @tr.function
    def ask(s):
        s += tr.gen("person", Person)

    error = ask.run(backend=fake({"person": '{"name": "Ada"}'})).error
    assert isinstance(error, tr.InvalidAnswer) and error.partial == '{"name": "Ada"}'


def test_retries_used_up_raise_the_last_refusal(fake):
    @tr.function
    def ask(s):
        s += tr.gen("x", int, check=lambda value: value > 5, retries=1)

    run = ask.run(backend=fake({"x": ["1", "2"]}))
    assert isinstance(run.error, tr.InvalidAnswer) and run.error.partial == "2"


def test_reading_what_nothing_sets_names_what_exists(fake):
    @tr.function
    def ask(s):
        s += tr.gen("city")
        return s["town"]

    error = ask.run(backend=fake()).error
    assert isinstance(error, tr.UnknownVariable) and isinstance(error, KeyError)
    assert str(error) == "nothing sets the variable 'town'; those that are set: city"


def test_an_error_of_the_program_itself_is_kept_and_ends_the_work(fake):
    backend = fake(tr.Stall("some"))

    @tr.function
    def ask(s):
        s += tr.gen("x")
        raise ZeroDivisionError("mine")

    run = ask.run(backend=backend)
    assert isinstance(run.error, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        _ = run.value
    assert backend.working == 0


def test_a_deadline_ends_a_program_that_reads(fake):
    backend = fake({"x": tr.Stall("some text")})

    @tr.function
    def ask(s):
        s += tr.gen("x")
        return s["x"]

    began = time.monotonic()
    run = ask.run(backend=backend, timeout=0.1)
    assert isinstance(run.error, tr.DeadlineExceeded) and isinstance(run.error, TimeoutError)
    assert (run.error.name, run.error.partial) == ("x", "some text") and HERE in run.error.where
    assert time.monotonic() - began < 2
    assert (backend.working, backend.aborted) == (0, 1)


def test_a_deadline_ends_the_work_of_a_program_that_does_not_read(fake):
    backend = fake({"x": tr.Stall()})

    @tr.function
    def ask(s):
        s += tr.gen("x")
        eventually(lambda: backend.aborted == 1)

    run = ask.run(backend=backend, timeout=0.1)
    assert isinstance(run.error, tr.DeadlineExceeded) and run.error.name == "x"


def test_the_timeout_of_a_gen_ends_that_gen(fake):
    @tr.function
    def ask(s):
        s += tr.gen("x", timeout=0.05)

    error = ask.run(backend=fake(tr.Stall("some text"))).error
    assert isinstance(error, tr.DeadlineExceeded)
    assert (error.name, error.partial) == ("x", "some text")
    assert "the gen's 0.05 seconds" in str(error)


@pytest.mark.parametrize("verb", ["select", "hold"])
def test_deadlines_hold_for_selects_and_forks(fake, verb):
    @tr.function
    def ask(s):
        s += "long " * 100
        if verb == "select":
            s += tr.select("x", ["a", "b"])
        else:
            s.fork(2)
        s.sync()

    backend = fake(tr.Stall(), delay_seconds=10)
    assert isinstance(ask.run(backend=backend, timeout=0.05).error, tr.DeadlineExceeded)


def test_cancel_ends_the_work_and_the_program(fake):
    backend = fake(tr.Stall())

    @tr.function
    def ask(s):
        s += "x"
        branches = s.fork(3)
        for branch in branches:
            branch += tr.gen("y")
        branches.join()
        return s["y"]

    run = ask.start(backend=backend)
    eventually(lambda: backend.working == 3)
    run.cancel()
    run.wait(2)
    assert isinstance(run.error, tr.Cancelled)
    assert (backend.working, backend.aborted) == (0, 3)


async def test_cancelling_an_async_call_cancels_the_run(fake):
    backend = fake(tr.Stall())

    @tr.function(backend=backend)
    def threaded(s):
        s += tr.gen("x")
        return s["x"]

    @tr.function(backend=backend)
    async def on_the_loop(s):
        s += tr.gen("x")
        return await s.get("x")

    for program in (threaded, on_the_loop):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(program.acall(), 0.05)
        while backend.working:
            await asyncio.sleep(0.001)
    assert backend.aborted == 2


def test_closing_the_backend_fails_what_runs_on_it(fake):
    backend = fake(tr.Stall())

    @tr.function
    def ask(s):
        s += tr.gen("x")
        return s["x"]

    run = ask.start(backend=backend)
    eventually(lambda: backend.working == 1)
    backend.close()
    run.wait(2)
    assert isinstance(run.error, tr.Cancelled) and "closed" in str(run.error)
    assert isinstance(ask.run(backend=backend).error, tr.NoBackend)


def test_a_failing_item_does_not_lose_its_batch(fake):
    def answer(call):
        return RuntimeError("boom") if "3" in call.text else "ok"

    @tr.function
    def ask(s, number):
        s += f"{number} " + tr.gen("x")
        return s["x"]

    items = [{"number": i} for i in range(6)] + [{"wrong": 1}]
    runs = ask.run_batch(items, backend=fake({"x": answer}))
    assert [r.error is None for r in runs] == [True, True, True, False, True, True, False]
    assert [r.value for r in runs if r.error is None] == ["ok"] * 5
    assert isinstance(runs[3].error, tr.GenError) and isinstance(runs[6].error, TypeError)


@pytest.mark.parametrize(
    ("write", "error", "words"),
    [
        (lambda: tr.gen("x", int, regex="a"), tr.InvalidProgram, "one constraint"),
        (lambda: tr.gen("x", regex="a", choices=["a"]), tr.InvalidProgram, "regex and choices"),
        (lambda: tr.gen("x", choices=[]), tr.InvalidProgram, "choices"),
        (lambda: tr.gen("x", choices=["a", "a"]), tr.InvalidProgram, "twice"),
        (lambda: tr.gen("x", schema="{"), tr.InvalidProgram, "not JSON"),
        (lambda: tr.gen("x", schema=Person), tr.InvalidProgram, r"gen\(name, type\)"),
        (lambda: tr.gen("x", object()), tr.InvalidType, "object.*pydantic model, dataclass"),
        (lambda: tr.gen("x", threading.Lock), tr.InvalidType, "lock.*pydantic model, dataclass"),
        (lambda: tr.gen("x", {"type": "object"}), tr.InvalidType, "schema="),
        (lambda: tr.gen("x", list["Missing"]), tr.InvalidType, "Missing"),  # noqa: F821  # that is it
        (lambda: tr.gen("x", max_tokens=-1), tr.InvalidParams, "max_tokens"),
        (lambda: tr.gen("x", max_tokns=1), tr.InvalidParams, "max_tokns"),
        (lambda: tr.gen("x", tools=[len]), tr.InvalidProgram, "by position only"),
        (lambda: tr.gen("x", tools=[]), tr.InvalidProgram, "at least one tool"),
        (lambda: tr.gen("x", think=3), tr.InvalidProgram, "Thinking"),
        (lambda: tr.gen("x", retries=-1), tr.InvalidProgram, "retries"),
        (lambda: tr.gen(""), tr.InvalidProgram, "name"),
        (lambda: tr.select("x", ["a"], method="best"), tr.InvalidProgram, "method"),
        (lambda: tr.select("x", "abc"), tr.InvalidProgram, "list"),
        (lambda: tr.select("x", []), tr.InvalidProgram, "one at least"),
        (lambda: tr.user(tr.user("x")), tr.InvalidProgram, "cannot hold another turn"),
        (lambda: "a" + tr.gen("x") + 3, tr.InvalidProgram, "int"),
        (lambda: f"a {tr.gen('x')}", tr.InvalidProgram, "f-string"),
        (lambda: tr.function(timeout=0)(lambda s: s), tr.InvalidProgram, "timeout"),
        (lambda: tr.function(temprature=0)(lambda s: s), tr.InvalidParams, "temprature"),
        (lambda: tr.function(lambda: 1), tr.InvalidProgram, "first parameter"),
        (lambda: tr.function(lambda s, backend: 1), tr.InvalidProgram, "backend"),
        (lambda: tr.use("fake"), tr.InvalidProgram, "backend"),
    ],
)
def test_mistakes_raise_where_they_are_written(write, error, words):
    with pytest.raises(error, match=words):
        write()


def test_a_variable_is_not_assigned(fake):
    @tr.function
    def ask(s):
        s["x"] = 3

    assert "s.set('x', value)" in str(ask.run(backend=fake()).error)


def test_an_unusable_constraint_raises_at_the_append_before_anything_runs(fake):
    backend = fake()

    @tr.function
    def ask(s):
        with pytest.raises(tr.InvalidConstraint):
            s += "text " + tr.gen("x") + tr.gen("y", regex="(")
        return s.text()

    assert ask.run(backend=backend).value == ""
    assert backend.calls == []


def test_a_scripted_answer_that_its_constraint_forbids_is_an_error(fake):
    @tr.function
    def ask(s):
        s += tr.gen("x", choices=["a", "b"])

    error = ask.run(backend=fake({"x": "c"})).error
    assert isinstance(error, tr.GenError) and "none of a, b" in str(error)


def test_a_turn_inside_a_turn_is_refused(fake):
    @tr.function
    def ask(s):
        with s.user():
            s += tr.assistant("x")

    assert isinstance(ask.run(backend=fake()).error, tr.InvalidProgram)


@pytest.mark.parametrize(
    "node",
    [tr.select("x", ["a"]), tr.gen("x", n=2), tr.gen("x", logprobs=True)],
    ids=["score", "n", "logprobs"],
)
def test_what_the_backend_cannot_do_is_unsupported(fake, node):
    backend = fake()
    backend.capabilities = frozenset()

    @tr.function
    def ask(s):
        s += node

    assert isinstance(ask.run(backend=backend).error, tr.Unsupported)


def test_errors_do_not_keep_runs_alive(fake):
    @tr.function
    def ask(s):
        s += tr.gen("x")

    backend = fake(lambda call: RuntimeError("boom"))
    runs = [weakref.ref(ask.run(backend=backend)) for _ in range(3)]
    gc.collect()
    assert [run() for run in runs] == [None] * 3
