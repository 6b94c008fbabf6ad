"""Answers: how a gen or select at work comes to its value.

    await generate(speaker, node, cell)         # a Gen: thoughts, tools, then attempts until an answer is accepted
    await choose(speaker, node, cell)           # a Select: the likeliest choice

Both set the cell and take the text into the transcript, or raise a ProgramError that names the gen, the program's line
and the text so far. Only an accepted answer reaches the transcript, so trying again needs no rewind: the next attempt
starts from the same prefix. With feedback it starts from a draft that also holds the refused answer and the reason;
the draft is forgotten. It refuses to know about queues and tasks.
"""

from collections.abc import Callable
from typing import Any

from ...constrained.spec import Choices
from ..backends.base import ChoiceScore, Prompt
from ..errors import InvalidAnswer
from ..nodes.ir import Gen, Select
from ..nodes.params import SamplingParams
from ..run.aside import AsideFailed, call_aside
from ..run.events import PartialValue, Retried, TextDelta
from ..state.cell import Answer, Cell, Meta
from ..state.speaker import Speaker
from ..state.transcript import Transcript
from ..tools.rounds import use_tools
from ..values.partial import GrowingValue, partial_of
from .asking import Ask, Asking, call_params
from .channel import open_answer
from .generation import Generation
from .reasoning import think
from .select import likeliest, score_choices

__all__ = ["call_params", "choose", "generate"]
RETRY_TEMPERATURE = 0.7
REFUSED = "That answer was not accepted: {reason}\nAnswer again."


async def generate(speaker: Speaker, node: Gen, cell: Cell) -> None:
    """Generates until an answer is accepted. The transcript takes only that one in, so a retry needs no rewind."""
    speaker.transcript.frame()
    asking = Asking(speaker, node, cell)
    if node.hint:
        _tell_hint(speaker.transcript, node.hint)
    ready = None
    if node.offer is not None:
        ready = await use_tools(asking)
    elif node.thinking is not None:
        await think(asking)
    if node.constraint is not None:
        open_answer(speaker.transcript)
    await _Attempts(asking).run(ready)


class _Attempts:
    """The attempts of one gen. draft: what the next one starts from, once an answer was refused with feedback."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.draft: Transcript | None = None

    async def run(self, ready: tuple[Generation, tuple[Answer, ...]] | None) -> None:
        """Up to an accepted answer; the first may be there already. Raises InvalidAnswer when all were refused."""
        try:
            for attempt in range(1, self.asking.node.retries + 2):
                generation, answers = ready or await self.asking.ask(self._ask(), self.draft)
                ready = None
                if attempt > 1:
                    self.asking.saved += sum(answer.usage.cached for answer in answers)
                try:
                    if await self._accepted(generation, answers, attempt):
                        return
                finally:
                    generation.drop()
        finally:
            if self.draft is not None:
                self.draft.drop()

    async def _accepted(
        self, generation: Generation, answers: tuple[Answer, ...], attempt: int
    ) -> bool:
        """Sets the variable, or prepares the next attempt. Raises the last refusal."""
        asking, speaker = self.asking, self.asking.speaker
        try:
            values = [_value(asking, answer) for answer in answers]
            if asking.node.check is not None:
                for value in values:
                    await _check(asking, asking.node.check, value)
        except InvalidAnswer as error:
            if attempt > asking.node.retries:
                raise
            name = asking.cell.name
            speaker.scope.emit(Retried(name, attempt, str(error), speaker.branch))
            self._prepare(generation, answers[0].text, error.reason)
            return False
        # The text goes on after the prompt alone: what was computed behind a draft is not what it would be there.
        prefix = generation.take() if self.draft is None else None
        asking.transcript.absorb(answers[0].text, prefix)
        speaker.generation = None
        value = values[0] if asking.params.n == 1 else values
        speaker.answer(asking.cell, value, asking.meta(answers, attempt))
        return True

    def _prepare(self, generation: Generation, text: str, reason: str) -> None:
        if not self.asking.node.feedback:
            self.asking.params = _varied(self.asking.params)
            return
        if self.draft is None:
            self.draft = self.asking.transcript.copy()
        self.draft.absorb(text, generation.take())
        said = REFUSED.format(reason=reason)
        turn = self.draft.turns[-1] if self.draft.turns else None
        if turn is None or turn.end is not None:
            self.draft.write(f"\n\n{said}\n\n")
            return
        self.draft.close()
        self.draft.open("user", True)
        self.draft.write(said)
        self.draft.close()
        self.draft.open("assistant", False)
        if self.asking.node.constraint is not None:
            open_answer(self.draft)

    def _ask(self) -> Ask:
        """The generation of an answer, its text told as it comes, and as a value that grows where it has a type."""
        asking, speaker = self.asking, self.asking.speaker
        name, scope, branch = asking.cell.name, speaker.scope, speaker.branch
        if scope.listener is None:
            return Ask(name, asking.params, asking.node.constraint)
        growing: dict[int, GrowingValue] = {}

        def tell(text: str, index: int) -> None:
            scope.emit(TextDelta(text, name, index, branch))
            if asking.node.type is not None:
                there = growing.setdefault(index, GrowingValue(asking.node.type))
                scope.emit(PartialValue(name, there, there.add(text), index, branch))

        return Ask(name, asking.params, asking.node.constraint, tell)


def _value(asking: Asking, answer: Answer) -> object:
    """The value of one answer. Raises InvalidAnswer for text that ended early or does not parse."""
    node, speaker = asking.node, asking.speaker
    assert answer.finish is not None
    cut = answer.finish.reason == "length" and node.constraint is not None
    if cut and not (answer.finish.complete and node.parse is None):
        most = asking.params.max_tokens
        reason = f"cut at max_tokens={most} before it was complete: raise max_tokens"
        error = speaker.failure(InvalidAnswer, reason)
        if node.type is not None:
            error.partial = partial_of(answer.text, node.type)
        raise error
    if node.parse is None:
        return answer.text
    try:
        return node.parse(answer.text)
    except ValueError as error:
        raise speaker.failure(InvalidAnswer, f"not a value of its type: {error}") from error


async def _check(asking: Asking, check: Callable[[Any], Any], value: object) -> None:
    """Raises InvalidAnswer for a value that is refused."""
    speaker = asking.speaker
    work = call_aside(lambda: check(value), {}, speaker.scope.backend)
    try:
        verdict = await asking.within(work)
    except AsideFailed as failed:
        reason = f"refused by its check: {failed}"
        raise speaker.failure(InvalidAnswer, reason) from failed.__cause__
    if verdict is False:
        raise speaker.failure(InvalidAnswer, "refused by its check")


async def choose(speaker: Speaker, node: Select, cell: Cell) -> None:
    """Scores the choices and takes the likeliest into the text."""
    if node.method == "constrained":
        await generate(speaker, Gen(node.name, {}, Choices(node.choices)), cell)
        return
    backend, transcript = speaker.scope.backend, speaker.transcript
    transcript.frame()
    open_answer(transcript)
    params = call_params(speaker.scope, {})
    given = await backend.score(transcript.prompt(cell.name), node.choices, params)
    alone: tuple[ChoiceScore, ...] = ()
    if node.method == "unconditional":
        alone = await backend.score(Prompt(None, (), cell.name), node.choices, params)
    scores = score_choices(node.method, node.choices, given, alone)
    best = likeliest(scores)
    transcript.absorb(best, None)
    speaker.scope.emit(TextDelta(best, cell.name, 0, speaker.branch))
    speaker.answer(cell, best, Meta((Answer(best),), scores))


def _tell_hint(transcript: Transcript, hint: str) -> None:
    """Tells the model what is asked for: at the end of the last turn that is not its own, or right here."""
    past = [turn for turn in transcript.turns if turn.role in ("user", "system", "tool")]
    if past and transcript.turns[-1].end is None and transcript.amend(past[-1], f"\n\n{hint}"):
        return
    transcript.write(f"\n{hint}\n")


def _varied(params: SamplingParams) -> SamplingParams:
    """Parameters under which a second try can come out differently: the next seed, and not greedy."""
    seed = params.seed + 1 if params.seed is not None else None
    return params.merged(seed=seed, temperature=params.temperature or RETRY_TEMPERATURE)
