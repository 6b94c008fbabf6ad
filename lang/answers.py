"""Answers: how a gen or select at work comes to its value.

    await generate(interpreter, node, cell)     # a Gen: until an answer is accepted
    await choose(interpreter, node, cell)       # a Select: the likeliest choice

Both set the cell and take the text into the transcript, or raise a ProgramError that names the gen, the program's line
and the text so far. Only an accepted answer reaches the transcript, so trying again needs no rewind: the next attempt
starts from the same prefix. It refuses to know about queues and tasks.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..constrained.spec import Choices
from .backends.base import ChoiceScore, Prompt
from .cell import Answer, Cell, Meta
from .errors import Cancelled, DeadlineExceeded, InvalidAnswer, ProgramError
from .events import Retried, TextDelta
from .generation import Generation
from .ir import Gen, Select
from .params import SamplingParams
from .scope import Scope
from .select import likeliest, score_choices

if TYPE_CHECKING:
    from .interpreter import Interpreter

RETRY_TEMPERATURE = 0.7


def call_params(scope: Scope, options: Mapping[str, Any]) -> SamplingParams:
    """The parameters of one call: they ask for the prefix, and end with the run at the latest."""
    params = scope.params(options)
    left = max(0.001, scope.deadline - time.monotonic())
    seconds = min(left, params.timeout if params.timeout is not None else math.inf)
    return params.merged(keep=True, timeout=seconds if seconds < math.inf else None)


async def generate(interpreter: "Interpreter", node: Gen, cell: Cell) -> None:
    """Generates until an answer is accepted. The transcript takes only that one in, so a retry needs no rewind."""
    backend, transcript = interpreter.scope.backend, interpreter.transcript
    transcript.frame()
    params = call_params(interpreter.scope, node.options)
    for attempt in range(1, node.retries + 2):
        generation = Generation(backend, transcript.prompt(cell.name), params, node.constraint)
        interpreter.generation = generation
        try:
            answers = await _answers(interpreter, generation, cell, params)
            values = [await _value(interpreter, node, answer, params) for answer in answers]
        except InvalidAnswer as error:
            if attempt > node.retries:
                raise
            interpreter.scope.emit(Retried(cell.name, attempt, str(error), interpreter.branch))
            params = _varied(params)
        else:
            transcript.absorb(answers[0].text, generation.take())
            interpreter.generation = None
            value = values[0] if params.n == 1 else values
            interpreter.settle(cell, value, Meta(answers, attempts=attempt))
            return
        finally:
            generation.drop()


async def _answers(
    interpreter: "Interpreter", generation: Generation, cell: Cell, params: SamplingParams
) -> tuple[Answer, ...]:
    """Runs a generation to its end, within its own time."""

    def tell(text: str, index: int) -> None:
        if interpreter.scope.listener is None:
            return
        interpreter.scope.emit(TextDelta(text, cell.name, index, interpreter.branch))

    timer = asyncio.timeout(params.timeout)
    try:
        async with timer:
            answers = await generation.run(tell)
    except TimeoutError as error:
        if timer.expired():
            raise _late(interpreter, params) from error
        raise
    for answer in answers:
        interpreter.scope.spend(answer.usage)
    return answers


def _late(interpreter: "Interpreter", params: SamplingParams) -> ProgramError:
    run_over = time.monotonic() >= interpreter.scope.deadline - 0.001
    seconds, whose = (interpreter.scope.seconds, "run") if run_over else (params.timeout, "gen")
    return interpreter.failure(DeadlineExceeded, f"the {whose}'s {seconds:g} seconds have passed")


async def _value(
    interpreter: "Interpreter", node: Gen, answer: Answer, params: SamplingParams
) -> object:
    """The value of one answer. Raises InvalidAnswer for text that ended early, does not parse or is refused."""
    assert answer.finish is not None
    reason = answer.finish.reason
    if reason == "timeout":
        raise _late(interpreter, params)
    if reason == "abort":
        raise interpreter.failure(Cancelled, "the backend ended it")
    cut = reason == "length" and node.constraint is not None
    if cut and not (answer.finish.complete and node.parse is None):
        raise interpreter.failure(
            InvalidAnswer,
            f"cut at max_tokens={params.max_tokens} before it was complete: raise max_tokens",
        )
    value: object = answer.text
    if node.parse is not None:
        try:
            value = node.parse(answer.text)
        except ValueError as error:
            raise interpreter.failure(InvalidAnswer, f"not a value of its type: {error}") from error
    await _check(interpreter, node, value)
    return value


async def _check(interpreter: "Interpreter", node: Gen, value: object) -> None:
    if node.check is None:
        return
    try:
        verdict = await asyncio.to_thread(node.check, value)
    except Exception as error:
        raise interpreter.failure(InvalidAnswer, f"refused by its check: {error}") from error
    if verdict is False:
        raise interpreter.failure(InvalidAnswer, "refused by its check")


async def choose(interpreter: "Interpreter", node: Select, cell: Cell) -> None:
    """Scores the choices and takes the likeliest into the text."""
    if node.method == "constrained":
        await generate(interpreter, Gen(node.name, {}, Choices(node.choices)), cell)
        return
    backend, transcript = interpreter.scope.backend, interpreter.transcript
    transcript.frame()
    params = call_params(interpreter.scope, {})
    given = await backend.score(transcript.prompt(cell.name), node.choices, params)
    alone: tuple[ChoiceScore, ...] = ()
    if node.method == "unconditional":
        alone = await backend.score(Prompt(None, (), cell.name), node.choices, params)
    scores = score_choices(node.method, node.choices, given, alone)
    best = likeliest(scores)
    transcript.absorb(best, None)
    interpreter.scope.emit(TextDelta(best, cell.name, 0, interpreter.branch))
    interpreter.settle(cell, best, Meta((Answer(best),), scores))


def _varied(params: SamplingParams) -> SamplingParams:
    """Parameters under which a second try can come out differently: the next seed, and not greedy."""
    seed = params.seed + 1 if params.seed is not None else None
    return params.merged(seed=seed, temperature=params.temperature or RETRY_TEMPERATURE)
