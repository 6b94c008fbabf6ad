"""`trellis bench compiling`: what new schemas that keep arriving cost those who decode meanwhile.

    rows = run(config, Arrival(rate=200))

Rows of the model decode plain text, in turn with and without schemas that no one has asked for before, so many a
second, which worker processes compile. A gate comes first and runs along: the same prompts give the same greedy tokens
either way. A step's time is the gap between two tokens of a row, as whoever reads them sees it. On a machine with fewer
idle cores than workers the two compete for the processor, and that is what is measured. It refuses to know how
schemas are compiled.
"""

import asyncio
import json
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ...constrained.compiling.compiler import AnyGrammar, Compiler, CompilerBusy
from ...constrained.compiling.workers import count_spare
from ...constrained.errors import ConstraintError
from ...constrained.spec import JsonSchema
from ...lang.backends.base import Piece, Prompt
from ...lang.nodes.params import SamplingParams
from ..client import Client
from ..config import EngineConfig
from ..cores import count_cores
from ..launch import open_client
from .corpus import FAMILIES, draw_schema
from .table import Row

SWITCH_SECONDS = (
    0.001  # as a server has it: who waits for the interpreter, three times a schema, gets it then
)
ALLOWED = 1.10  # the 99th percentile of a step with schemas arriving, over that without


@dataclass(frozen=True, slots=True)
class Arrival:
    """rate: new schemas a second. streams: rows that decode. tokens: of each, in a round. rounds: with and without,
    in turn."""

    rate: float = 200.0
    streams: int = 64
    tokens: int = 128
    rounds: int = 3


@dataclass(slots=True)
class Arrived:
    """What became of the schemas of a round."""

    waiting: list[Future[AnyGrammar]] = field(default_factory=list[Future[AnyGrammar]])
    seconds: float = 0.0

    def count(self) -> dict[str, int]:
        """How many were compiled, refused, turned away as too many waited, and given up since the round was over."""
        kinds = "compiled", "refused", "turned_away", "given_up"
        counts = {"asked": len(self.waiting)} | dict.fromkeys(kinds, 0)
        for future in self.waiting:
            counts[_fate(future)] += 1
        return counts


def _fate(future: Future[AnyGrammar]) -> str:
    """What became of a schema. Raises what is our own mistake."""
    if future.cancelled():
        return "given_up"
    error = future.exception()
    if error is None:
        return "compiled"
    if isinstance(error, CompilerBusy):
        return "turned_away"
    if isinstance(error, ConstraintError):
        return "refused"
    raise error


def draw_new(count: int, first: int) -> list[JsonSchema]:
    """Schemas of all families in turn, none of them twice."""
    names = list(FAMILIES)
    return [
        JsonSchema(json.dumps({"title": f"new {n}"} | draw_schema(names[n % len(names)], n)))
        for n in range(first, first + count)
    ]


@contextmanager
def arriving(compiler: Compiler, schemas: list[JsonSchema], rate: float) -> Iterator[Arrived]:
    """Asks for one schema after the other from a thread; in the end those that wait still are given up."""
    arrived, over, started = Arrived(), threading.Event(), time.perf_counter()

    def ask() -> None:
        for number, schema in enumerate(schemas):
            if over.wait(max(0.0, started + number / rate - time.perf_counter())):
                return
            arrived.waiting.append(compiler.submit(schema))

    thread = threading.Thread(target=ask, name="trellis-arrivals", daemon=True)
    thread.start()
    try:
        yield arrived
    finally:
        over.set()
        thread.join()
        arrived.seconds = time.perf_counter() - started
        for future in arrived.waiting:
            future.cancel()


async def _decode(client: Client, prompt: list[int], count: int) -> tuple[list[int], list[float]]:
    """The tokens of an answer, and the seconds between them."""
    params = SamplingParams(max_tokens=count, temperature=0.0, ignore_eos=True)
    tokens: list[int] = []
    times: list[float] = []
    async for delta in client.generate(Prompt(None, (Piece(tokens=tuple(prompt)),)), params, None):
        if delta.tokens:
            tokens += [token.id for token in delta.tokens]
            times.append(time.perf_counter())
    return tokens, [after - before for before, after in pairwise(times)]


def _round(
    client: Client, prompts: list[list[int]], count: int
) -> tuple[list[list[int]], list[float]]:
    """The answers to all prompts, and the seconds between their tokens."""

    async def gather() -> list[tuple[list[int], list[float]]]:
        return await asyncio.gather(*(_decode(client, prompt, count) for prompt in prompts))

    client.engine.call(lambda: client.engine.scheduler.cache.flush())
    answers = asyncio.run(gather())
    return [tokens for tokens, _ in answers], [gap for _, gaps in answers for gap in gaps]


@dataclass(slots=True)
class Figures:
    """What is added up over the rounds. ratios: the 99th percentile with schemas arriving over that without."""

    alone: list[float] = field(default_factory=list[float])
    beside: list[float] = field(default_factory=list[float])
    ratios: list[float] = field(default_factory=list[float])
    schemas: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0

    def rows(self, asked: Arrival) -> list[Row]:
        """The figures beside their aims."""
        done = self.schemas["compiled"] + self.schemas["refused"]
        alone, beside = (
            [1e3 * percentile(gaps, share) for share in (50, 99)]
            for gaps in (self.alone, self.beside)
        )
        return [
            Row("rows that decode", asked.streams),
            Row("schemas asked for a second", self.schemas["asked"] / self.seconds, "", asked.rate, "high"),
            Row("schemas done a second", done / self.seconds, "", asked.rate, "high"),
            Row("of these refused", self.schemas["refused"]),
            Row("turned away, as too many waited", self.schemas["turned_away"]),
            Row("given up in the end, waiting", self.schemas["given_up"]),
            Row("step without, p50", alone[0], "ms"),
            Row("step without, p99", alone[1], "ms"),
            Row("step with, p50", beside[0], "ms"),
            Row("step with, p99", beside[1], "ms"),
            Row("p99 with over without, middle round", statistics.median(self.ratios), "", ALLOWED),
        ]  # fmt: skip


def measure(client: Client, asked: Arrival) -> list[Row]:
    """The figures of all rounds. Raises SystemExit where the answers differ."""
    encode = client.resources.tokenizer.encode
    prompts = [encode(f"Row {n} writes about lamp {n * 7}:") for n in range(asked.streams)]
    figures, first = Figures(), 0
    wanted, _ = _round(client, prompts, asked.tokens)
    for _ in range(asked.rounds):
        answers, alone = _round(client, prompts, asked.tokens)
        count = int(asked.rate * (1.0 + 3.0 * sum(alone) / asked.streams))
        schemas, first = draw_new(count, first), first + count
        with arriving(client.resources.compiler, schemas, asked.rate) as arrived:
            also, beside = _round(client, prompts, asked.tokens)
        if answers != wanted or also != wanted:
            raise SystemExit("the same prompts got other tokens")
        figures.alone += alone
        figures.beside += beside
        figures.ratios.append(percentile(beside, 99) / percentile(alone, 99))
        figures.schemas.update(arrived.count())
        figures.seconds += arrived.seconds
    return figures.rows(asked)


def percentile(values: list[float], share: float) -> float:
    """The value below which this many of a hundred are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


def run(config: EngineConfig, asked: Arrival) -> list[Row]:
    """Opens the engine with worker processes, as many as the machine spares unless told, and measures warm ones."""
    workers = config.compile_workers or count_spare(count_cores())
    client = open_client(replace(config, compile_workers=workers))
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        # Each process takes a second to start.
        warm = [
            client.resources.compiler.submit(schema) for schema in draw_new(8 * workers, 1 << 20)
        ]
        for future in warm:
            future.exception()
        return [Row("worker processes", workers), *measure(client, asked)]
    finally:
        sys.setswitchinterval(before)
        client.close()
