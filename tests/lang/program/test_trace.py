"""Tracing: what becomes of a function, what cannot be traced and where, typed values, async functions, examples."""

import enum
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

import trellis as tr
from trellis.lang.program.branches import TracedBranches
from trellis.lang.program.traced import TracedState

HERE = Path(__file__).name
EXAMPLES = Path(__file__).parents[3] / "examples"


class Person(BaseModel):
    name: str
    age: int


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"traced_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def line_of(marker: str) -> int:
    lines = Path(__file__).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# {marker}"))


@tr.function
def extract(s, text: str, style: str = "short") -> Person:
    s += tr.system("You extract records, " + style)
    s += tr.user(text) + tr.assistant(tr.gen("person", Person, max_tokens=64))
    return s["person"]


def test_parameters_have_schemas_and_defaults():
    text, style = extract.trace().document.parameters
    assert (text.name, text.required, text.schema) == ("text", True, {"type": "string"})
    assert (style.name, style.required, style.default) == ("style", False, "short")


def test_given_arguments_are_fixed():
    program = extract.trace(style="long")
    assert [p.name for p in program.document.parameters] == ["text"]
    assert '"You extract records, long"' in str(program)
    with pytest.raises(tr.InvalidProgram, match="takes no 'txt'"):
        extract.trace(txt="x")


def test_a_traced_program_restores_types_and_one_from_json_gives_plain_data(fake):
    ada = Person(name="Ada", age=36)
    backend = fake({"person": ada})
    program = extract.trace()
    assert tr.function(program).run("x", backend=backend).value == ada
    again = tr.Program.from_json(program.to_json())
    assert tr.function(again).run(text="x", backend=backend).value == {"name": "Ada", "age": 36}


def test_fields_of_typed_values_work_in_both(fake):
    @tr.function
    def ask(s):
        s += tr.gen("person", Person)
        s += tr.gen("mood", Mood)
        s += " " + s["person"].name + tr.text(s["person"].age)
        return {"name": s["person"].name, "good": s["mood"] == Mood.GOOD}

    backend = fake({"person": Person(name="Ada", age=36), "mood": "good"})
    program = ask.trace()
    for form in (program, tr.Program.from_json(program.to_json())):
        run = tr.function(form).run(backend=backend)
        assert run.value == {"name": "Ada", "good": True}
        assert run.text().endswith(" Ada36")
    assert ask.run(backend=backend).text() == run.text()


@pytest.mark.parametrize(
    ("use", "remedy"),
    [
        (lambda s: f"{s['x']}", "join it with +"),
        (lambda s: str(s["x"]), "tr.text"),
        (lambda s: "a" if s["x"] == "a" else "b", "tr.match"),
        (lambda s: "a" if s["x"] else "b", "tr.match"),
        (lambda s: s["x"] in ("a", "b"), "tr.match"),
        (lambda s: {"a": 1}[s["x"]], "tr.match"),
        (lambda s: [*s["x"]], "tr.map"),
        (lambda s: len(s["x"]), "len"),
        (lambda s: int(s["x"]), "number"),
        (lambda s: s["x"].strip(), "called"),
        (lambda s: s["x"][None], "key"),
        (lambda s: s.meta("x"), "where Python runs"),
        (lambda s: s.text(), "capture"),
        (lambda s: s.messages(), "where Python runs"),
        (lambda s: s.add(tr.gen("y", check=bool), ""), "check="),
        (lambda s: s.add(tr.gen("y", tools=[len]), ""), ""),
        (lambda s: s.fork(s["x"]), "tr.map"),
        (lambda s: s.set("y", object()), "no plain data"),
        (lambda s: s.fork(2).join("best", by=lambda branch: 1), "by a Python function"),
        (lambda s: s.fork(2).kept, "where Python runs"),
    ],
)
def test_what_cannot_be_traced_says_why_and_where(use, remedy):
    @tr.function
    def ask(s):
        s += "a" + tr.gen("x")
        use(s)

    with pytest.raises((tr.Untraceable, tr.InvalidProgram)) as caught:
        ask.trace()
    assert remedy in str(caught.value)
    if isinstance(caught.value, tr.Untraceable):
        assert HERE in caught.value.where and caught.value.where in str(caught.value)


def test_the_line_is_that_of_the_program():
    @tr.function
    def ask(s, kind):
        s += "a"
        if kind:  # the untraceable line
            s += "b"

    with pytest.raises(tr.Untraceable) as caught:
        ask.trace()
    assert caught.value.where.endswith(f"{HERE}:{line_of('the untraceable line')}")
    assert isinstance(caught.value, tr.Unsupported)


def test_what_is_untraceable_runs_all_the_same(fake):
    @tr.function
    def ask(s, kind):
        s += f"{kind}" + tr.gen("x", check=lambda value: value == "v")
        return s["x"]

    assert ask.run("k", backend=fake("v")).value == "v"


async def test_async_functions_trace_and_run_the_same(fake):
    async def expand(s, item):
        s += "about " + item + tr.gen("told")
        return await s.get("told")

    @tr.function
    async def ask(s):
        s += tr.gen("items", list[str]) + tr.gen("kind", choices=["a", "b"])
        told = await tr.map(await s.get("items"), expand)

        async def more(state):
            state += "more" + tr.gen("extra")
            return await state.get("extra")

        extra = await tr.match(await s.get("kind"), {"a": more, "b": more})
        await tr.repeat(more, at_most=2)
        branches = s.fork(2)
        for branch in branches:
            branch += tr.gen("score")
        await branches.ajoin("best", by="score")
        return [told, extra, await s.get("score")]

    backend = fake({"items": lambda c: ["x", "y"], "told": lambda c: c.text[-1], "kind": "a"})
    runs = [await ask.arun(backend=backend)]
    runs.append(await tr.function(ask.trace()).arun(backend=backend))
    for run in runs:
        assert run.error is None, run.error
        assert run.value == [["x", "y"], "<extra>", "<score>"]
    assert runs[0].text() == runs[1].text()


def test_async_functions_that_wait_for_anything_else_are_untraceable():
    import asyncio

    @tr.function
    async def ask(s):
        await asyncio.sleep(0)

    with pytest.raises(tr.Untraceable, match="waits for anything but its state"):
        ask.trace()


def test_a_case_works_on_the_state_it_is_given():
    @tr.function
    def ask(s):
        s += tr.gen("k", choices=["a", "b"])
        other = s.copy()

        def case(state):
            other.add("to another", "")

        tr.match(s["k"], {"a": case}, default=case)

    with pytest.raises(tr.Untraceable, match="not its own"):
        ask.trace()


def test_a_case_that_leaves_a_turn_open_is_untraceable():
    def case(state):
        state.user().__enter__()

    @tr.function
    def ask(s):
        s += tr.gen("k", choices=["a", "b"])
        tr.match(s["k"], {"a": case}, default="x")

    with pytest.raises(tr.Untraceable, match="turn or capture open"):
        ask.trace()


def test_a_traced_state_has_what_a_state_has():
    def public(kind):
        return {name for name in dir(kind) if not name.startswith("_")}

    inner = {"append", "split", "interpreter", "scope"}
    assert public(tr.State) - inner <= public(TracedState) | {"names", "position"}
    assert public(tr.Branches) - {"index", "count"} <= public(TracedBranches)
    for name in public(tr.State) - inner:
        mine = getattr(TracedState, name, None)
        if callable(mine):
            theirs = inspect.signature(getattr(tr.State, name))
            assert list(inspect.signature(mine).parameters) == list(theirs.parameters), name
