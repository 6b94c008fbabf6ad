"""`trellis bench host`: what the host does between two steps, without any device: microseconds a step.

    rows = run(rows=256)

The engine, its scheduler and the client are the real ones, and so is the runner, up to where it would launch kernels;
see paper.py. Answers are written before: plain text, JSON by a schema, calls of tools whose keys are forced. One thread
does all in turn, so that each part can be timed by itself: `plan`, `launch`, `commit` and `emit` as the engine counts
them, `rest` what its loop needs besides, `client` until every reader has its Delta and waits for the next. A gate runs
along: every answer has to come as it was written. A slow machine is one with large figures: compare within a run.
"""

import asyncio
import gc
import json
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...constrained.grammar.matcher import Matcher
from ...constrained.spec import Constraint, JsonSchema
from ...lang.nodes.params import SamplingParams
from ..bundled import BUNDLED
from ..check.judging import Tongue
from ..client import Client
from ..garbage import spare_what_stays
from .asking import Heard, Question, ask
from .paper import Paper, PaperRunner, open_on_paper
from .table import Row
from .workloads import SCHEMA, schema_of, tool_call, unbounded

PARTS = ("plan", "launch", "commit", "emit")
ASKED_US = 500.0  # of plan, launch, commit and emit together, at 256 rows of plain text
PROMPT = 4
WORDS = [
    "lamp",
    "chair",
    "vase",
    "kettle",
    "scarf",
    "desk",
    "clock",
    "teapot",
    "river",
    "stone",
    "bread",
    "paper",
    "window",
]
FOREIGN = ["señor", "café", "naïve", "東京", "Ωmega"]  # whose letters fall into several tokens


@dataclass(frozen=True, slots=True)
class Load:
    """One workload. schemas: of the rows in turn; none: plain text. shared: tokens that all prompts begin with.

    said: words, which come again and again; or any token that may follow, others in each round, as a model with random
    weights draws them: then nothing that is kept for the next time is of use.
    """

    name: str
    tokens: int
    schemas: tuple[dict[str, Any], ...] = ()
    shared: int = 0
    said: Literal["words", "anything"] = "words"


FOUR_CALLS = {"type": "array", "items": tool_call(), "minItems": 4, "maxItems": 4}
LOADS = (
    Load("plain text", 128),
    Load("JSON, strings of any length", 512, (unbounded(SCHEMA),)),
    Load("JSON, bounded strings", 512, (SCHEMA,)),
    Load("256 schemas", 512, tuple(schema_of(n) for n in range(256))),
    Load("four tool calls", 512, (FOUR_CALLS,)),
    Load("JSON behind one prompt", 512, (unbounded(SCHEMA),), 512),
    Load("anything, strings of any length", 160, (unbounded(SCHEMA),), said="anything"),
    Load("anything, bounded strings", 160, (SCHEMA,), said="anything"),
    Load("anything, 256 schemas", 160, tuple(schema_of(n) for n in range(256)), said="anything"),
)


@dataclass(slots=True)
class Spent:
    """Seconds of each part over some steps, and how many tokens came of them."""

    seconds: dict[str, float] = field(default_factory=dict[str, float])
    steps: int = 0
    tokens: int = 0
    forced: int = 0

    def add(self, part: str, seconds: float) -> None:
        """More of a part."""
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds

    def microseconds(self, *parts: str) -> float:
        """Of these parts, a step."""
        return 1e6 * sum(self.seconds.get(part, 0.0) for part in parts) / max(self.steps, 1)


def write_text(rng: random.Random, count: int, words: Sequence[str] = WORDS) -> str:
    """So many words."""
    return " ".join(rng.choice(words) for _ in range(count))


def write_value(schema: dict[str, Any], rng: random.Random) -> Any:
    """A value of one of the workloads' schemas."""
    if "anyOf" in schema:
        return write_value(rng.choice(schema["anyOf"]), rng)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema["type"]
    if kind == "object":
        return {name: write_value(inner, rng) for name, inner in schema["properties"].items()}
    if kind == "array":
        count = rng.randint(schema["minItems"], schema["maxItems"])
        return [write_value(schema["items"], rng) for _ in range(count)]
    if kind == "string":
        return _write_string(schema, rng)
    return rng.random() < 0.5 if kind == "boolean" else rng.randint(0, schema["maximum"])


def _write_string(schema: dict[str, Any], rng: random.Random) -> str:
    if "pattern" in schema:
        digits = int(schema["pattern"].split("{")[1].split("}")[0])
        return "".join(rng.choice("0123456789") for _ in range(digits))
    return write_text(rng, 8)[: schema.get("maxLength", 80)].strip()


def write_answer(matcher: Matcher[Any], text: str, tongue: Tongue) -> list[int]:
    """The tokens of a text as an engine would come by them: forced ones, and else those the tokenizer prefers.

    Raises ValueError where the grammar does not take it.
    """
    tokens: list[int] = []
    left = text.encode()
    while not matcher.finished:
        forced = matcher.forced()
        more = forced or [tongue.tokenizer.continue_with(left.decode())[0]] if left else forced
        if not more:
            raise ValueError(f"the grammar wants more than {text!r}")
        for token in more:
            data = tongue.vocabulary.token(token)
            if not left.startswith(data) or not matcher.accept(token):
                raise ValueError(f"the grammar does not take {text!r} at {left!r}")
            left = left[len(data) :]
        tokens += more
    return tokens


def wander(matcher: Matcher[Any], count: int, rng: random.Random, tongue: Tongue) -> list[int]:
    """Up to so many tokens, each any one of those that may follow; without an end that is not forced."""
    tokens: list[int] = []
    while not matcher.finished and len(tokens) < count:
        forced = matcher.forced()
        if not forced:
            bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
            allowed = np.flatnonzero(bits[: tongue.vocabulary.size])
            allowed = allowed[~np.isin(allowed, [*tongue.vocabulary.eos_ids])]
            forced = [int(allowed[rng.randrange(len(allowed))])]
        for token in forced:
            assert matcher.accept(token), (token, tokens)
        tokens += forced
    return tokens[:count]


class Bench:
    """Measures workloads with one tokenizer, the bundled one or a folder's."""

    def __init__(self, rows: int, folder: Path = BUNDLED) -> None:
        self._rows = rows
        self._rounds = 0
        self._tongue = Tongue.from_folder(folder)
        self._client = open_on_paper(Paper(rows), self._tongue)
        runner = self._client.engine.runner
        assert isinstance(runner, PaperRunner), type(runner)
        # One thread does all: there is nobody else to wake.
        self._client.engine.together = nullcontext
        self._answers = runner.answers

    def close(self) -> None:
        """The end."""
        self._client.close()

    def measure(self, load: Load) -> Spent:
        """One round of a workload: all its steps from when every row runs until the first of them has ended."""
        questions = list(self._questions(load))
        spent = Spent()
        heard = asyncio.run(_drive(self._client, questions, spent))
        for question, one in zip(questions, heard, strict=True):
            assert question.params.seed is not None
            written = self._answers[question.params.seed]
            if [token.id for token in one.tokens] != written:
                raise SystemExit(f"{load.name}: an answer did not come as it was written")
            spent.tokens += len(one.tokens)
            spent.forced += sum(token.kind == "forced" for token in one.tokens)
        return spent

    def _questions(self, load: Load) -> Iterator[Question]:
        self._rounds += 1
        again = load.said == "words"
        rng = random.Random(load.name if again else f"{load.name}, round {self._rounds}")
        size = self._tongue.vocabulary.size
        shared = [rng.randrange(size) for _ in range(load.shared)]
        compiler = self._client.resources.compiler
        for row in range(self._rows):
            prompt = [*shared, *(rng.randrange(size) for _ in range(PROMPT))]
            constraint: Constraint | None = None
            if load.schemas:
                schema = load.schemas[row % len(load.schemas)]
                constraint = JsonSchema(json.dumps(schema))
                matcher = compiler.matcher(compiler.compile(constraint))
                answer = self._write(load, schema, matcher, rng)
            else:
                text = write_text(rng, load.tokens, (*WORDS, *FOREIGN))
                answer = self._tongue.tokenizer.encode(text)[: load.tokens]
            self._answers[row] = answer
            params = SamplingParams(max_tokens=load.tokens, temperature=1.0, seed=row)
            yield Question(prompt, params, constraint)

    def _write(
        self, load: Load, schema: dict[str, Any], matcher: Matcher[Any], rng: random.Random
    ) -> list[int]:
        """An answer under a schema."""
        if load.said == "anything":
            return wander(matcher, load.tokens, rng, self._tongue)
        text = json.dumps(write_value(schema, rng), ensure_ascii=False)
        return write_answer(matcher, text, self._tongue)


async def _drive(client: Client, questions: Sequence[Question], spent: Spent) -> list[Heard]:
    """Asks all at once and turns the engine's loop by hand; the readers have their turn after each step."""
    engine, heard = client.engine, [Heard() for _ in questions]
    client.engine.scheduler.cache.flush()
    asked = [
        asyncio.create_task(ask(client, question, one))
        for question, one in zip(questions, heard, strict=True)
    ]
    await _settle(8)
    ended = False
    while not all(task.done() for task in asked):
        steady = not ended and _all_run(client, len(asked))
        before, started = _snapshot(client), time.perf_counter()
        if not engine.turn():
            raise SystemExit("the engine has nothing left to do, and some answer did not come")
        turned = time.perf_counter()
        await _settle(4)
        over = time.perf_counter()
        ended = ended or any(task.done() for task in asked)
        if steady and not ended:
            _count(spent, (before, _snapshot(client)), turned - started, over - turned)
    await asyncio.gather(*asked)
    return heard


def _all_run(client: Client, count: int) -> bool:
    """Whether all requests run, and their prompts are computed."""
    running = client.engine.scheduler.running
    return len(running) == count and all(r.computed >= r.prompt_length for r in running)


async def _settle(turns: int) -> None:
    """Lets the loop's tasks have their turns."""
    for _ in range(turns):
        await asyncio.sleep(0)


def _snapshot(client: Client) -> dict[str, float]:
    return {part: getattr(client.engine.times, part) for part in (*PARTS, "wait")}


def _count(
    spent: Spent, times: tuple[dict[str, float], dict[str, float]], turn: float, reading: float
) -> None:
    before, after = times
    parts = {part: after[part] - before[part] for part in after}
    for part in PARTS:
        spent.add(part, parts[part])
    spent.add("rest", turn - sum(parts.values()))
    spent.add("client", reading)
    spent.steps += 1


def run(
    rows: int = 256, rounds: int = 3, names: Sequence[str] = (), folder: Path = BUNDLED
) -> list[Row]:
    """All rows of the table: the best of some rounds, as others on the machine only add to it.

    folder: whose tokenizer is used; a large vocabulary says the same thing seldom twice.
    """
    bench = Bench(rows, folder)
    found: list[Row] = []
    try:
        for load in LOADS:
            if not names or any(load.name.startswith(name) for name in names):
                found += _rows(load, _best(bench, load, rounds), rows)
    finally:
        bench.close()
    return found


def _best(bench: Bench, load: Load, rounds: int) -> Spent:
    bench.measure(load)  # what is kept from one request to the next is there afterwards
    threshold = gc.get_threshold()
    spare_what_stays()  # as the engine's process of a server does
    try:
        every = [bench.measure(load) for _ in range(rounds)]
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
    return min(every, key=lambda spent: spent.microseconds(*PARTS, "rest", "client"))


def _rows(load: Load, spent: Spent, rows: int) -> Iterator[Row]:
    asked = ASKED_US if rows == 256 else None
    yield Row(f"{load.name}: the engine", spent.microseconds(*PARTS, "rest"), "µs", asked)
    for part in (*PARTS, "rest", "client"):
        yield Row(f"    {part}", spent.microseconds(part), "µs")
    yield Row("    tokens a row and step", spent.tokens / rows / max(spent.steps, 1))
