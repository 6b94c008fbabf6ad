"""Times of sampling: masks made and found, draws plain and filtered, against one reading of the logits.

    python -m trellis.runtime.bench.sampling [--json FILE] [--vocabulary 128256] [--rows 1 8 64 256]

Every case is checked against its reference first; a wrong one ends the run without figures. On a GPU each case is
captured in a graph and replayed, so that launches cost what they cost in an engine; the logits of a small batch then
lie in the L2 cache, as they do behind a language model's last product. On a CPU only ratios mean something.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from ...constrained.grammar.grammar import Grammar
from ...constrained.grammar.place import AHEAD, Place
from ...constrained.machine.rule import Machine, Move, Rule
from ...constrained.machine.tables import build_grammar
from ...kernels.logprob import token_logprobs, top_logprobs
from ...kernels.masks.find import advance, find_masks, forget_masks
from ...kernels.sample import Mask, sample, sample_reference
from ...kernels.threshold import find_thresholds, find_thresholds_reference
from ...lang.nodes.params import SamplingParams
from ..worker.grammars import GrammarArena
from ..worker.sampler import Sampler
from .device.limits import measure_limits

STATES = 64
REPEATS = 30


@dataclass(frozen=True, slots=True)
class Words:
    """A vocabulary of the size and the lengths of a byte-level BPE's: bytes, then random words."""

    size: int
    flat: np.ndarray
    offsets: np.ndarray
    eos_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Timing:
    """One case; floor_ratio: its time over that of one reading of the logits, at the speed of a long read in this run;
    None without a GPU."""

    case: str
    rows: int
    microseconds: float
    floor_ratio: float | None


@dataclass(frozen=True, slots=True)
class Setup:
    """A sampler with `rows` rows, its logits, and what a step is given."""

    sampler: Sampler
    arena: GrammarArena
    logits: torch.Tensor
    rows: torch.Tensor
    positions: torch.Tensor


def make_words(size: int) -> Words:
    """A seeded vocabulary; its last id ends a text."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.gamma(4.0, 1.6, size).astype(int), 1, 24)
    lengths[:256] = 1
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    flat = rng.integers(97, 123, offsets[-1]).astype(np.uint8)
    flat[:256] = np.arange(256)
    flat[offsets[256:-1][rng.random(size - 256) < 0.5]] = 32
    return Words(size, flat, offsets, frozenset({size - 1}))


def make_cycle(number: int) -> Grammar:
    """A seeded grammar of STATES states; every one has other edges. As inside a JSON string nearly every byte goes on,
    so walks are long; one byte in sixteen has no edge."""
    rng = np.random.default_rng(number)
    classes = rng.integers(0, 32, 256).astype(np.uint8)
    table = rng.integers(1, STATES + 1, (STATES + 1, 32)).astype(np.int32)
    table[:, rng.permutation(32)[:2]] = 0
    table[0] = 0
    ends = (np.arange(STATES + 1) == STATES).astype(np.int32)
    return _build(Rule(classes, table, ends))


def make_count(number: int) -> Grammar:
    """A grammar like make_cycle's, but each of its bytes is counted: no byte is plain."""
    cycle = make_cycle(number)
    table = cycle.edges[:, AHEAD:].copy()
    moves = tuple(Move((state,), None, 100_000, (STATES,)) for state in range(1, cycle.states))
    return _build(Rule(cycle.classes, -table, (cycle.edges[:, 0] > 0).astype(np.int32), 1, moves))


def _build(rule: Rule) -> Grammar:
    grammar = build_grammar(Machine((rule,)))
    assert isinstance(grammar, Grammar), grammar
    return grammar


def make_setup(
    count: int,
    vocabulary: int,
    device: torch.device,
    params: SamplingParams,
    make: Callable[[int], Grammar] = make_cycle,
) -> Setup:
    """Rows with these params; row r stands in state 1 + r % STATES of a grammar of its own."""
    torch.manual_seed(0)
    arena = GrammarArena(device, make_words(vocabulary), count, 1 << 24, 4 * count)
    sampler = Sampler(count, vocabulary, device, arena)
    for row in range(count):
        slot = arena.place(make(row))
        arena.acquire(slot)
        arena.set_row(row, slot, Place(1 + row % STATES))
        sampler.start_row(row, params, row, range(16), 16)
    sampler.flush()
    arena.flush()
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    logits = (2.5 * torch.randn(count, vocabulary)).to(device, dtype)
    rows = torch.arange(count, device=device)
    return Setup(sampler, arena, logits, rows, rows + 16)


def cases_of(count: int, vocabulary: int, device: torch.device) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    plain, both = (
        SamplingParams(temperature=0.8),
        SamplingParams(temperature=0.7, top_k=20, top_p=0.8),
    )
    p = make_setup(count, vocabulary, device, plain)
    f = make_setup(count, vocabulary, device, both)
    n = make_setup(count, vocabulary, device, SamplingParams(temperature=0.8, top_p=0.95))
    g = make_setup(count, vocabulary, device, SamplingParams())
    h = make_setup(count, vocabulary, device, plain.merged(presence_penalty=0.5, min_tokens=4))
    c = make_setup(count, vocabulary, device, plain, make_count)
    mask = Mask(p.arena.tables.bank, find_masks(p.arena.tables, p.rows))
    tokens = sample(p.logits, p.rows, p.positions, p.sampler.settings, mask)
    cursor = p.arena.tables.cursor.clone()  # of grammars without registers

    def miss(s: Setup) -> Callable[[], object]:
        def make() -> None:
            forget_masks(s.arena.tables)
            find_masks(s.arena.tables, s.rows)

        return make

    def move() -> None:
        p.arena.tables.cursor.copy_(cursor)
        advance(p.arena.tables, p.rows, tokens)

    def whole(s: Setup) -> Callable[[], object]:
        features = s.sampler.features(range(count))
        return lambda: s.sampler.sample(s.logits, s.rows, s.positions, features)

    return {
        "empty the bank": lambda: forget_masks(p.arena.tables),
        "empty the bank, make all masks": miss(p),
        "the same, every byte counted": miss(c),
        "find all masks": lambda: find_masks(g.arena.tables, g.rows),
        "advance": move,
        "draw, greedy": lambda: sample(g.logits, g.rows, g.positions, g.sampler.settings),
        "draw": lambda: sample(p.logits, p.rows, p.positions, p.sampler.settings),
        "draw, masked": lambda: sample(p.logits, p.rows, p.positions, p.sampler.settings, mask),
        "threshold, top-p 0.95": lambda: find_thresholds(n.logits, n.rows, n.sampler.settings),
        "threshold, top-k 20 and top-p 0.8": lambda: find_thresholds(
            f.logits, f.rows, f.sampler.settings
        ),
        "logprobs": lambda: token_logprobs(p.logits, tokens),
        "top 20 logprobs": lambda: top_logprobs(p.logits, 20),
        "step with grammar": whole(p),
        "step with grammar, filters": whole(f),
        "step with grammar, penalties, bans": whole(h),
    }


def check(count: int, vocabulary: int, device: torch.device) -> None:
    """Compares masks, draws and thresholds with the references on the CPU; raises SystemExit at a difference."""
    params = SamplingParams(temperature=0.7, top_k=20, top_p=0.8)
    setup = make_setup(count, vocabulary, device, params)
    host = make_setup(count, vocabulary, torch.device("cpu"), params)
    logits = setup.logits.cpu()
    found = find_masks(setup.arena.tables, setup.rows).cpu().long()
    wanted = find_masks(host.arena.tables, host.rows).long()
    masks = setup.arena.tables.bank.cpu()[found], host.arena.tables.bank[wanted]
    if not masks[0].equal(masks[1]):
        raise SystemExit(f"masks differ from the reference at {count} rows")
    mask = Mask(host.arena.tables.bank, wanted.int())
    wanted_thresholds = find_thresholds_reference(logits, host.rows, host.sampler.settings, mask)
    device_mask = Mask(setup.arena.tables.bank, found.int().to(device))
    settings = setup.sampler.settings
    thresholds = find_thresholds(setup.logits, setup.rows, settings, device_mask)
    torch.testing.assert_close(thresholds.cpu(), wanted_thresholds, rtol=2e-4, atol=2e-4)
    drawn = sample(setup.logits, setup.rows, setup.positions, settings, device_mask, thresholds)
    expected = sample_reference(
        logits, host.rows, host.positions, host.sampler.settings, mask, thresholds.cpu()
    )
    if int((drawn.cpu() != expected).sum()) > count // 100:
        raise SystemExit(f"draws differ from the reference at {count} rows")


def measure(operation: Callable[[], object], device: torch.device) -> float:
    """Median microseconds of one call."""
    operation()
    if device.type != "cuda":
        return _median([_host_seconds(operation) for _ in range(5)])
    operation()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        operation()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(REPEATS + 1)]
    graph.replay()
    for mark in marks[:-1]:
        mark.record()
        graph.replay()
    marks[-1].record()
    torch.cuda.synchronize()
    pairs = zip(marks, marks[1:], strict=False)
    return _median([a.elapsed_time(b) / 1e3 for a, b in pairs])


def _host_seconds(operation: Callable[[], object]) -> float:
    begin = time.perf_counter()
    operation()
    return time.perf_counter() - begin


def _median(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1e6


def main() -> None:
    """Runs the checks, then the cases, and prints a table."""
    parser = argparse.ArgumentParser(
        description="Times of sampling against one reading of the logits."
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--vocabulary", type=int, default=128256)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    timings: list[Timing] = []
    read = measure_limits().read if device.type == "cuda" else None
    print(f"{'case':40} {'rows':>5} {'us':>9} {'x floor':>8}")
    for count in options.rows:
        check(min(count, 16), options.vocabulary, device)
        nbytes = count * options.vocabulary * 2
        for name, operation in cases_of(count, options.vocabulary, device).items():
            taken = measure(operation, device)
            ratio = None if read is None else taken / 1e6 * read / nbytes
            timings.append(Timing(name, count, taken, ratio))
            shown = f"{ratio:8.1f}" if ratio is not None else " " * 8
            print(f"{name:40} {count:5} {taken:9.1f} {shown}", flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(t) for t in timings], indent=1))


if __name__ == "__main__":
    main()
