"""Train Seedling: one command, all GPUs of one host, minutes.

    python examples/seedling/train.py --minutes 8 --out FOLDER           # from nothing, on every GPU there is
    python examples/seedling/train.py --minutes 8 --out FOLDER --init FOLDER2 --rate 0.001  # go on from saved weights
    python examples/seedling/train.py --minutes 0.5 --tiny --ranks 2 --out FOLDER  # a trial on a CPU

Samples are made by background processes while the network trains, so every step sees new ones. The learning rate
follows the clock: a short rise, flat, then down to nothing when the minutes are over, so the last weights need no
averaging. The model is saved every minute from 70 % of the time on and at the end; lines about held-out samples come
every ten seconds, a table at the end.
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
from evaluate import TASKS, held_out, load_network
from network import Network, Shape, describe
from parallel import Clock, Gradients, Ranks, run_ranks
from tokenizers import Tokenizer
from torch import Tensor
from watch import Watch, one_line, print_marks

BUNDLED = Path(__file__).resolve().parents[2] / "runtime" / "bundled" / "seedling"
TINY = Shape(hidden=64, layers=2, heads=4, kv_heads=2, head_dim=16, intermediate=128)
WATCHED = ("extract", "extract_keys", "extract_many", "tool_call", "question")
WARM_UP = 500  # steps
FLAT_UNTIL = 0.4  # share of the time


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is asked for, and when it `began`.

    `rate` is the peak learning rate; `tokens` the size of a step and `workers` the processes that make samples, both
    for each rank.
    """

    minutes: float
    out: Path
    init: Path | None
    tokenizer: Path
    tiny: bool
    ranks: int
    tokens: int
    rate: float
    workers: int
    seed: int
    count: int
    began: float


def parse_plan() -> Plan:
    parser = argparse.ArgumentParser(description="Train Seedling.")
    parser.add_argument(
        "--minutes", type=float, default=8.0, help="until the last step, start-up included"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="folder with weights to start from")
    parser.add_argument("--tokenizer", type=Path, default=BUNDLED)
    parser.add_argument("--tiny", action="store_true", help="a toy network, for trials on a CPU")
    parser.add_argument(
        "--ranks", type=int, default=max(1, torch.cuda.device_count()), help="processes; one a GPU"
    )
    parser.add_argument(
        "--tokens",
        type=int,
        default=64512,
        help="tokens a step and rank; a multiple of 3072 fills every bucket exactly",
    )
    parser.add_argument("--rate", type=float, default=2.5e-3, help="peak learning rate")
    parser.add_argument("--workers", type=int, help="processes a rank that make samples")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100000)
    parser.add_argument("--count", type=int, default=100, help="test samples a task at the end")
    asked = vars(parser.parse_args())
    if asked["workers"] is None:
        asked["workers"] = max(1, min(14, (os.cpu_count() or 2) // asked["ranks"] - 2))
    return Plan(**asked, began=time.time())


def rate_at(plan: Plan, done: float, step: int) -> float:
    """Learning rate after a share `done` of the time: up, flat, then down in a straight line."""
    rise = min(1.0, (step + 1) / WARM_UP)
    return plan.rate * rise * max(0.0, min(1.0, (1.0 - done) / (1.0 - FLAT_UNTIL)))


def new_optimiser(network: Network, rate: float, fused: bool) -> torch.optim.Optimizer:
    """AdamW; matrices decay, gains and the embedding do not."""
    named = list(network.named_parameters())
    decayed = [p for n, p in named if p.ndim == 2 and "embed" not in n]
    kept = [p for n, p in named if p.ndim < 2 or "embed" in n]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.97), eps=1e-9, fused=fused)


def to_device(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
    """A batch as tensors: tokens int64, weights float32."""
    tokens, weights = (
        torch.from_numpy(batch.tokens.astype(np.int64)),
        torch.from_numpy(batch.weights),
    )
    if device.type == "cuda":
        tokens, weights = tokens.pin_memory(), weights.pin_memory()
    return tokens.to(device, non_blocking=True), weights.to(device, non_blocking=True).float()


class Journal:
    """What the first rank prints and saves on the way; the other ranks keep none."""

    def __init__(self, plan: Plan, network: Network) -> None:
        self.plan, self.network = plan, network
        tokenizer = Tokenizer.from_file(str(plan.tokenizer / "tokenizer.json"))
        self.watch = Watch(tokenizer, held_out(8 if plan.tiny else 48, WATCHED))
        self.recent: list[Tensor] = []
        self.tokens = 0
        self.printed = self.saved = 0.0

    def note(self, loss: Tensor, tokens: int) -> None:
        """One step's loss on this rank and the tokens of all ranks; no wait for the device."""
        self.recent.append(loss.detach())
        self.tokens += tokens

    def report(self, clock: Clock, step: int, rate: float, producers: Producers) -> None:
        """Every ten seconds a line and the held-out marks; from 70 % of the time on, weights every minute."""
        spent = clock.spent
        if spent - self.printed >= 10:
            self.printed = spent
            loss = torch.stack(self.recent).mean().item()
            assert np.isfinite(loss), f"the loss is {loss} at step {step}"
            print(
                f"{spent:5.0f} s  step {step:6d}  loss {loss:.4f}  rate {rate:.2e}  "
                f"{self.tokens / 1e6:7.1f} M tokens  {self.tokens / spent / 1e3:.0f} k/s  "
                f"fresh {producers.fresh} repeated {producers.repeated}\n"
                f"        {one_line(self.watch.mark(self.network.plain()))}",
                flush=True,
            )
            self.recent.clear()
        if clock.done >= 0.7 and spent - self.saved > 60:
            self.saved = spent
            save(self.network, self.plan)


def train(plan: Plan, network: Network, producers: Producers, ranks: Ranks) -> None:
    """Train until the minutes are over, in step with the other ranks."""
    optimiser = new_optimiser(network, plan.rate, ranks.device.type == "cuda")
    journal = Journal(plan, network) if ranks.first else None
    gradients, step = Gradients(network, ranks), 0
    clock = Clock(ranks, plan.began, plan.minutes * 60)
    while (done := clock.tick(step)) < 1.0:
        rate = rate_at(plan, done, step)
        for group in optimiser.param_groups:
            group["lr"] = rate
        tokens, weights = to_device(producers.take(), ranks.device)
        loss, _ = network.loss(tokens, weights)
        loss.backward()
        gradients.average(1.0)
        optimiser.step()
        gradients.clear()
        step += 1
        if journal:
            journal.note(loss, weights.numel() * ranks.count)
            if step % clock.every == 0:
                journal.report(clock, step, rate, producers)
    if journal:
        save(network, plan)
        print(f"saved {plan.out}: {step} steps, {journal.tokens / 1e6:.0f} M tokens", flush=True)


def save(network: Network, plan: Plan) -> None:
    """Write the model folder: weights, configs, tokenizer and template."""
    network.save(plan.out)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if plan.out.resolve() != plan.tokenizer.resolve():
            shutil.copyfile(plan.tokenizer / name, plan.out / name)


def run_rank(ranks: Ranks, plan: Plan) -> None:
    """All that one process does."""
    torch.manual_seed(plan.seed)
    torch.set_float32_matmul_precision("high")
    on_gpu = ranks.device.type == "cuda"
    shape = TINY if plan.tiny else Shape()
    network = Network(shape, torch.bfloat16 if on_gpu else torch.float32).to(ranks.device)
    if plan.init:
        network.load(plan.init)
    if on_gpu:
        network.compile()
    if ranks.first:
        count = sum(p.numel() for p in network.parameters())
        print(f"{count / 1e6:.2f} M parameters; {describe(shape)}; {ranks}; {plan}", flush=True)
    seed = plan.seed + 7919 * ranks.rank
    with Producers(plan.tokenizer / "tokenizer.json", plan.workers, plan.tokens, seed) as producers:
        train(plan, network, producers, ranks)


def test(plan: Plan) -> None:
    """Marks of what was written, on held-out and on seen templates."""
    saved = load_network(plan.out, "cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = Tokenizer.from_file(str(plan.out / "tokenizer.json"))
    sets = {held: held_out(plan.count, TASKS, held=held) for held in (True, False)}
    marks = {held: Watch(tokenizer, found).mark(saved) for held, found in sets.items()}
    print_marks({"held out": marks[True], "seen templates": marks[False]})


def main() -> None:
    plan = parse_plan()
    run_ranks(plan.ranks, run_rank, plan)
    if plan.count:
        test(plan)


if __name__ == "__main__":
    main()
