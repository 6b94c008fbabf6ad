"""`trellis bench cpu`: the bundled model on this machine's CPU, beside transformers' `generate` in the same run.

    python -P -m trellis.runtime.bench.cpu --json out.jsonl

Greedy answers of the same length to the same prompts, alone and 16 at once, after a gate: both must give the same
tokens. The two take turns and the median of the ratios counts, since a shared machine's speed drifts. transformers
computes with the number of threads that suits it best of one and all; the engine with what it chooses, unless
`--threads` says otherwise.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ...lang.nodes.params import SamplingParams
from ..bundled import BUNDLED
from ..client import Client
from ..config import EngineConfig
from ..launch import open_client
from .engine import answers, report

NEW_TOKENS = 64
ROUNDS = 5


def _peer(folder: Path) -> Callable[[list[list[int]]], list[list[int]]]:
    """transformers' generate, greedy, without end of text."""
    import torch

    # No dependency of the engine: the `tools` extra brings it.
    from transformers import AutoModelForCausalLM

    # Its own annotations do not know that this class generates.
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.generation_config.eos_token_id = None

    def generate(prompts: list[list[int]]) -> list[list[int]]:
        ids = torch.tensor(prompts)
        with torch.inference_mode():
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False,
                pad_token_id=0,
            )  # fmt: skip
        return out[:, ids.shape[1] :].tolist()

    return generate


def _ours(client: Client) -> Callable[[list[list[int]]], list[list[int]]]:
    params = SamplingParams(max_tokens=NEW_TOKENS, ignore_eos=True)

    def generate(prompts: list[list[int]]) -> list[list[int]]:
        client.engine.call(lambda: client.engine.scheduler.cache.flush())
        return [tokens for tokens, _ in answers(client, prompts, params)]

    return generate


def _seconds(generate: Callable[[list[list[int]]], Any], prompts: list[list[int]]) -> float:
    started = time.perf_counter()
    generate(prompts)
    return time.perf_counter() - started


def _best_threads(peer: Callable[[list[list[int]]], Any], prompts: list[list[int]]) -> int:
    """One, or as many as there are cores: whichever the peer answers sooner with."""
    import torch

    def once(threads: int) -> float:
        torch.set_num_threads(threads)
        return min(_seconds(peer, prompts) for _ in range(2))

    return min(sorted({1, os.cpu_count() or 1}), key=once)


def measure(client: Client, folder: Path) -> Iterable[dict[str, Any]]:
    """A row for each batch size. Raises SystemExit when the two do not agree."""
    import torch

    ours, peer, threads = _ours(client), _peer(folder), torch.get_num_threads()
    tokenizer = client.resources.tokenizer
    lines = [
        f"Anna number {i} ordered {i + 2} lamps from Oslo and paid by card." for i in range(16)
    ]
    length = min(len(tokenizer.encode(line)) for line in lines)
    prompts = [tokenizer.encode(line)[:length] for line in lines]
    for batch in (1, 16):
        chosen = prompts[:batch]
        if ours(chosen) != peer(chosen):
            raise SystemExit(f"batch {batch}: ours and transformers' tokens differ")
        best = _best_threads(peer, chosen)
        pairs: list[tuple[float, float]] = []
        for _ in range(ROUNDS):
            torch.set_num_threads(threads)
            own = _seconds(ours, chosen)
            torch.set_num_threads(best)
            pairs.append((own, _seconds(peer, chosen)))
        yield {
            "workload": f"seedling_bs{batch}",
            "new_tokens": NEW_TOKENS,
            "transformers_threads": best,
            "trellis_s": round(statistics.median(a for a, _ in pairs), 4),
            "transformers_s": round(statistics.median(b for _, b in pairs), 4),
            "times_faster": round(statistics.median(b / a for a, b in pairs), 2),
        }


def run(out: Path | None = None, threads: int | None = None) -> None:
    """Prints a JSON line per batch size and appends it to `out`."""
    client = open_client(EngineConfig(device="cpu", dtype="float32", threads=threads))
    try:
        report(measure(client, BUNDLED), out, {})
    finally:
        client.close()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    run(options.json, options.threads)


if __name__ == "__main__":
    main()
