"""The same test through Trellis: once free, once with the constraint that belongs to the task.

    columns = evaluate_engine(Path("runtime/bundled/seedling"), held_out(100, TASKS))

Extraction is given its schema, labels their choices by `select`, tool calls a schema: `anyOf` the tools on offer.
Tasks without a constraint appear in the free column only. Needs an installed trellis with its engine.
"""

from pathlib import Path
from typing import Any

from evaluate import LONGEST, Score, score_answers
from sample import CALL, CALL_END, Sample, dumps, turns

import trellis as tr

ROLES = {"system": tr.system, "user": tr.user, "assistant": tr.assistant, "tool": tr.tool}


@tr.function
def answer_freely(s: tr.State, sample: Sample) -> str:
    """Greedy, without any constraint."""
    _say(s, sample)
    _ask(s, sample, tr.gen("answer", max_tokens=LONGEST))
    return s["answer"]


@tr.function
def answer_by_schema(s: tr.State, sample: Sample) -> str:
    """Greedy, held to the sample's JSON Schema."""
    _say(s, sample)
    _ask(s, sample, tr.gen("answer", schema=sample.schema, max_tokens=LONGEST))
    return dumps(s["answer"])


@tr.function
def answer_by_choice(s: tr.State, sample: Sample) -> str:
    """The likeliest of the sample's choices."""
    _say(s, sample)
    _ask(s, sample, tr.select("answer", sample.choices))
    return s["answer"]


@tr.function
def call_by_schema(s: tr.State, sample: Sample) -> str:
    """One tool call, held to the tools on offer."""
    _say(s, sample)
    s += tr.assistant(
        tr.text(f"{CALL}\n") + tr.gen("call", schema=sample.schema, max_tokens=LONGEST)
    )
    return f"{CALL}\n{dumps(s['call'])}\n{CALL_END}"


def _say(s: tr.State, sample: Sample) -> None:
    """Everything before the answer."""
    if not sample.messages:
        s += sample.text
    for turn in turns(sample.messages, sample.tools)[:-1]:
        s += ROLES[turn["role"]](turn["content"])


def _ask(s: tr.State, sample: Sample, expression: Any) -> None:
    s += tr.assistant(expression) if sample.messages else expression


def _program(sample: Sample) -> Any:
    if CALL in sample.answer:
        return call_by_schema
    if sample.schema is not None:
        return answer_by_schema
    return answer_by_choice if sample.choices else None


def _score(program: Any, found: list[Sample]) -> Score:
    runs = program.run_batch([{"sample": s} for s in found])
    answers = [run.value if run.error is None else f"({run.error})" for run in runs]
    return score_answers(found, answers)


def _suits(sample: Sample) -> bool:
    """Whether this border can carry the sample: past calls are marks, which
    said text never is; one call a turn."""
    past = any("tool_calls" in m for m in sample.messages[:-1])
    return not past and sample.answer.count(CALL) <= 1


def evaluate_engine(model: Path, sets: dict[str, list[Sample]]) -> dict[str, dict[str, Score]]:
    """Exact match per task: {"constrained": ..., "free": ...}."""
    free: dict[str, Score] = {}
    held: dict[str, Score] = {}
    backend = tr.Engine(str(model))
    with tr.use(backend):
        for task, found in sets.items():
            suited = [s for s in found if _suits(s)]
            if not suited:
                continue
            free[task] = _score(answer_freely, suited)
            if (program := _program(suited[0])) is not None:
                held[task] = _score(program, suited)
    backend.close()
    return {"constrained": held, "free": free}
