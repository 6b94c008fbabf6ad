"""Interpreter: runs the nodes of one State in order, on the backend's loop.

    interpreter.enqueue(Entry(node, where, (cell,)))      # from the program's thread; raises once it has failed
    cell.read()                                           # there, too
    await interpreter.close()                             # gives back what the state held

A task runs only while there are entries. Whatever goes wrong fails the entry at work and all that wait behind it, with
an error that names the gen and the program's line; from then on `enqueue` raises that error, so nothing waits for ever.

What is slow: nothing here; it waits for the backend. It refuses to know about threads' stacks, functions and joins.
"""

import asyncio
import math
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from ..answers.answers import call_params, choose, generate
from ..answers.generation import Generation
from ..errors import Cancelled, DeadlineExceeded, GenError, NoBackend, ProgramError, TurnError
from ..nodes.ir import Awaited, Begin, Close, End, Gen, Node, Open, Select, Text
from ..run.events import VariableSet
from ..run.scope import Scope
from .cell import Cell, Meta
from .chat import UnusableTemplate
from .transcript import Transcript

HOLD_CHARS = 256


class Waiter(Protocol):
    """Something that would wait for ever if it were not told of a failure: a Cell, or a branch to be born."""

    def fail(self, error: ProgramError) -> None: ...


@dataclass(frozen=True, slots=True)
class Act:
    """An instruction that no Program holds: the state's own business, such as a fork."""

    name: str
    work: Callable[["Interpreter"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to do. where: `file:line` of the program; waiters: failed with the entry; the first is its cell."""

    node: Node | Act
    where: str
    waiters: tuple[Waiter, ...] = ()

    @property
    def cell(self) -> Cell:
        """The cell to set."""
        cell = self.waiters[0]
        assert isinstance(cell, Cell), f"{self.node} has no cell"
        return cell

    @property
    def label(self) -> str:
        """What it is, for messages."""
        match self.node:
            case Gen() | Select():
                return f"{type(self.node).__name__.lower()} {self.cell.name!r}"
            case Open(role=role):
                return f"{role} turn"
            case Act(name=name):
                return name
            case _:
                return type(self.node).__name__.lower()


@dataclass(frozen=True, slots=True)
class Made:
    """A variable that was generated or selected, and how many pieces the transcript had with it."""

    name: str
    meta: Meta
    end: int


class Interpreter:
    """Runs the nodes of one State. transcript: its text so far; branch: which fork it comes from; made: its answers."""

    def __init__(
        self, scope: Scope, branch: tuple[int, ...], transcript: Transcript | None
    ) -> None:
        self.scope = scope
        self.branch = branch
        self.error: ProgramError | None = None
        self.closed = False
        self.transcript = transcript if transcript is not None else Transcript(scope.backend)
        self.born = 0
        self.made: list[Made] = []
        self.marks: list[Transcript] = []
        self._captures: dict[str, int] = {}
        self.generation: Generation | None = None
        self._queue: deque[Entry] = deque()
        self._current: Entry | None = None
        self._task: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        # A branch counts as busy until its parent hands it a transcript.
        self._busy = transcript is None
        scope.enter(self)

    def enqueue(self, *entries: Entry) -> None:
        """Adds work, all or nothing. Raises the error of a state that failed, Cancelled after `close`, NoBackend."""
        with self._lock:
            if self.error is not None:
                raise self.error.with_traceback(None) from self.error.__cause__
            if self.closed:
                raise Cancelled("the state was closed: nothing can be added to it")
            self._queue.extend(entries)
            # Text alone waits for what it leads up to: a task for each would cost more than the text.
            starts = not self._busy and any(not isinstance(e.node, Text) for e in entries)
            self._busy = self._busy or starts
        if starts:
            self._start()

    @property
    def idle(self) -> bool:
        """Whether all that was added is done."""
        return not self._busy and not self._queue

    def begin(self, transcript: Transcript) -> None:
        """A branch is born: it goes on from this transcript. On the loop."""
        if self.error is not None:
            transcript.drop()
            return
        self.transcript, self.born = transcript, len(transcript.pieces)
        self._start()

    def barrier(self) -> Cell:
        """A cell that is settled when all that was added so far is done, or has failed."""
        cell = Cell("all nodes")

        async def reach(interpreter: Interpreter) -> None:
            cell.set(None)

        try:
            self.enqueue(Entry(Act("barrier", reach), "", (cell,)))
        except ProgramError as error:
            cell.fail(error)
        return cell

    def fail(self, error: ProgramError) -> None:
        """Fails the state: what waits is told at once, what runs is cancelled. The first error stays. Any thread."""
        with self._lock:
            if self.error is not None:
                return
            self.error = error
            left = [self._current] if self._current is not None else []
            left += self._queue
            self._queue.clear()
            task = self._task
        for entry in left:
            for waiter in entry.waiters:
                waiter.fail(error)
        if task is not None and not task.done():
            try:
                self.scope.backend.loop.call(task.cancel)
            except NoBackend:
                return  # the loop ended, and its tasks with it

    async def close(self) -> None:
        """Ends what runs and gives back the prefixes. The text stays readable. On the loop."""
        with self._lock:
            self.closed = True
        if self._busy:
            self.fail(Cancelled("the state was closed"))
        elif self._queue:
            await self._drain()
        if self._task is not None and self._task is not asyncio.current_task():
            await asyncio.wait([self._task])
        for transcript in (self.transcript, *self.marks):
            transcript.drop()
        self.marks.clear()
        self.scope.leave(self)

    def _start(self) -> None:
        try:
            self.scope.backend.loop.call(self._spawn)
        except NoBackend as error:
            self.fail(Cancelled(str(error)))
            raise

    def _spawn(self) -> None:
        if self.error is None:
            self._task = asyncio.get_running_loop().create_task(self._drain())

    def _next(self) -> Entry | None:
        with self._lock:
            self._current = self._queue.popleft() if self._queue else None
            self._busy = self._current is not None
            return self._current

    async def _drain(self) -> None:
        """The task: works until the queue is empty. Our own deadline is the only TimeoutError that gets here."""
        deadline = self.scope.deadline
        try:
            async with asyncio.timeout_at(None if deadline == math.inf else deadline):
                while (entry := self._next()) is not None:
                    await self._perform(entry)
        except ProgramError as error:
            self.fail(error)
        except TimeoutError:
            self.fail(
                self.failure(
                    DeadlineExceeded, f"the run's {self.scope.seconds:g} seconds have passed"
                )
            )
        except asyncio.CancelledError:
            self.fail(self.failure(Cancelled, "the backend was closed"))
            raise

    def failure(self, kind: type[ProgramError], reason: str) -> ProgramError:
        """The error for what is at work, naming it, its line in the program and its text so far."""
        entry = self._current
        if entry is None:
            return kind(reason)
        name = entry.cell.name if isinstance(entry.node, Gen | Select) else None
        partial = self.generation.partial if self.generation is not None else ""
        shown = f" (text so far: {partial!r:.200})" if partial else ""
        message = f"{entry.label} at {entry.where}: {reason}{shown}"
        return kind(message, name=name, where=entry.where, partial=partial, reason=reason)

    async def _perform(self, entry: Entry) -> None:
        try:
            await self._step(entry)
        except ProgramError:
            raise
        except UnusableTemplate as error:
            raise self.failure(TurnError, str(error)) from error
        except Exception as error:
            kind = TurnError if isinstance(entry.node, Open) else GenError
            raise self.failure(kind, f"{type(error).__name__}: {error}") from error

    async def _step(self, entry: Entry) -> None:
        transcript = self.transcript
        match entry.node:
            case Text(text=text):
                transcript.write(text)
            case Open(role=role, fixed=fixed):
                transcript.open(role, fixed)
            case Close():
                transcript.close()
            case Gen() as node:
                await generate(self, node, entry.cell)
            case Select() as node:
                await choose(self, node, entry.cell)
            case Begin(name=name):
                self._captures[name] = len(transcript.pieces)
            case End(name=name):
                self.settle(entry.cell, transcript.text(self._captures.pop(name)))
            case Act(work=work):
                await work(self)
            case Awaited() as node:
                transcript.write(await node.settled())
            case other:
                raise AssertionError(f"no way to run {other!r}")

    def settle(self, cell: Cell, value: object, meta: Meta | None = None) -> None:
        """Sets a variable and tells whoever listens."""
        cell.set(value, meta)
        if meta is not None:
            self.made.append(Made(cell.name, meta, len(self.transcript.pieces)))
        self.scope.emit(VariableSet(cell.name, value, self.branch))

    async def hold(self) -> None:
        """Computes what waits, if it is long, for several continuations of it."""
        backend, transcript = self.scope.backend, self.transcript
        if "hold" in backend.capabilities and transcript.waiting_chars() > HOLD_CHARS:
            transcript.settle(
                await backend.hold(transcript.prompt("fork"), call_params(self.scope, {}))
            )
