"""Workers: who compiles, in this process or in others.

    workers = Processes(2, limits, specials)    # or Threads(1, limits, specials)
    future = workers.submit(constraint, tenant) # of its grammar; may be cancelled while it waits for its turn
    workers.close()

Who waits stands in a line (see line.py), which has room for so many, and is fair between tenants.

Compiling in this process holds the interpreter, up to a second for a hostile schema; then whoever decodes tokens here
waits. Processes cost that a third of a millisecond or less for each, to look at the finished tables. They are started
fresh, never forked, step back where cores are scarce, keep what schemas have in common, and one that dies is replaced;
its constraint gets the error.
"""

import contextlib
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from ..limits import Limits
from ..spec import Constraint
from .child import Child, keep_compiling
from .late import AsidePasses
from .line import Job, Line
from .lowering import AnyGrammar

MANY = 64  # constraints, after which a thread loads machine code, which stops others for some milliseconds
AHEAD = 2  # constraints that a process has at a time: the one that it is at, and the next
MOST_SPARE = 4
MOST_WAITING = 2048  # a quarter of a minute of work for one worker


def count_spare(cores: int) -> int:
    """How many processes a machine of so many cores, some of them busy with a model, may well have: one does some 150
    new schemas a second."""
    return max(1, min(MOST_SPARE, cores // 4))


class Workers(Protocol):
    """What a Compiler needs of its workers."""

    def submit(self, constraint: Constraint, tenant: str) -> Future[AnyGrammar]: ...
    def close(self) -> None: ...


class Threads:
    """Workers of this process; what they compile holds the interpreter. most: constraints that may wait."""

    def __init__(
        self, limits: Limits, specials: frozenset[str], count: int = 2, most: int = MOST_WAITING
    ) -> None:
        self._passes = AsidePasses(MANY)
        self._compile = keep_compiling(limits, specials, self._passes.take)
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
        self._passes.close()

    def _serve(self) -> None:
        """Compiles the next one, if it has not left."""
        job = self._line.take()
        if job is not None and job.future.set_running_or_notify_cancel():
            started = time.monotonic()
            answer = self._try(job.constraint)
            _settle(self._line, job, answer, time.monotonic() - started)

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
        """Hands jobs to one process, which has the next one already when it is done."""
        child = Child(self._limits, self._specials)
        while True:
            job = self._line.take_ahead() if len(child) else self._line.wait()
            if job is None and not len(child):
                break
            if job is not None and job.future.set_running_or_notify_cancel():
                child.ask(job)
            if len(child) >= AHEAD or (job is None and len(child)):
                _settle(self._line, *child.answer())
        child.stop()


def _settle(line: Line, job: Job, answer: AnyGrammar | BaseException, seconds: float) -> None:
    """Tells who waits, and charges who asked."""
    line.charge(job.tenant, seconds)
    if isinstance(answer, BaseException):
        job.future.set_exception(answer)
    else:
        job.future.set_result(answer)
