"""Causal attention of a step's new tokens over pages: one kernel for decoding and prefill.

    out[i, h] = softmax_j(scale * q[i, h] . k[j, h // group]) v[j, h // group]

over the keys j that i sees.

The query tokens of a row are its last `count`; the one at position p sees keys 0..p, or with a
window the last `window` of them, itself included. With a soft cap c a score s becomes c tanh(s /
c). New keys must be in the pools already. Computed with a running maximum (Milakov and Gimelshein
2018, arXiv:1805.02867; Dao et al. 2022, arXiv:2205.14135), in powers of two, summed in float32.

Pools: [pages, kv_heads, P, dim], so a head's part of a page is one packed block. The page numbers
of the next tile are loaded while this one is computed and carried in registers: an address that
waited for its page number would leave nothing to prefetch. Decoding is bound by reading every key and
value once; prefill by the matrix units. What is computed where is the plan's business (plan.py); the
kernel knows only items.

Keys and values in eight bits (../fp8.py) are multiplied as they are, in float16, which holds them
exactly and which a GPU makes of them in half an instruction; their scales multiply scores and weights.
Nothing leaves float16's range: each query is divided by a power of two, and weights by that of the largest
scale of values so far, as they are by the exponential of the largest score. The two scales of a token
lie in 32 bits, the least that is copied ahead as keys are.
"""

import torch

from ..fp8 import key_scale, raise_scale, scale_rows, value_scale
from ..launch import (
    await_previous,
    let_next_start,
    multiprocessors,
    overlapping,
    power_of_two,
    tl,
    triton,
)
from ..layer_pool import LayerPool
from .gather import GatherPlan
from .merge import merge_attention
from .plan import AttentionPlan, ItemPlan, WorkList
from .reference import paged_attention_reference
from .share import FIELDS

_LOG2_E = 1.4426950408889634


@triton.jit
def _page_numbers(pages, begin, end, PAGE: tl.constexpr, KEYS: tl.constexpr):
    key = begin + tl.arange(0, KEYS)
    return tl.load(pages + key // PAGE, mask=key < end, other=0)


@triton.jit
def _scan(
    state,
    q,
    unit,
    pools,
    scales,
    pages,
    begin,
    end,
    position,
    scale,
    cap,
    KV_HEADS: tl.constexpr,
    PAGE: tl.constexpr,
    DIM: tl.constexpr,
    BLOCK: tl.constexpr,
    KEYS: tl.constexpr,
    WINDOW: tl.constexpr,
    CAPPED: tl.constexpr,
    MASKED: tl.constexpr,
    QUANTISED: tl.constexpr,
    PRECISION: tl.constexpr,
):
    # Add keys begin..end to the running (maximum, sum, values). begin is a multiple of KEYS.
    top, total, acc, most = state
    k_pool, v_pool = pools
    lane = tl.arange(0, BLOCK)[None, :]
    offset = tl.arange(0, KEYS)
    numbers = _page_numbers(pages, begin, end, PAGE, KEYS)
    for start in tl.range(begin, end, KEYS):
        ahead = _page_numbers(pages, start + KEYS, end, PAGE, KEYS)
        line = numbers.to(tl.int64) * (KV_HEADS * PAGE * DIM) + (offset % PAGE) * DIM
        place = line[:, None] + lane
        key = start + offset
        # A mask that is true everywhere is not folded away: none is better.
        real = None if BLOCK == DIM else (lane < DIM)
        rest = None if BLOCK == DIM else 0.0
        k = tl.load(k_pool + place, mask=real, other=rest)
        if MASKED:
            # Past the end lie keys of nobody: their values must not meet even a zero weight.
            v = tl.load(v_pool + place, mask=(key < end)[:, None] & (lane < DIM), other=0.0)
        else:
            v = tl.load(v_pool + place, mask=real, other=rest)
        words = numbers
        if QUANTISED:
            place = numbers.to(tl.int64) * (KV_HEADS * PAGE) + offset % PAGE
            # Past the end a scale may be infinite, which must not meet even a zero weight.
            valid, nothing = ((key < end), 0) if MASKED else (None, None)
            words = tl.load(scales + place, mask=valid, other=nothing)
            k, v = k.to(q.dtype), v.to(q.dtype)
        numbers = ahead
        score = tl.dot(q, tl.trans(k), input_precision=PRECISION)  # [rows, KEYS]
        if QUANTISED:
            score = score * unit[:, None] * key_scale(words)[None, :]
        if CAPPED:
            # tanh by the exponential, which saturates correctly at both ends.
            fold = tl.exp2(score * (2.0 * cap))
            score = 1.0 - 2.0 / (fold + 1.0)
        if MASKED:
            seen = key[None, :] <= position[:, None]
            if WINDOW > 0:
                seen = seen & (key[None, :] > position[:, None] - WINDOW)
            score = tl.where(seen, score, -float("inf"))
        new_top = tl.maximum(top, tl.max(score, axis=1) * scale)
        # A query that has seen no key yet has nothing to subtract.
        safe = tl.where(new_top == -float("inf"), 0.0, new_top) if MASKED else new_top
        weight = tl.exp2(score * scale - safe[:, None])
        keep = tl.exp2(top - safe)
        total = total * keep + tl.sum(weight, axis=1)
        if QUANTISED:
            most, inverse, ratio = raise_scale(most, words)
            weight *= (value_scale(words) * inverse)[None, :]
            keep *= ratio
        acc = acc * keep[:, None]
        acc = tl.dot(weight.to(v.dtype), v, acc, input_precision=PRECISION)
        top = new_top
    return top, total, acc, most


@triton.jit
def _turn(number):
    """What this program does in that round. Items are sorted by their length, so every other round goes backwards:
    who had a long one gets a short one."""
    place = tl.program_id(0)
    place = tl.where(number % 2 == 1, tl.num_programs(0) - 1 - place, place)
    return number * tl.num_programs(0) + place


@triton.jit
def _load_item(items, index, FIELDS: tl.constexpr):
    item = items + index * FIELDS
    row, first_token, tokens = tl.load(item), tl.load(item + 1), tl.load(item + 2)
    position, begin, end = tl.load(item + 3), tl.load(item + 4), tl.load(item + 5)
    return row, first_token, tokens, position, begin, end, tl.load(item + 6)


@triton.jit(do_not_specialize_on_alignment=["items", "count", "members", "first_parts", "ends"])
def _paged_attention_kernel(
    q,
    k_pool,
    v_pool,
    scales,
    out,
    part_values,
    part_weights,
    items,
    count,
    members,
    first_parts,
    ends,
    page_table,
    q_stride,
    table_stride,
    scale,
    cap,
    GROUP: tl.constexpr,
    KV_HEADS: tl.constexpr,
    PAGE: tl.constexpr,
    DIM: tl.constexpr,
    BLOCK: tl.constexpr,
    ROWS: tl.constexpr,
    KEYS: tl.constexpr,
    WINDOW: tl.constexpr,
    CAPPED: tl.constexpr,
    INTERIOR: tl.constexpr,
    GATHERED: tl.constexpr,
    QUANTISED: tl.constexpr,
    FIELDS: tl.constexpr,
    PRECISION: tl.constexpr,
    OVERLAPS: tl.constexpr,
):
    let_next_start(OVERLAPS)
    await_previous(OVERLAPS)
    # scale turns scores (capped ones: values of tanh) into powers of two; cap turns dot products
    # into arguments of tanh.
    # Small tiles have the next item on its way while one is computed; large ones lack the registers.
    EARLY: tl.constexpr = ROWS < 64
    item = _load_item(items, tl.program_id(0) // KV_HEADS, FIELDS)
    work = tl.load(count) * KV_HEADS
    whole = work // tl.num_programs(0)
    rounds = whole + (_turn(whole) < work).to(tl.int32)
    for number in tl.range(0, rounds):
        turn = _turn(number)
        if not EARLY:
            item = _load_item(items, turn // KV_HEADS, FIELDS)
        page_row, first_token, tokens, first_position, begin, end, part = item
        if EARLY:
            following = tl.minimum(_turn(number + 1), work - 1)
            item = _load_item(items, following // KV_HEADS, FIELDS)
        kv_head = turn % KV_HEADS
        pages = page_table + page_row.to(tl.int64) * table_stride

        row = tl.arange(0, ROWS)
        index = row // GROUP
        head = kv_head * GROUP + row % GROUP
        inside = (index < tokens) & (row < (ROWS // GROUP) * GROUP)
        lane = tl.arange(0, BLOCK)[None, :]
        writes = inside[:, None] & (lane < DIM)
        token = first_token + index
        if GATHERED:
            token = tl.load(members + token, mask=inside, other=0)
        source = token.to(tl.int64) * q_stride + head * DIM
        query = tl.load(q + source[:, None] + lane, mask=writes, other=0.0)
        position = first_position + index

        top = tl.full([ROWS], -float("inf"), tl.float32)
        total = tl.zeros([ROWS], tl.float32)
        acc = tl.zeros([ROWS, BLOCK], tl.float32)
        most = tl.full([], 0x00800000, tl.int32)  # 2^-126, below any scale
        state = (top, total, acc, most)
        pools = (k_pool + kv_head * (PAGE * DIM), v_pool + kv_head * (PAGE * DIM))
        own_scales, unit = k_pool, position
        if QUANTISED:
            query, unit = scale_rows(query)
            own_scales = scales + kv_head * PAGE
        if WINDOW > 0:
            first_seen, all_see = first_position - WINDOW + 1, end
            if GATHERED:
                # Rows of one prefix end anywhere behind it: each query sees back from its own end.
                position = tl.load(ends + token, mask=inside, other=0) - 1
                first_seen = tl.min(tl.where(inside, position, 0x7FFFFFFF), axis=0) - WINDOW + 1
                all_see = (tl.max(position, axis=0) - WINDOW + KEYS) // KEYS * KEYS
            begin = tl.maximum(begin, tl.maximum(first_seen, 0) // KEYS * KEYS)
            if GATHERED:
                all_see = tl.maximum(tl.minimum(all_see, end), begin)
                state = _scan(
                    state, query, unit, pools, own_scales, pages, begin, all_see, position, scale, cap,
                    KV_HEADS, PAGE, DIM, BLOCK, KEYS, WINDOW, CAPPED, True, QUANTISED, PRECISION,
                )  # fmt: skip
                begin = all_see
        if INTERIOR:
            # Keys that every query of the tile sees need no mask; queries of shared keys see all from here.
            seen = end if GATHERED else tl.minimum(end, (first_position + 1) // KEYS * KEYS)
            diagonal = tl.maximum(seen, begin)
            state = _scan(
                state, query, unit, pools, own_scales, pages, begin, diagonal, position, scale, cap,
                KV_HEADS, PAGE, DIM, BLOCK, KEYS, WINDOW, CAPPED, False, QUANTISED, PRECISION,
            )  # fmt: skip
            begin = diagonal
        if not GATHERED:
            state = _scan(
                state, query, unit, pools, own_scales, pages, begin, end, position, scale, cap,
                KV_HEADS, PAGE, DIM, BLOCK, KEYS, WINDOW, CAPPED, True, QUANTISED, PRECISION,
            )  # fmt: skip
        top, total, acc, most = state

        some = total > 0.0
        total = tl.where(some, total, 1.0)
        if QUANTISED:
            acc *= most.to(tl.float32, bitcast=True)
        acc = acc / total[:, None]
        if part >= 0:
            place = tl.load(first_parts + token, mask=inside, other=0) + part
            slot = place.to(tl.int64) * (KV_HEADS * GROUP) + head
            z = tl.where(some, top + tl.log2(total), -float("inf"))
            tl.store(part_weights + slot, z, mask=inside)
            tl.store(part_values + slot[:, None] * DIM + lane, acc, mask=writes)
        else:
            target = (token.to(tl.int64) * (KV_HEADS * GROUP) + head) * DIM
            tl.store(out + target[:, None] + lane, acc.to(out.dtype.element_ty), mask=writes)


def paged_attention(
    q: torch.Tensor,
    pool: LayerPool,
    plan: AttentionPlan,
    scale: float,
    window: int | None = None,
    softcap: float | None = None,
) -> torch.Tensor:
    """Attention of every query token over its row's keys: packed, of q's shape and dtype.

    q: [tokens, heads, dim], heads packed, tokens at any stride. pool: packed, of q's dtype or of
    eight bits. plan: of this step. scale > 0 multiplies dot
    products. window: keys a query sees, itself included; None: all. softcap: c of c tanh(s / c), or
    None. ValueError where they do not fit.
    """
    _check(q, pool, plan, window)
    if isinstance(plan, GatherPlan):
        return paged_attention_reference(q, pool, plan, scale, window, softcap)
    out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
    for work in plan.lists:
        _launch((q, out), pool, plan, work, (scale, window, softcap))
    if plan.split:
        merge_attention(plan.parts, out)
    return out


def _check(q: torch.Tensor, pool: LayerPool, plan: AttentionPlan, window: int | None) -> None:
    tokens, heads, dim = q.shape
    if tokens != plan.tokens:
        raise ValueError(f"paged_attention: {tokens} queries, the plan has {plan.tokens}")
    if pool.keys.shape[3] != dim or heads % pool.keys.shape[1]:
        raise ValueError(
            f"paged_attention: q {tuple(q.shape)} does not fit a pool {tuple(pool.keys.shape)}"
        )
    if q.dtype != pool.keys.dtype and not pool.quantised:
        raise ValueError(f"paged_attention: {q.dtype} queries over a {pool.keys.dtype} pool")
    if window is not None and window < 1:
        raise ValueError(f"paged_attention: a window is at least 1 key, got {window}")
    most = plan.window if isinstance(plan, ItemPlan) else None
    if most is not None and (window is None or window > most):
        raise ValueError(f"paged_attention: a window of {window} keys, the plan has {most}")


def _launch(
    tensors: tuple[torch.Tensor, torch.Tensor],
    pool: LayerPool,
    plan: ItemPlan,
    work: WorkList,
    options: tuple[float, int | None, float | None],
) -> None:
    q, out = tensors
    scale, window, softcap = options
    _, heads, dim = q.shape
    _, kv_heads, page_size, _ = pool.keys.shape
    # The kernel's wide loads assume it; a wrong stride would read other heads.
    assert q.stride(1) == dim and q.stride(2) == 1, q.stride()
    assert pool.packed, (pool.keys.stride(), pool.values.stride())
    assert window is None or work.members is None or plan.ends is not None, "shared without ends"
    tile = work.tile
    programs = work.most * kv_heads
    if tile.rows < 64 or work.members is not None:
        # Items beyond those that run at once are taken in turn; more programs would wait for the
        # first to end, and the last of them run alone.
        programs = min(programs, multiprocessors(q.device) * tile.resident)
    _paged_attention_kernel[(programs,)](
        q,
        pool.keys,
        pool.values,
        None if pool.scales is None else pool.scales.view(torch.int32),
        out,
        plan.parts.values,
        plan.parts.weights,
        work.items,
        work.count,
        work.items if work.members is None else work.members,
        plan.parts.first,
        work.items if plan.ends is None else plan.ends,
        plan.page_table,
        q.stride(0),
        plan.page_table.stride(0),
        scale * _LOG2_E if softcap is None else softcap * _LOG2_E,
        1.0 if softcap is None else scale * _LOG2_E / softcap,
        GROUP=heads // kv_heads,
        KV_HEADS=kv_heads,
        PAGE=page_size,
        DIM=dim,
        BLOCK=power_of_two(dim),
        ROWS=tile.rows,
        KEYS=tile.keys,
        WINDOW=window or 0,
        CAPPED=softcap is not None,
        INTERIOR=work.members is not None or (tile.rows >= 64 and window is None),
        GATHERED=work.members is not None,
        QUANTISED=pool.quantised,
        FIELDS=FIELDS,
        PRECISION="ieee" if q.dtype == torch.float32 else "tf32",
        num_warps=tile.warps,
        num_stages=tile.stages,
        **overlapping(q.device),
    )
