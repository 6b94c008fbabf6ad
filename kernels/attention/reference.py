"""Attention of a step in plain torch: what the kernel in paged.py is held to, and how a CPU attends.

    out = paged_attention_reference(q, pool, plan, scale)      # as paged_attention, over a GatherPlan

Each row's keys are gathered, then attended over densely. Bound by memory; it plans nothing.
"""

import torch

from ..layer_pool import LayerPool
from .gather import ALONE, Gather, GatherPlan


def paged_attention_reference(
    q: torch.Tensor,
    pool: LayerPool,
    plan: GatherPlan,
    scale: float,
    window: int | None = None,
    softcap: float | None = None,
) -> torch.Tensor:
    """The specification of paged_attention: gather each row's keys, then dense attention."""
    if len(plan.gathers) == 1 and plan.gathers[0].tokens is None:
        return _attend(q, pool, plan.gathers[0], (scale, window, softcap))
    out = torch.empty_like(q)
    if plan.idle is not None:
        out[plan.idle] = 0.0
    for gather in plan.gathers:
        place = gather.tokens
        part = _attend(q if place is None else q[place], pool, gather, (scale, window, softcap))
        out[slice(None) if place is None else place] = part
    return out


def _attend(
    q: torch.Tensor,
    pool: LayerPool,
    gather: Gather,
    options: tuple[float, int | None, float | None],
) -> torch.Tensor:
    scale, window, softcap = options
    _, heads, dim = q.shape
    n, count, kv_heads = gather.rows, gather.count, pool.keys.shape[1]
    keys = gather.gather(pool.keys, pool.key_scales(), gather.keys).float()
    bias = gather.bias if window is None else gather.windowed_bias(window)
    if count > ALONE and softcap is None:
        # A long chunk's scores are too many to write down.
        whole = window is None and count == gather.longest
        mixed = torch.nn.functional.scaled_dot_product_attention(
            q.reshape(n, count, heads, dim).transpose(1, 2).float(),
            keys,
            gather.gather(pool.values, pool.value_scales(), gather.values).float(),
            attn_mask=None if whole or bias is None else bias[:, :, :, 0],
            is_causal=whole,
            scale=scale,
            enable_gqa=True,
        )
        return mixed.transpose(1, 2).reshape(n * count, heads, dim).to(q.dtype)
    group = heads // kv_heads
    query = q.reshape(n, count, kv_heads, group, dim).transpose(1, 2).float() * scale
    scores = query.reshape(n, kv_heads, count * group, dim) @ keys.transpose(-1, -2)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if bias is not None:
        scores.view(n, kv_heads, count, group, -1).add_(bias)
    # The keys are done with; in their place the values find memory that is in the cache.
    values = gather.gather(pool.values, pool.value_scales(), gather.keys).float()
    mixed = torch.softmax(scores, -1) @ values
    mixed = mixed.view(n, kv_heads, count, group, dim).transpose(1, 2)
    return mixed.reshape(n * count, heads, dim).to(q.dtype)
