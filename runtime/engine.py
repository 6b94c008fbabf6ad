"""Engine: the loop. Receive, plan, run, commit, emit.

    engine = Engine(scheduler, runner)
    engine.start()                                # its own thread
    engine.add_requests([ticket])                 # any thread; the ticket's sink gets Deltas
    engine.abort([ticket], reason)
    engine.close()

While the device runs step t the host plans and launches step t+1; the result of t is read after that, one step late.
Where the host makes the masks, or penalties would count a token that gives way to forced text, the result is read
first. Turning tokens into text comes last, when the device is busy again.

Everything that touches the scheduler happens on the loop's thread; other threads leave messages. A request that
fails becomes an error on that request. A step or message that fails ends all requests, and the engine goes on.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Protocol

from ..lang.backends.base import Delta, Finish, Token, Usage
from ..radix.node import Node
from .errors import EngineError, EngineStopped
from .plan import Plan, Progress
from .request import Request, Status
from .scheduler import Scheduler
from .step import Result, Step
from .text import Spelling, TextStream

Sink = Callable[["Ticket", Delta | Exception], None]


class Pending(Protocol):
    """A launched step."""

    def result(self) -> Result:
        """Waits for the device and gives what came out."""
        ...


class Runner(Protocol):
    """What carries out steps. `place` says which rows cannot start; `launch` returns before the device is done."""

    def place(self, step: Step) -> dict[int, Exception]: ...
    def launch(self, step: Step) -> Pending: ...
    def reset(self) -> None: ...


@dataclass(slots=True, eq=False)
class Ticket:
    """A request on its way through the engine: where its Deltas go, and how its tokens become text.

    index: which of n answers it is. spelling: of all tickets that have the same tokenizer.
    """

    request: Request
    text: TextStream
    sink: Sink
    spelling: Spelling
    index: int = 0
    first_seconds: float | None = None


@dataclass(slots=True)
class Times:
    """Seconds spent in each part of the loop since the engine started, and what was done in them."""

    plan: float = 0.0
    launch: float = 0.0
    wait: float = 0.0
    commit: float = 0.0
    emit: float = 0.0
    steps: int = 0
    tokens: int = 0
    sampled: int = 0
    forced: int = 0
    cached: int = 0
    prompt: int = 0
    requests: int = 0


@dataclass(slots=True)
class _Flight:
    plan: Plan
    pending: Pending


@dataclass(slots=True)
class _Inbox:
    """Messages from other threads, in order."""

    ready: threading.Condition = field(default_factory=threading.Condition)
    calls: deque[Callable[[], object]] = field(default_factory=deque[Callable[[], object]])
    closed: bool = False


class Engine:
    """One loop over one scheduler and one runner."""

    def __init__(self, scheduler: Scheduler, runner: Runner) -> None:
        self.scheduler = scheduler
        self.runner = runner
        self.times = Times()
        # Surrounds what a step emits, so that its readers can be woken once.
        self.together: Callable[[], AbstractContextManager[None]] = nullcontext
        self._inbox = _Inbox()
        self._tickets: dict[Request, Ticket] = {}
        self._flight: _Flight | None = None
        self._thread = threading.Thread(target=self._loop, name="trellis-engine", daemon=True)

    # -- from any thread -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts the loop's thread."""
        self._thread.start()

    def add_requests(self, tickets: Sequence[Ticket]) -> None:
        """Adds requests together, so that one step can take them all. Their sinks get Deltas, or an error."""
        self.call(lambda: self._add(tickets))

    def abort(self, tickets: Sequence[Ticket], reason: Finish) -> None:
        """Ends requests within one step; ended ones, as all are of a closed engine, are left alone."""
        self._post(lambda: self._abort(tickets, reason))

    @property
    def closed(self) -> bool:
        """Whether it was closed; messages are refused then."""
        return self._inbox.closed

    def call(self, action: Callable[[], object]) -> None:
        """Runs a small action on the loop's thread, between two steps. Raises EngineStopped after the end."""
        if not self._post(action):
            raise EngineStopped("the engine is closed")

    def release(self, node: Node) -> None:
        """One holder less of a prefix; of a closed engine it is gone already."""
        self._post(lambda: self.scheduler.cache.release(node))

    def close(self) -> None:
        """Stops the loop; every unfinished request gets EngineStopped."""
        with self._inbox.ready:
            self._inbox.closed = True
            self._inbox.ready.notify()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _post(self, action: Callable[[], object]) -> bool:
        """Leaves a message; False, and nothing is left, after the end."""
        with self._inbox.ready:
            if self._inbox.closed:
                return False
            self._inbox.calls.append(action)
            self._inbox.ready.notify()
            return True

    # -- the loop ------------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        error = EngineStopped("the engine was closed")
        try:
            while self._receive():
                self.step()
        except Exception as cause:
            error = EngineStopped(f"the engine failed and could not go on: {cause!r}")
            error.__cause__ = cause
            raise
        finally:
            self._end(error)

    def _end(self, error: EngineStopped) -> None:
        """Tells everybody who waits."""
        with self._inbox.ready:
            self._inbox.closed = True
        for call in self._inbox.calls:
            # Left over where the engine failed, which has been said: whoever asked waits for an answer all the same.
            with suppress(Exception):
                call()
        for request in list(self._tickets):
            self._drop(request, error)

    def drain(self) -> None:
        """Runs the loop on the calling thread until nothing is left to do; for an engine that was not started."""
        while self.turn():
            pass

    def turn(self) -> bool:
        """One turn of the loop on the calling thread; False when nothing is left to do. As `drain`, turn by turn."""
        if not (self._inbox.calls or self._busy()):
            return False
        self._receive()
        self.step()
        return True

    def step(self) -> None:
        """One iteration: plan, run, commit, emit. When it fails, its requests do, and the engine goes on."""
        self._try(self._iterate)

    def _iterate(self) -> None:
        done: list[Progress] = []
        if self._flight is not None and self.scheduler.waits:
            done += self._commit()
        before, self._flight = self._flight, None
        launched = self._launch()
        if before is not None:
            self._flight = before
            done += self._commit()
        self._flight = launched
        self._emit(done)

    def _receive(self) -> bool:
        """Takes the messages; waits for one when there is nothing to do. False: closed."""
        inbox = self._inbox
        with inbox.ready:
            while not inbox.calls and not inbox.closed and not self._busy():
                inbox.ready.wait()
            waiting, closed = len(inbox.calls), inbox.closed
        # Also when closed: what was asked for before that has callers who wait to hear of the end.
        for _ in range(waiting):
            self._try(inbox.calls.popleft())
        self._try(self._expire)
        return not closed

    def _try(self, action: Callable[[], object]) -> None:
        """Does something to the scheduler. When it fails all requests do, and the engine goes on."""
        try:
            action()
        except Exception as error:  # whatever the device, a request's own parts or a message raise
            self._fail(error)

    def _expire(self) -> None:
        for request in self.scheduler.expire():
            self._finish(self._tickets[request])

    def _busy(self) -> bool:
        return self.scheduler.busy or self._flight is not None

    def _launch(self) -> _Flight | None:
        started = time.perf_counter()
        plan = self.scheduler.plan()
        planned = time.perf_counter()
        self.times.plan += planned - started
        self._finish_refused()
        if plan is None:
            return None
        plan = self._without(plan, self.runner.place(plan.step))
        if not plan.requests:
            return None
        pending = self.runner.launch(plan.step)
        self.times.launch += time.perf_counter() - planned
        self.times.steps += 1
        self.times.tokens += plan.step.tokens
        return _Flight(plan, pending)

    def _commit(self) -> list[Progress]:
        flight, self._flight = self._flight, None
        assert flight is not None
        started = time.perf_counter()
        result = flight.pending.result()
        waited = time.perf_counter()
        progress = self.scheduler.commit(flight.plan, result)
        for item in progress:
            ticket = self._tickets.get(item.request)
            if ticket is not None and item.request.finish is not None and not ticket.text.has_stops:
                self._release(ticket)
        self.times.wait += waited - started
        self.times.commit += time.perf_counter() - waited
        return progress

    def _without(self, plan: Plan, refused: dict[int, Exception]) -> Plan:
        """The plan without the rows that the device cannot start; their requests get the error."""
        if not refused:
            return plan
        for request in plan.requests:
            if request.row in refused:
                error = refused[request.row]
                self.scheduler.fail(request)
                self._drop(request, error)
        return plan.without(frozenset(refused))

    # -- requests ------------------------------------------------------------------------------------------------

    def _add(self, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            request = ticket.request
            self._tickets[request] = ticket
            try:
                forced = request.force()
                self.scheduler.add(request)
            except EngineError as error:
                self._drop(request, error)
                continue
            self.times.requests += 1
            if forced or request.finish is not None:
                self._emit([Progress(request, None, forced)])

    def _abort(self, tickets: Sequence[Ticket], reason: Finish) -> None:
        for ticket in tickets:
            if ticket.request in self._tickets:
                self.scheduler.abort(ticket.request, reason)
                self._finish(ticket)

    def _finish_refused(self) -> None:
        """Requests that the plan itself ended."""
        refused, self.scheduler.refused = self.scheduler.refused, []
        for request, error in refused:
            self._drop(request, error)

    def _release(self, ticket: Ticket) -> None:
        request = ticket.request
        if request.status is not Status.ENDED:
            if ticket.text.stopped is not None:
                del request.tokens[request.prompt_length + ticket.text.kept :]
            self.scheduler.release(request)

    def _drop(self, request: Request, error: Exception) -> None:
        """Tells whoever asked for a request that it failed, unless they left meanwhile."""
        if (ticket := self._tickets.pop(request, None)) is not None:
            ticket.sink(ticket, error)

    def _fail(self, error: Exception) -> None:
        """Ends every request with the error and starts the device's rows afresh. Raises when pages were lost."""
        self._flight = None
        for request in list(self._tickets):
            # Each its own: whoever raises it adds to its trace.
            failure = EngineStopped(f"the step failed: {error!r}")
            failure.__cause__ = error
            self.scheduler.fail(request)
            self._drop(request, failure)
        self.runner.reset()
        self.scheduler.cache.check()

    # -- emit ----------------------------------------------------------------------------------------------------

    def _emit(self, progress: Sequence[Progress]) -> None:
        started = time.perf_counter()
        with self.together():
            for item in progress:
                ticket = self._tickets.get(item.request)
                if ticket is not None:
                    self._speak(ticket, item)
        self.times.emit += time.perf_counter() - started

    def _speak(self, ticket: Ticket, item: Progress) -> None:
        """Sends what these tokens add to the text; ends the request when its text came to a stop."""
        request, sampled, forced, logprob, top = item
        ids = forced if sampled is None else (sampled, *forced) if forced else (sampled,)
        if ticket.first_seconds is None and ids:
            ticket.first_seconds = self.scheduler.clock() - request.arrival
        stream, spelling = ticket.text, ticket.spelling
        text = stream.push(ids) if ids else ""
        if stream.stopped is not None:
            request.finish = Finish("stop", stream.stopped)
        if request.finish is not None:
            self._finish(ticket, text, spelling.tokens(sampled, forced, logprob, top))
        elif logprob is None and not ticket.index:
            if ids:
                ticket.sink(ticket, spelling.delta(text, sampled, forced))
        elif ids:
            tokens = spelling.tokens(sampled, forced, logprob, top)
            ticket.sink(ticket, Delta(text, ticket.index, tokens))

    def _finish(self, ticket: Ticket, text: str = "", tokens: tuple[Token, ...] = ()) -> None:
        """The last Delta of a request, with its usage; its memory is let go of if it was not yet."""
        request = ticket.request
        text += ticket.text.flush()
        if ticket.text.stopped is not None:
            request.finish = Finish("stop", ticket.text.stopped)
        assert request.finish is not None
        generated = request.generated
        self._release(ticket)
        del self._tickets[request]
        usage = Usage(
            prompt=request.prompt_length,
            cached=min(request.cached or 0, request.prompt_length),
            generated=generated,
            forced=request.forced,
            seconds=self.scheduler.clock() - request.arrival,
            first_token_seconds=ticket.first_seconds,
        )
        times = self.times
        times.prompt += usage.prompt
        times.cached += usage.cached
        times.sampled += usage.generated - usage.forced
        times.forced += usage.forced
        ticket.sink(ticket, Delta(text, ticket.index, tokens, request.finish, usage))
