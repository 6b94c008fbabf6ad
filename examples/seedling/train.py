"""Train Seedling: one command, one GPU, minutes.

    python examples/seedling/train.py --minutes 8 --out FOLDER           # from nothing
    python examples/seedling/train.py --minutes 8 --out FOLDER --init FOLDER2 --rate 0.001  # go on from saved weights
    python examples/seedling/train.py --minutes 0.3 --tiny --out FOLDER  # a trial on a CPU

Samples are made by background processes while the network trains, so every step sees new ones. The learning rate
follows the clock: a short rise, then down to nothing when the minutes are over. The model is saved every two minutes
and at the end, with a table of exact match per task.
"""

import argparse
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from corpus import Batch, Producers
from evaluate import evaluate, load_network, print_scores
from network import Network, Shape, describe
from tokenizers import Tokenizer
from torch import Tensor

BUNDLED = Path(__file__).resolve().parents[2] / "runtime" / "bundled" / "seedling"
TINY = Shape(hidden=64, layers=2, heads=4, kv_heads=2, head_dim=16, intermediate=128)
WATCHED = ("extract", "extract_keys", "question", "sentiment", "tool_call")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked for. `rate` is the peak learning rate, `tokens` the size of a step."""

    minutes: float
    out: Path
    init: Path | None
    tokenizer: Path
    tiny: bool
    tokens: int
    rate: float
    workers: int
    seed: int
    count: int


def parse_plan() -> Plan:
    parser = argparse.ArgumentParser(description="Train Seedling.")
    parser.add_argument(
        "--minutes", type=float, default=8.0, help="of training; the final table takes one more"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="folder with weights to start from")
    parser.add_argument("--tokenizer", type=Path, default=BUNDLED)
    parser.add_argument("--tiny", action="store_true", help="a toy network, for trials on a CPU")
    parser.add_argument(
        "--tokens",
        type=int,
        default=64512,
        help="tokens a step; a multiple of 3072 fills every bucket exactly",
    )
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 4))
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100000)
    parser.add_argument("--count", type=int, default=100, help="test samples a task at the end")
    return Plan(**vars(parser.parse_args()))


def rate_at(plan: Plan, done: float, step: int) -> float:
    """Learning rate after a share `done` of the time: 300 steps up, flat for a
    third, then down in a straight line."""
    rise = min(1.0, (step + 1) / 300)
    return plan.rate * rise * max(0.0, min(1.0, (1.0 - done) / 0.67))


def new_optimiser(network: Network, rate: float, fused: bool) -> torch.optim.Optimizer:
    """AdamW; matrices decay, gains and the embedding do not."""
    named = list(network.named_parameters())
    decayed = [p for n, p in named if p.ndim == 2 and "embed" not in n]
    kept = [p for n, p in named if p.ndim < 2 or "embed" in n]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.97), eps=1e-9, fused=fused)


def to_device(batch: Batch, device: str) -> tuple[Tensor, Tensor]:
    """A batch as tensors: tokens int64, weights float32."""
    tokens, weights = (
        torch.from_numpy(batch.tokens.astype(np.int64)),
        torch.from_numpy(batch.weights),
    )
    if device == "cuda":
        tokens, weights = tokens.pin_memory(), weights.pin_memory()
    return tokens.to(device, non_blocking=True), weights.to(device, non_blocking=True).float()


@dataclass(slots=True)
class Progress:
    """The state of a run."""

    began: float
    step: int = 0
    tokens: int = 0
    printed: float = 0.0
    saved: float = 0.0


def train(plan: Plan, network: Network, producers: Producers, device: str) -> Progress:
    """Train until the minutes are over; prints, saves and tests on the way."""
    optimiser = new_optimiser(network, plan.rate, device == "cuda")
    tokenizer = Tokenizer.from_file(str(plan.tokenizer / "tokenizer.json"))
    progress = Progress(time.time())
    recent: list[Tensor] = []
    while (spent := time.time() - progress.began) < plan.minutes * 60:
        for group in optimiser.param_groups:
            group["lr"] = rate_at(plan, spent / (plan.minutes * 60), progress.step)
        tokens, weights = to_device(producers.take(), device)
        loss, _ = network.loss(tokens, weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        recent.append(loss.detach())
        progress.step += 1
        progress.tokens += weights.numel()
        if progress.step % 50 == 0:  # the only wait for the device
            _report(progress, recent, producers, optimiser.param_groups[0]["lr"])
            recent.clear()
        if spent - progress.saved > 120:
            progress.saved = spent
            save(network, plan)
            print_scores({f"at {spent:.0f} s": evaluate(plain(network), tokenizer, 48, WATCHED)})
    return progress


def _report(progress: Progress, recent: list[Tensor], producers: Producers, rate: float) -> None:
    loss = torch.stack(recent).mean().item()
    assert np.isfinite(loss), f"the loss is {loss} at step {progress.step}"
    spent = time.time() - progress.began
    if spent - progress.printed < 10 and progress.step > 50:
        return
    progress.printed = spent
    print(
        f"{spent:5.0f} s  step {progress.step:6d}  loss {loss:.4f}  rate {rate:.2e}  "
        f"{progress.tokens / 1e6:7.1f} M tokens  {progress.tokens / spent / 1e3:.0f} k/s  "
        f"fresh {producers.fresh} repeated {producers.repeated}",
        flush=True,
    )


def plain(network: Network) -> Network:
    """The same weights without compiled parts, whose fixed sizes do not suit decoding."""
    device = network.model.norm.weight.device
    copy = Network(network.shape, network.low).to(device)
    copy.load_state_dict(network.state_dict())
    return copy


def save(network: Network, plan: Plan) -> None:
    """Write the model folder: weights, configs, tokenizer and template."""
    network.save(plan.out)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if plan.out.resolve() != plan.tokenizer.resolve():
            shutil.copyfile(plan.tokenizer / name, plan.out / name)


def main() -> None:
    plan = parse_plan()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(plan.seed)
    torch.set_float32_matmul_precision("high")
    network = Network(
        TINY if plan.tiny else Shape(), torch.bfloat16 if device == "cuda" else torch.float32
    ).to(device)
    if plan.init:
        network.load(plan.init)
    if device == "cuda":
        network.compile()
    count = sum(p.numel() for p in network.parameters())
    print(
        f"{count / 1e6:.2f} M parameters on {device}; {describe(network.shape)}; {plan}", flush=True
    )
    with Producers(
        plan.tokenizer / "tokenizer.json", plan.workers, plan.tokens, plan.seed
    ) as producers:
        progress = train(plan, network, producers, device)
    save(network, plan)
    print(
        f"saved {plan.out} after {progress.step} steps, {progress.tokens / 1e6:.0f} M tokens",
        flush=True,
    )
    saved = load_network(plan.out, device)  # what is tested is what was written
    tokenizer = Tokenizer.from_file(str(plan.out / "tokenizer.json"))
    columns = {
        "held out": evaluate(saved, tokenizer, plan.count),
        "seen templates": evaluate(saved, tokenizer, plan.count, held=False),
    }
    print_scores(columns, show=2)


if __name__ == "__main__":
    main()
