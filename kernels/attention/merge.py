"""Merge partial attention results over disjoint sets of keys into one, by log-sum-exp.

    part i:  o_i = sum(2^s_i v_i) / sum(2^s_i),  z_i = log2(sum(2^s_i))    over its own keys
    whole:   o = sum_i(w_i o_i) / sum_i(w_i),    w_i = 2^(z_i - max z)

(Dao et al. 2022, arXiv:2205.14135; the base is 2 because the hardware's exponential is.) A part
that saw no key has z = -inf and weighs nothing. The parts of a token are adjacent: `first[token]`
and the `pieces[token] - 1` after it. Reads each part once, mostly from L2; it does not know how
keys were divided.
"""

from dataclasses import dataclass

import torch

from ..launch import (
    await_previous,
    let_next_start,
    overlapping,
    power_of_two,
    tl,
    triton,
    uses_triton,
)

# Up to this many results a program for each leaves most of the device idle.
FEW = 1024


@dataclass(frozen=True, slots=True)
class Parts:
    """Partial results and whose they are.

    values: float32 [parts, heads, dim]. weights: float32 [parts, heads], the z above. first,
    pieces: int32 [tokens]. Tokens with one piece are not merged, they were written directly; those with
    none are nobody's and become zero.
    """

    values: torch.Tensor
    weights: torch.Tensor
    first: torch.Tensor
    pieces: torch.Tensor


def merge_attention_reference(parts: Parts, out: torch.Tensor) -> None:
    """The specification of merge_attention, in torch."""
    out[parts.pieces == 0] = 0
    merged = (parts.pieces > 1).nonzero()[:, 0]
    if merged.shape[0] == 0:
        return
    pieces = parts.pieces[merged, None].long()
    piece = torch.arange(int(pieces.max()), device=out.device)
    index = parts.first[merged, None].long() + piece.minimum(pieces - 1)  # [tokens, pieces]
    z = parts.weights[index].masked_fill((piece >= pieces)[..., None], float("-inf"))
    w = torch.softmax(z * 0.6931471805599453, dim=1)  # [tokens, pieces, heads]
    out[merged] = (w[..., None] * parts.values[index]).sum(1).to(out.dtype)


@triton.jit(do_not_specialize_on_alignment=["first", "pieces"])
def _merge_attention_kernel(
    values,
    weights,
    first,
    pieces,
    out,
    HEADS: tl.constexpr,
    DIM: tl.constexpr,
    BLOCK: tl.constexpr,
    BLOCK_HEADS: tl.constexpr,
    PIECES: tl.constexpr,
    OVERLAPS: tl.constexpr,
):
    let_next_start(OVERLAPS)
    await_previous(OVERLAPS)
    token = tl.program_id(0)
    count = tl.load(pieces + token)
    if count != 1:
        start = tl.load(first + token).to(tl.int64)
        head = tl.program_id(1) * BLOCK_HEADS + tl.arange(0, BLOCK_HEADS)
        lane = tl.arange(0, BLOCK)
        inside = (head < HEADS)[:, None] & (lane < DIM)[None, :]
        top = tl.full([BLOCK_HEADS], -float("inf"), tl.float32)
        total = tl.zeros([BLOCK_HEADS], tl.float32)
        result = tl.zeros([BLOCK_HEADS, BLOCK], tl.float32)
        for begin in tl.range(0, count, PIECES):
            piece = begin + tl.arange(0, PIECES)
            place = (start + piece)[:, None] * HEADS + head[None, :]  # [pieces, heads]
            known = (piece < count)[:, None] & (head < HEADS)[None, :]
            z = tl.load(weights + place, mask=known, other=-float("inf"))
            seen = known[:, :, None] & (lane < DIM)[None, None, :]
            o = tl.load(
                values + place[:, :, None] * DIM + lane[None, None, :], mask=seen, other=0.0
            )
            new_top = tl.maximum(top, tl.max(z, axis=0))
            # Until some part has seen a key there is nothing to subtract from.
            safe = tl.where(new_top == -float("inf"), 0.0, new_top)
            w = tl.exp2(z - safe[None, :])
            keep = tl.exp2(top - safe)
            total = total * keep + tl.sum(w, axis=0)
            result = result * keep[:, None] + tl.sum(w[:, :, None] * o, axis=0)
            top = new_top
        # Heads beyond the last have no weight at all, nor have tokens without a piece.
        result = result / tl.where((head < HEADS) & (count > 0), total, 1.0)[:, None]
        target = out + (token.to(tl.int64) * HEADS + head)[:, None] * DIM + lane[None, :]
        tl.store(target, result.to(out.dtype.element_ty), mask=inside)


def merge_attention(parts: Parts, out: torch.Tensor) -> None:
    """Write the merged result of every token that has not just one piece.

    out: packed [tokens, heads, dim], any float dtype. ValueError where it does not fit the parts.
    """
    tokens, heads, dim = out.shape
    if parts.values.shape[1:] != (heads, dim) or parts.pieces.shape != (tokens,):
        raise ValueError(
            f"merge_attention: parts {tuple(parts.values.shape)} of {parts.pieces.shape[0]} tokens"
            f" do not fit out {tuple(out.shape)}"
        )
    if not uses_triton(out):
        merge_attention_reference(parts, out)
        return
    # Few tokens leave the device idle: a program for each head, which takes many parts at once. Of
    # many tokens most have one piece, and programs that only look are what it costs: few then.
    few = tokens * heads <= FEW
    block_heads = 1 if few else min(power_of_two(heads), 8)
    _merge_attention_kernel[(tokens, triton.cdiv(heads, block_heads))](
        parts.values,
        parts.weights,
        parts.first,
        parts.pieces,
        out,
        HEADS=heads,
        DIM=dim,
        BLOCK=power_of_two(dim),
        BLOCK_HEADS=block_heads,
        PIECES=32 if few else 4,
        num_warps=4,
        **overlapping(out.device),
    )
