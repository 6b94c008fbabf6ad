"""Case: rows with random queries over pages of random keys and values, and attention over them.

    case = Case.create([1] * 8, [16384] * 8, shape)
    out = case.attend(case.decode_plan())
    seconds = timer(case.calls(case.ragged_plan(case.shared())))
    nbytes, operations = case.cost()

There are as many pools, the layers of a model, as keep the cache of a GPU cold; a CPU is only asked for results. It
refuses to know times.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ....kernels.attention.decode import plan_decode
from ....kernels.attention.paged import paged_attention
from ....kernels.attention.plan import AttentionPlan, plan_ragged
from ....kernels.attention.shape import AttentionShape
from ....kernels.attention.share import Shared, find_segments, plan_shared
from ....kernels.attention.space import AttentionSpace
from ....kernels.fp8 import dequantise
from ....kernels.layer_pool import LayerPool
from ....kernels.timing import copies_for


@dataclass(frozen=True, slots=True)
class Case:
    """Rows on the device: counts of new tokens and lengths on the host, queries, pages, and a pool per layer.

    common: keys that all rows have in common, in the same pages.
    """

    counts: np.ndarray
    lengths: np.ndarray
    common: int
    space: AttentionSpace
    page_table: torch.Tensor
    q: torch.Tensor
    pools: Sequence[LayerPool]

    @classmethod
    def create(
        cls,
        counts: Sequence[int],
        lengths: Sequence[int],
        shape: AttentionShape,
        common: int = 0,
        device: str = "cuda",
    ) -> "Case":
        """Rows of random pages. common: a multiple of the page size, less than any length."""
        page = shape.page_size
        ends = -(-np.array(lengths) // page)
        own = ends - common // page
        order = torch.randperm(common // page + int(own.sum()), device=device).int() + 1
        table = torch.zeros((len(ends), int(ends.max())), dtype=torch.int32, device=device)
        table[:, : common // page] = order[: common // page]
        parts = order[common // page :].split([int(count) for count in own])
        for row, part in enumerate(parts):
            table[row, common // page : ends[row]] = part
        size = (len(order) + 1, shape.kv_heads, page, shape.head_dim)
        read = sum(lengths) - common * (len(lengths) - 1)
        copies = 2 if device == "cpu" else copies_for(read * shape.token_bytes)
        pools = [_pool(size, shape, device) for _ in range(copies)]
        query = (sum(counts), shape.heads, shape.head_dim)
        q = torch.randn(query, device=device).to(shape.dtype)
        # Parts of shared keys are of every token, not of every row.
        rows = sum(counts) if common else len(counts)
        space = AttentionSpace.create(shape, rows, max(lengths), device)
        own_counts, own_lengths = np.array(counts, np.int32), np.array(lengths, np.int32)
        return cls(own_counts, own_lengths, common, space, table, q, pools)

    @property
    def shape(self) -> AttentionShape:
        """The model's attention."""
        return self.space.shape

    @property
    def scale(self) -> float:
        """Of scores."""
        return self.shape.head_dim**-0.5

    def shared(self) -> Shared | None:
        """What rows share, to be read once; None where that does not pay."""
        rows = np.arange(len(self.counts), dtype=np.int32)
        known = (self.lengths - self.counts) // self.shape.page_size
        segments = find_segments(self.page_table.cpu().numpy(), known, self.shape.page_size)
        return plan_shared(segments, self.counts, rows, self.space.limits)

    def decode_plan(self, shared: Shared | None = None) -> AttentionPlan:
        """For rows of one new token."""
        if shared is not None:
            self.space.shared.fill(shared)
        lengths = torch.from_numpy(self.lengths).to(self.q.device)
        rows = torch.arange(len(lengths), device=self.q.device)
        return plan_decode(lengths, rows, self.page_table, self.space, shared and shared.tile)

    def ragged_plan(self, shared: Shared | None = None) -> AttentionPlan:
        """For rows of any number of new tokens."""
        rows = np.arange(len(self.counts), dtype=np.int32)
        return plan_ragged(self.counts, self.lengths, rows, self.page_table, self.space, shared)

    def attend(self, plan: AttentionPlan) -> torch.Tensor:
        """The result over the first pool, [tokens, heads, dim]."""
        return paged_attention(self.q, self.pools[0], plan, self.scale)

    def calls(self, plan: AttentionPlan) -> list[Callable[[], object]]:
        """One for each pool."""

        def call(pool: LayerPool) -> Callable[[], object]:
            return lambda: paged_attention(self.q, pool, plan, self.scale)

        return [call(pool) for pool in self.pools]

    def cost(self) -> tuple[float, float]:
        """Bytes of different keys and values, and operations, that the causal result needs."""
        seen = (self.counts * (2 * self.lengths.astype(np.float64) - self.counts + 1) / 2).sum()
        read = int(self.lengths.sum()) - self.common * (len(self.lengths) - 1)
        operations = seen * self.shape.heads * self.shape.head_dim * 4
        return float(read) * self.shape.token_bytes, operations


def _pool(size: tuple[int, ...], shape: AttentionShape, device: str) -> LayerPool:
    """A layer of random keys and values, [pages, heads, P, dim]."""
    keys, values = (torch.randn(size, dtype=shape.dtype, device=device) for _ in "kv")
    if not shape.quantised:
        return LayerPool(keys, values)
    eight = [x.to(torch.float8_e4m3fn) for x in (keys, values)]
    scales = torch.randint(-3, 3, (*size[:3], 2), device=device).float().exp2().bfloat16()
    return LayerPool(eight[0], eight[1], scales)


def _dense(pool: LayerPool) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values in float32."""
    scales = (pool.key_scales(), pool.value_scales())
    keys, values = (
        x.float() if own is None else dequantise(x, own)
        for x, own in zip((pool.keys, pool.values), scales, strict=True)
    )
    return keys, values


def relative_error(got: torch.Tensor, want: torch.Tensor) -> float:
    """The norm of the difference over that of `want`."""
    return float((got.float() - want.float()).norm() / want.float().norm())


def verify(shape: AttentionShape, device: str = "cuda") -> None:
    """Compare every kind of item with plain attention; AssertionError where one differs."""
    case = Case.create([1, 5, 300, 1], [2000, 4100, 700, 33], shape, device=device)
    dense, page = _dense(case.pools[0]), shape.page_size
    got = case.attend(case.ragged_plan())
    start = 0
    for row, (count, length) in enumerate(zip(case.counts, case.lengths, strict=True)):
        index = torch.arange(int(length), device=device)
        at = case.page_table[row, index // page].long()
        k, v = (pool[at, :, index % page].float().transpose(0, 1) for pool in dense)
        q = case.q[start : start + count].float().transpose(0, 1)
        hidden = index > (index[-count:, None])
        bias = torch.zeros(hidden.shape, device=device).masked_fill_(hidden, float("-inf"))
        want = torch.nn.functional.scaled_dot_product_attention(
            q[None], k[None], v[None], attn_mask=bias, enable_gqa=True
        )[0].transpose(0, 1)
        error = relative_error(got[start : start + count], want)
        assert error < 0.01, f"row {row}: relative error {error:.4f}"
        start += count
