"""Interruption: what a long prompt does to those who are being answered when it comes.

    row = interrupt(client, load)      # load.prompts are being answered when load.late is asked

The gap between two tokens of a row, as whoever reads them sees it: before and after, and while the prompt is computed.
How much of it a step computes is the scheduler's to decide; its limits stand in the row. It refuses to know how.
"""

import asyncio
import time
from typing import Any

from ...lang.nodes.params import SamplingParams
from ..client import Client
from .asking import Heard, Question, ask, ask_all, forget, steady_gaps
from .serving.latency import percentile
from .workloads import Workload

QUIET_TOKENS = 64  # of every row before the prompt comes
ALLOWED = 2.0  # 99th percentile of the gaps meanwhile, over the median without
LOOK_SECONDS = 0.001


def interrupt(client: Client, load: Workload) -> dict[str, Any]:
    """One repetition; raises SystemExit where rows ended before the prompt was computed."""
    one = SamplingParams(max_tokens=1, temperature=1.0, ignore_eos=True)
    many = SamplingParams(max_tokens=load.new_tokens, temperature=1.0, ignore_eos=True)
    late = Question(load.late, one)
    forget(client)
    started = time.perf_counter()
    ask_all(client, [late])
    alone = time.perf_counter() - started
    forget(client)
    heard = [Heard() for _ in load.prompts]
    questions = [Question(ids, many) for ids in load.prompts]
    quiet = min(QUIET_TOKENS, load.new_tokens // 4)
    begin, end = asyncio.run(_asked_late(client, (questions, heard), late, quiet))
    if min(one.seconds[-1] for one in heard) < end:
        raise SystemExit(
            f"{load.name}: rows ended before the prompt was computed: give them more than"
            f" {load.new_tokens} tokens"
        )
    during = [1e3 * gap for one in heard for gap in one.gaps(begin, end)]
    without = percentile([1e3 * gap for gap in _outside(heard, begin, end)], 0.5)
    limits = client.engine.scheduler.limits
    p99 = percentile(during, 0.99)
    return {
        "without_median_ms": round(without, 3),
        "during_median_ms": round(percentile(during, 0.5), 3),
        "during_p99_ms": round(p99, 3),
        "during_worst_ms": round(max(during), 3),
        "p99_ratio": round(p99 / without, 3),
        "asked_ratio": ALLOWED,
        "gaps": len(during),
        "prompt_s": round(end - begin, 4),
        "prompt_alone_s": round(alone, 4),
        "max_step_tokens": limits.max_step_tokens,
        "beside_tokens": limits.beside_tokens,
    }


async def _asked_late(
    client: Client, rows: tuple[list[Question], list[Heard]], late: Question, quiet: int
) -> tuple[float, float]:
    """Asks the late question once every row has so many tokens; when it was asked, and answered."""
    tasks = [asyncio.create_task(ask(client, *row)) for row in zip(*rows, strict=True)]
    while min(len(one.tokens) for one in rows[1]) < quiet:
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(LOOK_SECONDS)
    begin = time.perf_counter()
    await ask(client, late, Heard())
    end = time.perf_counter()
    await asyncio.gather(*tasks)
    return begin, end


def _outside(heard: list[Heard], begin: float, end: float) -> list[float]:
    """The gaps while all rows were being answered and nothing else was computed."""
    before = [Heard([], [s for s in one.seconds if s <= begin]) for one in heard]
    after = [Heard([], [s for s in one.seconds if s > end]) for one in heard]
    return steady_gaps(before) + steady_gaps(after)
