"""Execute: a Program on a running State, as the function would run.

    value = await execute(program, state, {"text": "Ada, 36"})
    function = body_of(program)            # an async body, for `function(program)`

Appending never waits: text that depends on a variable waits in its state's own queue, so branches go on side by side.
Only a match, map, repeat and the result wait. On any asyncio loop. It refuses to know where the Program came from.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Untraceable
from ..nodes.flow import all_of, chosen, listed
from ..state.branches import Branches
from ..state.cell import Cell
from ..state.interpreter import Act, Entry, Interpreter
from ..state.state import Mark, State
from . import document as doc
from .arguments import STATE, arguments_of, signature_of
from .compute import Bound, Environment, Pending, Ready
from .plan import Inner, Leaves, Planned, Step, plan_of
from .program import Program
from .values import Value, refs

States = dict[int, State]


def body_of(program: Program) -> Callable[..., Coroutine[Any, Any, Any]]:
    """An async function of a state that executes the program, with its signature and name."""
    plan, signature = plan_of(program), signature_of(program.document)

    async def body(s: State, /, *arguments: Any, **named: Any) -> Any:
        if not isinstance(s, State):  # pyright: ignore[reportUnnecessaryIsInstance]: a tracer's state
            raise Untraceable("a Program is not traced again: call the function that it came from")
        given = signature.bind(s, *arguments, **named).arguments
        del given[STATE]
        return await _run(plan, s, arguments_of(program.document, given))

    body.__name__ = body.__qualname__ = program.name
    body.__doc__ = f"The program {program.name}."
    setattr(body, "__signature__", signature)  # noqa: B010 - functions have no declared one
    return body


async def execute(program: Program, state: State, given: Mapping[str, Any]) -> Any:
    """Executes it on a state; what it returns. Raises InvalidProgram for arguments it does not take."""
    return await _run(plan_of(program), state, arguments_of(program.document, given))


async def _run(plan: Planned, state: State, arguments: Mapping[str, Any]) -> Any:
    execution = _Execution(arguments)
    result = await execution.block(plan, {0: state}, {})
    for cell in execution.needed:
        await cell.wait()
    return result


@dataclass(slots=True)
class _Execution:
    """One run. needed: cells that appended text relies on; marks, forks: by their state, since a map has many."""

    arguments: Mapping[str, Any]
    needed: list[Cell] = field(default_factory=list[Cell])
    marks: dict[tuple[State, int], Mark] = field(default_factory=dict[tuple[State, int], Mark])
    forks: dict[tuple[State, tuple[int, ...]], Branches[State]] = field(
        default_factory=dict[tuple[State, tuple[int, ...]], Branches[State]]
    )

    async def block(self, block: Planned, states: States, known: Environment) -> Any:
        """Runs a block; what it comes to."""
        await self._steps(block.steps, states, known)
        if block.result is None:
            return None
        return await self._bound(block.result, known, "result").settled()

    async def _steps(self, steps: tuple[Step, ...], states: States, known: Environment) -> None:
        for step in steps:
            if isinstance(step, Leaves):
                self._append(step, states[step.state], known)
            elif isinstance(step, Inner):
                await self._inner(step, states, known)
            else:
                await self._act(step, states, known)

    def _append(self, leaves: Leaves, state: State, known: Environment) -> None:
        nodes = leaves.nodes
        if leaves.values:
            nodes = list(nodes)
            for index, value in leaves.values:
                nodes[index] = Pending(self._text(value, known, leaves.where))
        cells = state.append(nodes, leaves.where)
        for index, made in leaves.sets:
            cell = cells[index]
            assert cell is not None, f"{nodes[index]} sets nothing"
            known[made] = cell

    async def _act(self, one: doc.Instruction, states: States, known: Environment) -> None:
        """An instruction of the state's own, no node and no block."""
        assert not isinstance(one, doc.Together)
        state = states[one.state]
        match one:
            case doc.Set():
                known[one.id] = self._set(one, state, known)
            case doc.Fork(branches=numbers, where=where):
                branches = self.forks[state, numbers] = state.split(len(numbers), where)
                states.update(zip(numbers, branches, strict=True))
            case doc.Join(branches=numbers, how=how, by=by, sets=sets, where=where):
                await self.forks[state, numbers].ajoin(how, by, where)
                known.update({made: state.names[name] for name, made in sets.items()})
            case doc.Mark(mark=mark):
                self.marks[state, mark] = state.mark()
            case doc.Rewind(mark=mark):
                state.rewind(self.marks[state, mark])
            case doc.Close():
                state.close()
            case doc.Hold():
                pass  # said to whoever warms up, not to a run
            case other:
                raise AssertionError(f"no way to execute {other!r}")

    def _set(self, one: doc.Set, state: State, known: Environment) -> Cell:
        """A variable whose value is there when what it is made of is there."""
        bound, cell = self._text(one.value, known, one.where), Cell(one.name)

        async def work(interpreter: Interpreter) -> None:
            interpreter.settle(cell, await bound.settled())

        state.interpreter.enqueue(Entry(Act("set", work), one.where, cell))
        state.names[one.name] = cell
        return cell

    async def _inner(self, step: Inner, states: States, known: Environment) -> None:
        one, blocks = step.instruction, step.blocks
        match one:
            case doc.Match():
                await self._match(one, blocks, states, known)
            case doc.Map():
                known[one.id] = Ready(await self._map(one, blocks["block"], states, known))
            case doc.Repeat():
                known[one.id] = Ready(await self._repeat(one, blocks["block"], states, known))
            case doc.Together():
                await all_of([self._steps(lane.steps, states, known) for lane in blocks.values()])

    async def _match(
        self, one: doc.Match, blocks: Mapping[str, Planned], states: States, known: Environment
    ) -> None:
        value = await self._bound(one.value, known, one.where).settled()
        cases = {label: blocks[f"cases.{label}"] for label in one.cases}
        block = chosen(value, cases, blocks.get("default"), one.where)
        known[one.id] = Ready(await self.block(block, states, known))
        state = states[one.state]
        known.update({made: state.names[name] for name, made in one.sets.items()})

    async def _map(
        self, one: doc.Map, block: Planned, states: States, known: Environment
    ) -> list[Any]:
        items = await self._bound(one.items, known, one.where).settled()
        taken = listed(items, one.at_most, one.where)

        async def work(state: State, item: Any) -> Any:
            try:
                inside = {**known, one.item: Ready(item)}
                result = await self.block(block, {**states, one.branch: state}, inside)
                await state.settled()
                return result
            finally:
                state.close()

        branches = states[one.state].split(len(taken), one.where) if taken else ()
        return await all_of([work(s, item) for s, item in zip(branches, taken, strict=True)])

    async def _repeat(
        self, one: doc.Repeat, block: Planned, states: States, known: Environment
    ) -> Any:
        result: Any = None
        state = states[one.state]
        for _ in range(one.at_most):
            known.update({made: state.names[name] for name, made in one.takes.items()})
            result = await self.block(block, states, known)
            if one.until is None:
                continue
            if await self._bound(one.until, known, one.where).settled():
                break
        return result

    def _bound(self, value: Value, known: Environment, where: str) -> Bound:
        """The value with the cells that its ids mean now."""
        cells = {made: known[made] for made in refs(value)}
        return Bound(value, cells, self.arguments, where)

    def _text(self, value: Value, known: Environment, where: str) -> Bound:
        """The same for what is waited for in a queue: its failure is the run's, as it is where Python reads."""
        bound = self._bound(value, known, where)
        self.needed += [cell for cell in bound.cells.values() if isinstance(cell, Cell)]
        return bound
