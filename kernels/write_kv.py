"""Write new keys and values into their slots of the page pools.

    keys[slot // P, h, slot % P] = k[token, h]        and the same for v, in eight bits where the pool is (fp8.py)

Pools: [pages, kv_heads, P, dim], so that one head's part of a page is one packed block. A slot
below zero marks padding; like everything addressed to page 0, the null page, it may be written
anywhere in that page. Bound by bandwidth (each byte once in, once out); page addresses are 64-bit,
as a pool is larger than 2^31 elements. It does not know which request a slot belongs to.
"""

import torch

from .fp8 import quantise, quantise_block
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


def write_kv_reference(
    k: torch.Tensor, v: torch.Tensor, pool: LayerPool, slots: torch.Tensor
) -> None:
    """The specification of write_kv, in torch."""
    slots = slots.clamp_min(0)
    page_size = pool.keys.shape[2]
    pages, offsets = slots // page_size, slots % page_size
    if pool.scales is None:
        pool.keys[pages, :, offsets] = k
        pool.values[pages, :, offsets] = v
        return
    for index, (x, numbers) in enumerate(((k, pool.keys), (v, pool.values))):
        eight, pool.scales[pages, :, offsets, index] = quantise(x)
        numbers.view(torch.uint8)[pages, :, offsets] = eight.view(torch.uint8)


@triton.jit(do_not_specialize_on_alignment=["slots"])
def _write_kv_kernel(
    k,
    v,
    k_pool,
    v_pool,
    scales,
    slots,
    k_stride,
    v_stride,
    HEADS: tl.constexpr,
    PAGE: tl.constexpr,
    DIM: tl.constexpr,
    BLOCK_HEADS: tl.constexpr,
    BLOCK: tl.constexpr,
    QUANTISED: tl.constexpr,
    OVERLAPS: tl.constexpr,
):
    let_next_start(OVERLAPS)
    await_previous(OVERLAPS)
    token = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BLOCK_HEADS + tl.arange(0, BLOCK_HEADS)[:, None]
    lane = tl.arange(0, BLOCK)[None, :]
    inside = (head < HEADS) & (lane < DIM)
    slot = tl.maximum(tl.load(slots + token), 0)
    source = head * DIM + lane
    target = (
        (slot // PAGE) * (HEADS * PAGE * DIM) + (slot % PAGE) * DIM + head * (PAGE * DIM) + lane
    )
    key = tl.load(k + token * k_stride + source, mask=inside, other=0.0)
    value = tl.load(v + token * v_stride + source, mask=inside, other=0.0)
    if QUANTISED:
        key, value = key.to(tl.float32), value.to(tl.float32)
        key, key_scale = quantise_block(key, tl.max(tl.abs(key), axis=1))
        value, value_scale = quantise_block(value, tl.max(tl.abs(value), axis=1))
        place = scales + 2 * ((slot // PAGE) * (HEADS * PAGE) + slot % PAGE + head * PAGE)
        tl.store(place, key_scale[:, None], mask=head < HEADS)
        tl.store(place + 1, value_scale[:, None], mask=head < HEADS)
    tl.store(k_pool + target, key, mask=inside)
    tl.store(v_pool + target, value, mask=inside)


def write_kv(k: torch.Tensor, v: torch.Tensor, pool: LayerPool, slots: torch.Tensor) -> None:
    """Store the keys and values of a step's tokens.

    k, v: [tokens, kv_heads, dim], heads packed, tokens at any stride, of the pool's dtype or of any if
    it holds eight bits. pool: packed [pages, kv_heads, P, dim]. slots: int64 [tokens], negative for
    padding. ValueError where they do not fit each other.
    """
    tokens, heads, dim = k.shape
    fits = pool.keys.shape[1::2] == (heads, dim)
    if v.shape != k.shape or not fits or slots.shape != (tokens,) or slots.dtype != torch.int64:
        raise ValueError(
            f"write_kv: k {tuple(k.shape)}, v {tuple(v.shape)}, a pool {tuple(pool.keys.shape)}"
            f" and {slots.dtype} slots {tuple(slots.shape)} do not fit"
        )
    if k.dtype != pool.keys.dtype and not pool.quantised:
        raise ValueError(f"write_kv: keys are {k.dtype}, the pool is {pool.keys.dtype}")
    if not uses_triton(k):
        write_kv_reference(k, v, pool, slots)
        return
    if k.stride(1) != dim or v.stride(1) != dim or not pool.packed:
        raise ValueError("write_kv: the heads of a token and the pools must be packed")
    if tokens == 0:
        return
    block = power_of_two(dim)
    block_heads = min(power_of_two(heads), max(1, 1024 // block))
    _write_kv_kernel[(tokens, triton.cdiv(heads, block_heads))](
        k,
        v,
        pool.keys,
        pool.values,
        pool.scales,
        slots,
        k.stride(0),
        v.stride(0),
        HEADS=heads,
        PAGE=pool.keys.shape[2],
        DIM=dim,
        BLOCK_HEADS=block_heads,
        BLOCK=block,
        QUANTISED=pool.quantised,
        num_warps=2,
        **overlapping(k.device),
    )
