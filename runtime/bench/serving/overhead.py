"""Overhead: what HTTP costs. The same answers through a server and from an engine in this process, taking turns.

    rows = measure(server, engine, streams=256)

Three figures: the time for all answers of many streams at once, how long after the engine's first token a client has
the first byte of a cached short prompt, and what is held in memory for each stream. All ids must be the same. Where the
time goes is told as processor time of each process, the client's own included, which on a machine of few cores is time
that the others wait. On a GPU both engines share its memory: give them less than half each. It refuses to know of
arrival rates.
"""

import asyncio
import statistics
import time

from ...config import EngineConfig
from ..table import Row
from .exchange import Address, ask, begin, listen, request, run_lightly
from .held import measure as measure_held
from .inside import Inside, inside
from .latency import percentile
from .load import Sizes, random_prompts
from .started import Started
from .streams import Generate, Streamed, question, understand

PROMPT, OUTPUT, ROUNDS, FIRSTS = 32, 32, 5, 40
HELD, HELD_PROMPT, HELD_OUTPUT = 2000, 16, 8
SLOWER_AIM, FIRST_AIM_MS = 1.15, 5.0
SHORT = "Hello"


async def _through(address: Address, prompts: list[list[int]]) -> tuple[float, list[Streamed]]:
    """Seconds until the last piece of all answers has come, asked for at once, and the answers."""
    await ask(address, "/flush_cache", {})
    asked = [question(address, Generate(), prompt, OUTPUT) for prompt in prompts]
    begun = time.perf_counter()
    heard = await asyncio.gather(*(listen(address, one) for one in asked))
    streamed = [understand(Generate(), one, OUTPUT) for one in heard]
    last = max((a.timing.pieces[-1] for a in streamed if a.timing.pieces), default=begun)
    return last - begun, streamed


def _turn(address: Address, own: Inside, prompts: list[list[int]]) -> tuple[float, float]:
    """Seconds through the server and in this process. Raises SystemExit when the answers differ."""
    own.flush()
    begun = time.perf_counter()
    known = own.answers(prompts, OUTPUT)
    within = time.perf_counter() - begun
    through, streamed = run_lightly(_through(address, prompts))
    if [list(a.ids) for a in streamed] != known:
        failed = [a.timing.error for a in streamed if a.timing.error is not None]
        raise SystemExit(f"the server's answers differ from those in this process: {failed[:1]}")
    return through, within


async def _firsts(address: Address) -> list[float]:
    """Milliseconds from the engine's first token to the first byte here, of a short prompt that is cached."""
    sampling = {"max_new_tokens": 1, "ignore_eos": True}
    data = request(
        address, "/generate", {"text": SHORT, "sampling_params": sampling, "stream": True}
    )
    found: list[float] = []
    for _ in range(FIRSTS):
        exchange = await begin(address, data)
        reply = await exchange.reply()
        when, event = reply.events()[0]
        found.append(1e3 * (when - exchange.sent - event["meta_info"]["e2e_latency"]))
    return found[5:]  # the first ones warm up


def _spent(server: Started) -> dict[str, float]:
    """Processor seconds of each process so far."""
    return {
        "client": time.process_time(),
        "server": server.cpu_seconds(server.process.pid),
        "engine": server.cpu_seconds(server.engine),
    }


def measure(server: Started, engine: EngineConfig, streams: int) -> list[Row]:
    """The rows of all figures."""
    address = Address.of(server.url)
    with inside(engine) as own:
        size = own.client.resources.tokenizer.size
        prompts = random_prompts(Sizes(1, streams, PROMPT, 0, OUTPUT), size, 5)
        pairs = [_turn(address, own, prompts) for _ in range(ROUNDS + 1)][1:]
    before = _spent(server)
    run_lightly(_through(address, prompts))
    spent = {name: value - before[name] for name, value in _spent(server).items()}
    firsts = run_lightly(_firsts(address))
    held_sizes = Sizes(1, min(HELD, 8 * streams), HELD_PROMPT, 0, HELD_OUTPUT)
    many_prompts = random_prompts(held_sizes, size, 6)
    held = measure_held(server, many_prompts, HELD_OUTPUT)
    within = statistics.median(b for _, b in pairs)
    ratio = statistics.median(a / b for a, b in pairs)
    many = f"{streams} streams of {OUTPUT} tokens"
    each = 1e6 / (streams * OUTPUT)
    return [
        Row(f"{many}, in this process", within, "s"),
        Row(f"{many}, through the server", statistics.median(a for a, _ in pairs), "s"),
        Row("the server over the engine, median of turns", ratio, "x", SLOWER_AIM),
        *(Row(f"processor time of the {n}, per token", s * each, "us") for n, s in spent.items()),
        Row(
            "first byte after the engine's token, p50", percentile(firsts, 0.5), "ms", FIRST_AIM_MS
        ),
        Row("first byte after the engine's token, p95", percentile(firsts, 0.95), "ms"),
        *held,
    ]
