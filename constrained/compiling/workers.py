"""Workers: who compiles, in this process or in others.

    workers = Processes(2, limits, specials)    # or Threads(1, limits, specials)
    future = workers.submit(constraint)         # of its grammar; may be cancelled while it waits for its turn
    workers.close()

Compiling in this process holds the interpreter, up to a second for a hostile schema; then whoever decodes tokens here
waits. Processes cost that nothing but the reading of the finished tables. They are started fresh, never forked, step
back where cores are scarce, keep what schemas have in common, and one that dies is replaced; its constraint gets the
error.
"""

import contextlib
import gc
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Protocol

from ..errors import ConstraintBudget, ConstraintError
from ..limits import Limits
from ..schema.fragments import Fragments
from ..spec import Constraint
from .lowering import AnyGrammar, compile_constraint

FRAGMENT_SHARE = 8  # part of the cache that is for leaves of schemas
GRACE = 5.0  # seconds that a worker may take beyond the limit, on a busy machine
STARTING = 60.0  # seconds that a new process may take on top for its first constraint
NICENESS = 5  # of worker processes: a third of a busy core is left to them
Job = tuple[Constraint, Future[AnyGrammar]]


class Workers(Protocol):
    """What a Compiler needs of its workers."""

    def submit(self, constraint: Constraint) -> Future[AnyGrammar]: ...
    def close(self) -> None: ...


class Threads:
    """Workers of this process; what they compile holds the interpreter."""

    def __init__(self, limits: Limits, specials: frozenset[str], count: int = 2) -> None:
        self._compile = _compiling(limits, specials)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="trellis-compile")

    def submit(self, constraint: Constraint) -> Future[AnyGrammar]:
        """The grammar to come."""
        return self._pool.submit(self._compile, constraint)

    def close(self) -> None:
        """Compiles nothing more; what waits is cancelled."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Processes:
    """Workers of their own; a thread here waits for each."""

    def __init__(self, count: int, limits: Limits, specials: frozenset[str]) -> None:
        self._limits = limits
        self._specials = specials
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._serve, name=f"trellis-compile-{i}", daemon=True)
            for i in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, constraint: Constraint) -> Future[AnyGrammar]:
        """The grammar to come."""
        future: Future[AnyGrammar] = Future()
        if self._closed:
            future.cancel()
        else:
            self._jobs.put((constraint, future))
        return future

    def close(self) -> None:
        """Ends the processes once each has finished what it is at; what waits is cancelled."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while (job := self._jobs.get_nowait()) is not None:
                job[1].cancel()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        """Hands jobs to one process after the other, as often as one dies."""
        process: tuple[SpawnProcess, Connection] | None = None
        while (job := self._jobs.get()) is not None:
            constraint, future = job
            if not future.set_running_or_notify_cancel():
                continue
            fresh = process is None
            process = process or self._start()
            answer = self._ask(process[1], constraint, fresh)
            if answer is None:
                _stop(process)
                process = None
                answer = ConstraintBudget("the process that compiled it took too long or died")
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        if process is not None:
            _stop(process)

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
    compiling = _compiling(limits, specials)
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


def _compiling(limits: Limits, specials: frozenset[str]) -> Callable[[Constraint], AnyGrammar]:
    fragments = Fragments(limits.cache_bytes // FRAGMENT_SHARE)
    return lambda constraint: compile_constraint(constraint, limits, fragments, specials)


def _stop(process: tuple[SpawnProcess, Connection]) -> None:
    process[1].close()
    process[0].terminate()
    process[0].join()
