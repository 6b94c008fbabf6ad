"""Workers: who compiles, in this process or in others.

    workers = Processes(2, limits, specials)    # or Threads(1, limits, specials)
    future = workers.submit(constraint, tenant) # of its grammar; may be cancelled while it waits for its turn
    workers.close()

Who waits stands in a line (see line.py), which has room for so many, and is fair between tenants.

Compiling in this process holds the interpreter, up to a second for a hostile schema; then whoever decodes tokens here
waits. Processes cost that nothing but the reading of the finished tables. They are started fresh, never forked, step
back where cores are scarce, keep what schemas have in common, and one that dies is replaced; its constraint gets the
error.
"""

import contextlib
import gc
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Protocol

from ..errors import ConstraintBudget, ConstraintError
from ..limits import Limits
from ..machine.passes import ARRAYS, Passes
from ..schema.fragments import Fragments
from ..spec import Constraint
from .late import LatePasses
from .line import CompilerBusy, Job, Line
from .lowering import AnyGrammar, compile_constraint

FRAGMENT_SHARE = 8  # part of the cache that is for leaves of schemas
GRACE = 5.0  # seconds that a worker may take beyond the limit, on a busy machine
STARTING = 60.0  # seconds that a new process may take on top for its first constraint
NICENESS = 5  # of worker processes: a third of a busy core is left to them
SOME = 8  # constraints, after which a process may be taken to compile for long
MOST_WAITING = 2048  # a quarter of a minute of work for one worker


class Workers(Protocol):
    """What a Compiler needs of its workers."""

    def submit(self, constraint: Constraint, tenant: str) -> Future[AnyGrammar]: ...
    def close(self) -> None: ...


class Threads:
    """Workers of this process; what they compile holds the interpreter. most: constraints that may wait."""

    def __init__(
        self, limits: Limits, specials: frozenset[str], count: int = 2, most: int = MOST_WAITING
    ) -> None:
        # Without machine code: making it, once on a machine, would hold the interpreter for a quarter of a minute.
        self._compile = _compiling(limits, specials, lambda: ARRAYS)
        self._line = Line(most)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="trellis-compile")

    def submit(self, constraint: Constraint, tenant: str) -> Future[AnyGrammar]:
        """The grammar to come, or the error, CompilerBusy among them."""
        future = self._line.put(constraint, tenant)
        if not future.done():
            with contextlib.suppress(RuntimeError):  # closed meanwhile, so the line was as well
                self._pool.submit(self._serve)
        return future

    def close(self) -> None:
        """Compiles nothing more; what waits is cancelled."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._line.close()

    def _serve(self) -> None:
        """Compiles the next one, if it has not left."""
        job = self._line.take()
        if job is not None:
            _answer(self._line, job, self._try)

    def _try(self, constraint: Constraint) -> AnyGrammar | BaseException:
        try:
            return self._compile(constraint)
        except Exception as error:  # whoever waits for the grammar gets it
            return error


class Processes:
    """Workers of their own; a thread here waits for each. most: constraints that may wait."""

    def __init__(
        self, count: int, limits: Limits, specials: frozenset[str], most: int = MOST_WAITING
    ) -> None:
        self._limits = limits
        self._specials = specials
        self._line = Line(most)
        self._threads = [
            threading.Thread(target=self._serve, name=f"trellis-compile-{i}", daemon=True)
            for i in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, constraint: Constraint, tenant: str) -> Future[AnyGrammar]:
        """The grammar to come, or the error, CompilerBusy among them."""
        return self._line.put(constraint, tenant)

    def close(self) -> None:
        """Ends the processes once each has finished what it is at; what waits is cancelled."""
        self._line.close()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        """Hands jobs to one process, or those that replace it."""
        child = _Child(self._limits, self._specials)
        while (job := self._line.wait()) is not None:
            _answer(self._line, job, child.compile)
        child.stop()


def _answer(
    line: Line, job: Job, compiling: Callable[[Constraint], AnyGrammar | BaseException]
) -> None:
    """Does a job, unless nobody waits for it any more."""
    if not job.future.set_running_or_notify_cancel():
        return
    started = time.monotonic()
    try:
        answer = compiling(job.constraint)
    except Exception as error:  # its callers hear of it, and the next one is served
        answer = (
            CompilerBusy(f"no process to compile it: {error}")
            if isinstance(error, OSError)
            else error
        )
    line.charge(job.tenant, time.monotonic() - started)
    if isinstance(answer, BaseException):
        job.future.set_exception(answer)
    else:
        job.future.set_result(answer)


class _Child:
    """A process that compiles, started when there is something to do; one that dies is replaced."""

    def __init__(self, limits: Limits, specials: frozenset[str]) -> None:
        self._limits = limits
        self._specials = specials
        self._process: tuple[SpawnProcess, Connection] | None = None

    def compile(self, constraint: Constraint) -> AnyGrammar | BaseException:
        """The grammar or the error."""
        fresh = self._process is None
        process = self._process = self._process or self._start()
        answer = self._ask(process[1], constraint, fresh)
        if answer is not None:
            return answer
        self.stop()
        return ConstraintBudget("the process that compiled it took too long or died")

    def stop(self) -> None:
        """Ends the process."""
        if self._process is not None:
            process, connection = self._process
            self._process = None
            connection.close()
            process.terminate()
            process.join()

    def _start(self) -> tuple[SpawnProcess, Connection]:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = theirs, self._limits, self._specials
        process = context.Process(target=compile_for, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return process, ours

    def _ask(
        self, connection: Connection, constraint: Constraint, fresh: bool
    ) -> AnyGrammar | BaseException | None:
        """The grammar or the error; None if nothing came."""
        try:
            connection.send(constraint)
            patience = self._limits.seconds + GRACE + STARTING * fresh
            return connection.recv() if connection.poll(patience) else None
        except (EOFError, OSError):
            return None


def compile_for(connection: Connection, limits: Limits, specials: frozenset[str]) -> None:
    """What a process does: compiles what it is sent until the other end is closed."""
    compiling = _compiling(limits, specials, LatePasses(SOME).take)
    # Whoever decodes goes first where the two share a core; and what is imported is not looked through for garbage.
    os.nice(NICENESS)
    gc.freeze()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            constraint: Constraint = connection.recv()
            try:
                answer = compiling(constraint)
            except ConstraintError as error:
                answer = error
            except (
                Exception
            ) as error:  # our own mistake: the caller gets it, and the process goes on
                answer = AssertionError(f"compiling failed: {error!r}")
            connection.send(answer)


def _compiling(
    limits: Limits, specials: frozenset[str], passes: Callable[[], Passes]
) -> Callable[[Constraint], AnyGrammar]:
    """passes: those for the next constraint."""
    fragments = Fragments(limits.cache_bytes // FRAGMENT_SHARE)
    return lambda constraint: compile_constraint(constraint, limits, fragments, specials, passes())
