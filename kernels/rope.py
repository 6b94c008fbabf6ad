"""Rotary position embedding, in place, the two rotated halves side by side (NeoX layout).

    x1, x2 = x[..., :r], x[..., r:2r]        r = rot_dim / 2;  dimensions from 2r on stay
    x1' = x1 cos(t) - x2 sin(t)
    x2' = x2 cos(t) + x1 sin(t)              t = the angle of the token's position

after Su et al. 2021, arXiv:2104.09864.

table: float32 [max_positions, rot_dim], the cosines of a position and then its sines; every scaling
of frequencies and lengths is already in it. Queries and keys are rotated in one launch. It does not
build tables and does not know where keys go afterwards.
"""

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


def rope_reference(
    q: torch.Tensor, k: torch.Tensor, positions: torch.Tensor, table: torch.Tensor
) -> None:
    """The specification of rope, in torch."""
    angles = table.index_select(0, positions)[:, None, :]  # [tokens, 1, rot_dim]
    cos, sin = angles.chunk(2, dim=-1)
    for x in _joined(q, k):
        _rotate(x, cos, sin)


def _joined(q: torch.Tensor, k: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Both as one [tokens, heads + kv_heads, dim] where each token's keys lie right after its queries.

    So they do in a fused projection, and a step of few tokens costs what its calls cost.
    """
    tokens, heads, dim = q.shape
    follows = k.data_ptr() == q.data_ptr() + heads * dim * q.itemsize
    if follows and q.stride() == k.stride() == (q.stride(0), dim, 1):
        return (q.as_strided((tokens, heads + k.shape[1], dim), q.stride()),)
    return q, k


def _rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> None:
    half = cos.shape[-1]
    first, second = x[..., :half], x[..., half : 2 * half]
    if x.dtype == torch.float32:
        crossed = first * sin
        first.mul_(cos).addcmul_(second, sin, value=-1.0)
        second.mul_(cos).add_(crossed)
        return
    a, b = first.float(), second.float()
    first.copy_(a * cos - b * sin)
    second.copy_(b * cos + a * sin)


@triton.jit(do_not_specialize_on_alignment=["positions"])
def _rope_kernel(
    q,
    k,
    positions,
    table,
    q_stride,
    k_stride,
    Q_HEADS: tl.constexpr,
    K_HEADS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    HALF: tl.constexpr,
    BLOCK_HEADS: tl.constexpr,
    BLOCK: tl.constexpr,
    OVERLAPS: tl.constexpr,
):
    let_next_start(OVERLAPS)
    await_previous(OVERLAPS)
    token = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_HEADS + tl.arange(0, BLOCK_HEADS)[:, None]
    lane = tl.arange(0, BLOCK)[None, :]
    position = tl.load(positions + token).to(tl.int64)
    cos = tl.load(table + position * (2 * HALF) + lane, mask=lane < HALF, other=0.0)
    sin = tl.load(table + position * (2 * HALF) + HALF + lane, mask=lane < HALF, other=0.0)
    inside = (head < Q_HEADS + K_HEADS) & (lane < HALF)
    is_query = head < Q_HEADS
    query = q + token * q_stride + head * HEAD_DIM + lane
    key = k + token * k_stride + (head - Q_HEADS) * HEAD_DIM + lane
    place = tl.where(is_query, query, key)  # [BLOCK_HEADS, BLOCK]
    first = tl.load(place, mask=inside, other=0.0).to(tl.float32)
    second = tl.load(place + HALF, mask=inside, other=0.0).to(tl.float32)
    tl.store(place, (first * cos - second * sin).to(q.dtype.element_ty), mask=inside)
    tl.store(place + HALF, (second * cos + first * sin).to(q.dtype.element_ty), mask=inside)


def rope(q: torch.Tensor, k: torch.Tensor, positions: torch.Tensor, table: torch.Tensor) -> None:
    """Rotate queries and keys in place by their tokens' positions.

    q: [tokens, heads, dim] and k: [tokens, kv_heads, dim], one float dtype, heads packed, tokens at
    any stride. positions: int32 or int64 [tokens]. table: float32 [max_positions, rot_dim], rot_dim
    even and <= dim. ValueError where they do not fit each other; positions are not checked against
    the table on a GPU.
    """
    tokens, q_heads, dim = q.shape
    k_heads, rotated = k.shape[1], table.shape[1]
    if k.shape[0] != tokens or k.shape[2] != dim or positions.shape != (tokens,):
        raise ValueError(
            f"rope: q {tuple(q.shape)}, k {tuple(k.shape)} and"
            f" positions {tuple(positions.shape)} do not fit each other"
        )
    if rotated > dim or rotated % 2:
        raise ValueError(f"rope: cannot rotate {rotated} of {dim} dimensions")
    if not uses_triton(q):
        rope_reference(q, k, positions, table)
        return
    if q.stride(1) != dim or k.stride(1) != dim or not table.is_contiguous():
        raise ValueError("rope: the heads of a token and the table must be packed")
    if tokens == 0:
        return
    block_heads = min(8, power_of_two(q_heads + k_heads))
    _rope_kernel[(tokens, triton.cdiv(q_heads + k_heads, block_heads))](
        q,
        k,
        positions,
        table,
        q.stride(0),
        k.stride(0),
        Q_HEADS=q_heads,
        K_HEADS=k_heads,
        HEAD_DIM=dim,
        HALF=rotated // 2,
        BLOCK_HEADS=block_heads,
        BLOCK=power_of_two(rotated // 2),
        num_warps=2,
        **overlapping(q.device),
    )
