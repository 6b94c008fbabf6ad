"""A function that its backend runs whole: events, variables and value are those of running it here."""

import asyncio
import dataclasses
import enum
import gc
import json
import weakref
from collections.abc import Mapping

import pytest
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

import trellis as tr
from trellis.lang.program.restore import Types
from trellis.lang.run.metas import plain_metas


class Person(BaseModel):
    name: str
    age: int


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Elsewhere(tr.Fake):
    """Runs whole programs, knowing no types, as a server does."""

    async def execute(self, program: str, arguments: Mapping[str, object], seconds: float):
        function = tr.function(tr.Program.from_json(program))
        with tr.Fake(self._script) as inside:
            async with function.astream(**arguments, backend=inside) as events:
                async for event in events:
                    if plain := plain_of(event):
                        yield json.loads(json.dumps(plain))


def plain_of(event: tr.Event) -> dict[str, object] | None:
    match event:
        case tr.TextDelta(text, name, index, branch):
            return {"type": "text", "text": text, "name": name, "index": index, "branch": branch}
        case tr.Retried(name, attempt, reason, branch):
            told = {"name": name, "attempt": attempt, "reason": reason, "branch": branch}
            return {"type": "retried", **told}
        case tr.VariableSet(name, value, branch):
            plain = to_jsonable_python(value)
            return {"type": "variable", "name": name, "value": plain, "branch": branch}
        case tr.Finished(run):
            value, variables = to_jsonable_python((run.value, run.variables))
            texts = {"text": run.text(), "messages": run.messages(), "meta": plain_metas(run)}
            usage = {"prompt": run.usage.prompt}
            return {"type": "done", "value": value, "variables": variables, "usage": usage, **texts}
        case _:
            return None


def heard(function: tr.Function, backend: tr.Backend) -> tuple[tr.Run, list[tuple[object, ...]]]:
    """The run, and what was told of each variable, branch by branch."""
    told = []
    with function.stream(backend=backend, timeout=20) as events:
        for event in events:
            if isinstance(event, tr.Finished):
                continue
            value = event.value if isinstance(event, tr.PartialValue | tr.VariableSet) else None
            told.append((event.branch, event.name, type(event).__name__, repr(value)))
    return events.run, sorted(told, key=lambda one: one[:2])


def fork(s):
    for branch in (branches := s.fork(2)):
        branch += tr.gen("age", int) + tr.gen("people", list[Person]) + tr.gen("mood", Mood)
    branches[0].set("only", "here")
    branches.join()
    return [s["age"], s["people"], s["mood"], s["only"]]


def nest(s):
    for side in (sides := s.fork(2)):
        for branch in (branches := side.fork(2)):
            branch += tr.gen("person", Person)
        branches.join()
    sides.join()
    return s["person"]


def keep_best(s):
    for branch in (branches := s.fork(2)):
        branch += tr.gen("mood", Mood) + tr.gen("age", int)
    branches.join("best", by="age")
    return {"mood": s["mood"], "age": s["age"]}


def give(s):
    s += tr.gen("person", Person)
    s.set("found", s["person"])
    s.set("several", [s["person"], "and more"])
    return [s["found"], s["several"]]


def say_twice(s):
    s += tr.gen("mood", Mood) + " then " + tr.gen("mood", Mood)
    return s["mood"]


def cases(s):
    def sure(s):
        s += tr.gen("person", Person)

    s += tr.gen("mood", Mood)
    tr.match(s["mood"], {"good": sure, "bad": sure}, on=s)
    return s["person"]


def rounds(s):
    def again(s):
        s += tr.gen("person", Person) + tr.gen("mood", Mood)
        return s["person"]

    return tr.repeat(again, until=lambda s: s["mood"] == "good", at_most=3, on=s)


def several(s):
    s += tr.gen("person", Person, n=2)
    return s["person"]


@pytest.mark.parametrize(
    "body",
    [fork, nest, keep_best, give, say_twice, cases, rounds, several],
    ids=lambda b: b.__name__,
)
def test_types_are_the_same_wherever_it_runs(body):
    function = tr.function(body)
    person = Person(name="Ada", age=36)
    script = {"person": person, "people": lambda call: [person, person], "mood": "bad"}
    script["age"] = lambda call: len(call.text) % 50
    with tr.Fake(script) as here, Elsewhere(script) as there:
        (mine, told), (theirs, told_there) = heard(function, here), heard(function, there)
        assert there.calls == []  # all of it ran elsewhere
        assert theirs.value == mine.value
        assert {n: repr(v) for n, v in theirs.variables.items()} == {
            n: repr(v) for n, v in mine.variables.items()
        }
        assert theirs.text() == mine.text()
        assert told_there == told


def test_how_a_variable_came_about_is_known_wherever_it_ran():
    @tr.function
    def ask(s):
        s += tr.select("pick", ["a", "b"]) + tr.gen("mood", Mood, retries=2) + tr.gen("plain")
        s += tr.gen("told", n=2, logprobs=True, top_logprobs=1)
        s.set("given", 1)

    script = {"pick": "b", "mood": "good", "told": "two words"}
    with tr.Fake(script) as here, Elsewhere(script) as there:
        mine, theirs = (ask.run(backend=backend) for backend in (here, there))
    assert theirs.meta("pick") == mine.meta("pick")
    assert theirs.meta("told") == mine.meta("told")
    assert theirs.meta("told").logprobs == (-0.1, -0.1)
    assert theirs.meta("given") == mine.meta("given") == tr.Meta()
    (answer,) = theirs.meta("plain").answers
    assert answer == dataclasses.replace(mine.meta("plain").answer, tokens=())
    assert theirs.meta("mood").attempts == 1


def test_a_variable_in_two_types_is_of_the_one_that_it_can_be():
    @tr.function
    def ask(s):
        s += tr.gen("odd", int) + tr.gen("odd", Person) + tr.gen("even", bool) + tr.gen("even", int)

    person = Person(name="Ada", age=36)
    types = Types(ask.trace())
    assert types.variable("odd", 7) == 7
    assert types.variable("odd", {"name": "Ada", "age": 36}) == person
    assert types.variable("even", True) is True
    with pytest.raises(ValueError, match="odd"):
        types.variable("odd", "odd")


def test_a_retry_begins_a_value_anew():
    @tr.function
    def ask(s):
        s += tr.gen("person", Person, retries=1)

    script = {"person": ['{"name": "Ada", "age": 3', Person(name="Bo", age=3)]}
    with Elsewhere(script) as there, ask.stream(backend=there) as events:
        values = [event.value for event in events if isinstance(event, tr.PartialValue)]
    assert values[-1] == Person(name="Bo", age=3)


def test_what_is_no_value_of_its_type_fails_the_run():
    class Wrong(Elsewhere):
        async def execute(self, program, arguments, seconds):
            yield {"type": "variable", "name": "person", "value": {"nome": "Ada"}}

    @tr.function
    def ask(s):
        s += tr.gen("person", Person)

    with Wrong() as there:
        error = ask.run(backend=there).error
    assert isinstance(error, tr.GenError)
    assert "name" in str(error)


def test_a_run_that_ran_elsewhere_is_let_go_of_at_once():
    @tr.function
    def ask(s):
        s += tr.gen("person", Person)

    gc.collect()
    gc.disable()  # runs are counted, not collected
    try:
        with Elsewhere() as there:
            run = ask.run(backend=there)
            seen = [weakref.ref(one) for one in (run, run.scope, run.state.interpreter)]
            # Whoever woke the caller lets go of the run a moment later.
            there.loop.submit(asyncio.sleep(0)).result()
            del run
            assert [ref() for ref in seen] == [None] * 3
    finally:
        gc.enable()
