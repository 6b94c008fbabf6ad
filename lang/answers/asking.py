"""Asking: one gen at work, however many generations it takes: thoughts, calls of tools, attempts.

    asking = Asking(speaker, node, cell)
    generation, answers = await asking.ask(Ask(cell.name, params, constraint, tell))
    asking.transcript.absorb(answers[0].text, generation.take())

All of them share the gen's time. Whoever asks owns the generation: its prefix is taken or dropped. It refuses to know
what the answers are for.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...constrained.spec import Constraint
from ..backends.base import Spelled
from ..errors import Cancelled, DeadlineExceeded, ProgramError
from ..nodes.ir import Gen
from ..nodes.params import SamplingParams
from ..run.scope import Scope
from ..state.cell import Answer, Cell, Meta
from ..state.speaker import Speaker
from ..state.transcript import Transcript
from ..tools.record import ToolCall
from .generation import Generation

Tell = Callable[[str, int], None]


def call_params(scope: Scope, options: Mapping[str, Any]) -> SamplingParams:
    """The parameters of one call: they ask for the prefix, and end with the run at the latest."""
    params = scope.params(options)
    left = max(0.001, scope.deadline - time.monotonic())
    seconds = min(left, params.timeout if params.timeout is not None else math.inf)
    return params.lasting(seconds if seconds < math.inf else None)


def hear_nothing(text: str, index: int) -> None:
    """For text that nobody is told of."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One generation: for which name, how, and who hears the text as it comes."""

    name: str
    params: SamplingParams
    constraint: Constraint | None = None
    tell: Tell = hear_nothing


class Asking:
    """What the generations of one gen share. calls: tools called so far; thoughts: what was thought so far."""

    def __init__(self, speaker: Speaker, node: Gen, cell: Cell) -> None:
        self.speaker = speaker
        self.node = node
        self.cell = cell
        self.params = call_params(speaker.scope, node.options)
        self.calls: list[ToolCall] = []
        self.thoughts: list[str] = []
        self.saved = 0
        self._asked = False
        seconds = self.params.timeout if self.params.timeout is not None else math.inf
        self.deadline = time.monotonic() + seconds

    @property
    def transcript(self) -> Transcript:
        """Where answers go."""
        return self.speaker.transcript

    async def ask(
        self, ask: Ask, transcript: Transcript | None = None
    ) -> tuple[Generation, tuple[Answer, ...]]:
        """Generates after the transcript, the state's own if no other is given. Raises for time and abortion."""
        prompt = (transcript or self.transcript).prompt(ask.name)
        # The first generation is given the time as it was asked for: later ones what is left of it.
        params = ask.params.merged(timeout=self.left()) if self._asked else ask.params
        self._asked = True
        backend = self.speaker.scope.backend
        generation = Generation(backend, prompt, params, ask.constraint)
        self.speaker.generation = generation
        try:
            work = generation.run(ask.tell)
            # The interpreter's own timer is the nearer one for most gens: no other is needed then.
            answers = await (self.within(work) if self._ends_first else work)
            for answer in answers:
                self.speaker.scope.spend(answer.usage)
                self._check_ended(answer)
        except BaseException:
            generation.drop()
            raise
        return generation, answers

    @property
    def _ends_first(self) -> bool:
        """Whether the gen's time ends before the run's."""
        return self.deadline < self.speaker.scope.deadline

    def left(self) -> float | None:
        """Seconds that are left of the gen's time; None without a limit."""
        return max(0.001, self.deadline - time.monotonic()) if self.deadline < math.inf else None

    async def within(self, work: Any) -> Any:
        """Awaits work for as long as the gen has time. Raises DeadlineExceeded after that."""
        if not self._ends_first:
            return await work
        timer = asyncio.timeout(self.left())
        try:
            async with timer:
                return await work
        except TimeoutError as error:
            if timer.expired():
                raise self.late() from error
            raise

    def late(self) -> ProgramError:
        """The error for time that is over, the run's or the gen's own."""
        scope = self.speaker.scope
        run_over = time.monotonic() >= scope.deadline - 0.001
        seconds, whose = (scope.seconds, "run") if run_over else (self.params.timeout, "gen")
        return self.speaker.failure(
            DeadlineExceeded, f"the {whose}'s {seconds:g} seconds have passed"
        )

    def stopping(self, mark: str, params: SamplingParams | None = None) -> SamplingParams:
        """Parameters with one stop more: a mark, also where it is a control token that no text shows."""
        params = params if params is not None else self.params
        token = self._token_of(mark)
        ids = (*params.stop_token_ids, *(() if token is None else (token,)))
        return params.merged(stop=(*params.stop, mark), stop_token_ids=ids)

    def stopped_at(self, answer: Answer, mark: str) -> bool:
        """Whether this mark ended an answer."""
        if answer.finish is None or answer.finish.matched is None:
            return False
        return answer.finish.matched in (mark, self._token_of(mark))

    def _token_of(self, mark: str) -> int | None:
        backend = self.speaker.scope.backend
        return backend.token_id(mark) if isinstance(backend, Spelled) else None

    def meta(self, answers: tuple[Answer, ...], attempts: int) -> Meta:
        """How the value came about."""
        if attempts == 1 and not self.thoughts and not self.calls:
            return Meta(answers)
        thinking = "\n\n".join(self.thoughts)
        return Meta(answers, {}, attempts, self.saved, thinking, tuple(self.calls))

    def _check_ended(self, answer: Answer) -> None:
        assert answer.finish is not None
        if answer.finish.reason == "timeout":
            raise self.late()
        if answer.finish.reason == "abort":
            raise self.speaker.failure(Cancelled, "the backend ended it")
