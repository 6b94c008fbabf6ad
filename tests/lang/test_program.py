"""Programs from the outside: every verb, typed values, roles, captures, n answers, nested functions."""

import asyncio
import dataclasses
import datetime
import enum
import gc
import threading
import weakref
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

import trellis as tr
from trellis.constrained.spec import Choices, Ebnf, JsonSchema, Regex


class Person(BaseModel):
    name: str
    age: int


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Pair(TypedDict):
    left: str
    right: list[int]


@tr.function
def extract(s: tr.State, text: str) -> Person:
    """Extracts a person."""
    s += tr.system("You extract records.")
    s += tr.user(text)
    s += tr.assistant(tr.gen("person", Person, max_tokens=128))
    return s["person"]


ADA = Person(name="Ada", age=36)


def test_plain_call_gives_the_typed_value(fake):
    assert extract.using(backend=fake({"person": ADA}))("Ada, 36") == ADA


def test_the_function_keeps_its_name_and_doc():
    assert extract.__name__ == "extract"
    assert extract.__doc__ == "Extracts a person."
    assert repr(extract).startswith("<function extract(text: str)")


def test_run_holds_variables_text_messages_meta_and_totals(fake):
    run = extract.run(text="Ada, 36", backend=fake({"person": ADA}))
    assert run.error is None
    assert run.value == run["person"] == ADA
    assert run.text().endswith('User:\nAda, 36\n\nAssistant:\n{"name": "Ada", "age": 36}')
    assert [m["role"] for m in run.messages()] == ["system", "user", "assistant"]
    assert run.messages()[2]["content"] == run.meta("person").text == '{"name": "Ada", "age": 36}'
    assert run.meta("person").finish.reason == "stop"
    assert run.usage.generated == len(run.meta("person").tokens) == 4
    assert run.variables == {"person": ADA}
    assert "person" in run and "other" not in run
    with pytest.raises(tr.UnknownVariable, match="'other'; those that are set: person"):
        run["other"]
    with pytest.raises(tr.Cancelled, match="closed"):
        run.state.add("too late", "")


def test_use_sets_the_default_and_blocks_nest(fake):
    one, two = fake("1"), fake("2")

    @tr.function
    def ask(s):
        s += tr.gen("x", int)
        return s["x"]

    with tr.use(one):
        with tr.use(two) as inner:
            assert inner is two and ask() == 2
        assert ask() == 1


def test_a_nested_call_runs_on_the_callers_backend(fake):
    @tr.function
    def outer(s):
        return extract("Ada, 36").name

    assert outer.run(backend=fake({"person": ADA})).value == "Ada"


def test_call_runs_a_function_on_the_same_state(fake):
    @tr.function
    def part(s, word):
        s += word + tr.gen("x")
        return s["x"]

    @tr.function
    def whole(s):
        s += "a "
        return s.call(part, word="b ") + "!"

    run = whole.run(backend=fake({"x": "c"}))
    assert (run.value, run.text(), run["x"]) == ("c!", "a b c", "c")


async def test_async_twins(fake):
    backend = fake({"person": ADA})
    on = extract.using(backend=backend)
    assert await on.acall("Ada") == ADA
    assert (await on.arun(text="Ada"))["person"] == ADA
    runs = await on.arun_batch([{"text": str(i)} for i in range(20)], limit=3)
    assert [r.value for r in runs] == [ADA] * 20
    kinds = [type(e) async for e in on.astream(text="Ada")]
    assert kinds == [tr.TextDelta, tr.PartialValue] * 4 + [tr.VariableSet, tr.Finished]


def test_async_functions_work_from_threads_and_loops(fake):
    backend = fake({"a": "1", "b": "2"})

    @tr.function(backend=backend)
    async def both(s):
        s += tr.gen("a", int)
        first = await s.get("a")
        s += " " + tr.gen("b", int)
        second = await s.get("b")
        await s.settled()
        return s.text(), first + second

    assert both() == ("1 2", 3)
    assert asyncio.run(both.acall()) == ("1 2", 3)
    assert [r.value for r in both.run_batch([{}, {}])] == [("1 2", 3)] * 2


def test_blocking_inside_async_code_on_the_loop_is_refused(fake):
    backend = fake({"a": "1"})

    @tr.function(backend=backend)
    async def blocks(s):
        s += tr.gen("a", int)
        return s["a"]

    @tr.function(backend=backend)
    async def calls(s):
        return extract("x")

    for program in (blocks, calls):
        run = program.run()
        assert isinstance(run.error, tr.InvalidProgram) and "await" in str(run.error)


@pytest.mark.parametrize(
    ("type_", "scripted", "value"),
    [
        (str, "free text", "free text"),
        (int, "-42", -42),
        (float, "2.5e3", 2500.0),
        (bool, "false", False),
        (Decimal, "1.50", Decimal("1.50")),
        (datetime.date, "2024-02-29", datetime.date(2024, 2, 29)),
        (datetime.time, "23:59", datetime.time(23, 59)),
        (
            datetime.datetime,
            "2024-01-01T10:00:00Z",
            datetime.datetime(2024, 1, 1, 10, tzinfo=datetime.UTC),
        ),
        (
            UUID,
            "12345678-1234-4234-8234-123456789abc",
            UUID("12345678-1234-4234-8234-123456789abc"),
        ),
        (Color, "blue", Color.BLUE),
        (Literal["a", 7], "7", 7),
        (Point, '{"x": 1}', Point(1)),
        (Pair, '{"left": "l", "right": [1]}', {"left": "l", "right": [1]}),
        (list[Person], [[ADA]], [ADA]),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (tuple[int, str], '[1, "a"]', (1, "a")),
        (int | None, "null", None),
        (Annotated[int, Field(ge=0, le=9)], "7", 7),
        (Person | Point, '{"x": 3, "y": 4}', Point(3, 4)),
    ],
    ids=str,
)
def test_typed_values(fake, type_, scripted, value):
    @tr.function
    def ask(s):
        s += tr.gen("x", type_)
        return s["x"]

    got = ask.run(backend=fake({"x": scripted})).value
    assert got == value and type(got) is type(value)


@pytest.mark.parametrize(
    ("options", "constraint", "scripted", "value"),
    [
        ({"regex": r"\d+"}, Regex(r"\d+"), "12", "12"),
        ({"choices": ["a", "b"]}, Choices(("a", "b")), "b", "b"),
        ({"ebnf": 'start: "a"'}, Ebnf('start: "a"'), "a", "a"),
        ({"schema": {"type": "integer"}}, JsonSchema('{"type": "integer"}'), "5", 5),
        ({"schema": '{"type": "array"}'}, JsonSchema('{"type": "array"}'), "[1]", [1]),
    ],
)
def test_constraints_reach_the_backend(fake, options, constraint, scripted, value):
    backend = fake({"x": scripted})

    @tr.function
    def ask(s):
        s += tr.gen("x", **options)
        return s["x"]

    assert ask.run(backend=backend).value == value
    assert backend.calls[0].constraint == constraint


def test_every_sampling_parameter_reaches_the_backend(fake):
    backend = fake("word")
    options = {
        "max_tokens": 7, "min_tokens": 1, "temperature": 0.5, "top_p": 0.9, "top_k": 5, "min_p": 0.1,
        "repetition_penalty": 1.1, "frequency_penalty": 0.2, "presence_penalty": 0.3, "seed": 3, "stop": ("x",),
        "stop_token_ids": (4,), "stop_regex": "y+", "ignore_eos": True, "logit_bias": ((1, 2.0),), "n": 2,
        "logprobs": True, "top_logprobs": 2, "adapter": "a", "priority": 1, "timeout": 5.0, "namespace": "n",
        "keep": True,
    }  # fmt: skip
    assert set(options) == {f.name for f in dataclasses.fields(tr.SamplingParams)}

    @tr.function
    def ask(s):
        s += tr.gen("x", **options)

    assert ask.run(backend=backend).error is None
    assert backend.calls[0].params == tr.SamplingParams(**options)


def test_defaults_of_a_function_are_overridden_by_a_gen(fake):
    backend = fake("word")

    @tr.function(temperature=0.5, max_tokens=3)
    def ask(s):
        s += tr.gen("a") + tr.gen("b", temperature=0.0)

    ask.using(max_tokens=9).run(backend=backend)
    assert [(c.params.temperature, c.params.max_tokens) for c in backend.calls] == [
        (0.5, 9),
        (0.0, 9),
    ]


def test_n_answers_are_a_list_and_the_text_goes_on_with_the_first(fake):
    @tr.function
    def ask(s):
        s += "Q " + tr.gen("x", int, n=3) + " then " + tr.gen("y")
        return s["x"]

    run = ask.run(backend=fake({"x": ["1", "2", "3"], "y": "end"}))
    assert run.value == [1, 2, 3]
    assert run.text() == "Q 1 then end"
    assert [a.text for a in run.meta("x").answers] == ["1", "2", "3"]


def test_unnamed_gens_do_not_collide(fake):
    @tr.function
    def ask(s):
        s += tr.gen() + "," + tr.gen() + "," + tr.select(None, ["a", "b"])
        return s["_1"], s["_2"], s["_3"]

    assert ask.run(backend=fake({"_1": "x", "_2": "y", "_3": "b"})).value == ("x", "y", "b")


def test_log_probabilities_are_in_the_meta(fake):
    @tr.function
    def ask(s):
        s += tr.gen("x", logprobs=True, top_logprobs=1)

    meta = ask.run(backend=fake({"x": "two words"})).meta("x")
    assert meta.logprobs == (-0.1, -0.1)
    assert meta.tokens[0].top[0][1] == "two"


def test_capture_and_set(fake):
    @tr.function
    def ask(s):
        s += "before "
        with s.capture("story"):
            s += "once " + tr.gen("x") + "!"
        s.set("other", [1])
        return s["story"], s["other"]

    run = ask.run(backend=fake({"x": "upon"}))
    assert run.value == ("once upon!", [1])
    assert run.text() == "before once upon!"


def test_roles_as_blocks_say_the_same_as_functions(fake):
    @tr.function
    def blocks(s):
        with s.system():
            s += "be "
            s += "brief"
        with s.user():
            s += "hi"
        with s.assistant():
            s += "Well: " + tr.gen("x")
        with s.tool():
            s += "42"

    @tr.function
    def functions(s):
        s += (
            tr.system("be brief")
            + tr.user("hi")
            + tr.assistant("Well: " + tr.gen("x"))
            + tr.tool("42")
        )

    one, two = (f.run(backend=fake({"x": "hello"})) for f in (blocks, functions))
    assert one.text() == two.text()
    assert one.messages() == two.messages()
    assert one.messages()[2] == {"role": "assistant", "content": "Well: hello"}


def test_a_plain_call_runs_in_the_callers_thread(fake):
    @tr.function
    def where(s):
        return threading.current_thread()

    assert where.using(backend=fake())() is threading.current_thread()


def test_start_goes_on_in_the_background(fake):
    run = extract.start("Ada", backend=fake({"person": ADA}, delay_seconds=0.01))
    run.wait(5)
    assert run.done and run.value == ADA


def test_check_and_retries(fake):
    backend = fake({"x": ["1", "2", "3"]})

    def is_large(value):
        if value < 3:
            raise ValueError("too small")

    @tr.function
    def ask(s):
        s += "n = " + tr.gen("x", int, check=is_large, retries=2, seed=5)
        return s["x"]

    run = ask.run(backend=backend)
    assert run.value == 3
    assert run.meta("x").attempts == 3
    assert run.text() == "n = 3"
    assert [(c.text, c.params.seed, c.params.temperature) for c in backend.calls] == [
        ("n = ", 5, 0.0),
        ("n = ", 6, 0.7),
        ("n = ", 7, 0.7),
    ]
    assert backend.held == 0


def test_a_run_that_nobody_refers_to_is_gone_at_once(fake):
    @tr.function
    async def ask(s):
        s += "Why? " + tr.gen("x") + tr.select("y", ["a", "b"])
        branches = s.fork(2)
        for branch in branches:
            branch += tr.gen("z")
        branches.join()
        return await s.get("z")

    gc.collect()
    gc.disable()  # runs are counted, not collected
    try:
        run = ask.run(backend=fake("a"))
        assert run.value == ["a", "a"]
        seen = [weakref.ref(thing) for thing in (run, run.scope, run.state, run.state.interpreter)]
        # Whoever woke the caller lets go of the run a moment later.
        run.scope.backend.loop.submit(asyncio.sleep(0)).result()
        del run
        assert [ref() for ref in seen] == [None] * 4
    finally:
        gc.enable()
