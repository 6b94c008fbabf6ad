"""Attention over the pool: what the runner hands to a model so that it can attend without knowing of pages.

    plan = attention.plan_decode(rows, lengths, state)     # or plan_ragged(batch, state): once a step
    attend = attention.over(plan, slots)
    model.forward(tokens, positions, attend)               # calls it in every layer

It refuses to know what a plan holds; see kernels/attention_plan.py.
"""

from dataclasses import dataclass

import torch

from ...kernels.attention_plan import AttentionPlan, AttentionSpace, plan_decode, plan_ragged
from ...kernels.paged_attention import paged_attention
from ...kernels.write_kv import write_kv
from ..layers.attend import Attend
from ..memory.pools import Pool
from .batch import Batch
from .rows import Rows


@dataclass(frozen=True, slots=True)
class PooledAttend:
    """Attend over one step's plan. slots: int64 [tokens], where the new tokens' keys and values go."""

    attention: "Attention"
    plan: AttentionPlan
    slots: torch.Tensor

    def __call__(
        self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
    ) -> torch.Tensor:
        """Writes k and v and attends; see layers/attend.py."""
        keys, values = self.attention.pool.keys(layer), self.attention.pool.values(layer)
        write_kv(k, v, keys, values, self.slots)
        window = self.attention.windows[layer]
        return paged_attention(q, keys, values, self.plan, self.attention.scale, window)


@dataclass(frozen=True, slots=True)
class Attention:
    """Plans attention over a pool. windows: how many keys each layer sees back; None: all."""

    pool: Pool
    space: AttentionSpace
    scale: float
    windows: tuple[int | None, ...]

    @property
    def most_queries(self) -> int:
        """Queries that a plan of single tokens may have; 0 on a CPU, which plans nothing ahead."""
        return self.space.items.shape[0] // self.space.pieces

    def plan_decode(self, rows: torch.Tensor, lengths: torch.Tensor, state: Rows) -> AttentionPlan:
        """Queries of one token each: rows, lengths with it, int64 [queries]. Device only."""
        return plan_decode(lengths.int(), rows.int(), state.pages, self.space)

    def plan_ragged(self, batch: Batch, state: Rows) -> AttentionPlan:
        """Any mix of new tokens, from the host's integers."""
        return plan_ragged(
            batch.layout.counts,
            batch.layout.lengths,
            batch.layout.work_rows,
            state.pages,
            self.space,
        )

    def over(self, plan: AttentionPlan, slots: torch.Tensor) -> Attend:
        """The Attend of a step."""
        return PooledAttend(self, plan, slots)
