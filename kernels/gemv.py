"""Linear layers for a few tokens, where reading the weights is all the work.

    y = x w^T + bias        x: [m, k] with 1 <= m <= 64;  w: [n, k], a row is one output

One token: every program multiplies some rows of w by x, elementwise, many wide loads in flight, and
sums once at the end. More tokens: the matrix units, with the weights as their long side and the
tokens padded to 16, 32 or 64. Where n gives too few programs to keep the memory busy, k is split;
the program that finishes a tile last adds the parts, always in the same order. Bound by bandwidth:
n * k elements are read once. Which tile is best for a shape is measured, not known (linear_table.py).
"""

from dataclasses import dataclass

import torch

from .launch import (
    await_previous,
    let_next_start,
    overlapping,
    power_of_two,
    tl,
    triton,
    uses_triton,
)

MOST_TOKENS = 64
# From so many outputs on there are tiles enough without splitting k.
MOST_SPLIT_OUTPUTS = 16384


@dataclass(frozen=True, slots=True)
class SkinnyTile:
    """rows of w and steps along k of one program; k is divided into `split` parts; warps; stages in flight.

    All powers of two but stages. For one token split must be 1, and stages 1 or 2.
    """

    rows: int
    step: int
    split: int = 1
    warps: int = 4
    stages: int = 4


@dataclass(frozen=True, slots=True)
class SkinnySpace:
    """Where split products meet. parts: float32, as large as needed; arrived: int32, zero between calls.

    One space serves all layers of one stream; two streams need two.
    """

    parts: torch.Tensor
    arrived: torch.Tensor

    @classmethod
    def create(cls, outputs: int, device: torch.device | str) -> "SkinnySpace":
        """Space for products of up to `outputs` outputs in up to 8 parts, of no more than can be split."""
        lines = -(-min(outputs, MOST_SPLIT_OUTPUTS) // 128) * 128
        return cls(
            torch.zeros(lines * MOST_TOKENS * 8, device=device),
            torch.zeros(lines // 16, dtype=torch.int32, device=device),
        )


def skinny_linear_reference(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """The specification of skinny_linear, in torch."""
    return torch.nn.functional.linear(x, weight, bias)


@triton.jit
def _gemv_kernel(
    x,
    weight,
    bias,
    y,
    n,
    k,
    ROWS: tl.constexpr,
    STEP: tl.constexpr,
    AHEAD: tl.constexpr,
    WHOLE: tl.constexpr,
    BIASED: tl.constexpr,
    OVERLAPS: tl.constexpr,
):
    let_next_start(OVERLAPS)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    lane = tl.arange(0, STEP)
    # Rows beyond the last read the last again; only their result is dropped.
    line = weight + tl.minimum(row, n - 1).to(tl.int64)[:, None] * k + lane[None, :]
    acc = tl.zeros([ROWS, STEP], tl.float32)
    if WHOLE:
        # Weights are nobody's result: the first are on their way before the kernels ahead have ended.
        w = tl.load(line, eviction_policy="evict_first")
        w2 = w
        if AHEAD == 2:
            w2 = tl.load(line + STEP, eviction_policy="evict_first")
        await_previous(OVERLAPS)
        for begin in tl.range(0, k - STEP * AHEAD, STEP * AHEAD):
            next_w = tl.load(line + begin + STEP * AHEAD, eviction_policy="evict_first")
            acc += w.to(tl.float32) * tl.load(x + begin + lane).to(tl.float32)[None, :]
            w = next_w
            if AHEAD == 2:
                next_w2 = tl.load(line + begin + STEP * 3, eviction_policy="evict_first")
                v = tl.load(x + begin + STEP + lane)
                acc += w2.to(tl.float32) * v.to(tl.float32)[None, :]
                w2 = next_w2
        acc += w.to(tl.float32) * tl.load(x + k - STEP * AHEAD + lane).to(tl.float32)[None, :]
        if AHEAD == 2:
            acc += w2.to(tl.float32) * tl.load(x + k - STEP + lane).to(tl.float32)[None, :]
    else:
        await_previous(OVERLAPS)
        for begin in tl.range(0, k, STEP):
            inside = begin + lane < k
            w = tl.load(line + begin, mask=inside[None, :], other=0.0)
            v = tl.load(x + begin + lane, mask=inside, other=0.0)
            acc += w.to(tl.float32) * v.to(tl.float32)[None, :]
    result = tl.sum(acc, axis=1)
    if BIASED:
        result += tl.load(bias + row, mask=row < n, other=0.0).to(tl.float32)
    tl.store(y + row, result.to(y.dtype.element_ty), mask=row < n)


@triton.jit(do_not_specialize=["m"])
def _skinny_kernel(
    x,
    weight,
    bias,
    y,
    parts,
    arrived,
    m,
    n,
    k,
    TOKENS: tl.constexpr,
    ROWS: tl.constexpr,
    STEP: tl.constexpr,
    SPLIT: tl.constexpr,
    BIASED: tl.constexpr,
    PRECISION: tl.constexpr,
    OVERLAPS: tl.constexpr,
):
    let_next_start(OVERLAPS)
    tile = tl.program_id(0)
    split = tl.program_id(1)
    row = tile * ROWS + tl.arange(0, ROWS)
    token = tl.arange(0, TOKENS)
    lane = tl.arange(0, STEP)
    line = weight + tl.minimum(row, n - 1).to(tl.int64)[:, None] * k
    source = x + token[:, None] * k
    length = tl.cdiv(k, STEP * SPLIT) * STEP
    end = tl.minimum((split + 1) * length, k)
    await_previous(OVERLAPS)
    acc = tl.zeros([ROWS, TOKENS], tl.float32)
    for begin in tl.range(split * length, end, STEP):
        at = begin + lane[None, :]
        w = tl.load(line + at, mask=at < end, other=0.0, eviction_policy="evict_first")
        v = tl.load(source + at, mask=(token < m)[:, None] & (at < end), other=0.0)
        acc = tl.dot(w, tl.trans(v), acc, input_precision=PRECISION)
    inside = (row < n)[:, None] & (token < m)[None, :]
    target = y + token[None, :] * n + row[:, None]
    # Where the parts of this tile meet: [SPLIT, ROWS, TOKENS].
    home = parts + tile.to(tl.int64) * (SPLIT * ROWS * TOKENS)
    home += tl.arange(0, ROWS)[:, None] * TOKENS + token[None, :]
    last = True
    if SPLIT > 1:
        tl.store(home + split * (ROWS * TOKENS), acc)
        # All stores of this program come before its arrival is counted.
        tl.debug_barrier()
        last = tl.atomic_add(arrived + tile, 1, sem="acq_rel", scope="gpu") == SPLIT - 1
    if last:
        if SPLIT > 1:
            acc = tl.zeros([ROWS, TOKENS], tl.float32)
            for other in tl.static_range(SPLIT):
                acc += tl.load(home + other * (ROWS * TOKENS), cache_modifier=".cg")
            tl.store(arrived + tile, 0)
        if BIASED:
            acc += tl.load(bias + row, mask=row < n, other=0.0).to(tl.float32)[:, None]
        tl.store(target, acc.to(y.dtype.element_ty), mask=inside)


def skinny_linear(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    tile: SkinnyTile | None = None,
    space: SkinnySpace | None = None,
) -> torch.Tensor:
    """x times weight transposed plus bias, for at most 64 tokens: [m, n] in x's dtype.

    x: packed [m, k]; weight: packed [n, k]; bias: [n] or None; all of one dtype. tile: a measured
    choice, else a usable one. space: needed where the tile splits k. ValueError where shapes do not
    fit.
    """
    m, k = x.shape
    n = weight.shape[0]
    if not 1 <= m <= MOST_TOKENS or weight.shape[1] != k or x.dtype != weight.dtype:
        raise ValueError(
            f"skinny_linear: x {x.dtype} {tuple(x.shape)}, weight {weight.dtype}"
            f" {tuple(weight.shape)}; at most {MOST_TOKENS} tokens"
        )
    if not uses_triton(x):
        return skinny_linear_reference(x, weight, bias)
    if not (x.is_contiguous() and weight.is_contiguous()):
        raise ValueError("skinny_linear: x and weight must be packed")
    tile = tile or default_tile(m)
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    tensors = (x, weight, bias, y)
    if m == 1:
        _launch_gemv(tensors, tile)
    else:
        _launch_skinny(tensors, tile, space)
    return y


def default_tile(tokens: int) -> SkinnyTile:
    """A middling tile, for shapes nobody measured."""
    return SkinnyTile(4, 1024, stages=2) if tokens == 1 else SkinnyTile(32, 128)


def tiles_for(tokens: int, outputs: int) -> tuple[SkinnyTile, ...]:
    """The tiles worth measuring for this many tokens and outputs."""
    if tokens == 1:
        sizes = (
            (2, 4, 1),
            (2, 4, 2),
            (4, 4, 1),
            (4, 4, 2),
            (4, 2, 1),
            (2, 2, 2),
            (1, 4, 2),
            (1, 2, 2),
            (2, 8, 1),
        )
        return tuple(SkinnyTile(r, 256 * w, warps=w, stages=s) for r, w, s in sizes)
    splits = (1, 2, 4) if outputs <= MOST_SPLIT_OUTPUTS else (1,)
    if tokens <= 16:
        tiles = tuple(SkinnyTile(64, 128, s, stages=4) for s in splits)
        return (SkinnyTile(32, 256, stages=3), *tiles)
    sizes = ((64, 128, 4, 4), (64, 128, 4, 3), (128, 64, 4, 5), (128, 128, 8, 3))
    return tuple(
        SkinnyTile(rows, step, split, warps, stages)
        for rows, step, warps, stages in sizes
        for split in splits
    )


def _launch_gemv(tensors: tuple[torch.Tensor | None, ...], tile: SkinnyTile) -> None:
    x, weight, bias, y = tensors
    assert x is not None and weight is not None and y is not None
    assert tile.split == 1 and tile.stages <= 2, tile
    n, k = weight.shape
    _gemv_kernel[(triton.cdiv(n, tile.rows),)](
        x,
        weight,
        bias,
        y,
        n,
        k,
        ROWS=tile.rows,
        STEP=tile.step,
        AHEAD=tile.stages,
        WHOLE=k % (tile.step * tile.stages) == 0,
        BIASED=bias is not None,
        num_warps=tile.warps,
        **overlapping(x.device),
    )


def _launch_skinny(
    tensors: tuple[torch.Tensor | None, ...], tile: SkinnyTile, space: SkinnySpace | None
) -> None:
    x, weight, bias, y = tensors
    assert x is not None and weight is not None and y is not None
    (m, _), (n, k) = x.shape, weight.shape
    tiles = triton.cdiv(n, tile.rows)
    tokens = max(16, power_of_two(m))
    if tile.split > 1:
        needed = tiles * tile.split * tile.rows * tokens
        if space is None or space.parts.numel() < needed or space.arrived.numel() < tiles:
            raise ValueError(f"skinny_linear: {tile} for {n} outputs needs a larger space")
    _skinny_kernel[(tiles, tile.split)](
        x,
        weight,
        bias,
        y,
        y if space is None else space.parts,
        y if space is None else space.arrived,
        m,
        n,
        k,
        TOKENS=tokens,
        ROWS=tile.rows,
        STEP=tile.step,
        SPLIT=tile.split,
        BIASED=bias is not None,
        PRECISION="ieee" if x.dtype == torch.float32 else "tf32",
        num_warps=tile.warps,
        num_stages=tile.stages,
        **overlapping(x.device),
    )
