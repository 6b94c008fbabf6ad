"""Run: one run of a function, as its caller sees it: variables, text, totals, value or error.

    run = program.run(question="...")        # finished, well or badly: nothing is raised here
    run["answer"], run.text(), run.messages(), run.meta("answer").tokens, run.usage
    run.value                                # what the function returned; raises run.error if it failed
    run = program.start(question="...")      # still going on
    run.cancel(); run.wait()
    run.show(); run.show("run.html"); run.save("run.json")

It refuses to know how the function is called.
"""

import contextlib
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from ..backends.base import Usage
from ..errors import Cancelled, ProgramError
from ..state.cell import UNMADE, Cell, Meta
from ..state.interpreter import Interpreter
from ..state.state import State
from ..state.transcript import Transcript
from ..tools.record import ToolCall
from .scope import Scope

R = TypeVar("R")
NO_METAS: Mapping[str, Meta] = MappingProxyType({})


class Run(Generic[R]):
    """One run of a function. Every reading method waits until the run is over. index: its item's, in a batch.

    >>> run = ask.run()
    >>> run["x"], run.text(), run.error
    ('Because.', 'Why? Because.', None)
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.state = State(scope, Interpreter(scope, (), Transcript(scope.backend)))
        self.index: int | None = None
        self._outcome = Cell("the run")
        self._messages: list[dict[str, str]] = []

    @property
    def done(self) -> bool:
        """Whether the run is over."""
        return self._outcome.settled

    def wait(self, seconds: float | None = None) -> None:
        """Waits until the run is over. Raises TimeoutError if it is not within the seconds."""
        until = math.inf if seconds is None else time.monotonic() + seconds
        if not self._outcome.settles(until):
            raise TimeoutError(f"the run is not over after {seconds:g} seconds")

    @property
    def value(self) -> R:
        """What the function returned. Raises the run's error."""
        if self.error is not None:
            raise self.error
        return self._outcome.read()

    @property
    def error(self) -> Exception | None:
        """What the run failed with: a ProgramError of a gen, or whatever else the function raised."""
        self.wait()
        return self._outcome.error

    def __getitem__(self, name: str) -> Any:
        """A variable's value. Raises UnknownVariable, or the error that prevented it."""
        self.wait()
        return self.state[name]

    def __contains__(self, name: object) -> bool:
        self.wait()
        return name in self.state

    def meta(self, name: str) -> Meta:
        """How a variable came about: tokens, finish, usage, scores of a select."""
        self.wait()
        return self.state.meta(name)

    @property
    def variables(self) -> dict[str, Any]:
        """All variables that have a value."""
        self.wait()
        found: dict[str, Any] = {}
        for name, cell in self.state.names.items():
            with contextlib.suppress(ProgramError):
                found[name] = cell.read()
        return found

    def text(self) -> str:
        """All the text; of a failed run what it came to."""
        self.wait()
        return self.state.interpreter.transcript.text()

    def messages(self) -> list[dict[str, str]]:
        """The turns as role and content; of a failed run what it came to."""
        self.wait()
        return self._messages or self.state.interpreter.transcript.messages()

    @property
    def usage(self) -> Usage:
        """Tokens and seconds of all gens added up, forks and retries included."""
        return self.scope.usage

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Every call of a tool, in order of their ends, those of forks and of gens that failed included."""
        return tuple(self.scope.tool_calls)

    def show(self, path: str | Path | None = None) -> None:
        """Shows the run: as a tree in the terminal, or written to `path` as one HTML page."""
        from ..view.trace import trace_of  # looking needs rich, running does not

        trace = trace_of(self)
        if path is not None:
            from ..view.page import page_of

            Path(path).write_text(page_of(trace), encoding="utf-8")
            return
        from rich.console import Console

        from ..view.terminal import tree_of

        Console().print(tree_of(trace))

    def save(self, path: str | Path) -> None:
        """Writes what the run was as JSON, for `trellis view PATH`."""
        from ..view.trace import trace_of, write_trace

        Path(path).write_text(write_trace(trace_of(self)), encoding="utf-8")

    def cancel(self) -> None:
        """Ends the run: the backend's work stops at once, the program at its next read or append. Any thread."""
        self.scope.stop(Cancelled("the run was cancelled"))

    # How a function brings it to its end.

    def settle(self) -> None:
        """Waits for all nodes of all states. Raises the error of the function's own state."""
        for barrier in self._barriers():
            with contextlib.suppress(ProgramError):
                barrier.read(self.scope.patience)
        self._raise_own()

    async def settled(self) -> None:
        """The same on any asyncio loop."""
        for barrier in self._barriers():
            with contextlib.suppress(ProgramError):
                await barrier.wait()
        self._raise_own()

    def restore(
        self,
        value: R,
        variables: Mapping[str, Any],
        text: str,
        messages: Sequence[Mapping[str, str]] = (),
        metas: Mapping[str, Meta] = NO_METAS,
    ) -> None:
        """It was run before, or elsewhere: what it came to there. metas: how, as far as it is known."""
        self._messages = [dict(message) for message in messages]
        for name, known in variables.items():
            cell = self.state.names[name] = Cell(name)
            cell.set(
                known, metas.get(name, UNMADE)
            )  # nobody is told: whoever listens heard of it when it came
        self.state.interpreter.transcript.write(text)
        self.scope.leave(self.state.interpreter)  # which has nothing to give back
        self._outcome.set(value)

    def complete(self, value: R) -> None:
        """The function returned and its nodes are done: what the run holds is given back."""
        self.scope.close()
        self._outcome.set(value)

    async def completed(self, value: R) -> None:
        """The same on any asyncio loop."""
        await self._closed()
        self._outcome.set(value)

    def abandon(self, error: BaseException) -> None:
        """The function raised: what still runs is ended, and what the run holds is given back."""
        outcome = self._stopped(error)
        self.scope.close()
        self._outcome.fail(outcome)

    async def abandoned(self, error: BaseException) -> None:
        """The same on any asyncio loop."""
        outcome = self._stopped(error)
        await self._closed()
        self._outcome.fail(outcome)

    def _stopped(self, error: BaseException) -> Exception:
        reason = (
            error if isinstance(error, ProgramError) else Cancelled(f"the program raised {error!r}")
        )
        self.scope.stop(reason)
        return error if isinstance(error, Exception) else reason

    async def _closed(self) -> None:
        await self.scope.closing().wait()

    def _barriers(self) -> list[Cell]:
        return [i.barrier() for i in self.scope.members() if not i.idle]

    def _raise_own(self) -> None:
        error = self.scope.error or self.state.error
        if error is not None:
            raise error.with_traceback(None) from error.__cause__
