"""What happens between the projection and attention, in one launch: norm per head, rotation, new keys to their pages.

    q, k = rms_norm(q), rms_norm(k)            where the model norms its heads, see norm.py
    q, k = rotated by their positions          see rope.py; q in place
    the pool at slots = k, v                   see write_kv.py; in eight bits where the pool is

The result is that of the three one after the other, rounded where each of them rounds. Each element is read and
written once; at small batches the launches saved are what counts. k and v themselves stay as they are.
"""

from dataclasses import dataclass

import torch

from .fp8 import quantise_block
from .launch import (
    await_previous,
    let_next_start,
    overlapping,
    power_of_two,
    tl,
    triton,
    uses_triton,
)
from .layer_pool import LayerPool
from .norm import rms_norm
from .rope import rope
from .write_kv import write_kv


@dataclass(frozen=True, slots=True)
class Rotation:
    """How queries and keys of a step are rotated, and normed before where norms is given.

    positions: int64 [tokens]. table: float32 [max_positions, rot_dim], see rope.py. norms: weights [dim] of queries
    and keys, and epsilon.
    """

    positions: torch.Tensor
    table: torch.Tensor
    norms: tuple[torch.Tensor, torch.Tensor, float] | None = None


def rope_write_reference(
    tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    rotation: Rotation,
    pool: LayerPool,
    slots: torch.Tensor,
) -> torch.Tensor:
    """The specification of rope_write: the three operations it joins."""
    q, k, v = tensors
    if rotation.norms is not None:
        q_norm, k_norm, eps = rotation.norms
        q, k = rms_norm(q, q_norm, eps), rms_norm(k, k_norm, eps)
    rope(q, k, rotation.positions, rotation.table)
    write_kv(k, v, pool, slots)
    return q


@triton.jit(do_not_specialize_on_alignment=["positions", "slots"])
def _rope_write_kernel(
    q,
    k,
    v,
    positions,
    table,
    q_norm,
    k_norm,
    k_pool,
    v_pool,
    scales,
    slots,
    stride,
    eps,
    Q_HEADS: tl.constexpr,
    K_HEADS: tl.constexpr,
    PAGE: tl.constexpr,
    HALF: tl.constexpr,
    BLOCK_HEADS: tl.constexpr,
    BLOCK: tl.constexpr,
    NORMED: tl.constexpr,
    QUANTISED: tl.constexpr,
    OVERLAPS: tl.constexpr,
):
    let_next_start(OVERLAPS)
    token = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_HEADS + tl.arange(0, BLOCK_HEADS)[:, None]
    lane = tl.arange(0, BLOCK)[None, :]
    DIM: tl.constexpr = 2 * HALF
    is_query = head < Q_HEADS
    is_value = head >= Q_HEADS + K_HEADS
    inside = (head < Q_HEADS + 2 * K_HEADS) & (lane < HALF)
    key_head = (head - Q_HEADS) % K_HEADS
    await_previous(OVERLAPS)
    query = q + token * stride + head * DIM + lane
    key = k + token * stride + key_head * DIM + lane
    value = v + token * stride + key_head * DIM + lane
    source = tl.where(is_query, query, tl.where(is_value, value, key))
    first = tl.load(source, mask=inside, other=0.0)
    second = tl.load(source + HALF, mask=inside, other=0.0)
    a, b = first.to(tl.float32), second.to(tl.float32)
    if NORMED:
        scale = 1.0 / tl.sqrt((tl.sum(a * a, axis=1) + tl.sum(b * b, axis=1)) / DIM + eps)
        factor = tl.where(is_query, q_norm + lane, k_norm + lane)
        low = tl.load(factor, mask=inside, other=0.0).to(tl.float32)
        high = tl.load(factor + HALF, mask=inside, other=0.0).to(tl.float32)
        a = (a * scale[:, None] * low).to(q.dtype.element_ty).to(tl.float32)
        b = (b * scale[:, None] * high).to(q.dtype.element_ty).to(tl.float32)
    position = tl.load(positions + token).to(tl.int64)
    cos = tl.load(table + position * DIM + lane, mask=lane < HALF, other=0.0)
    sin = tl.load(table + position * DIM + HALF + lane, mask=lane < HALF, other=0.0)
    first = tl.where(is_value, first, (a * cos - b * sin).to(q.dtype.element_ty))
    second = tl.where(is_value, second, (b * cos + a * sin).to(q.dtype.element_ty))
    slot = tl.maximum(tl.load(slots + token), 0)
    line = (slot // PAGE) * (K_HEADS * PAGE) + slot % PAGE + key_head * PAGE
    place = line * DIM + lane
    if QUANTISED:
        tl.store(query, first, mask=inside & is_query)
        tl.store(query + HALF, second, mask=inside & is_query)
        a, b = first.to(tl.float32), second.to(tl.float32)
        largest = tl.maximum(tl.max(tl.abs(a), axis=1), tl.max(tl.abs(b), axis=1))
        low, scale = quantise_block(a, largest)
        high, scale = quantise_block(b, largest)
        target = tl.where(is_value, v_pool + place, k_pool + place)
        stored = inside & (head >= Q_HEADS)
        tl.store(target, low, mask=stored)
        tl.store(target + HALF, high, mask=stored)
        told = (head >= Q_HEADS) & (head < Q_HEADS + 2 * K_HEADS)
        tl.store(scales + 2 * line + is_value.to(tl.int64), scale[:, None], mask=told)
    else:
        target = tl.where(is_query, query, tl.where(is_value, v_pool + place, k_pool + place))
        tl.store(target, first, mask=inside)
        tl.store(target + HALF, second, mask=inside)


def rope_write(
    tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    rotation: Rotation,
    pool: LayerPool,
    slots: torch.Tensor,
) -> torch.Tensor:
    """Norm and rotate queries and keys and store keys and values; gives the queries, which may be changed in place.

    tensors: q [tokens, heads, dim], k and v [tokens, kv_heads, dim], of one dtype, heads packed. pool: packed
    [pages, kv_heads, P, dim]. slots: int64 [tokens], negative for padding. Rotations of only part
    of a head, and tensors that are not slices of one projection, take the three operations it joins. ValueError where
    they do not fit each other.
    """
    q, k, v = tensors
    dim = q.shape[2]
    # A lone token's stride says nothing.
    strides = {x.stride()[len(q) == 1 :] for x in tensors}
    joined = len(strides) == 1 and q.stride(1) == dim and len(q) > 0
    if not (uses_triton(q) and joined and rotation.table.shape[1] == dim):
        return rope_write_reference(tensors, rotation, pool, slots)
    _check(tensors, rotation, pool, slots)
    q_heads, k_heads, half = q.shape[1], k.shape[1], dim // 2
    block = power_of_two(half)
    block_heads = min(power_of_two(q_heads + 2 * k_heads), max(1, 512 // block))
    q_norm, k_norm, eps = rotation.norms or (q, q, 0.0)
    _rope_write_kernel[(len(q), triton.cdiv(q_heads + 2 * k_heads, block_heads))](
        q,
        k,
        v,
        rotation.positions,
        rotation.table,
        q_norm,
        k_norm,
        pool.keys,
        pool.values,
        pool.scales,
        slots,
        q.stride(0),
        eps,
        Q_HEADS=q_heads,
        K_HEADS=k_heads,
        PAGE=pool.keys.shape[2],
        HALF=half,
        BLOCK_HEADS=block_heads,
        BLOCK=block,
        NORMED=rotation.norms is not None,
        QUANTISED=pool.quantised,
        num_warps=2,
        **overlapping(q.device),
    )
    return q


def _check(
    tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    rotation: Rotation,
    pool: LayerPool,
    slots: torch.Tensor,
) -> None:
    q, k, v = tensors
    tokens, heads, dim = k.shape
    fits = (
        q.shape[::2] == (tokens, dim)
        and v.shape == k.shape
        and pool.keys.shape[1::2] == (heads, dim)
        and (pool.quantised or pool.keys.dtype == k.dtype)
        and pool.packed
        and slots.shape == rotation.positions.shape == (tokens,)
        and rotation.table.is_contiguous()
    )
    if not fits:
        raise ValueError(
            f"rope_write: q {tuple(q.shape)}, k {tuple(k.shape)}, v {tuple(v.shape)}, a {pool.keys.dtype} pool"
            f" {tuple(pool.keys.shape)}, slots {tuple(slots.shape)}, positions"
            f" {tuple(rotation.positions.shape)} and table {tuple(rotation.table.shape)} do not fit"
        )
