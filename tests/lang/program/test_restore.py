"""Types given back to plain data, and a Program on the bundled model."""

import enum

import pytest
from pydantic import BaseModel

import trellis as tr
from trellis.lang.program.restore import Types


class Person(BaseModel):
    name: str


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


@tr.function
def ask(s, text: str):
    s += text + tr.gen("person", Person) + tr.gen("mood", Mood) + tr.gen("sure", bool)
    s += tr.gen("ages", int, n=2) + tr.gen("items", list[str])

    def branch(b, item):
        b += item + tr.gen("found", Person)
        return b["found"]

    found = tr.map(s["items"], branch)
    return {"all": [s["person"], s["mood"], s["sure"]], "found": found, "ages": s["ages"], "c": 1}


def test_a_remote_result_gets_its_types_back(fake):
    program = ask.trace()
    backend = fake(
        {"person": Person(name="Ada"), "mood": "bad", "items": lambda c: ["x", "y"], "ages": "3"}
    )
    here = tr.function(program).run("t", backend=backend)
    there = tr.function(tr.Program.from_json(program.to_json())).run("t", backend=backend)
    assert there.value["all"] == [{"name": "Ada"}, "bad", there.value["all"][2]]
    types = Types(program)
    assert types.result(there.value) == here.value
    assert here.value["all"][:2] == [Person(name="Ada"), Mood.BAD]
    for name, value in there.variables.items():
        assert types.variable(name, value) == here[name]
    with pytest.raises(ValueError, match="name"):
        types.variable("person", {"nome": "Ada"})


def test_a_program_inside_a_traced_function_is_untraceable():
    inner = tr.function(ask.trace())

    @tr.function
    async def outer(s):
        return await s.call(inner, "text")

    with pytest.raises(tr.Untraceable, match="the function that it came from"):
        outer.trace()


async def test_a_program_runs_inside_a_running_function(fake):
    inner = tr.function(ask.trace())

    @tr.function
    async def outer(s):
        s += "before "
        return (await s.call(inner, "text"))["c"]

    assert await outer.using(backend=fake()).acall() == 1


@tr.function
def describe(s, city: str):
    s += tr.user("Where is " + city + "?") + tr.assistant(tr.gen("where", max_tokens=12))
    s += tr.user("Is that in Europe?") + tr.assistant(tr.select("europe", ["yes", "no"]))
    tr.match(s["europe"], {"yes": tr.user("Good.")}, default=tr.user("Far."))
    branches = s.fork(2)
    for branch, word in zip(branches, ["food", "weather"], strict=True):
        branch += tr.user("How is the " + word + "?")
        branch += tr.assistant(tr.gen("told", max_tokens=8))
    branches.join()
    return [s["where"], s["europe"], s["told"]]


def test_a_program_says_the_same_on_the_bundled_model():
    with_engine = tr.Engine(kv_tokens=4096)
    try:
        program = describe.trace()
        forms = [describe, *map(tr.function, (program, program.optimized()))]
        runs = [form.run("Oslo", backend=with_engine, timeout=60) for form in forms]
        assert [run.error for run in runs] == [None] * 3
        assert len({run.text() for run in runs}) == 1
        assert runs[0].value == runs[1].value == runs[2].value
    finally:
        with_engine.close()
