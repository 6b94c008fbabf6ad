"""Attention over the pool: what the runner hands to a model so that it can attend without knowing of pages.

    plan = attention.plan_decode(rows, lengths, state)     # or plan_ragged(batch, state): once a step
    attend = attention.over(plan, slots)
    model.forward(tokens, positions, attend)               # calls it in every layer

It refuses to know what a plan holds; see kernels/attention/plan.py.
"""

from dataclasses import dataclass

import torch

from ...kernels.attention.decode import plan_decode
from ...kernels.attention.paged import paged_attention
from ...kernels.attention.plan import AttentionPlan, Listed, list_items, plan_listed, plan_ragged
from ...kernels.attention.room import Room
from ...kernels.attention.shape import Tile
from ...kernels.attention.share import Shared
from ...kernels.attention.space import AttentionSpace
from ...kernels.rope_write import Rotation, rope_write
from ...kernels.write_kv import write_kv
from ..layers.attend import Attend
from ..memory.pools import Pool
from .batch import Batch, Layout
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
        write_kv(k, v, self.attention.pool.layer(layer), self.slots)
        return self._attend(layer, q)

    def rotate(
        self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rotation: Rotation
    ) -> torch.Tensor:
        """Rotates q and k too; see layers/attend.py."""
        pool = self.attention.pool.layer(layer)
        return self._attend(layer, rope_write((q, k, v), rotation, pool, self.slots))

    def _attend(self, layer: int, q: torch.Tensor) -> torch.Tensor:
        attention = self.attention
        pool, window = attention.pool.layer(layer), attention.windows[layer]
        return paged_attention(q, pool, self.plan, attention.scale, window)


@dataclass(frozen=True, slots=True)
class Attention:
    """Plans attention over a pool. windows: how many keys each layer sees back; None: all.

    sharing: whether keys that rows share may be read once for all of them.
    """

    pool: Pool
    space: AttentionSpace
    scale: float
    windows: tuple[int | None, ...]
    sharing: bool = True

    @property
    def most_queries(self) -> int:
        """Queries that a plan of single tokens may have; 0 on a CPU, which plans nothing ahead."""
        return self.space.rows

    @property
    def shares(self) -> bool:
        """Whether plans can read keys that rows share once; not on a CPU."""
        return self.sharing and self.space.rows > 0

    def plan_decode(
        self, rows: torch.Tensor, lengths: torch.Tensor, state: Rows, shared: Tile | None
    ) -> AttentionPlan:
        """Queries of one token each: rows, lengths with it, int64 [queries]. Device only.

        shared: the tile of what space.shared holds, if these queries share it.
        """
        return plan_decode(lengths.int(), rows.int(), state.pages, self.space, shared)

    def plan_ragged(self, batch: Batch, state: Rows, shared: Shared | None) -> AttentionPlan:
        """Any mix of new tokens, from the host's integers."""
        layout = batch.layout
        return plan_ragged(
            layout.counts, layout.lengths, layout.work_rows, state.pages, self.space, shared
        )

    def list_items(self, layout: Layout, shared: Shared | None) -> Listed:
        """The plan of any mix of new tokens, still on the host."""
        parts = (layout.counts, layout.lengths, layout.work_rows)
        return list_items(*parts, self.space, shared)

    def plan_listed(self, listed: Listed, state: Rows) -> AttentionPlan:
        """The plan of what is listed."""
        return plan_listed(listed, state.pages, self.space)

    def plan_room(self, room: Room, there: torch.Tensor, state: Rows) -> AttentionPlan:
        """The plan that is written there, for a graph."""
        return room.plan(there, state.pages, self.space)

    def over(self, plan: AttentionPlan, slots: torch.Tensor) -> Attend:
        """The Attend of a step."""
        return PooledAttend(self, plan, slots)
