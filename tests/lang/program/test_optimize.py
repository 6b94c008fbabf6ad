"""Each pass alone: what it changes, what it leaves; and warming up what it found."""

import pytest

import trellis as tr
from trellis.lang.optimize.ahead import list_constraints
from trellis.lang.optimize.dead import drop_dead
from trellis.lang.optimize.order import order_branches
from trellis.lang.optimize.prefix import constant_prefix, hoist
from trellis.lang.optimize.together import run_together
from trellis.lang.program import document as doc
from trellis.lang.program.check import check
from trellis.lang.program.constraints import Regex

LONG = "These are the rules. " * 20


def traced(body) -> doc.Document:
    return tr.function(body).trace().document


def ops(document) -> list[str]:
    return [one.op for one in document.block.body]


def test_dead_branches_and_what_only_they_see_go():
    def body(s):
        s += "a"
        dead, alive = s.copy(), s.copy()
        dead += "never read" + tr.gen("lost")
        grandchild = dead.copy()
        grandchild += tr.gen("lost, too")
        alive.set("hidden", 1)
        alive += tr.gen("x")
        s.set("seen", 2)
        return alive["x"]

    before = traced(body)
    after = drop_dead(before)
    check(after)
    assert ops(before).count("gen") == 3 and ops(after).count("gen") == 1
    assert ops(after).count("fork") == 1
    assert [one.name for one in after.block.body if isinstance(one, doc.Set)] == ["seen"]
    assert drop_dead(after) == after


def test_branches_that_are_joined_or_read_stay():
    def body(s):
        branches = s.fork(2)
        for branch in branches:
            branch += tr.gen("x")
        branches.join()
        judge = s.copy()
        judge += tr.gen("verdict", choices=["a", "b"])
        items = tr.map(s["x"], lambda b, item: b.set("y", item) or b["y"])
        tr.match(judge["verdict"], {"a": "A", "b": "B"})
        return items

    before = traced(body)
    assert drop_dead(before) == before


def test_the_constant_prefix_comes_first_and_is_marked():
    def body(s, text):
        s.set("n", 1)
        s += tr.system(LONG)
        s += tr.user("Again: " + text) + tr.assistant(tr.gen("x"))

    document = hoist(traced(body))
    check(document)
    assert ops(document)[:5] == ["turn", "text", "end_turn", "turn", "text"]
    assert document.block.body[5:7] == (doc.Hold(0), document.block.body[6])
    assert document.block.body[6].op == "set"
    assert len(constant_prefix(document)) == 5
    assert hoist(document) == document


def test_a_short_prefix_is_not_worth_a_call():
    document = traced(lambda s, text: s.add("short" + text, ""))
    assert hoist(document) == document and constant_prefix(document) == ()


def test_branches_that_begin_alike_are_neighbours():
    def body(s):
        branches = s.fork(4)
        for branch, side in zip(branches, ["b", "a", "b", "a"], strict=True):
            branch += "side " + side + tr.gen("x")
        branches.join()

    document = order_branches(traced(body))
    check(document)
    states = [one.state for one in document.block.body if isinstance(one, doc.Gen)]
    assert states == [2, 4, 1, 3]


def test_branches_that_need_each_other_keep_their_order():
    def body(s):
        first, second = s.fork(2)
        first += "z" + tr.gen("x")
        second += "a" + first["x"] + tr.gen("y")
        tr.match(second["y"], {"a": "A"}, default="B", on=second)
        tr.match(first["x"], {"a": "A"}, default="B", on=first)

    document = traced(body)
    assert order_branches(document) == document == run_together(document)


def judged(s):
    branches = s.fork(3)
    for branch in branches:
        branch += "try " + tr.gen("kind", choices=["a", "b"])
        tr.match(branch["kind"], {"a": "A" + tr.gen("x"), "b": "B" + tr.gen("x")}, on=branch)
        branch += tr.gen("y")
    branches.join()
    return s["y"]


def test_branches_that_wait_become_lanes_and_run_at_once(fake):
    program = tr.function(judged).trace()
    changed = program.changed(run_together(program.document))
    check(changed.document)
    (together,) = (one for one in changed.document.block.body if isinstance(one, doc.Together))
    assert len(together.lanes) == 3
    first: list[list[str]] = []
    for form in (program, changed):
        backend = fake({"kind": "a", "x": "v", "y": "w"})
        assert tr.function(form).run(backend=backend).value == ["w"] * 3
        first.append([call.name for call in backend.calls if call.kind == "generate"][:3])
    # Without lanes the second branch is not asked before the first has its case.
    assert "x" in first[0] and first[1] == ["kind"] * 3


def test_constraints_are_listed_once_in_the_order_of_need():
    def body(s):
        s += tr.gen("a", int) + tr.gen("b", regex="x+") + tr.gen("c", int) + tr.gen("d")
        s += tr.select("e", ["x", "y"], method="constrained")
        tr.repeat(tr.gen("f", ebnf='start: "a"'), at_most=2)

    ahead = list_constraints(traced(body)).ahead
    assert [type(one).__name__ for one in ahead] == ["Regex", "Regex", "Choices", "Ebnf"]
    assert ahead[1] == Regex("x+")


@tr.function
def ruled(s, text: str):
    s += tr.system(LONG)
    s += tr.user(text) + tr.assistant(tr.gen("x", regex="v+"))
    return s["x"]


def test_warming_holds_the_prefix_for_the_runs_inside(fake):
    program, backend = ruled.trace().optimized(), fake("v")
    with program.warm(backend):
        assert backend.held == 1
        assert [call.kind for call in backend.calls] == ["hold"]
        assert tr.function(program).run("hi", backend=backend).value == "v"
        assert backend.calls[-1].text.startswith(backend.calls[0].text)
    backend.loop.submit(nothing()).result()
    assert backend.held == 0


async def nothing() -> None:
    """Something for the loop to do, after all that it was told before."""


async def test_warming_in_async_code(fake):
    program, backend = ruled.trace().optimized(), fake("v")
    async with program.warm(backend):
        assert backend.held == 1
    async with ruled.trace().warm(backend):
        assert len(backend.calls) == 1


def test_warming_finds_unusable_constraints(fake):
    document = ruled.trace().optimized().document
    broken = tr.Program(doc.Document("x", document.block, (), {}, (Regex("("),)))
    with pytest.raises(tr.InvalidConstraint), broken.warm(fake()):
        pass
