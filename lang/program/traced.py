"""TracedState: a state that writes down what a function says instead of running it.

    recording = Recording()
    state = TracedState(recording)
    returned = body(state, Symbol(Argument("text"), "text"))
    recording.body, recording.nodes      # the instructions, and by id the nodes with their Python types

Each case of a match and each body of a map or repeat is run once, in a block of its own. Reading a variable gives a
Symbol. What only a running state has (its text, meta, a join by a function) raises Untraceable. It refuses to know
about backends, and what comes of the instructions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Self

from ..errors import InvalidProgram, UnknownVariable, Untraceable
from ..nodes import ir
from ..nodes.flow import Case, at_work, chosen, perform
from ..nodes.where import where_is
from ..state.position import Position
from ..state.state import Block
from . import document as doc
from .branches import TracedBranches
from .encode import Place, encode
from .recording import Recording, drive, short
from .rules import used
from .symbols import Symbol, of_ref, value_of
from .values import Value, refs


@dataclass(frozen=True, slots=True)
class TracedMark:
    """A point of a traced state to come back to."""

    owner: "TracedState"
    number: int
    names: dict[str, str]
    position: Position


@dataclass(slots=True)
class _End:
    """How a case ended: its block and what the state knew then."""

    block: doc.Block
    names: dict[str, str]


class TracedState:
    """Looks to a function like its State. names: each variable's id."""

    def __init__(self, recording: Recording, past: "TracedState | None" = None) -> None:
        self.recording = recording
        self.number = len(recording.states)
        self.names: dict[str, str] = dict(past.names) if past is not None else {}
        self.position: Position = past.position if past is not None else Position()
        self.maybe: set[str] = set(past.maybe) if past is not None else set()
        recording.states.append(self)

    # What may be read.

    def __getitem__(self, name: str) -> Symbol:
        """The variable, known only when the program runs. Raises UnknownVariable."""
        if name not in self.names:
            known = ", ".join(self.names) or "none"
            raise UnknownVariable(
                f"nothing sets the variable {name!r} on every way to here; those that are set: {known}"
            )
        return of_ref(self.names[name], f"s[{name!r}]")

    async def get(self, name: str) -> Symbol:
        """The same for async functions."""
        return self[name]

    def __contains__(self, name: object) -> bool:
        if name in self.maybe and name not in self.names:
            raise Untraceable(
                f"{name!r} in s depends on which case ran or branch was kept: set it in each"
            )
        if name not in self.names:
            self.recording.missed.append(name)
        return name in self.names

    def meta(self, name: str) -> NoReturn:
        """Only a run has it."""
        raise Untraceable(f"s.meta({name!r}) is there only where Python runs")

    def text(self) -> NoReturn:
        """Only a run has it."""
        raise Untraceable("s.text() is there only where Python runs: capture what is needed")

    def messages(self) -> NoReturn:
        """Only a run has them."""
        raise Untraceable("s.messages() are there only where Python runs")

    def sync(self) -> None:
        """Nothing to wait for."""

    async def settled(self) -> None:
        """Nothing to wait for."""

    @property
    def error(self) -> None:
        """A trace never failed so far."""
        return None

    # What may be added.

    def __iadd__(self, expression: ir.Node | str) -> Self:
        self.add(expression, where_is(2))
        return self

    def add(self, expression: ir.Node | str, where: str) -> None:
        """Writes the nodes down."""
        for node in ir.leaves(expression):
            self.position = self.position.past(node)
            name = node.name if isinstance(node, ir.Gen | ir.Select | ir.End) else None
            made = self.recording.fresh(name or "_")
            self.recording.body.append(encode(node, Place(self.number, made, short(where))))
            if isinstance(node, ir.Gen):
                self.recording.nodes[made] = node
            if name is not None:
                self.names[name] = made

    def set(self, name: str, value: Any) -> None:
        """Writes down that the variable is set."""
        made, where = self.recording.fresh(name), short(where_is(2))
        self.recording.body.append(doc.Set(made, self.number, name, value_of(value), where))
        self.names[name] = made

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Writes the other function's body down in this place."""
        body = getattr(function, "body", function)
        return body(self, *arguments, **named)

    def system(self) -> Block["TracedState"]:
        """`with s.system():`."""
        return self._turn("system")

    def user(self) -> Block["TracedState"]:
        """`with s.user():`."""
        return self._turn("user")

    def assistant(self) -> Block["TracedState"]:
        """`with s.assistant():`."""
        return self._turn("assistant")

    def tool(self) -> Block["TracedState"]:
        """`with s.tool():`."""
        return self._turn("tool")

    def capture(self, name: str) -> Block["TracedState"]:
        """`with s.capture("story"):`."""
        return Block(self, ir.Begin(name), ir.End(name), where_is(2))

    # Other lines of the same text.

    def fork(self, count: int) -> "TracedBranches":
        """Branches, each a traced state."""
        if isinstance(count, Symbol):
            raise Untraceable("fork(count) needs a count that is known: use tr.map(items, branch)")
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:  # pyright: ignore[reportUnnecessaryIsInstance]: callers may be untyped
            raise InvalidProgram(f"fork needs a count of at least 1, got {count!r}")
        return self._split(count, where_is(2))

    def copy(self) -> "TracedState":
        """One branch."""
        return self._split(1, where_is(2))[0]

    def mark(self) -> TracedMark:
        """A point to come back to."""
        self.recording.marks += 1
        number = self.recording.marks
        self.recording.body.append(doc.Mark(self.number, number, short(where_is(2))))
        return TracedMark(self, number, dict(self.names), self.position)

    def rewind(self, mark: TracedMark) -> None:
        """Goes back to a mark."""
        if mark.owner is not self:
            raise InvalidProgram("the mark belongs to another state: mark this one")
        if not self.position.at_same_block(mark.position):
            raise InvalidProgram("rewind in the same turn and capture in which the mark was made")
        self.recording.body.append(doc.Rewind(self.number, mark.number, short(where_is(2))))
        self.names, self.position = dict(mark.names), mark.position

    def close(self) -> None:
        """Writes down that the state ends."""
        self.recording.body.append(doc.Close(self.number, short(where_is(2))))

    # What flow asks for.

    def record_match(self, value: Any, cases: Mapping[str, Case], default: Case | None) -> Any:
        """Each case in a block of its own; of a value that is known, only its case."""
        where = where_is(3)
        if not isinstance(value, ir.Node):
            return drive(perform(chosen(value, cases, default, where), self, where))
        ends = {label: self._case(case, where) for label, case in cases.items()}
        last = self._case(default, where) if default is not None else None
        every = [*ends.values(), *([last] if last is not None else [])]
        made = self.recording.fresh("match")
        changed = [
            name
            for name in every[0].names
            if all(name in end.names for end in every)
            and any(end.names[name] != self.names.get(name) for end in every)
        ]
        sets = {name: self.recording.fresh(name) for name in changed}
        blocks = {label: end.block for label, end in ends.items()}
        other = last.block if last is not None else None
        self.recording.body.append(
            doc.Match(made, self.number, value_of(value), blocks, other, sets, short(where))
        )
        self.names = {
            name: kept
            for name, kept in self.names.items()
            if all(end.names.get(name) == kept for end in every)
        } | sets
        self.maybe |= {name for end in every for name in end.names} - set(self.names)
        if all(end.block.result is None for end in every):
            return None
        return of_ref(made, "tr.match(...)")

    def record_map(self, items: Any, branch: Callable[..., Any], at_most: int | None) -> Any:
        """The branch's block, once, on a state and an item that stand for all."""
        where, made = where_is(3), self.recording.fresh("map")
        item = self.recording.fresh("item")
        number = len(self.recording.states)
        with self.recording.apart(), self.recording.block(number) as body:
            inside = TracedState(self.recording, past=self)
            with at_work(inside):
                result = _result(drive(branch(inside, of_ref(item, "item"))))
        block = doc.Block(tuple(body), result)
        self.recording.body.append(
            doc.Map(made, self.number, value_of(items), item, number, block, at_most, short(where))
        )
        return of_ref(made, "tr.map(...)")

    def record_repeat(self, body: Case, until: Callable[[Any], Any] | None, at_most: int) -> Any:
        """The body's block, once."""
        where, made = where_is(3), self.recording.fresh("repeat")
        begin, before = self.position, self.names
        # In later rounds a variable is what the round before made of it.
        takes = {name: self.recording.fresh(name) for name in before}
        self.names, missed = dict(takes), len(self.recording.missed)
        with self.recording.block(self.number) as instructions:
            result = _result(drive(perform(body, self, where)))
            over = value_of(drive(until(self))) if until is not None else None
        self._check_place(begin)
        if later := [name for name in self.recording.missed[missed:] if name in self.names]:
            raise Untraceable(
                f"{later[0]!r} in s is false in the first round only: set it before tr.repeat"
            )
        outer = {made: before[name] for name, made in takes.items()}
        self.names = {name: outer.get(made, made) for name, made in self.names.items()}
        block = doc.Block(tuple(instructions), result)
        needed = {*used(block.body)}
        for value in (result, over):
            needed |= set(refs(value)) if value is not None else set()
        kept = {name: taken for name, taken in takes.items() if taken in needed}
        self.recording.body.append(
            doc.Repeat(made, self.number, block, at_most, over, kept, short(where))
        )
        return of_ref(made, "tr.repeat(...)") if result is not None else None

    def _case(self, case: Case, where: str) -> _End:
        with self.recording.apart(), self.recording.block(self.number) as body:
            begin = self.position
            result = _result(drive(perform(case, self, where)))
            self._check_place(begin)
            return _End(doc.Block(tuple(body), result), dict(self.names))

    def _check_place(self, begin: Position) -> None:
        if not self.position.at_same_block(begin):
            raise Untraceable(
                "a case or body leaves a turn or capture open: begin and end it in the same one"
            )

    def _split(self, count: int, where: str) -> "TracedBranches":
        born = tuple(TracedState(self.recording, past=self) for _ in range(count))
        numbers = tuple(state.number for state in born)
        self.recording.body.append(doc.Fork(self.number, numbers, short(where)))
        return TracedBranches(self, born)

    def _turn(self, role: ir.Role) -> Block["TracedState"]:
        return Block(self, ir.Open(role), ir.Close(), where_is(3))


def _result(returned: Any) -> Value | None:
    return None if returned is None else value_of(returned)
