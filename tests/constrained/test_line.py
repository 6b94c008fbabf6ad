"""The line of constraints that wait to be compiled: bounded, fair between tenants, left by those who cancel."""

import threading
from collections import Counter
from concurrent.futures import Future

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling import child as module
from trellis.constrained.compiling.compiler import Compiler, CompilerBusy
from trellis.constrained.compiling.line import MOST_ACCOUNTS, Job, Line
from trellis.constrained.compiling.workers import Threads
from trellis.constrained.limits import Limits
from trellis.constrained.spec import Constraint, Regex
from trellis.constrained.tokens.vocabulary import Vocabulary

VOCABULARY = Vocabulary([b"a", b"b", None], frozenset({2}))


def regex(number: int) -> Regex:
    return Regex(f"a{{{number + 1}}}")


def taken(line: Line, count: int) -> list[str]:
    """The tenants of the next ones, each of which then took a tenth of a second."""
    found = []
    for _ in range(count):
        job = line.take()
        assert job is not None
        found.append(job.tenant)
        line.charge(job.tenant, 0.1)
    return found


def test_tenants_take_turns() -> None:
    line = Line(100)
    for n in range(20):
        line.put(regex(n), "many")
    for n in range(3):
        line.put(regex(n), "few")
    assert taken(line, 6) == ["many", "few"] * 3
    # Who comes later is not ahead by what it did not ask for before.
    for n in range(3):
        line.put(regex(n), "late")
    assert Counter(taken(line, 6)) == {"many": 3, "late": 3}


def test_of_one_tenant_the_first_comes_first() -> None:
    line = Line(10)
    for n in range(4):
        line.put(regex(n), "")
    order = [job.constraint for _ in range(4) if (job := line.take())]
    assert order == [regex(n) for n in range(4)] and line.take() is None


def test_seconds_count_not_constraints() -> None:
    line = Line(100)
    for n in range(40):
        line.put(regex(n), "slow")
        line.put(regex(n), "quick")
    order = []
    for _ in range(22):
        job = line.take()
        assert job is not None
        order.append(job.tenant)
        line.charge(job.tenant, 1.0 if job.tenant == "slow" else 0.1)
    assert Counter(order) == {"slow": 2, "quick": 20}


def test_who_crowds_a_full_line_gives_way() -> None:
    line = Line(4)
    waiting = [line.put(regex(n), "many") for n in range(4)]
    with pytest.raises(CompilerBusy, match="4 constraints wait"):
        line.put(regex(5), "many").result(0)
    few = [line.put(regex(6), "few"), line.put(regex(7), "few")]
    assert [future.done() for future in waiting] == [False, False, True, True]
    assert isinstance(waiting[3].exception(), CompilerBusy) and len(line) == 4
    # Both have as many now: who comes is refused.
    assert isinstance(line.put(regex(8), "few").exception(0), CompilerBusy)
    assert not any(future.done() for future in few)
    assert taken(line, 4) == ["many", "few"] * 2


def test_who_cancels_leaves_the_line() -> None:
    line = Line(2)
    first, second = line.put(regex(0), ""), line.put(regex(1), "")
    assert first.cancel() and len(line) == 1
    third = line.put(regex(2), "")
    assert not third.done() and len(line) == 2
    job = line.take()
    assert job is not None and job.future is second


def test_a_closed_line_is_empty() -> None:
    line = Line(3)
    future, seen = line.put(regex(0), ""), list[Job | None]()
    assert line.take() is not None
    waiting = line.put(regex(1), "")
    line.take()
    thread = threading.Thread(target=lambda: seen.append(line.wait()))
    thread.start()
    last = Line(1).put(regex(0), "")
    line.close()
    thread.join(5)
    assert seen == [None] and not future.cancelled() and not waiting.cancelled()
    assert line.put(regex(2), "").cancelled() and not last.done()
    with pytest.raises(ValueError, match="at least one"):
        Line(0)


def test_accounts_are_bounded() -> None:
    line = Line(10)
    for n in range(MOST_ACCOUNTS + 50):
        line.put(regex(0), f"tenant {n}")
        assert line.take() is not None
    assert len(line._given) <= MOST_ACCOUNTS


STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "take", "cancel"]), st.integers(0, 3), st.integers(0, 9)),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(1, 6))
def test_every_job_is_taken_refused_or_cancelled_once(
    steps: list[tuple[str, int, int]], most: int
) -> None:
    line, jobs, given_out = Line(most), list[Future](), list[Future]()
    for kind, tenant, number in steps:
        if kind == "put":
            jobs.append(line.put(regex(number), str(tenant)))
        elif kind == "cancel" and jobs:
            jobs[number % len(jobs)].cancel()
        elif kind == "take" and (job := line.take()):
            assert job.future.set_running_or_notify_cancel()
            given_out.append(job.future)
        waiting = [f for f in jobs if not f.done() and not f.running()]
        assert len(line) == len(waiting) <= most
    assert len({id(future) for future in given_out}) == len(given_out)
    left = [job.future for _ in range(len(line)) if (job := line.take())]
    assert {id(f) for f in left} == {id(f) for f in jobs if not f.done() and not f.running()}


def test_the_compiler_s_line_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one thread that is at work, and room for two behind it."""
    begun, go_on = threading.Event(), threading.Event()
    compile_once = module.compile_constraint

    def held(constraint: Constraint, *rest: object) -> object:
        begun.set()
        assert go_on.wait(10)
        return compile_once(constraint, *rest)

    monkeypatch.setattr(module, "compile_constraint", held)
    workers = Threads(Limits(), frozenset(), count=1, most=2)
    compiler = Compiler(VOCABULARY, lambda text: [], workers=workers)
    first = compiler.submit(regex(0), "a")
    assert begun.wait(10)
    second, third = (compiler.submit(regex(n), "a") for n in (1, 2))
    with pytest.raises(CompilerBusy):
        compiler.compile(regex(3), "a")
    assert second.cancel()
    fourth = compiler.submit(regex(3), "a")
    again = compiler.submit(regex(3), "b")
    go_on.set()
    assert [f.result(10).accepts(b"a" * (n + 1)) for n, f in ((0, first), (2, third))] == [True] * 2
    assert fourth.result(10) is again.result(10)
    assert compiler.cached(regex(1)) is None
    compiler.close()
