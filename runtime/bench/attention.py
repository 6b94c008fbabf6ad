"""Speed of attention and linear layers on a GPU, beside what memory and matrix units allow.

    python -m trellis.runtime.bench.attention --json results.json
    python -m trellis.runtime.bench.attention --only decode --tiles 16,128,4,2,2 16,64,4,4,2

Every kernel is compared with torch before it is timed; one that is wrong ends the run. The shape is
Llama-3.1-8B's in bfloat16: 32 query heads, 8 kv heads of 128, pages of 16; with `--kv fp8` keys and
values are eight bits each. Times are of graph
replays over different memory in each call. `floor` is the bytes or operations the work cannot do
without, over the figures measured in the same run: a long read, and a large matrix product.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ...kernels.attention.decode import plan_decode
from ...kernels.attention.paged import paged_attention
from ...kernels.attention.plan import AttentionPlan, plan_ragged
from ...kernels.attention.shape import AttentionShape, Tile
from ...kernels.attention.share import Shared, find_segments, plan_shared
from ...kernels.attention.space import AttentionSpace
from ...kernels.fp8 import dequantise
from ...kernels.gemv import MOST_TOKENS, SkinnySpace, SkinnyTile, skinny_linear, tiles_for
from ...kernels.layer_pool import LayerPool
from ...kernels.timing import copies_for, seconds_per_call

HEADS, KV_HEADS, DIM, PAGE = 32, 8, 128, 16
DECODE = {
    "1 x 1k": [1024],
    "1 x 4k": [4096],
    "1 x 16k": [16384],
    "1 x 128k": [131072],
    "8 x 1k": [1024] * 8,
    "8 x 4k": [4096] * 8,
    "8 x 16k": [16384] * 8,
    "64 x 1k": [1024] * 64,
    "256 x 1k": [1024] * 256,
    "uneven 32 (128 to 32k)": [max(128, 32768 // (i + 1)) for i in range(32)],
    "128k beside 31 x 1k": [131072] + [1024] * 31,
}
# (new tokens, length) of each row.
RAGGED = {
    "prefill 1 x 1k": [(1024, 1024)],
    "prefill 1 x 8k": [(8192, 8192)],
    "prefill 4 x 2k": [(2048, 2048)] * 4,
    "prefill 1 x 2k after 30k": [(2048, 32768)],
    "prefill 2k beside 32 x 4k": [(2048, 2048)] + [(1, 4096)] * 32,
    "8 drafts after 4k, 32 rows": [(8, 4096)] * 32,
    "128 after 32k beside 64 x 1k": [(128, 32768)] + [(1, 1024)] * 64,
}
# Rows, keys that all of them share, new tokens of each.
EXTEND = {
    "64 x 32 after 4k": (64, 4096, 32),
    "64 x 40 after 4k": (64, 4096, 40),
    "64 x 8 after 4k": (64, 4096, 8),
    "256 x 4 after 8k": (256, 8192, 4),
}
# Rows, keys that all of them share, keys of each one's own.
SHARED = {
    "4 x (8k shared + 128)": (4, 8192, 128),
    "32 x (2k shared + 128)": (32, 2048, 128),
    "256 x (2k shared + 128)": (256, 2048, 128),
    "256 x (8k shared + 128)": (256, 8192, 128),
    "256 x (512 shared + 1k)": (256, 512, 1024),
}
LINEAR = {
    "qkv": (6144, 4096),
    "o": (4096, 4096),
    "gate_up": (28672, 4096),
    "down": (4096, 14336),
    "lm_head": (128256, 4096),
}
TOKENS = (1, 2, 4, 8, 16, 64, 256)


@dataclass(frozen=True, slots=True)
class Line:
    """One measured case. rate: TB/s where memory is the limit, TFLOP/s where it is the matrix units."""

    case: str
    variant: str
    microseconds: float
    rate: float
    unit: str
    of_floor: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What the device gave to the plainest work: bytes read and floating-point operations per second."""

    read: float
    product: float

    def line(
        self, case: str, variant: str, seconds: float, nbytes: float, operations: float
    ) -> Line:
        by_memory, by_product = nbytes / self.read, operations / self.product
        bound = max(by_memory, by_product)
        if by_memory >= by_product:
            rate, unit = nbytes / seconds / 1e12, "TB/s"
        else:
            rate, unit = operations / seconds / 1e12, "TFLOP/s"
        return Line(case, variant, seconds * 1e6, rate, unit, seconds / bound)


def measure_limits() -> Limits:
    """A sum over 4 GiB, and an 8192-cubed product of random matrices."""
    read = (4 << 30) / seconds_per_call([torch.ones(1 << 30, device="cuda").sum])
    a, b = (torch.randn((8192, 8192), dtype=torch.bfloat16, device="cuda") for _ in "ab")
    product = 2 * 8192**3 / seconds_per_call([lambda: a @ b] * 4)
    return Limits(read, product)


@dataclass(frozen=True, slots=True)
class Case:
    """Rows on the device: counts and lengths on the host, queries, pages, and a pool per layer."""

    counts: np.ndarray
    lengths: np.ndarray
    space: AttentionSpace
    page_table: torch.Tensor
    q: torch.Tensor
    pools: Sequence[LayerPool]

    @classmethod
    def create(
        cls, counts: Sequence[int], lengths: Sequence[int], shape: AttentionShape, common: int = 0
    ) -> "Case":
        """Rows of random pages, of which the first `common` keys lie in the same."""
        pages = -(-np.array(lengths) // PAGE)
        order = torch.randperm(int(pages.sum()), device="cuda").int() + 1
        table = torch.zeros((len(pages), int(pages.max())), dtype=torch.int32, device="cuda")
        for row, end in enumerate(np.cumsum(pages)):
            table[row, : pages[row]] = order[end - pages[row] : end]
        table[:, : common // PAGE] = table[0, : common // PAGE]
        size = (len(order) + 1, KV_HEADS, PAGE, DIM)
        layers = copies_for(sum(lengths) * shape.token_bytes)
        pools = [_pool(size, shape) for _ in range(layers)]
        q = torch.randn((sum(counts), HEADS, DIM), dtype=shape.dtype, device="cuda")
        # Parts of shared keys are of every token, not of every row.
        rows = sum(counts) if common else len(counts)
        space = AttentionSpace.create(shape, rows, max(lengths), "cuda")
        return cls(np.array(counts, np.int32), np.array(lengths, np.int32), space, table, q, pools)

    def shared(self) -> Shared | None:
        """What rows share, to be read once; None where that does not pay."""
        rows = np.arange(len(self.counts), dtype=np.int32)
        known = (self.lengths - self.counts) // PAGE
        segments = find_segments(self.page_table.cpu().numpy(), known, PAGE)
        return plan_shared(segments, self.counts, rows, self.space.limits)

    def decode_plan(self, shared: Shared | None = None) -> AttentionPlan:
        if shared is not None:
            self.space.shared.fill(shared)
        lengths = torch.from_numpy(self.lengths).cuda()
        rows = torch.arange(len(lengths), device="cuda")
        tile = shared and shared.tile
        return plan_decode(lengths, rows, self.page_table, self.space, tile)

    def ragged_plan(self, shared: Shared | None = None) -> AttentionPlan:
        rows = np.arange(len(self.counts), dtype=np.int32)
        return plan_ragged(self.counts, self.lengths, rows, self.page_table, self.space, shared)

    def seconds(self, plan: AttentionPlan) -> float:
        def call(pool: LayerPool) -> Callable[[], object]:
            return lambda: paged_attention(self.q, pool, plan, DIM**-0.5)

        return seconds_per_call([call(pool) for pool in self.pools])

    def cost(self) -> tuple[float, float]:
        """Bytes of keys and values and operations that the causal result needs."""
        seen = (self.counts * (2 * self.lengths.astype(np.float64) - self.counts + 1) / 2).sum()
        return float(self.lengths.sum()) * self.space.shape.token_bytes, seen * HEADS * DIM * 4


def _pool(size: tuple[int, ...], shape: AttentionShape) -> LayerPool:
    """A layer of random keys and values, [pages, heads, P, dim]."""
    keys, values = (torch.randn(size, dtype=shape.dtype, device="cuda") for _ in "kv")
    if not shape.quantised:
        return LayerPool(keys, values)
    eight = [x.to(torch.float8_e4m3fn) for x in (keys, values)]
    scales = torch.randint(-3, 3, (*size[:3], 2), device="cuda").float().exp2().bfloat16()
    return LayerPool(eight[0], eight[1], scales)


def _dense(pool: LayerPool) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values in float32."""
    scales = (pool.key_scales(), pool.value_scales())
    keys, values = (
        x.float() if own is None else dequantise(x, own)
        for x, own in zip((pool.keys, pool.values), scales, strict=True)
    )
    return keys, values


def verify(shape: AttentionShape) -> None:
    """Compare every kind of item with plain attention; AssertionError where one differs."""
    case = Case.create([1, 5, 300, 1], [2000, 4100, 700, 33], shape)
    dense = _dense(case.pools[0])
    got = paged_attention(case.q, case.pools[0], case.ragged_plan(), DIM**-0.5)
    start = 0
    for row, (count, length) in enumerate(zip(case.counts, case.lengths, strict=True)):
        index = torch.arange(int(length), device="cuda")
        page = case.page_table[row, index // PAGE].long()
        k, v = (pool[page, :, index % PAGE].float().transpose(0, 1) for pool in dense)
        q = case.q[start : start + count].float().transpose(0, 1)
        hidden = index > (index[-count:, None])
        bias = torch.zeros(hidden.shape, device="cuda").masked_fill_(hidden, float("-inf"))
        want = torch.nn.functional.scaled_dot_product_attention(
            q[None], k[None], v[None], attn_mask=bias, enable_gqa=True
        )[0].transpose(0, 1)
        error = (got[start : start + count].float() - want).norm() / want.norm()
        assert error < 0.01, f"row {row}: relative error {error:.4f}"
        start += count


def measure_decode(limits: Limits, shape: AttentionShape, variant: str) -> Iterator[Line]:
    for name, lengths in DECODE.items():
        case = Case.create([1] * len(lengths), lengths, shape)
        seconds = case.seconds(case.decode_plan())
        yield limits.line(f"decode {name}", variant, seconds, *case.cost())
    for rows in (1, 256):
        case = Case.create([1] * rows, [1024] * rows, shape)
        lengths = torch.from_numpy(case.lengths).cuda()
        index = torch.arange(rows, device="cuda")

        def plan(case: Case = case, lengths: torch.Tensor = lengths, index: torch.Tensor = index):
            return plan_decode(lengths, index, case.page_table, case.space)

        microseconds = seconds_per_call([plan] * 20) * 1e6
        yield Line(f"plan of {rows} rows", variant, microseconds, 0.0, "", 0.0)


def measure_shared(limits: Limits, shape: AttentionShape, variant: str) -> Iterator[Line]:
    """Rows that share keys, flat and grouped; of_floor: of reading every key once and computing every score."""
    for name, (rows, common, own) in SHARED.items():
        case = Case.create([1] * rows, [common + own] * rows, shape, common)
        yield from _flat_and_grouped(limits, case, (f"decode {name}", variant), case.decode_plan)


def measure_extend(limits: Limits, shape: AttentionShape, variant: str) -> Iterator[Line]:
    """Suffixes of keys that all rows share, flat and, where that pays, grouped; of_floor: as for measure_shared."""
    for name, (rows, common, own) in EXTEND.items():
        case = Case.create([own] * rows, [common + own] * rows, shape, common)
        yield from _flat_and_grouped(limits, case, (f"extend {name}", variant), case.ragged_plan)


def _flat_and_grouped(
    limits: Limits,
    case: Case,
    names: tuple[str, str],
    make: Callable[[Shared | None], AttentionPlan],
) -> Iterator[Line]:
    """A line without sharing, and one with it where the plan has any. names: of the case and the variant."""
    (name, variant), pool, scale = names, case.pools[0], DIM**-0.5
    want = paged_attention(case.q, pool, case.ragged_plan(), scale).float()
    pages = case.page_table[case.page_table > 0].unique()
    _, operations = case.cost()
    seen = len(pages) * PAGE * case.space.shape.token_bytes
    shared = case.shared()
    for label, used in [("flat", None)] + [("grouped", shared)] * (shared is not None):
        plan = make(used)  # where the one before it was: plans of a space share its memory
        got = paged_attention(case.q, pool, plan, scale).float()
        error = (got - want).norm() / want.norm()
        assert error < 0.01, f"{name}: relative error {error:.4f}"
        yield limits.line(name, f"{variant} {label}", case.seconds(plan), seen, operations)


def measure_ragged(limits: Limits, shape: AttentionShape, variant: str) -> Iterator[Line]:
    for name, rows in RAGGED.items():
        case = Case.create([count for count, _ in rows], [length for _, length in rows], shape)
        yield limits.line(name, variant, case.seconds(case.ragged_plan()), *case.cost())


def measure_linear(limits: Limits) -> Iterator[Line]:
    space = SkinnySpace.create(max(n for n, _ in LINEAR.values()), "cuda")
    for name, (n, k) in LINEAR.items():
        copies = copies_for(n * k * 2)
        weights = [
            torch.randn((n, k), dtype=torch.bfloat16, device="cuda").mul_(k**-0.5)
            for _ in range(copies)
        ]
        for m in TOKENS:
            x = torch.randn((m, k), dtype=torch.bfloat16, device="cuda")
            yield from _linear_lines(limits, f"{name} {m} x {n} x {k}", x, weights, space)


def _linear_lines(
    limits: Limits, case: str, x: torch.Tensor, weights: list[torch.Tensor], space: SkinnySpace
) -> Iterator[Line]:
    m, (n, k) = x.shape[0], weights[0].shape
    cost = (n * k * 2.0, 2.0 * m * n * k)

    def library(w: torch.Tensor) -> Callable[[], object]:
        return lambda: torch.nn.functional.linear(x, w)

    yield limits.line(case, "torch", seconds_per_call([library(w) for w in weights]), *cost)
    for tile in tiles_for(m, n) if m <= MOST_TOKENS else ():
        want = torch.nn.functional.linear(x, weights[0]).float()
        got = skinny_linear(x, weights[0], None, tile, space).float()
        assert (got - want).norm() < 0.02 * want.norm(), f"{tile} is wrong for {case}"

        def ours(w: torch.Tensor, tile: SkinnyTile = tile) -> Callable[[], object]:
            return lambda: skinny_linear(x, w, None, tile, space)

        label = f"{tile.rows}x{tile.step} split {tile.split} warps {tile.warps}"
        seconds = seconds_per_call([ours(w) for w in weights])
        yield limits.line(case, f"{label} stages {tile.stages}", seconds, *cost)


def parse_tile(text: str) -> Tile:
    """A tile from "rows,keys,warps,stages,resident"."""
    return Tile(*(int(part) for part in text.split(",")))


def shapes(
    tiles: Sequence[Tile], kv_dtype: torch.dtype | None
) -> Iterator[tuple[str, AttentionShape]]:
    """The default tiles, and each given one in the place of the narrow (fewer than 64 rows), middle or wide one."""
    plain = (HEADS, KV_HEADS, DIM, torch.bfloat16, PAGE, kv_dtype)
    yield "default", AttentionShape(*plain)
    for tile in tiles:
        place = "narrow" if tile.rows < 64 else "middle" if tile.rows < 128 else "wide"
        label = f"{tile.rows}x{tile.keys} warps {tile.warps} stages {tile.stages}"
        yield label, replace(AttentionShape(*plain), **{place: tile})


def measure(
    only: str | None, tiles: Sequence[Tile], kv_dtype: torch.dtype | None = None
) -> Iterator[Line]:
    """All lines, or those of "decode", "shared", "extend", "ragged" or "linear"."""
    limits = measure_limits()
    yield Line("read 4 GiB", "sum", 0.0, limits.read / 1e12, "TB/s", 1.0)
    yield Line("product 8192^3", "torch", 0.0, limits.product / 1e12, "TFLOP/s", 1.0)
    for variant, shape in shapes(tiles, kv_dtype):
        verify(shape)
        if only in (None, "decode"):
            yield from measure_decode(limits, shape, variant)
        if only in (None, "shared"):
            yield from measure_shared(limits, shape, variant)
        if only in (None, "extend"):
            yield from measure_extend(limits, shape, variant)
        if only in (None, "ragged"):
            yield from measure_ragged(limits, shape, variant)
    if only in (None, "linear"):
        yield from measure_linear(limits)


def main() -> None:
    """Print the table as it grows; write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    parser.add_argument("--only", choices=("decode", "shared", "extend", "ragged", "linear"))
    parser.add_argument("--tiles", nargs="*", type=parse_tile, default=[])
    parser.add_argument("--kv", choices=("bf16", "fp8"), default="bf16")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("this measures a GPU and there is none")
    kv_dtype = torch.float8_e4m3fn if options.kv == "fp8" else None
    lines: list[Line] = []
    print(f"{'case':36}{'variant':42}{'us':>10}{'rate':>9} {'unit':8}{'x floor':>8}")
    for line in measure(options.only, options.tiles, kv_dtype):
        lines.append(line)
        print(
            f"{line.case:36}{line.variant:42}{line.microseconds:10.1f}{line.rate:9.2f}"
            f" {line.unit:8}{line.of_floor:8.2f}",
            flush=True,
        )
        if options.json:
            options.json.write_text(json.dumps([asdict(each) for each in lines], indent=1))


if __name__ == "__main__":
    main()
