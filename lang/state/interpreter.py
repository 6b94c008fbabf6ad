"""Interpreter: runs the nodes of one State in order, on the backend's loop.

    interpreter.enqueue(Entry(node, where, cell))         # from the program's thread; raises once it has failed
    cell.read()                                           # there, too
    await interpreter.close()                             # gives back what the state held

A task runs only while there are entries. Whatever goes wrong fails the entry at work and all that wait behind it, with
an error that names the gen and the program's line; from then on `enqueue` raises that error, or in a branch fails what
is added, too, so nothing waits for ever.

What is slow: nothing here; it waits for the backend. It refuses to know about threads' stacks, functions and joins.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..answers.answers import call_params, choose, generate
from ..answers.channel import open_answer
from ..answers.generation import Generation
from ..errors import Cancelled, DeadlineExceeded, GenError, NoBackend, ProgramError, TurnError
from ..nodes.ir import Awaited, Begin, Close, End, Gen, Node, Open, Select, Text
from ..run.events import VariableSet
from ..run.scope import Scope
from .cell import UNMADE, Cell, Meta
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


@dataclass(slots=True, eq=False)
class Entry:
    """One thing to do. where: `file:line` of the program; made: the cell that it sets; waiters: failed with it, too."""

    node: Node | Act
    where: str
    made: Cell | None = None
    waiters: tuple[Waiter, ...] = ()

    @property
    def cell(self) -> Cell:
        """The cell to set."""
        assert self.made is not None, f"{self.node} has no cell"
        return self.made

    def fail(self, error: ProgramError) -> None:
        """Tells all who wait for it."""
        for waiter in (self.made, *self.waiters):
            if waiter is not None:
                waiter.fail(error)

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


class Interpreter:
    """Runs the nodes of one State. transcript: its text so far; branch: which fork it comes from.

    made: the variables that were generated or selected, by the index of the piece that each is in the transcript.
    children: those of its branches, for whoever looks at the run afterwards. (The scope forgets what has ended, or runs
    would hold themselves and wait for the garbage collector.)
    """

    def __init__(
        self, scope: Scope, branch: tuple[int, ...], transcript: Transcript | None
    ) -> None:
        self.scope = scope
        self.branch = branch
        self.error: ProgramError | None = None
        self.closed = False
        self.transcript = transcript if transcript is not None else Transcript(scope.backend)
        self.children: list[Interpreter] = []
        self.born = 0
        self.made: dict[int, Cell] = {}
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
        """Adds work, all or nothing. Raises the error of a state that failed, Cancelled after `close`, NoBackend.

        A branch that failed fails what is added to it: it is for whoever reads or joins it to hear of that.
        """
        with self._lock:
            if self.error is not None and not self._mute:
                raise self.error.with_traceback(None) from self.error.__cause__
            if self.closed:
                raise Cancelled("the state was closed: nothing can be added to it")
            if self.error is not None:
                for entry in entries:
                    entry.fail(self.error)
                return
            self._queue.extend(entries)
            # Text alone waits for what it leads up to: a task for each would cost more than the text.
            starts = not self._busy and not all(isinstance(e.node, Text) for e in entries)
            self._busy = self._busy or starts
        if starts:
            self._start()

    @property
    def _mute(self) -> bool:
        """Whether its own failure is kept for later: a branch's, while the run goes on."""
        scope = self.scope
        over = scope.error is not None or scope.backend.loop.closed
        over = over or time.monotonic() >= scope.deadline
        return bool(self.branch) and not self.closed and not over

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

    def go_on_from(self, transcript: Transcript, made: Mapping[int, Cell]) -> None:
        """Takes a copy of a transcript in place of its own. made: the variables that were generated in it."""
        self.transcript.drop()
        self.transcript = transcript.copy()
        self.made = {at: cell for at, cell in made.items() if at < len(transcript.pieces)}

    def barrier(self) -> Cell:
        """A cell that is settled when all that was added so far is done, or has failed."""
        cell = Cell("all nodes")

        async def reach(interpreter: Interpreter) -> None:
            cell.set(None)

        try:
            self.enqueue(Entry(Act("barrier", reach), "", cell))
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
            entry.fail(error)
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
        self._give_back()

    def close_at_once(self) -> bool:
        """The same, if nothing has to be waited for; False if something has. On the loop."""
        with self._lock:
            if self._task is not None or not self.idle:
                return False
            self.closed = True
        self._give_back()
        return True

    def _give_back(self) -> None:
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
            self._task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[None]") -> None:
        # A task that a closing loop cancels before its first step runs nothing of its own.
        if task.cancelled() and self.error is None:
            self._task = None
            self.fail(Cancelled("the backend was closed"))

    def _next(self) -> Entry | None:
        with self._lock:
            self._current = self._queue.popleft() if self._queue else None
            self._busy = self._current is not None
            return self._current

    async def _drain(self) -> None:
        """The task: works until the queue is empty, or the run's time has passed."""
        deadline = self.scope.deadline
        timer = asyncio.timeout_at(None if deadline == math.inf else deadline)
        try:
            async with timer:
                await self._work()
        except ProgramError as error:
            self.fail(error)
        except asyncio.CancelledError:
            self.fail(self.failure(Cancelled, "the backend was closed"))
            raise
        except Exception as error:
            self.fail(self._named(error, timer.expired()))
        finally:
            self._task = None  # it would keep all that it used

    async def _work(self) -> None:
        while (entry := self._next()) is not None:
            work = self._perform(entry)
            if work is not None:
                await work

    def _named(self, error: Exception, late: bool) -> ProgramError:
        """The error for what went wrong in the entry at work. late: our own timer has gone off."""
        # A backend that was told of the deadline, too, may be the first to notice.
        late = late or time.monotonic() >= self.scope.deadline
        if late and isinstance(error, TimeoutError):
            why = f"the run's {self.scope.seconds:g} seconds have passed"
            return self.failure(DeadlineExceeded, why)
        entry = self._current
        opens = entry is not None and isinstance(entry.node, Open)
        known = isinstance(error, UnusableTemplate)
        kind = TurnError if opens or known else GenError
        named = self.failure(kind, str(error) if known else f"{type(error).__name__}: {error}")
        named.__cause__ = error
        return named

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

    def _perform(self, entry: Entry) -> Awaitable[None] | None:
        """Does what can be done at once; what has to be waited for is returned."""
        transcript = self.transcript
        match entry.node:
            case Text(text=text):
                open_answer(transcript)
                transcript.write(text)
            case Gen() as node:
                return generate(self, node, entry.cell)
            case Select() as node:
                return choose(self, node, entry.cell)
            case Open(role=role, fixed=fixed):
                transcript.open(role, fixed)
            case Close():
                transcript.close()
            case Begin(name=name):
                self._captures[name] = len(transcript.pieces)
            case End(name=name):
                said = transcript.said(self._captures.pop(name))
                self.settle(entry.cell, "".join(piece.text for piece in said))
            case Act(work=work):
                return work(self)
            case Awaited() as node:
                return self._write(node)
            case other:
                raise AssertionError(f"no way to run {other!r}")
        return None

    async def _write(self, node: Awaited) -> None:
        text = await node.settled()
        open_answer(self.transcript)
        self.transcript.write(text)

    def answer(self, cell: Cell, value: object, meta: Meta) -> None:
        """Sets the variable whose text is the transcript's last piece."""
        self.made[len(self.transcript.pieces) - 1] = cell
        self.settle(cell, value, meta)

    def settle(self, cell: Cell, value: object, meta: Meta = UNMADE) -> None:
        """Sets a variable and tells whoever listens."""
        cell.set(value, meta)
        if self.scope.listener is not None:
            self.scope.emit(VariableSet(cell.name, value, self.branch))

    async def hold(self) -> None:
        """Computes what waits, if it is long, for several continuations of it."""
        backend, transcript = self.scope.backend, self.transcript
        if "hold" in backend.capabilities and transcript.waiting_chars() > HOLD_CHARS:
            transcript.settle(
                await backend.hold(transcript.prompt("fork"), call_params(self.scope, {}))
            )
