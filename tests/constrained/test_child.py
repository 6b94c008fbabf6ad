"""A process that has the next constraint while it is at one: order, death, and what is too large to wait in it."""

import threading
import time
from collections.abc import Iterator

import pytest

from trellis.constrained.compiling.child import SMALL, Child
from trellis.constrained.compiling.line import Job, Line
from trellis.constrained.compiling.workers import Processes
from trellis.constrained.errors import ConstraintBudget, InvalidConstraint
from trellis.constrained.limits import Limits
from trellis.constrained.spec import Choices, Regex

SLOW = Choices(tuple(f"{n} {'x' * 40}" for n in range(9000)))  # some 10 ms


@pytest.fixture(name="child", scope="module")
def open_child() -> Iterator[Child]:
    child = Child(Limits(), frozenset())
    yield child
    child.stop()


def test_answers_come_in_the_order_of_asking(child: Child) -> None:
    jobs = [Job(Regex(text), "") for text in ("a", "(", "bb")]
    for job in jobs:
        child.ask(job)
    assert len(child) == 3
    found = [child.answer() for _ in jobs]
    assert [job for job, _, _ in found] == jobs and len(child) == 0
    first, refused, last = (answer for _, answer, _ in found)
    assert first.accepts(b"a") and isinstance(refused, InvalidConstraint) and last.accepts(b"bb")
    assert all(seconds >= 0 for _, _, seconds in found)


def test_what_is_large_waits_here(child: Child) -> None:
    """Else this end could wait for the process to read, and the process for this one."""
    assert sum(map(len, SLOW.texts)) > 4 * SMALL
    jobs = [Job(constraint, "") for constraint in (SLOW, SLOW, Regex("a"), SLOW)]
    for job in jobs:
        child.ask(job)
    for job in jobs:
        assert child.answer()[0] is job


def test_only_the_first_dies_with_its_process(child: Child) -> None:
    child.ask(Job(Regex("a"), ""))
    child.answer()
    assert child._process is not None
    child._process[0].kill()
    child._process[0].join()
    for text in ("b", "c"):
        child.ask(Job(Regex(text), ""))
    assert isinstance(child.answer()[1], ConstraintBudget)
    assert child.answer()[1].accepts(b"c")


def test_where_no_process_starts_all_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(child: Child) -> None:
        raise OSError(11, "no more processes")

    monkeypatch.setattr(Child, "_start", refuse)
    child = Child(Limits(), frozenset())
    for text in ("a", "b"):
        child.ask(Job(Regex(text), ""))
    assert ["no more processes" in str(child.answer()[1]) for _ in range(2)] == [True] * 2


def test_who_is_idle_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    line, taken = Line(9), []
    idle = threading.Thread(target=lambda: taken.append(line.wait()), daemon=True)
    idle.start()
    until = time.monotonic() + 20
    while not line._idle and time.monotonic() < until:
        time.sleep(0.001)
    monkeypatch.setattr(line._changed, "notify", lambda: None)  # before both stand in it
    line.put(Regex("a"), "")
    assert line.take_ahead() is None
    line.put(Regex("b"), "")
    ahead = line.take_ahead()
    assert ahead is not None and ahead.constraint == Regex("a")
    monkeypatch.undo()
    with line._changed:
        line._changed.notify()
    idle.join(20)
    assert taken[0].constraint == Regex("b") and line.take_ahead() is None
    line.close()


def test_many_go_through_two_processes_at_once() -> None:
    workers = Processes(2, Limits(), frozenset())
    try:
        futures = [workers.submit(Regex("a" * n), f"{n % 3}") for n in range(1, 60)]
        for n, future in enumerate(futures, 1):
            assert future.result(60).accepts(b"a" * n)
    finally:
        workers.close()
