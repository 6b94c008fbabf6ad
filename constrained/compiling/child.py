"""Child: a process that compiles, and what waits in it.

    child = Child(limits, specials)
    child.ask(job)                  # one or two ahead, so that it need not wait for us in between
    job, answer, seconds = child.answer()   # of the job that was asked first
    child.stop()

It is started when there is something to do. One that dies or takes too long is replaced: the job that it was at gets
the error, and those behind it are asked again. Slow: asking, some fifty microseconds; the first answer waits for the
process to start, a second. It refuses to know who asks, and in which order.
"""

import contextlib
import gc
import os
import pickle
import time
from collections import deque
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from socket import socket, socketpair
from typing import cast

from ..errors import ConstraintBudget, ConstraintError
from ..limits import Limits
from ..machine.passes import Passes
from ..schema.fragments import Fragments
from ..spec import Constraint
from .late import LatePasses
from .line import CompilerBusy, Job
from .lowering import AnyGrammar, compile_constraint
from .passing import receive, send, set_patience

FRAGMENT_SHARE = 8  # part of the cache that is for leaves of schemas
GRACE = 5.0  # seconds that a process may take beyond the limit, on a busy machine
STARTING = 60.0  # seconds that a new one may take on top for its first constraint
NICENESS = 5  # of processes: a third of a busy core is left to them
SMALL = 1 << 16  # bytes that lie in a pipe while nobody reads, or both ends could wait
SOME = 8  # constraints, after which a process may be taken to compile for long

Answer = AnyGrammar | BaseException


class Child:
    """One process, or those that replace it; for one thread."""

    def __init__(self, limits: Limits, specials: frozenset[str]) -> None:
        self._limits = limits
        self._specials = specials
        self._process: tuple[SpawnProcess, socket] | None = None
        self._asked: deque[Job] = deque()
        self._handed = 0
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._asked)

    def ask(self, job: Job) -> None:
        """Hands a job to the process."""
        if not self._asked:
            self._since = time.monotonic()
        self._asked.append(job)
        if self._process is not None:
            self._hand(self._process[1])

    def answer(self) -> tuple[Job, Answer, float]:
        """The job that was asked first, what came of it, and the seconds that it took."""
        try:
            answer = self._receive()
        except OSError as error:
            answer = CompilerBusy(f"no process to compile it: {error}")
        except Exception as error:  # whoever waits for the grammar hears of it
            answer = error
        if answer is None:
            self.stop()
            answer = ConstraintBudget("the process that compiled it took too long or died")
        self._handed = max(0, self._handed - 1)
        before, self._since = self._since, time.monotonic()
        return self._asked.popleft(), answer, self._since - before

    def stop(self) -> None:
        """Ends the process."""
        if self._process is not None:
            process, end = self._process
            self._process, self._handed = None, 0
            end.close()
            process.terminate()
            process.join()

    def _receive(self) -> Answer | None:
        """The next grammar or error; None if nothing came. Raises OSError where no process can be started."""
        patience = self._limits.seconds + GRACE
        if self._process is None:
            self._process = self._start()
            patience += STARTING
        end = self._process[1]
        self._hand(end)
        try:
            set_patience(end, patience)
            return cast(Answer, receive(end))
        except (EOFError, OSError):
            return None

    def _hand(self, end: socket) -> None:
        """Sends what may be sent; a process that has died is seen when it does not answer.

        While it compiles, and does not read, only what is small: or it could wait to be read itself, and both for ever.
        """
        for job in list(self._asked)[self._handed :]:
            if self._handed and len(pickle.dumps(job.constraint)) > SMALL:
                return
            with contextlib.suppress(OSError):
                send(end, job.constraint)
            self._handed += 1

    def _start(self) -> tuple[SpawnProcess, socket]:
        context = get_context("spawn")
        ours, theirs = socketpair()
        arguments = theirs, self._limits, self._specials
        process = context.Process(target=compile_for, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return process, ours


def compile_for(end: socket, limits: Limits, specials: frozenset[str]) -> None:
    """What the process does: compiles what it is sent until the other end is closed."""
    compiling = keep_compiling(limits, specials, LatePasses(SOME).take)
    # Whoever decodes goes first where the two share a core; and what is imported is not looked through for garbage.
    os.nice(NICENESS)
    gc.freeze()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            constraint = cast(Constraint, receive(end))
            try:
                answer = compiling(constraint)
            except ConstraintError as error:
                answer = error
            except (
                Exception
            ) as error:  # our own mistake: the caller gets it, and the process goes on
                answer = AssertionError(f"compiling failed: {error!r}")
            send(end, answer)


def keep_compiling(
    limits: Limits, specials: frozenset[str], passes: Callable[[], Passes]
) -> Callable[[Constraint], AnyGrammar]:
    """What compiles one constraint after the other. passes: those for the next one."""
    fragments = Fragments(limits.cache_bytes // FRAGMENT_SHARE)
    return lambda constraint: compile_constraint(constraint, limits, fragments, specials, passes())
