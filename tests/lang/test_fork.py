"""Forks share what was computed; joins, marks and copies keep text, variables and holds right."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trellis as tr

LONG = "a long shared beginning, " * 20


def echo(call):
    """An answer that shows which prompt it answers: the last word of it, in brackets."""
    return f"[{call.text.split()[-1]}]" if call.text.split() else "[]"


def run_of(backend, body, **options):
    run = tr.function(body).run(backend=backend, **options)
    if run.error is not None:
        raise run.error
    return run


def test_join_makes_lists(fake):
    def body(s):
        s += LONG + tr.gen("first")
        branches = s.fork(3)
        for number, branch in enumerate(branches):
            branch += f" topic{number} " + tr.gen("tip")
            if number == 1:
                branch.set("only", 7)
        branches.join()
        s += " end"
        return s["tip"], s["only"], s["first"]

    run = run_of(fake({"first": "one", "tip": echo}), body)
    assert run.value == (["[topic0]", "[topic1]", "[topic2]"], [None, 7, None], "one")
    assert run.text() == LONG + "one end"
    assert [a.text for a in run.meta("tip").answers] == run.value[0]


def test_join_by_text_appends_the_branches(fake):
    def body(s):
        s += tr.user("tips?")
        with s.assistant():
            s += "Here: "
            branches = s.fork(2)
            for number, branch in enumerate(branches):
                branch += f"\n{number}. " + tr.gen("tip")
            branches.join("text")
            s += "\nDone " + tr.gen("end")
        return s["tip"]

    run = run_of(fake({"tip": echo, "end": "."}), body)
    assert run.messages()[1]["content"] == "Here: \n0. [0.]\n1. [1.]\nDone ."
    assert run.value == ["[0.]", "[1.]"]


def test_join_by_text_after_a_closed_turn_ends_that_turn_once(fake):
    def template(messages, open_assistant):
        return (
            "".join(f"<{m['role']}>{m['content']}</>" for m in messages)
            + "<assistant>" * open_assistant
        )

    def body(s):
        s += tr.user("hi")
        branches = s.fork(2)
        for branch in branches:
            branch += " x"
        branches.join("text")

    assert run_of(fake(template=template), body).text() == "<user>hi</> x x"


def test_join_by_text_refuses_branches_with_turns_of_their_own(fake):
    def body(s):
        branches = s.fork(2)
        for branch in branches:
            branch += tr.user("hi")
        branches.join("text")

    with pytest.raises(tr.InvalidProgram, match="turns of their own"):
        run_of(fake(), body)


def test_join_best_keeps_one(fake):
    def body(s):
        s += "Q " + tr.gen("a")
        branches = s.fork(3)
        for branch in branches:
            branch += " " + tr.gen("draft") + " " + tr.gen("score", int)
        branches.join("best", by="score")
        s += " " + tr.gen("end")
        return branches.kept, s["score"], s["draft"]

    backend = fake({"a": "A", "draft": ["x", "y", "z"], "score": ["2", "9", "9"], "end": "E"})
    run = run_of(backend, body)
    kept, score, _ = run.value
    assert (score, run.text()) == (9, f"Q A {run['draft']} 9 E")
    assert kept in (0, 1, 2)


def test_join_best_by_a_function_passes_over_failed_branches(fake):
    def body(s):
        branches = s.fork(3)
        for number, branch in enumerate(branches):
            branch += f"{number} " + tr.gen("x")
        branches.join("best", by=lambda branch: len(branch["x"]))
        return branches.kept, s["x"]

    answers = {"0 ": "long", "1 ": RuntimeError("boom"), "2 ": "longer"}
    assert run_of(fake({"x": lambda call: answers[call.text]}), body).value == (2, "longer")


def test_a_failed_branch_leaves_its_siblings_and_fails_the_join(fake):
    kept = []

    def body(s):
        branches = s.fork(2)
        branches[0].add(tr.gen("bad"), "here:1")
        branches[1].add(tr.gen("good"), "here:2")
        kept.append(branches[1]["good"])
        branches.join()
        return s["good"]

    with pytest.raises(tr.GenError) as caught:
        run_of(fake({"bad": RuntimeError("boom"), "good": "fine"}), body)
    assert (caught.value.name, caught.value.where, kept) == ("bad", "here:1", ["fine"])


def test_a_branch_cannot_be_replaced(fake):
    def body(s):
        branches = s.fork(2)
        branches[0] = s

    with pytest.raises(tr.InvalidProgram, match="replaced"):
        run_of(fake(), body)


@pytest.mark.parametrize("how", ["all", "", None, 3])
def test_an_unknown_join_is_refused(fake, how):
    with pytest.raises(tr.InvalidProgram, match="join"):
        run_of(fake(), lambda s: s.fork(2).join(how))


@pytest.mark.parametrize("count", [0, -1, True, 1.5, "2"])
def test_fork_needs_a_count(fake, count):
    with pytest.raises(tr.InvalidProgram, match="count"):
        run_of(fake(), lambda s: s.fork(count))


def test_forks_share_their_prefix_every_time_without_a_sync(fake):
    backend = fake({"x": echo})

    def body(s):
        s += LONG
        for number, branch in enumerate(s.fork(4)):
            branch += f"branch{number} " + tr.gen("x")
        return True

    for _ in range(20):
        backend.calls.clear()
        run_of(backend, body)
        kinds = [c.kind for c in backend.calls]
        assert kinds == ["hold"] + ["generate"] * 4
        assert [c.pieces for c in backend.calls[1:]] == [
            (tr.lang.backends.base.Piece(f"branch{i} ", False),) for i in range(4)
        ]
        assert all(c.text.startswith(LONG) for c in backend.calls)


def test_text_is_never_sent_again(fake):
    backend = fake({"x": echo})

    def body(s):
        s += LONG
        for number in range(5):
            s += f" part{number} " + tr.gen("x")

    run = run_of(backend, body)
    sent = "".join(p.text for c in backend.calls for p in c.pieces)
    assert sent == LONG + "".join(f" part{i} " for i in range(5))
    assert backend.calls[-1].text + "[part4]" == run.text()


def test_copy_is_a_state_of_its_own(fake):
    def body(s):
        s += "a " + tr.gen("x")
        twin = s.copy()
        twin += " b " + tr.gen("x")
        s += " c"
        return s.text(), twin.text(), s["x"], twin["x"]

    assert run_of(fake({"x": ["1", "2"]}), body).value == ("a 1 c", "a 1 b 2", "1", "2")


def test_rewind_forgets_text_and_variables_and_keeps_the_prefix(fake):
    backend = fake({"x": "kept", "y": "gone", "z": "new"})

    def body(s):
        s += "a " + tr.gen("x")
        mark = s.mark()
        for _ in range(3):
            s += " try " + tr.gen("y")
            s.rewind(mark)
            assert "y" not in s
        s += " then " + tr.gen("z")
        return s["x"]

    run = run_of(backend, body)
    assert (run.text(), run.value) == ("a kept then new", "kept")
    assert [c.text for c in backend.calls[1:]] == ["a kept try "] * 3 + ["a kept then "]
    assert all(c.pieces[0].text in (" try ", " then ") for c in backend.calls[1:])


def test_rewind_refuses_other_states_and_turns(fake):
    def other(s):
        s.copy().rewind(s.mark())

    def turn(s):
        mark = s.mark()
        with s.user():
            s.rewind(mark)

    for body in (other, turn):
        with pytest.raises(tr.InvalidProgram):
            run_of(fake(), body)


def test_a_closed_branch_ends_its_work(fake):
    backend = fake({"slow": tr.Stall(), "fast": "done"})

    def body(s):
        slow, fast = s.fork(2)
        slow += tr.gen("slow")
        fast += tr.gen("fast")
        value = fast["fast"]
        slow.close()
        with pytest.raises(tr.Cancelled):
            slow["slow"]
        return value

    assert run_of(backend, body, timeout=5).value == "done"


def test_forks_of_forks_have_paths(fake):
    events = []

    def body(s):
        for branch in s.fork(2):
            for leaf in branch.fork(2):
                leaf += tr.gen("x")

    stream = tr.function(body).stream(backend=fake("v"))
    events = [e for e in stream if isinstance(e, tr.VariableSet)]
    assert sorted(e.branch for e in events) == [(0, 0), (0, 1), (1, 0), (1, 1)]


OPERATIONS = st.lists(
    st.sampled_from(["text", "gen", "mark", "rewind", "copy", "fork", "best", "set"]), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_any_sequence_of_operations_equals_its_plain_model(operations):
    """The text of the state is what the operations say, the prompt of each gen is the text so far, nothing leaks."""

    def body(s):
        text, marks = "", []
        for index, operation in enumerate(operations):
            if operation == "text":
                s += f"t{index} "
                text += f"t{index} "
            elif operation == "gen":
                s += tr.gen(f"g{index}")
                text += f"<g{index}>"
            elif operation == "mark":
                marks.append((s.mark(), text))
            elif operation == "rewind" and marks:
                mark, text = marks[index % len(marks)]
                s.rewind(mark)
            elif operation == "copy":
                s.copy().add("lost" + tr.gen("lost"), "")
            elif operation == "fork":
                branches = s.fork(2)
                for branch in branches:
                    branch += f"f{index}" + tr.gen(f"b{index}")
                branches.join("text")
                text += f"f{index}<b{index}>" * 2
            elif operation == "best":
                branches = s.fork(2)
                branches[1].set("score", 1)
                branches[0].set("score", 0)
                branches[1].add(f"k{index}", "")
                branches.join("best", by="score")
                text += f"k{index}"
            else:
                s.set("v", index)
        assert s.text() == text

    with tr.Fake() as backend:
        run_of(backend, body)
        assert (backend.held, backend.working) == (0, 0)


@pytest.mark.parametrize("pause", [0, 0.03])
def test_a_branch_that_failed_may_be_added_to_until_it_is_joined(fake, pause):
    """Whether it has failed by then is a matter of time, and must not matter."""

    def draft(call):
        return RuntimeError("boom") if call.text.startswith("0") else "fine"

    def forked(s, then):
        branches = s.fork(2)
        for index, branch in enumerate(branches):
            branch += f"{index} " + tr.gen("draft")
        time.sleep(pause)
        for branch in branches:
            branch += " score " + tr.gen("score", int)
            branch.copy().set("more", 1)
        return then(s, branches)

    def best(s, branches):
        branches.join("best", by="score")
        return s["draft"]

    def excused(s, branches):
        branches.join(failed=lambda error: error.name)
        return s["score"]

    def read(s, branches):
        return branches[0]["score"]

    backend = fake({"draft": draft, "score": 3})
    for then, value in ((best, "fine"), (excused, ["draft", 3])):
        run = tr.function(forked).run(then, backend=backend, timeout=20)
        assert run.error is None and run.value == value
    run = tr.function(forked).run(read, backend=backend, timeout=20)
    assert isinstance(run.error, tr.GenError) and run.error.name == "draft"


@pytest.mark.parametrize("end", ["deadline", "cancel", "close"])
def test_adding_to_a_branch_ends_with_the_run(fake, end):
    @tr.function
    def endless(s):
        (branch,) = s.fork(1)
        while True:
            branch += tr.gen("x")
            time.sleep(0.001)

    backend = fake(tr.Stall())
    run = endless.start(backend=backend, timeout=0.05 if end == "deadline" else 20)
    if end != "deadline":
        threading.Timer(0.05, run.cancel if end == "cancel" else backend.close).start()
    run.wait(5)
    kind = tr.DeadlineExceeded if end == "deadline" else tr.Cancelled
    assert isinstance(run.error, kind)


def test_a_branch_that_failed_is_not_the_best_whatever_its_rank(fake):
    @tr.function
    def ranked(s):
        for index, branch in enumerate(branches := s.fork(2)):
            branch += f"{index} " + tr.gen("draft")
            branch.set("rank", 1 - index)
        branches.join("best", by="rank")
        return branches.kept

    def draft(call):
        return RuntimeError("boom") if call.text.startswith("0") else "fine"

    assert ranked.run(backend=fake({"draft": draft})).value == 1
