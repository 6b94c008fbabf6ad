"""`trellis bench serve`: answers that arrive when they arrive, asked of a server at rising rates.

    trellis bench serve --start                                   # this package's server, on this machine
    trellis bench serve http://host:8000 --api openai --rates 1,2,4,8

Open loop: requests are sent at the times of a Poisson process, whatever has been answered. Latencies and goodput are
those of latency.py. First a gate: prompts are answered alone and together, and a server that was started here must give
the same ids as an engine in this process. An answer of another length than asked has failed. Nothing waits for longer
than `limit_seconds`. It refuses to know how requests are written: see streams.py.
"""

import asyncio
import gc
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from ...config import EngineConfig
from ..table import Row
from .exchange import Address, Exchange, ask, listen, run_lightly
from .latency import SHARES, Objectives, Summary, summarize
from .load import Sizes, arrivals, random_prompts, shared_prompts
from .options import LoadConfig
from .started import allow_many_files
from .streams import Api, Completions, Generate, Streamed, failed, question, stream, understand

GATE_PROMPTS, GATE_TOKENS = 4, 16
OTHER_VOCABULARY, OTHER_CONTEXT = 32_000, 8192
LOOK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """A server, as far as it has been asked what it is. name: what results call it."""

    address: Address
    api: Api
    name: str
    vocabulary: int
    context: int


@dataclass(frozen=True, slots=True)
class Measured:
    """All rates of one server. work: what was asked of it, which must be the same where figures are compared."""

    name: str
    work: dict[str, Any]
    rows: list[Row]


async def look(address: Address, options: LoadConfig) -> Target:
    """What there is to know of a server before it is measured. Raises OSError and ValueError where there is none."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            info = await ask(address, "/model_info")
            models = await ask(address, "/v1/models")
    except TimeoutError as error:
        raise ValueError(f"it says nothing for {LOOK_SECONDS:g} s") from error
    known: dict[str, Any] = info.json() if info.status == 200 else {}
    if models.status != 200:
        raise ValueError(f"/v1/models says {models.status}")
    served = models.json()["data"][0]
    return Target(
        address,
        Completions(served["id"]) if options.api == "openai" else Generate(),
        options.name or served.get("owned_by") or f"{address.host}:{address.port}",
        options.vocabulary or known.get("vocab_size") or OTHER_VOCABULARY,
        known.get("max_model_len") or served.get("max_model_len") or OTHER_CONTEXT,
    )


def make_prompts(options: LoadConfig, sizes: Sizes, vocabulary: int, seed: int) -> list[list[int]]:
    """The prompts of one run."""
    make = random_prompts if options.workload == "random" else shared_prompts
    return make(sizes, vocabulary, seed)


def gate_prompts(vocabulary: int) -> list[list[int]]:
    """The prompts of the correctness gate."""
    return random_prompts(Sizes(1, GATE_PROMPTS, 32, 0, GATE_TOKENS), vocabulary, 7)


async def check(target: Target, known: list[list[int]] | None, seconds: float) -> Row:
    """The gate, and how many answers are the same alone and together: at least half should be.

    known: ids that an engine in this process gave. In bfloat16 a batch rounds differently, so greedy texts may part
    at a tie, and of random weights all may. Raises SystemExit when there are no answers, or not those that are known.
    """
    prompts = gate_prompts(target.vocabulary)
    work = [(target.address, target.api, prompt, GATE_TOKENS) for prompt in prompts]
    try:
        async with asyncio.timeout(seconds):
            alone = [await stream(*one) for one in work]
            together = await asyncio.gather(*(stream(*one) for one in work))
    except TimeoutError as error:
        raise SystemExit(f"correctness gate: not passed within {seconds:g} s") from error
    if wrong := [a.timing.error for a in (*alone, *together) if a.timing.error is not None]:
        raise SystemExit(f"correctness gate: {wrong[0]}")
    if known is not None and [list(a.ids) for a in alone] != known:
        raise SystemExit("correctness gate: the server's answers differ from those in this process")
    same = sum(a.text == b.text for a, b in zip(alone, together, strict=True))
    case = f"of {GATE_PROMPTS} answers alone, the same together"
    return Row(case, same, "", GATE_PROMPTS // 2, "high")


async def _ask_all(
    address: Address, timed: Iterable[tuple[float, bytes]], limit_seconds: float
) -> list[Exchange | str]:
    """The exchanges of requests that are sent when their time comes, or why there is none."""
    loop = asyncio.get_running_loop()
    begun = loop.time()

    async def one(when: float, data: bytes) -> Exchange | str:
        try:
            async with asyncio.timeout_at(begun + limit_seconds):
                await asyncio.sleep(begun + when - loop.time())
                return await listen(address, data)
        except TimeoutError:
            return f"no answer within {limit_seconds:g} s"
        except OSError as error:
            return f"{type(error).__name__}: {error}"

    return await asyncio.gather(*(one(when, data) for when, data in timed))


async def measure(target: Target, options: LoadConfig, rate: float, seed: int) -> Summary:
    """One run at one rate. Answers are kept as they come, and read when all have come."""
    sizes = options.sizes.fitted(target.context).arriving(rate, options.seconds)
    prompts = make_prompts(options, sizes, target.vocabulary, seed)
    asked = [question(target.address, target.api, ids, sizes.output) for ids in prompts]
    timed = zip(arrivals(rate, len(asked), seed), asked, strict=True)
    gc.disable()  # looking through all that was read would stop the clock of those that come meanwhile
    try:
        begun = time.perf_counter()
        heard = await _ask_all(target.address, timed, options.limit_seconds)
        seconds = time.perf_counter() - begun
    finally:
        gc.enable()

    def answer(one: Exchange | str) -> Streamed:
        return failed(one) if isinstance(one, str) else understand(target.api, one, sizes.output)

    return summarize([answer(one).timing for one in heard], seconds, options.objectives)


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


def run(url: str, options: LoadConfig, known: list[list[int]] | None = None) -> Measured:
    """All rates, one after the other. Raises SystemExit when the gate is not passed."""

    async def work() -> Measured:
        target = await look(Address.of(url, options.key), options)
        rows = [await check(target, known, options.limit_seconds)]
        # Unmeasured: what a server compiles and captures with its first full batch.
        few = replace(options, groups=min(options.groups, 2), prompts=min(options.prompts, 4))
        await measure(target, few, float("inf"), options.arrival_seed - 1)
        for number, rate in enumerate(options.each_rate):
            # Other prompts at every rate: nothing of one is in the cache of the next.
            summary = await measure(target, options, rate, options.arrival_seed + number)
            rows += rows_of(rate, summary, options.objectives)
        return Measured(target.name, _work(options, target), rows)

    allow_many_files()
    return run_lightly(work())


def _work(options: LoadConfig, target: Target) -> dict[str, Any]:
    sizes = asdict(options.sizes.fitted(target.context))
    return {"workload": options.workload, "seconds": options.seconds, **sizes}


def answers_inside(engine: EngineConfig) -> list[list[int]]:
    """What an engine in this process answers to the gate's prompts, each alone."""
    from .inside import inside

    with inside(engine) as own:
        size = own.client.resources.tokenizer.size
        return own.alone(gate_prompts(size), GATE_TOKENS)
