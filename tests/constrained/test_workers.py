"""Who compiles: processes that die, callers that leave."""

import threading
import time
from concurrent.futures import CancelledError, Future

import pytest

from trellis.constrained.compiling.compiler import Compiler, CompilerClosed
from trellis.constrained.compiling.lowering import compile_constraint
from trellis.constrained.compiling.workers import Processes
from trellis.constrained.errors import ConstraintBudget, InvalidConstraint
from trellis.constrained.limits import Limits
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import Constraint, Ebnf, JsonSchema, Regex
from trellis.constrained.tokens.vocabulary import Vocabulary

VOCABULARY = Vocabulary([b"a", b"b", None], frozenset({2}))
SCHEMA = JsonSchema(
    '{"type": "array", "items": {"type": "string", "maxLength": 30}, "maxItems": 5}'
)


def compiled(constraint: Constraint):
    return compile_constraint(constraint, Limits(), Fragments(1 << 20))


def wait_for(condition) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_processes_compile_alike_and_are_replaced() -> None:
    workers = Processes(1, Limits(), frozenset())
    compiler = Compiler(VOCABULARY, lambda text: [], workers=workers)
    try:
        assert compiler.compile(SCHEMA).key == compiled(SCHEMA).key
        with pytest.raises(ValueError, match="read-only"):
            compiler.compile(SCHEMA).edges[1, 1] = 0
        with pytest.raises(InvalidConstraint):
            compiler.compile(Regex("("))
        ambiguous = Ebnf('start: "a" start "a" | "a" | "b"')
        assert compiler.compile(ambiguous).tier == "host"
        assert compiler.compile(ambiguous).accepts(b"aabaa")
        end_child()
        with pytest.raises(ConstraintBudget, match="died"):
            compiler.compile(Regex("ab"))
        assert compiler.compile(Regex("ab")).accepts(b"ab")
    finally:
        compiler.close()
    with pytest.raises(CompilerClosed):
        compiler.compile(Regex("abc"))


def end_child() -> None:
    """Kills the process that the only worker has."""
    import multiprocessing

    (child,) = multiprocessing.active_children()
    child.kill()
    child.join()


class ByHand:
    """Workers whose futures the test settles."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Constraint, Future]] = []

    def submit(self, constraint: Constraint, tenant: str) -> Future:
        self.jobs.append((constraint, Future()))
        return self.jobs[-1][1]

    def close(self) -> None:
        for _, job in self.jobs:
            job.cancel()


def test_the_last_to_leave_ends_the_work() -> None:
    workers = ByHand()
    compiler = Compiler(VOCABULARY, lambda text: [], workers=workers)
    first, second = compiler.submit(Regex("a")), compiler.submit(Regex("a"))
    assert len(workers.jobs) == 1
    assert first.cancel() and not workers.jobs[0][1].cancelled()
    assert second.cancel() and workers.jobs[0][1].cancelled()
    third = compiler.submit(Regex("a"))
    assert len(workers.jobs) == 2 and not third.done()
    workers.jobs[1][1].set_result(compiled(Regex("a")))
    assert third.result() is compiler.cached(Regex("a"))
    with pytest.raises(CancelledError):
        first.result()


def test_work_that_has_begun_is_kept_although_nobody_waits() -> None:
    workers = ByHand()
    compiler = Compiler(VOCABULARY, lambda text: [], workers=workers)
    caller = compiler.submit(Regex("a"))
    assert workers.jobs[0][1].set_running_or_notify_cancel() and caller.cancel()
    workers.jobs[0][1].set_result(compiled(Regex("a")))
    assert compiler.cached(Regex("a")) is not None


def test_those_who_wait_when_it_closes_are_told() -> None:
    compiler = Compiler(VOCABULARY, lambda text: [], workers=ByHand())
    caller = compiler.submit(Regex("a"))
    threading.Timer(0.01, compiler.close).start()
    with pytest.raises(CompilerClosed):
        caller.result()
