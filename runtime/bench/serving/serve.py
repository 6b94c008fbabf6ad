"""`trellis bench serve`: answers that arrive when they arrive, asked of a server at rising rates.

    trellis bench serve --start                                   # this package's server, on this machine
    trellis bench serve http://host:8000 --api openai --rates 1,2,4,8

Open loop: requests are sent at the times of a Poisson process, whatever has been answered. Latencies and goodput are
those of latency.py. First a gate: prompts answered alone and together must give the same texts, and a server that was
started here the same ids as an engine in this process. It refuses to know how requests are written: see streams.py.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ...config import EngineConfig
from ..table import Row
from .exchange import Address, ask
from .latency import SHARES, Objectives, Summary, summarize
from .load import Sizes, arrivals, random_prompts, shared_prompts
from .options import LoadConfig
from .streams import Api, Completions, Generate, stream

GATE_PROMPTS, GATE_TOKENS = 4, 16
OTHER_VOCABULARY, OTHER_CONTEXT = 32_000, 8192


@dataclass(frozen=True, slots=True)
class Target:
    """A server, as far as it has been asked what it is."""

    address: Address
    api: Api
    vocabulary: int
    context: int


async def look(address: Address, options: LoadConfig) -> Target:
    """What there is to know of a server before it is measured. Raises OSError and ValueError where there is none."""
    known: dict[str, Any] = {}
    info = await ask(address, "/model_info")
    if info.status == 200:
        known = info.json()
    vocabulary, context = known.get("vocab_size"), known.get("max_model_len")
    api: Api = Generate()
    if options.api == "openai":
        models = await ask(address, "/v1/models")
        if models.status != 200:
            raise ValueError(f"/v1/models says {models.status}")
        served = models.json()["data"][0]
        context = context or served.get("max_model_len")
        api = Completions(served["id"])
    vocabulary = options.vocabulary or vocabulary or OTHER_VOCABULARY
    return Target(address, api, vocabulary, context or OTHER_CONTEXT)


def make_prompts(target: Target, options: LoadConfig, seed: int) -> tuple[Sizes, list[list[int]]]:
    """The prompts of one run, and how long they came out."""
    sizes = options.sizes.fitted(target.context)
    make = random_prompts if options.workload == "random" else shared_prompts
    return sizes, make(sizes, target.vocabulary, seed)


def gate_prompts(vocabulary: int) -> list[list[int]]:
    """The prompts of the correctness gate."""
    return random_prompts(Sizes(1, GATE_PROMPTS, 32, 0, GATE_TOKENS), vocabulary, 7)


async def check(target: Target, known: list[list[int]] | None) -> None:
    """The gate. known: ids that an engine in this process gave. Raises SystemExit when answers differ.

    In bfloat16 a batch rounds differently, so greedy texts may part at a tie: of alone and together half must agree.
    """
    prompts = gate_prompts(target.vocabulary)
    work = [(target.address, target.api, prompt, GATE_TOKENS) for prompt in prompts]
    alone = [await stream(*one) for one in work]
    together = await asyncio.gather(*(stream(*one) for one in work))
    if failed := [a.timing.error for a in (*alone, *together) if a.timing.error is not None]:
        raise SystemExit(f"correctness gate: {failed[0]}")
    if known is not None and [list(a.ids) for a in alone] != known:
        raise SystemExit("correctness gate: the server's answers differ from those in this process")
    same = sum(a.text == b.text for a, b in zip(alone, together, strict=True))
    if same < GATE_PROMPTS // 2:
        raise SystemExit(f"correctness gate: {same} of {GATE_PROMPTS} agree alone and together")


async def measure(target: Target, options: LoadConfig, rate: float, seed: int) -> Summary:
    """One run at one rate."""
    sizes, prompts = make_prompts(target, options, seed)
    times = arrivals(rate, len(prompts), seed)
    begun = time.perf_counter()

    async def one(when: float, ids: list[int]):
        await asyncio.sleep(max(0.0, begun + when - time.perf_counter()))
        return await stream(target.address, target.api, ids, sizes.output)

    streamed = await asyncio.gather(*(one(t, ids) for t, ids in zip(times, prompts, strict=True)))
    seconds = time.perf_counter() - begun
    return summarize([answer.timing for answer in streamed], seconds, options.objectives)


def rows_of(rate: float, summary: Summary, objectives: Objectives) -> Iterable[Row]:
    """The figures of one run as rows. Aims are the objectives; goodput's is that every answer is good."""
    at = f"rate {rate:g}"
    limits = {
        "ttft": objectives.ttft_ms,
        "tpot": objectives.tpot_ms,
        "itl": None,
        "e2e": objectives.e2e_ms,
    }
    for name, limit in limits.items():
        for share, value in zip(SHARES, getattr(summary, name), strict=True):
            if value == value:  # one-token answers have neither TPOT nor gaps
                yield Row(f"{at}: {name.upper()} p{100 * share:g}", value, "ms", limit)
    yield Row(f"{at}: answers", summary.answers, "/s")
    yield Row(f"{at}: output tokens", summary.tokens, "/s")
    yield Row(f"{at}: goodput", summary.goodput, "/s", summary.answers, "high")
    yield Row(f"{at}: failed", summary.failed, "", 0.0, "equal")


def run(url: str, options: LoadConfig, known: list[list[int]] | None = None) -> list[Row]:
    """All rates, one after the other. Raises SystemExit when the gate is not passed."""

    async def work() -> list[Row]:
        target = await look(Address.of(url, options.key), options)
        await check(target, known)
        # Unmeasured: what a server compiles and captures with its first full batch.
        few = replace(options, groups=min(options.groups, 2), prompts=min(options.prompts, 4))
        await measure(target, few, float("inf"), options.arrival_seed - 1)
        rows: list[Row] = []
        for number, rate in enumerate(options.each_rate):
            # Other prompts at every rate: nothing of one is in the cache of the next.
            summary = await measure(target, options, rate, options.arrival_seed + number)
            rows += rows_of(rate, summary, options.objectives)
        return rows

    return asyncio.run(work())


def answers_inside(engine: EngineConfig) -> list[list[int]]:
    """What an engine in this process answers to the gate's prompts, each alone."""
    from .inside import inside

    with inside(engine) as own:
        size = own.client.resources.tokenizer.size
        return own.alone(gate_prompts(size), GATE_TOKENS)
