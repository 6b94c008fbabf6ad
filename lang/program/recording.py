"""Recording: what is written down of one function while it is traced, and what its states know meanwhile.

    recording = Recording()
    with recording.block() as body: ...        # instructions written down inside go to `body`
    recording.fresh("city")                    # an id: "city", then "city.2"
    value = drive(async_function(state))       # an async function to its end, as it waits for nothing

It refuses to know what is written down.
"""

import contextlib
import inspect
from collections.abc import Coroutine, Generator
from pathlib import Path
from typing import Any, Protocol

from ..errors import Untraceable
from ..nodes import ir
from ..state.position import Position
from . import document as doc


class Known(Protocol):
    """A traced state, as far as a recording restores it."""

    names: dict[str, str]
    position: Position


class Recording:
    """What is written down. body: instructions; nodes: the gens by id, types and all; states: by number.

    missed: variables that were asked for and not there.
    """

    def __init__(self) -> None:
        self.body: list[doc.Instruction] = []
        self.nodes: dict[str, ir.Gen] = {}
        self.states: list[Known] = []
        self.marks = 0
        self.missed: list[object] = []
        self._ids: dict[str, int] = {}

    def fresh(self, base: str) -> str:
        """An id that nothing has yet: the base itself, or with a number."""
        while True:
            count = self._ids[base] = self._ids.get(base, 0) + 1
            made = base if count == 1 else f"{base}.{count}"
            if count == 1 or made not in self._ids:
                self._ids.setdefault(made, 1)
                return made

    @contextlib.contextmanager
    def block(self, state: int) -> Generator[list[doc.Instruction]]:
        """What is written down inside goes to a list of its own; it works on this state and those born inside."""
        born = len(self.states)
        outside, self.body = self.body, []
        try:
            yield self.body
        finally:
            inside, self.body = self.body, outside
        for instruction in inside:
            assert not isinstance(instruction, doc.Together)
            worked_on = [instruction.state]
            worked_on += instruction.branches if isinstance(instruction, doc.Join) else ()
            if any(number != state and number < born for number in worked_on):
                raise Untraceable(
                    "a case, body or branch adds to a state that is not its own: use the state it is given"
                )

    @contextlib.contextmanager
    def apart(self) -> Generator[None]:
        """What states know is after the block what it was before."""
        kept = [(state, dict(state.names), state.position) for state in self.states]
        try:
            yield
        finally:
            for state, names, position in kept:
                state.names, state.position = names, position


def drive(result: Any) -> Any:
    """What a function returned; of an async one, what it comes to without waiting for anything."""
    if not inspect.isawaitable(result):
        return result
    work: Coroutine[Any, Any, Any] = _awaited(result)
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise Untraceable("an async function that waits for anything but its state cannot be traced")


async def _awaited(result: Any) -> Any:
    return await result


def short(where: str) -> str:
    """The line without the machine's folders: a Program may travel."""
    path, _, line = where.rpartition(":")
    return f"{Path(path).name}:{line}"
