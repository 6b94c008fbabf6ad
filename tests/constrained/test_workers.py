"""Who compiles, and what is kept on disk: processes that die, callers that leave, files that were tampered with."""

import os
import threading
import time
from concurrent.futures import CancelledError, Future
from pathlib import Path

import numpy as np
import pytest

from trellis.constrained.compiling.compiler import Compiler, CompilerClosed
from trellis.constrained.compiling.folder import GrammarFolder
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

    def submit(self, constraint: Constraint) -> Future:
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


def test_a_folder_serves_the_next_process(tmp_path: Path) -> None:
    for constraint in (SCHEMA, Regex("a|bc")):
        workers = ByHand()
        compiler = Compiler(
            VOCABULARY, lambda text: [], workers=workers, folder=GrammarFolder(tmp_path)
        )
        caller = compiler.submit(constraint)
        workers.jobs[0][1].set_result(compiled(constraint))
        grammar = caller.result()
        again = Compiler(
            VOCABULARY, lambda text: [], workers=ByHand(), folder=GrammarFolder(tmp_path)
        )
        found = again.submit(constraint).result()
        assert found.key == grammar.key and found.start == grammar.start
        assert (found.has_forced == grammar.has_forced).all()


def test_what_was_tampered_with_is_not_used(tmp_path: Path) -> None:
    folder, grammar = GrammarFolder(tmp_path), compiled(SCHEMA)
    folder.write("key", grammar)
    assert folder.read("key").key == grammar.key and folder.read("other") is None
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert folder.read("key") is None
    path.write_bytes(b"")
    assert folder.read("key") is None


@pytest.mark.parametrize("table", ["edges", "actions", "returns"])
def test_tables_that_point_outside_are_not_used(tmp_path: Path, table: str) -> None:
    folder, grammar = GrammarFolder(tmp_path), compiled(SCHEMA)
    assert grammar.actions.size and grammar.first_return < len(grammar.returns)
    changed = getattr(grammar, table).copy()
    changed.reshape(-1)[-1] = grammar.states + 9999
    object.__setattr__(grammar, table, changed)
    folder.write("key", grammar)
    assert folder.read("key") is None


def test_the_folder_is_bounded_and_private(tmp_path: Path) -> None:
    folder, grammar = GrammarFolder(tmp_path / "kept", 30_000), compiled(Regex("a{50}"))
    for i in range(40):
        folder.write(str(i), grammar)
        os.utime(max((tmp_path / "kept").iterdir(), key=lambda p: p.stat().st_mtime_ns), ns=(i, i))
    files = list((tmp_path / "kept").iterdir())
    assert sum(f.stat().st_size for f in files) <= 30_000 and len(files) < 40
    assert folder.read("39") is not None and folder.read("0") is None
    (tmp_path / "kept").chmod(0o777)
    with pytest.raises(ValueError, match="belong to the user"):
        GrammarFolder(tmp_path / "kept")
    assert isinstance(grammar.edges, np.ndarray)
