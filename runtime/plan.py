"""Plan: a Step with the requests it is for, and what a commit tells of them.

The scheduler makes Plans (through a Draft) and commits them into Progress. They hold no logic of their own, but for
leaving rows out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from .ahead import StepSizes
from .request import Request
from .step import RowStart, Step, Work

if TYPE_CHECKING:
    from ..constrained.grammar.place import Place
    from ..constrained.tokens.walk import Mask


@dataclass(frozen=True, slots=True)
class Limits:
    """What a scheduler keeps to, all counted in tokens or requests.

    beside_tokens: of one prompt in a step, where others are being answered; None: as many as fit. sizes: those that
    steps are kept to where it can be done, see ahead.py.
    """

    max_running: int
    max_waiting: int
    max_step_tokens: int
    context: int
    max_wait_seconds: float = 5.0
    beside_tokens: int | None = None
    sizes: StepSizes | None = None

    def beside(self, running: Sequence[Request]) -> int:
        """Tokens of one prompt in a step with these: more where so few are answered that it costs nearly nothing."""
        answered = sum(r.answered for r in running)
        if self.beside_tokens is None or not answered:
            return self.max_step_tokens
        flat = 0 if self.sizes is None else self.sizes.flat
        prompts = sum(r.computed < r.prompt_length for r in running)
        return max(self.beside_tokens, (flat - 3 * answered) // max(prompts, 1))


@dataclass(frozen=True, slots=True)
class Plan:
    """A Step, the requests its Work belongs to, in the same order, and which start of each request it is for."""

    step: Step
    requests: tuple[Request, ...]
    starts: tuple[int, ...]

    def without(self, rows: frozenset[int]) -> "Plan":
        """The plan without these rows."""
        step = self.step
        kept = [i for i, work in enumerate(step.work) if work.row not in rows]
        step = replace(
            step,
            work=[step.work[i] for i in kept],
            starts=[start for start in step.starts if start.row not in rows],
            pages=[entry for entry in step.pages if entry[0] not in rows],
            masks=[entry for entry in step.masks if entry[0] not in rows],
        )
        return Plan(
            step, tuple(self.requests[i] for i in kept), tuple(self.starts[i] for i in kept)
        )


class Progress(NamedTuple):
    """What a commit did to one request: the token that was sampled, if any, and those that are forced behind it.

    logprob, top: of the sampled one; None and empty unless asked for.
    """

    request: Request
    sampled: int | None = None
    forced: tuple[int, ...] = ()
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()


class Draft:
    """A Step while it is being made. coming: whether requests may begin in it."""

    def __init__(self, limits: Limits, running: Sequence[Request], coming: bool) -> None:
        self.budget = limits.max_step_tokens
        self._chunk = self.budget
        # Most steps have no prompts.
        if coming or any(r.computed < r.prompt_length for r in running):
            self._chunk = limits.beside(running)
        self.work: list[Work] = []
        self.requests: list[Request] = []
        self.starts: list[RowStart] = []
        self.copies: list[tuple[int, int]] = []
        self.pages: list[tuple[int, int, list[int]]] = []
        self.places: list[tuple[int, Place]] = []
        self.masks: list[tuple[int, Mask]] = []
        self.forced: list[tuple[int, Sequence[int]]] = []

    def flow(self, request: Request) -> None:
        """Adds the one token of a request that flows; in few steps, since nearly every row of a step comes here."""
        live = request.pending - request.void
        if self.budget <= 0 or len(request.tokens) + live >= request.limit:
            return
        assert live and request.row is not None and request.mask is None
        self.work.append(Work(request.row, request.computed, 1, None, True))
        self.requests.append(request)
        self.budget -= 1
        request.computed += 1
        request.pending += 1

    def room(self, request: Request) -> int:
        """Tokens that a request may compute in this step: a few of its prompt, where answers would wait for it."""
        if request.computed >= request.prompt_length:
            return self.budget
        return min(self.budget, self._chunk)

    def step(self, index: int, ends: Sequence[int]) -> Step:
        """The Step that was made. ends: rows freed since the last one."""
        decode = not self.starts and all(
            w.tokens is None and w.sample and not w.targets for w in self.work
        )
        return Step(
            index, self.work, decode, ends, self.starts,
            self.copies, self.pages, self.places, self.forced, self.masks,
        )  # fmt: skip
