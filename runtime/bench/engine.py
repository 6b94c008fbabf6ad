"""`trellis bench engine`: steps of decode, prefill and constrained decode, one JSON line a workload.

    python -P -m trellis.runtime.bench.engine MODEL --workload decode --json out.jsonl

A line has full_s (all answers), prefill_s (the same prompts, one token each, on an emptied cache) and
step_ms = (full_s - prefill_s) / (longest answer - 1); the better of two repetitions counts. `loop` splits the host's
time per step into plan, launch, wait, commit and emit. A correctness gate runs first: the same short prompts alone
and together must give the same greedy tokens.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...constrained.spec import Constraint, JsonSchema
from ...lang.backends.base import Piece, Prompt, Token
from ...lang.nodes.params import SamplingParams
from ..client import Client
from ..config import EngineConfig
from .workloads import Workload, workloads

# Log-probabilities this near are a tie in bfloat16.
TIE = 0.25
LOOP_PARTS = ("plan", "launch", "wait", "commit", "emit")


async def _answer(
    client: Client, ids: Sequence[int], params: SamplingParams, constraint: Constraint | None
) -> list[Token]:
    prompt = Prompt(None, (Piece(tokens=tuple(ids)),))
    out: list[Token] = []
    async for delta in client.generate(prompt, params, constraint):
        out += delta.tokens
    return out


def _answers(
    client: Client,
    prompts: Iterable[Sequence[int]],
    params: SamplingParams,
    constraint: Constraint | None = None,
) -> list[list[Token]]:
    async def gather() -> list[list[Token]]:
        return await asyncio.gather(*(_answer(client, p, params, constraint) for p in prompts))

    return asyncio.run(gather())


def answers(
    client: Client,
    prompts: Iterable[Sequence[int]],
    params: SamplingParams,
    constraint: Constraint | None = None,
) -> list[tuple[list[int], int]]:
    """Token ids of the answers to all prompts, generated together, in order, and how many of each were forced."""
    return [
        ([token.id for token in answer], sum(token.kind == "forced" for token in answer))
        for answer in _answers(client, prompts, params, constraint)
    ]


def check(client: Client) -> None:
    """Correctness gate: prompts answered alone and together must give the same greedy tokens, but for rounding.

    In bfloat16 a batch rounds differently, and random weights give many tokens nearly the same score: where two
    answers part, the one's token must be nearly as likely as the other's.
    """
    prompts = [[100 + 7 * i + j for j in range(40)] for i in range(8)]
    params = SamplingParams(max_tokens=8, temperature=0.0, ignore_eos=True, top_logprobs=20)
    together = _answers(client, prompts, params)
    for prompt, tokens in zip(prompts, together, strict=True):
        _flush(client)
        (alone,) = _answers(client, [prompt], params)
        if (gap := _gap(tokens, alone)) > TIE:
            raise SystemExit(
                f"correctness gate: answered alone, a prompt gets a token that is less likely by {gap:.2f}"
                " (difference of log-probabilities) than the one it gets among others"
            )


def _gap(answer: Sequence[Token], other: Sequence[Token]) -> float:
    """By how much the other's token is less likely where the two part; 0 where they do not."""
    for mine, theirs in zip(answer, other, strict=True):
        if mine.id != theirs.id:
            likely = {token: logprob for token, _, logprob in mine.top}
            return likely[mine.id] - likely.get(theirs.id, float("-inf"))
    return 0.0


def _flush(client: Client) -> None:
    client.engine.call(lambda: client.engine.scheduler.cache.flush())


def _repeat(client: Client, load: Workload) -> dict[str, Any]:
    """One repetition of a workload."""
    constraint = JsonSchema(json.dumps(load.schema)) if load.schema is not None else None
    one = SamplingParams(max_tokens=1, temperature=1.0, ignore_eos=True)
    many = SamplingParams(
        max_tokens=load.new_tokens, temperature=1.0, ignore_eos=load.schema is None
    )

    def warm() -> None:
        _flush(client)
        if load.warm:
            answers(client, load.warm, one)

    if constraint is not None:
        answers(client, [[9] * 16], SamplingParams(max_tokens=4), constraint)
    warm()
    before = {part: getattr(client.engine.times, part) for part in (*LOOP_PARTS, "steps")}
    started = time.perf_counter()
    out = answers(client, load.prompts, many, constraint if load.new_tokens > 1 else None)
    full = time.perf_counter() - started
    times = client.engine.times
    spent = {part: getattr(times, part) - before[part] for part in (*LOOP_PARTS, "steps")}
    warm()
    started = time.perf_counter()
    answers(client, load.prompts, one)
    prefill = time.perf_counter() - started
    longest = max(len(tokens) for tokens, _ in out)
    generated = sum(len(tokens) for tokens, _ in out)
    return {
        "full_s": round(full, 4),
        "prefill_s": round(prefill, 4),
        "gen_tokens": generated,
        "forced_tokens": sum(forced for _, forced in out),
        "prompt_tokens": sum(map(len, load.prompts)),
        "tok_s": round(generated / full, 1),
        "step_ms": round(1e3 * (full - prefill) / max(longest - 1, 1), 3),
        "steps": spent["steps"],
        "loop_ms": {p: round(1e3 * spent[p] / max(spent["steps"], 1), 3) for p in LOOP_PARTS},
    }


def measure(client: Client, names: Sequence[str] = ()) -> Iterable[dict[str, Any]]:
    """One row per workload whose name starts with one of `names` (all when empty), as each is done."""
    check(client)
    for load in workloads():
        if names and not any(load.name.startswith(name) for name in names):
            continue
        rows = [_repeat(client, load) for _ in range(2)]
        best = min(rows, key=lambda row: row["full_s"])
        yield {"engine": "trellis", "workload": load.name, **best}


def report(rows: Iterable[dict[str, Any]], out: Path | None) -> None:
    """Prints a JSON line per row as it comes, and appends it to `out`."""
    for row in rows:
        line = json.dumps(row)
        print(line, flush=True)
        if out is not None:
            with out.open("a") as file:
                file.write(line + "\n")


def run(config: EngineConfig, names: Sequence[str] = (), out: Path | None = None) -> None:
    """Opens the model, prints a JSON line per workload and appends it to `out`."""
    from ..launch import open_client

    started = time.perf_counter()
    client = open_client(config)
    print(f"started in {time.perf_counter() - started:.1f} s", flush=True)
    try:
        report(measure(client, names), out)
    finally:
        client.close()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--workload", action="append", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--load", default="dummy", choices=("dummy", "weights"))
    parser.add_argument("--option", action="append", default=[], help="NAME=VALUE of the engine")
    options = parser.parse_args()
    extra = {k: json.loads(v) for k, v in (o.split("=", 1) for o in options.option)}
    config = EngineConfig.of(model=options.model, load=options.load, context=16384, **extra)
    run(config, options.workload, options.json)


if __name__ == "__main__":
    main()
