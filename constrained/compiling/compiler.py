"""Compiler: constraints to grammars, once each.

    check_constraint(constraint)                         # raises what compiling would raise; needs no vocabulary
    compiler = Compiler(vocabulary, encode)
    grammar = compiler.compile(constraint)               # or compiler.submit(constraint), a future
    matcher = compiler.matcher(grammar)

Safe to share between threads: a constraint that several ask for at once is compiled once, and given up when none of
them waits any more. Only so many wait, and tenants take turns (line.py). Grammars are kept up to a number of bytes,
least recently used go first, and in a folder if there is one; errors are not kept. It refuses to know who compiles
(workers.py) and how (lowering.py).
"""

from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, cast

from ..grammar.matcher import Matcher
from ..grammar.place import Compiled
from ..limits import Limits
from ..schema.fragments import Fragments
from ..spec import Constraint
from ..tokens.forced import Encode, Forced
from ..tokens.vocabulary import Vocabulary
from .folder import GrammarFolder
from .line import CompilerBusy
from .lowering import AnyGrammar, compile_constraint
from .workers import Threads, Workers

__all__ = ["AnyGrammar", "Compiler", "CompilerBusy", "CompilerClosed", "check_constraint"]


def check_constraint(constraint: Constraint, limits: Limits | None = None) -> None:
    """Raises InvalidConstraint, UnsupportedConstraint or ConstraintBudget if the constraint cannot be enforced."""
    compile_constraint(constraint, limits or Limits(), Fragments(1 << 20))


class CompilerClosed(RuntimeError):
    """The compiler was closed before, or while, it was asked for a grammar."""


@dataclass(slots=True)
class _Flight:
    """A constraint that is being compiled, and who waits for it."""

    callers: list[Future[AnyGrammar]] = field(default_factory=list[Future[AnyGrammar]])
    work: Future[AnyGrammar] | None = None


class Compiler:
    """Compiles for one tokenizer. `encode` gives the plain tokens of a text, without special ones.

    workers: who compiles, closed with the compiler; without any, two threads of this process. folder: where grammars
    are kept between processes.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        encode: Encode,
        limits: Limits | None = None,
        workers: Workers | None = None,
        folder: GrammarFolder | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.forced = Forced(vocabulary, encode)
        self._limits = limits or Limits()
        self._workers = workers or Threads(self._limits, vocabulary.special_texts)
        self._folder = folder
        self._lock = Lock()
        self._grammars: OrderedDict[Constraint, AnyGrammar] = OrderedDict()
        self._flights: dict[Constraint, _Flight] = {}
        self._bytes = 0
        self._closed = False

    @property
    def nbytes(self) -> int:
        """Bytes of the grammars that are kept."""
        return self._bytes

    def cached(self, constraint: Constraint) -> AnyGrammar | None:
        """The grammar of a constraint that was compiled already and is still kept; never waits."""
        with self._lock:
            return self._find(constraint)

    def compile(self, constraint: Constraint, tenant: str = "") -> AnyGrammar:
        """The grammar of a constraint.

        Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget, CompilerBusy.
        """
        return self.submit(constraint, tenant).result()

    def submit(self, constraint: Constraint, tenant: str = "") -> Future[AnyGrammar]:
        """The grammar to come, or the error: CompilerBusy where too many wait, and this tenant has most of them. Cancel
        it to be done with waiting; the last to do so ends the work.

        Raises CompilerClosed after close.
        """
        if self._closed:
            raise CompilerClosed("the compiler is closed")
        caller: Future[AnyGrammar] = Future()
        with self._lock:
            found = self._find(constraint)
            flight = self._flights.get(constraint)
            mine = found is None and flight is None
            if mine:
                flight = self._flights[constraint] = _Flight()
            if found is None and flight is not None:
                flight.callers.append(caller)
        if found is not None:
            caller.set_result(found)
            return caller
        assert flight is not None
        caller.add_done_callback(lambda done: self._leave(constraint, flight, done))
        if mine:
            self._start(constraint, flight, tenant)
        return caller

    def matcher(self, grammar: AnyGrammar) -> Matcher[Any]:
        """A matcher at the start of a grammar."""
        chosen = cast("Compiled[Any]", grammar)
        return Matcher(chosen, self.vocabulary, self.forced)

    def close(self) -> None:
        """Ends the workers; whoever waits for what they did not begin gets CompilerClosed."""
        self._closed = True
        self._workers.close()

    def _find(self, constraint: Constraint) -> AnyGrammar | None:
        if constraint in self._grammars:
            self._grammars.move_to_end(constraint)
        return self._grammars.get(constraint)

    def _start(self, constraint: Constraint, flight: _Flight, tenant: str) -> None:
        stored = self._folder.read(self._folder_key(constraint)) if self._folder else None
        if stored is not None:
            work: Future[AnyGrammar] = Future()
            work.set_result(stored)
        else:
            work = self._workers.submit(constraint, tenant)
        flight.work = work
        work.add_done_callback(lambda done: self._finish(constraint, flight, done, stored is None))

    def _folder_key(self, constraint: Constraint) -> str:
        return repr((constraint, sorted(self.vocabulary.special_texts)))

    def _leave(self, constraint: Constraint, flight: _Flight, caller: Future[AnyGrammar]) -> None:
        """A caller waits no more; without any the work is taken back, if it has not begun."""
        if not caller.cancelled():
            return
        with self._lock:
            flight.callers.remove(caller)
            alone = not flight.callers and self._flights.get(constraint) is flight
            if alone:
                del self._flights[constraint]
        if alone and flight.work is not None:
            flight.work.cancel()

    def _finish(
        self, constraint: Constraint, flight: _Flight, work: Future[AnyGrammar], fresh: bool
    ) -> None:
        with self._lock:
            if self._flights.get(constraint) is flight:
                del self._flights[constraint]
            callers = list(flight.callers)
            if not work.cancelled() and work.exception() is None:
                self._keep(constraint, work.result())
        for caller in callers:
            if caller.set_running_or_notify_cancel():
                closed = CompilerClosed("the compiler was closed")
                error = closed if work.cancelled() else work.exception()
                if error is not None:
                    caller.set_exception(error)
                else:
                    caller.set_result(work.result())
        if fresh and self._folder and not work.cancelled() and work.exception() is None:
            self._folder.write(self._folder_key(constraint), work.result())

    def _keep(self, constraint: Constraint, grammar: AnyGrammar) -> None:
        self._grammars[constraint] = grammar
        self._bytes += grammar.nbytes
        while self._bytes > self._limits.cache_bytes and len(self._grammars) > 1:
            self._bytes -= self._grammars.popitem(last=False)[1].nbytes
