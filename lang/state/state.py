"""State: one run of a function, the `s` that a program appends to and reads from.

    s += "Q: " + question + "\\nA: " + gen("answer")    # queued; runs on the backend's loop
    s["answer"]                                         # waits for just this variable, or raises why it failed
    with s.user(): s += question                        # a turn of a chat
    branches = s.fork(3); ...; branches.join()          # branches share all that was computed

A state belongs to one thread (or one async function). Once a node failed, every later append and every read of what is
not there raises the same error, which names the gen and the program's line; of a branch only reading and joining do, as
a join may leave it out. It refuses to know how nodes are run.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar

from ...constrained.errors import ConstraintError
from ..errors import (
    DeadlineExceeded,
    InvalidProgram,
    NoBackend,
    ProgramError,
    UnknownVariable,
    Unsupported,
)
from ..near import near
from ..nodes.ir import Begin, Close, End, Gen, Node, Open, Role, Select, leaves, plain_text
from ..nodes.where import where_is
from ..run.events import VariableSet
from ..run.scope import Scope
from .branches import Branches
from .cell import Cell, Meta
from .interpreter import Act, Entry, Interpreter
from .position import Position
from .transcript import Transcript


@dataclass(slots=True, eq=False)
class Mark:
    """A point of a state's text to come back to with `rewind`. Opaque."""

    owner: "State"
    names: dict[str, Cell]
    position: Position
    transcript: Transcript | None = field(default=None)


class State:
    """One run of a function, or a branch of it. Made by functions and forks only.

    >>> @tr.function
    ... def twice(s):
    ...     s += "One: " + tr.gen("a") + " Two: " + tr.gen("b")
    ...     return s["a"], s["b"]
    >>> twice()
    ('Because.', 'Because.')
    """

    def __init__(self, scope: Scope, interpreter: Interpreter, past: "State | None" = None) -> None:
        self.scope = scope
        self.interpreter = interpreter
        self.names: dict[str, Cell] = dict(past.names) if past is not None else {}
        self.position: Position = past.position if past is not None else Position()
        self._unnamed: int = past._unnamed if past is not None else 0
        self._forks = 0

    # What may be read.

    def __getitem__(self, name: str) -> Any:
        """The variable's value; waits for just this one. Raises UnknownVariable, or the error that prevents it."""
        return self._reading(name).read(self.scope.patience)

    async def get(self, name: str) -> Any:
        """The variable's value, for async functions."""
        return await self._cell(name).wait()

    def __contains__(self, name: object) -> bool:
        """Whether something sets this variable; it may not be there yet."""
        return name in self.names

    def meta(self, name: str) -> Meta:
        """How the variable came about: tokens, finish, usage, scores. Waits like reading it."""
        return self._reading(name).meta(self.scope.patience)

    def text(self) -> str:
        """All the text so far, template text included. Waits for all nodes."""
        self.sync()
        return self.interpreter.transcript.text()

    def messages(self) -> list[dict[str, str]]:
        """The turns so far, as role and content. Waits for all nodes."""
        self.sync()
        return self.interpreter.transcript.messages()

    def sync(self) -> None:
        """Waits until all nodes are done. Raises the state's error."""
        self._raise_own()
        if not self.interpreter.idle:
            self.scope.check_thread()
            self._in_time(self.interpreter.barrier())

    async def settled(self) -> None:
        """The same for async functions."""
        await self.interpreter.barrier().wait()

    @property
    def error(self) -> ProgramError | None:
        """What made this state fail, if it did so far."""
        return self.interpreter.error

    # What may be added.

    def __iadd__(self, expression: Node | str) -> Self:
        """Queues text and nodes. Raises InvalidProgram, Unsupported and constraint errors at once, before they run."""
        self.add(expression, where_is(2))
        return self

    def __setitem__(self, name: str, value: Any) -> None:
        """Raises InvalidProgram: values are given with `set`."""
        raise InvalidProgram(f"a value is given to a variable with s.set({name!r}, value)")

    def set(self, name: str, value: Any) -> None:
        """Gives a variable a value, without any text. Texts joined with + are one text."""
        value = plain_text(value)
        cell = Cell(name)
        cell.set(value)
        self.names[name] = cell
        self.scope.emit(VariableSet(name, value, self.interpreter.branch))

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Runs another function's body on this state: its text and variables become this state's."""
        body = getattr(function, "body", function)
        return body(self, *arguments, **named)

    def system(self) -> "Block[State]":
        """`with s.system():` what is added inside is a system turn."""
        return self._turn("system")

    def user(self) -> "Block[State]":
        """`with s.user():` what is added inside is a user turn."""
        return self._turn("user")

    def assistant(self) -> "Block[State]":
        """`with s.assistant():` what is added inside is an assistant turn."""
        return self._turn("assistant")

    def tool(self) -> "Block[State]":
        """`with s.tool():` what is added inside is the result of a tool."""
        return self._turn("tool")

    def capture(self, name: str) -> "Block[State]":
        """`with s.capture("story"):` the text added inside becomes a variable when the block ends."""
        return Block(self, Begin(name), End(name), where_is(2))

    # Other lines of the same text.

    def fork(self, count: int) -> "Branches[State]":
        """`count` branches that go on from here, sharing all that was computed. Raises InvalidProgram."""
        return self.split(count, where_is(2))

    def split(self, count: int, where: str) -> "Branches[State]":
        """`fork` with the place in the program said by the caller."""
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:  # pyright: ignore[reportUnnecessaryIsInstance]: callers may be untyped
            raise InvalidProgram(f"fork needs a count of at least 1, got {count!r}")
        branch = self.interpreter.branch
        born = [Interpreter(self.scope, (*branch, self._forks + i), None) for i in range(count)]
        self._forks += count
        self.interpreter.children += born

        async def split(interpreter: Interpreter) -> None:
            await interpreter.hold()
            for child in born:
                child.begin(interpreter.transcript.copy())

        try:
            self.interpreter.enqueue(Entry(Act("fork", split), where, waiters=tuple(born)))
        except ProgramError as error:
            for child in born:
                child.fail(error)
            raise
        return Branches(self, tuple(State(self.scope, child, past=self) for child in born))

    def copy(self) -> "State":
        """One branch: a second state that goes on from here."""
        return self.split(1, where_is(2))[0]

    def mark(self) -> Mark:
        """A point to come back to."""
        mark = Mark(self, dict(self.names), self.position)

        async def keep(interpreter: Interpreter) -> None:
            mark.transcript = interpreter.transcript.copy()
            interpreter.marks.append(mark.transcript)

        self.interpreter.enqueue(Entry(Act("mark", keep), where_is(2)))
        return mark

    def rewind(self, mark: Mark) -> None:
        """Goes back to a mark: text and variables since then are gone, what was computed before it is still there."""
        if mark.owner is not self:
            raise InvalidProgram(
                "the mark belongs to another state: mark this one, or rewind that one"
            )
        if not self.position.at_same_block(mark.position):
            raise InvalidProgram("rewind in the same turn and capture in which the mark was made")

        async def restore(interpreter: Interpreter) -> None:
            assert mark.transcript is not None, "a mark is kept before it is restored"
            interpreter.go_on_from(mark.transcript, interpreter.made)

        self.interpreter.enqueue(Entry(Act("rewind", restore), where_is(2)))
        self.names = dict(mark.names)
        self.position = mark.position

    def close(self) -> None:
        """Ends what this state still does and gives back what it holds. What was set stays readable."""
        with contextlib.suppress(NoBackend):  # a closed backend holds nothing
            self.scope.backend.loop.submit(self.interpreter.close())

    # How it is done.

    def add(self, expression: Node | str, where: str) -> None:
        """`+=` with the place in the program said by the caller. All nodes are checked before the first is queued."""
        self.append(list(leaves(expression)), where)

    def append(self, nodes: list[Node], where: str) -> list[Cell | None]:
        """`add` of leaves only; the cells of the variables that they set."""
        position = self.position
        for node in nodes:
            position = position.past(node)
            self._check(node, where)
        entries = [Entry(node, where, self._new_cell(node)) for node in nodes]
        if entries:
            self.interpreter.enqueue(*entries)
        for entry in entries:
            if entry.made is not None:
                self.names[entry.made.name] = entry.made
        self.position = position
        return [entry.made for entry in entries]

    def _check(self, node: Node, where: str) -> None:
        """Raises Unsupported and constraint errors for what the backend cannot do."""
        if isinstance(node, Gen):
            try:
                self._check_gen(node)
            except ConstraintError as error:
                # Its message is about the constraint alone, which may be one of many.
                error.add_note(f"in gen {node.name!r} at {where}")
                raise
            return
        scored = isinstance(node, Select) and node.method != "constrained"
        if scored and "score" not in self.scope.backend.capabilities:
            raise Unsupported(
                f"{self.scope.backend.name} cannot score choices: select(method='constrained') samples one"
            )

    def _check_gen(self, node: Gen) -> None:
        backend = self.scope.backend
        params = self.scope.params(node.options)
        if params.n > 1 and "n" not in backend.capabilities:
            raise Unsupported(
                f"{backend.name} gives one answer per gen: fork instead of n={params.n}"
            )
        if (params.logprobs or params.top_logprobs) and "logprobs" not in backend.capabilities:
            raise Unsupported(
                f"{backend.name} does not report log-probabilities: leave logprobs out"
            )
        if node.constraint is not None:
            backend.check(node.constraint)
        for tool in node.offer.tools if node.offer is not None else ():
            backend.check(tool.spec.constraint)

    def _new_cell(self, node: Node) -> Cell | None:
        match node:
            case Gen(name=name) | Select(name=name):
                if name is None:
                    self._unnamed += 1
                    name = f"_{self._unnamed}"
                return Cell(name)
            case End(name=name):
                return Cell(name)
            case _:
                return None

    def _turn(self, role: Role) -> "Block[State]":
        return Block(self, Open(role), Close(), where_is(3))

    def _cell(self, name: str) -> Cell:
        if name not in self.names:
            self._raise_own()
            known = ", ".join(self.names) or "none"
            meant = near(name, self.names)
            raise UnknownVariable(
                f"nothing sets the variable {name!r}{meant}; those that are set: {known}"
            )
        return self.names[name]

    def _reading(self, name: str) -> Cell:
        cell = self._cell(name)
        if not cell.settled:
            self.scope.check_thread()
            self._in_time(cell)
        return cell

    def _raise_own(self) -> None:
        if self.error is not None:
            raise self.error.with_traceback(None) from self.error.__cause__

    def _in_time(self, cell: Cell) -> None:
        """Waits for a cell; when the time has passed the whole run is over."""
        try:
            cell.read(self.scope.patience)
        except DeadlineExceeded as error:
            self.scope.stop(error)
            raise


class Adding(Protocol):
    """Whatever nodes can be added to: a State, or one that is traced."""

    def add(self, expression: Node | str, where: str) -> None: ...


A = TypeVar("A", bound=Adding)


@dataclass(frozen=True, slots=True)
class Block(Generic[A]):
    """What is added inside a `with` stands between two nodes. If the block raises, it is left open."""

    state: A
    first: Node
    last: Node
    where: str

    def __enter__(self) -> A:
        self.state.add(self.first, self.where)
        return self.state

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self.state.add(self.last, self.where)
