"""Write new keys and values into their slots of the page pools.

    k_pool[slot // P, h, slot % P] = k[token, h]        and the same for v

Pools: [pages, kv_heads, P, dim], so that one head's part of a page is one packed block. A slot
below zero marks padding; like everything addressed to page 0, the null page, it may be written
anywhere in that page. Bound by bandwidth (each byte once in, once out); page addresses are 64-bit,
as a pool is larger than 2^31 elements. It does not know which request a slot belongs to.
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


def write_kv_reference(
    k: torch.Tensor,
    v: torch.Tensor,
    k_pool: torch.Tensor,
    v_pool: torch.Tensor,
    slots: torch.Tensor,
) -> None:
    """The specification of write_kv, in torch."""
    slots = slots.clamp_min(0)
    page_size = k_pool.shape[2]
    pages, offsets = slots // page_size, slots % page_size
    k_pool[pages, :, offsets] = k
    v_pool[pages, :, offsets] = v


@triton.jit(do_not_specialize_on_alignment=["slots"])
def _write_kv_kernel(
    k,
    v,
    k_pool,
    v_pool,
    slots,
    k_stride,
    v_stride,
    HEADS: tl.constexpr,
    PAGE: tl.constexpr,
    DIM: tl.constexpr,
    BLOCK_HEADS: tl.constexpr,
    BLOCK: tl.constexpr,
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
    key = tl.load(k + token * k_stride + source, mask=inside)
    value = tl.load(v + token * v_stride + source, mask=inside)
    tl.store(k_pool + target, key, mask=inside)
    tl.store(v_pool + target, value, mask=inside)


def write_kv(
    k: torch.Tensor,
    v: torch.Tensor,
    k_pool: torch.Tensor,
    v_pool: torch.Tensor,
    slots: torch.Tensor,
) -> None:
    """Store the keys and values of a step's tokens.

    k, v: [tokens, kv_heads, dim], heads packed, tokens at any stride. k_pool, v_pool: packed
    [pages, kv_heads, P, dim] of the same dtype. slots: int64 [tokens], negative for padding.
    ValueError where they do not fit each other.
    """
    tokens, heads, dim = k.shape
    fits = k_pool.shape == v_pool.shape and k_pool.shape[1::2] == (heads, dim)
    if v.shape != k.shape or not fits or slots.shape != (tokens,) or slots.dtype != torch.int64:
        raise ValueError(
            f"write_kv: k {tuple(k.shape)}, v {tuple(v.shape)}, pools {tuple(k_pool.shape)},"
            f" {tuple(v_pool.shape)} and {slots.dtype} slots {tuple(slots.shape)} do not fit"
        )
    if k.dtype != k_pool.dtype:
        raise ValueError(f"write_kv: keys are {k.dtype}, the pool is {k_pool.dtype}")
    if not uses_triton(k):
        write_kv_reference(k, v, k_pool, v_pool, slots)
        return
    if (
        k.stride(1) != dim
        or v.stride(1) != dim
        or not (k_pool.is_contiguous() and v_pool.is_contiguous())
    ):
        raise ValueError("write_kv: the heads of a token and the pools must be packed")
    if tokens == 0:
        return
    block = power_of_two(dim)
    block_heads = min(power_of_two(heads), max(1, 1024 // block))
    _write_kv_kernel[(tokens, triton.cdiv(heads, block_heads))](
        k,
        v,
        k_pool,
        v_pool,
        slots,
        k.stride(0),
        v.stride(0),
        HEADS=heads,
        PAGE=k_pool.shape[2],
        DIM=dim,
        BLOCK_HEADS=block_heads,
        BLOCK=block,
        num_warps=2,
        **overlapping(k.device),
    )
