"""match, map and repeat where Python runs; the same in Programs is in program/."""

import asyncio
import enum
import time

import pytest

import trellis as tr


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


def run(body, backend, **arguments):
    """Interpreted and as a Program: both must come to the same."""
    function = tr.function(body)
    runs = [
        form.run(backend=backend, timeout=20, **arguments)
        for form in (function, tr.function(function.trace()))
    ]
    assert runs[0].text() == runs[1].text()
    assert type(runs[0].error) is type(runs[1].error)
    if runs[0].error is None:
        assert runs[0].value == runs[1].value
    return runs[0]


@pytest.mark.parametrize(("answer", "says"), [("good", "glad"), ("bad", "sorry")])
def test_match_goes_by_the_label(fake, answer, says):
    def body(s):
        s += tr.gen("mood", Mood)
        return tr.match(
            s["mood"], {Mood.GOOD: lambda s: "glad", "bad": lambda s: s.set("x", 1) or "sorry"}
        )

    assert run(body, fake({"mood": answer})).value == says


def test_match_takes_expressions_and_a_default(fake):
    def body(s):
        s += tr.gen("n", int) + ": "
        tr.match(s["n"], {1: "one", 2: "two" + tr.gen("more")}, default="many")

    assert run(body, fake({"n": 1})).text() == "1: one"
    assert run(body, fake({"n": 2, "more": "!"})).text() == "2: two!"
    assert run(body, fake({"n": 7})).text() == "7: many"


def test_a_value_without_a_case_fails_the_run_with_the_cases(fake):
    def body(s):
        s += tr.gen("n", int)
        tr.match(s["n"], {1: "one"})

    failed = run(body, fake({"n": 5}))
    assert isinstance(failed.error, tr.ProgramError)
    assert "no case for 5 among 1" in str(failed.error) and "test_flow.py" in str(failed.error)


def test_variables_that_every_case_sets_go_on(fake):
    def body(s):
        s += tr.gen("k", choices=["a", "b"])
        tr.match(s["k"], {"a": tr.gen("x"), "b": tr.gen("x")})
        s += " then " + s["x"]
        return s["x"]

    assert run(body, fake({"k": "b", "x": "v"})).text() == "bv then v"


def test_map_gives_results_in_order_from_branches_that_run_at_once(fake):
    def body(s):
        s += "The points: " + tr.gen("points", list[str])

        def expand(branch, point):
            branch += " on " + point + ": " + tr.gen("told")
            return branch["told"]

        told = tr.map(s["points"], expand, at_most=20)
        s += " done"
        return told

    points = [f"p{i}" for i in range(20)]
    working: list[int] = []

    def tell(call):
        working.append(backend.working)
        return call.text.split()[-1]

    backend = fake({"points": lambda c: points, "told": tell}, delay_seconds=0.05)
    found = run(body, backend)
    assert max(working) > 10
    assert found.value == [f"p{i}:" for i in range(20)]
    assert found.text().endswith(" done") and "told" not in found.variables
    told = [call for call in backend.calls if call.name == "told"]
    assert len(told) == 40 and all(call.text.startswith("The points: [") for call in told)


def test_map_takes_at_most_so_many_and_nothing_from_an_empty_list(fake):
    def body(s):
        s += tr.gen("points", list[str])
        return tr.map(s["points"], lambda branch, point: point, at_most=2)

    assert run(body, fake({"points": lambda c: ["a", "b", "c"]})).value == ["a", "b"]
    assert run(body, fake({"points": lambda c: []})).value == []


def test_a_branch_that_fails_leaves_its_siblings_to_their_end(fake):
    finished = []

    def told(call):
        if "bad" in call.text[-6:]:
            return RuntimeError("boom")
        finished.append(call.text)
        return "fine"

    def body(s):
        s += tr.gen("points", list[str])

        def expand(branch, point):
            branch += " " + point + " " + tr.gen("told")
            return branch["told"]

        return tr.map(s["points"], expand)

    backend = fake({"points": lambda c: ["bad", "x", "y"], "told": told}, delay_seconds=0.01)
    failed = run(body, backend)
    assert isinstance(failed.error, tr.GenError) and "boom" in str(failed.error)
    assert len(finished) == 4


def test_map_of_what_is_no_list_fails_the_run(fake):
    def body(s):
        s += tr.gen("points")
        return tr.map(s["points"], lambda branch, point: point)

    assert "needs a list" in str(run(body, fake("text")).error)


def test_repeat_goes_on_until_it_is_true_or_enough(fake):
    def body(s):
        def again(state):
            state += "try " + tr.gen("n", int) + " "
            return state["n"]

        return tr.repeat(again, until=lambda s: s["n"] >= 2, at_most=4)

    counts = iter([0, 1, 2, 0, 1, 2])
    enough = run(body, fake({"n": lambda c: next(counts)}))
    assert (enough.value, enough.text()) == (2, "try 0 try 1 try 2 ")
    assert run(body, fake({"n": 0})).text() == "try 0 " * 4


def test_blocks_nest(fake):
    def body(s):
        s += tr.gen("items", list[str])

        def branch(b, item):
            def once(state):
                state += item + tr.gen("k", choices=["stop", "go"])
                tr.match(state["k"], {"go": " on "}, default=" off ")

            tr.repeat(once, until=lambda state: state["k"] == "stop", at_most=2)
            b += tr.gen("end")
            return b["end"]

        return tr.map(s["items"], branch)

    backend = fake({"items": lambda c: ["a", "b"], "k": "go", "end": lambda c: c.text[-8:]})
    assert run(body, backend).value == ["ago on ".rjust(8), "bgo on ".rjust(8)]


def test_an_interrupt_of_a_map_ends_its_branches(fake):
    backend = fake({"x": tr.Stall()})

    @tr.function
    def interrupted(s):
        def branch(b, item):
            b += tr.gen("x")
            if item == 2:
                while backend.working < 2:
                    time.sleep(0.001)
                raise KeyboardInterrupt
            return b["x"]

        return tr.map([0, 1, 2], branch)

    with pytest.raises(KeyboardInterrupt):
        interrupted.using(backend=backend, timeout=20)()
    assert backend.working == 0


async def test_async_branches_run_at_once(fake):
    async def expand(branch, item):
        branch += tr.text(item) + tr.gen("told")
        await asyncio.sleep(0.01)
        return await branch.get("told")

    @tr.function
    async def ask(s):
        return await tr.map(list(range(50)), expand)

    working: list[int] = []
    script = {"told": lambda call: working.append(backend.working) or "v"}
    backend = fake(script, delay_seconds=0.05)
    assert await ask.using(backend=backend).acall() == ["v"] * 50
    assert max(working) > 25


@pytest.mark.parametrize(
    "mistake",
    [
        lambda s: tr.match("a", {}),
        lambda s: tr.match("a", {"": "x"}),
        lambda s: tr.repeat("x", at_most=0),
        lambda s: tr.repeat("x", at_most=100_000),
        lambda s: tr.map([], lambda b, i: i, at_most=True),
    ],
)
def test_mistakes_raise_at_once(fake, mistake):
    function = tr.function(mistake)
    with pytest.raises(tr.InvalidProgram):
        function.using(backend=fake())()
    with pytest.raises(tr.InvalidProgram):
        function.trace()


def test_outside_a_function_they_say_where_they_work():
    with pytest.raises(tr.InvalidProgram, match="on=state"):
        tr.repeat("x", at_most=1)


def test_a_round_sees_what_the_round_before_made(fake):
    def body(s):
        s += tr.gen("draft")

        def improve(state):
            state += " improve " + state["draft"] + ": " + tr.gen("draft")

        tr.repeat(improve, at_most=3)
        s += " final " + s["draft"]

    drafts = iter("abcdabcd")
    found = run(body, fake({"draft": lambda c: next(drafts)}))
    assert found.text() == "a improve a: b improve b: c improve c: d final d"


@pytest.mark.parametrize(("mood", "value"), [("good", "thanks"), ("bad", None), ("none", "shrug")])
async def test_a_match_with_an_async_case_is_awaited_whichever_runs(fake, mood, value):
    async def thank(s):
        s += tr.gen("told")
        return await s.get("told")

    @tr.function
    async def react(s):
        s += tr.gen("mood")
        cases = {"good": thank, "bad": "sorry"}
        return await tr.match(await s.get("mood"), cases, default=lambda s: "shrug")

    backend = fake({"mood": lambda call: mood, "told": lambda call: "thanks"})
    assert await react.using(backend=backend).acall() == value
    assert tr.function(react.trace()).run(backend=backend).value == value
