"""What a step's attention has to do, for the CPU: index tensors made once, used in every layer.

Rows that compute equally many tokens (one, in decoding) over similar lengths form one dense
problem, so that nothing is done row by row and little is padding: within a batch lengths differ by
less than a factor of two, or are all short. Longer chunks stay alone. Gathering copies each row's
keys once per layer, one head's part of a page at a time, since that is packed in a pool; what lies
beyond a row's length is then zeroed, as it may be anything. It is bound by memory. It knows nothing
of requests.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..fp8 import dequantise
from .shape import AttentionShape

# Below this many keys padding costs less than another batch would.
SHORT = 512
# Above this many new tokens a row is work enough by itself.
ALONE = 64

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Gather:
    """One dense problem: `rows` rows of `count` query tokens over `longest` keys.

    tokens: int64 [rows * count], the query tokens; None where they are all the step's, in order.
    index: int64 [rows * kv_heads * pages], blocks of a pool seen as [.., page_size * dim]; beyond a
    row's last page it repeats that. beyond: int64, the keys up to `longest` that are beyond their
    row's length, as lines of `keys` seen as [.., dim]; None where there are none. positions: int64
    [rows, count]. bias: float32 [rows, 1, count, 1, longest], 0 or -inf; None where every query
    sees every key. keys, values: [rows * kv_heads * pages, page_size * dim], where a layer's blocks
    are gathered.
    """

    rows: int
    count: int
    longest: int
    tokens: torch.Tensor | None
    index: torch.Tensor
    beyond: torch.Tensor | None
    positions: torch.Tensor
    bias: torch.Tensor | None
    keys: torch.Tensor
    values: torch.Tensor

    def gather(
        self, pool: torch.Tensor, scales: torch.Tensor | None, into: torch.Tensor
    ) -> torch.Tensor:
        """The rows' keys or values, dequantised: [rows, kv_heads, longest, dim], a view of `into`."""
        _, kv_heads, page_size, dim = pool.shape
        if scales is None:
            torch.index_select(pool.view(-1, page_size * dim), 0, self.index, out=into)
        else:
            numbers = pool.view(torch.uint8).view(-1, page_size, dim)[self.index]
            own = scales.flatten(0, 1)[self.index]
            into.view(-1, page_size, dim).copy_(dequantise(numbers.view(pool.dtype), own))
        if self.beyond is not None:
            into.view(-1, dim).index_fill_(0, self.beyond, 0.0)
        return into.view(self.rows, kv_heads, -1, dim)[:, :, : self.longest]

    def windowed_bias(self, window: int) -> torch.Tensor | None:
        """The bias of a layer whose queries see only the last `window` keys, their own included."""
        if self.longest <= window:
            return self.bias
        key = torch.arange(self.longest)
        hidden = key <= self.positions[..., None] - window  # [rows, count, longest]
        near = torch.zeros(hidden.shape).masked_fill_(hidden, float("-inf"))[:, None, :, None]
        return near if self.bias is None else near + self.bias


@dataclass(frozen=True, slots=True)
class GatherPlan:
    """The plan of a step for the CPU. idle: query tokens of rows without keys, which give zero."""

    gathers: tuple[Gather, ...]
    idle: torch.Tensor | None
    tokens: int


def make_scratch(shape: AttentionShape, rows: int, context: int) -> torch.Tensor:
    """Memory to gather into, [2, blocks, page_size * dim], enough for `rows` rows of `context` tokens or 512 MB.

    Kept for good: fresh memory would be paged in again by every layer of every step, which costs
    several times the gathering itself. What is never used is never paged in.
    """
    block = shape.page_size * shape.head_dim
    most = (256 << 20) // (block * shape.dtype.itemsize)
    blocks = min(rows * -(-context // shape.page_size) * shape.kv_heads, most)
    return torch.empty((2, blocks, block), dtype=shape.dtype)


def plan_gather(
    counts: Ints,
    lengths: Ints,
    rows: Ints,
    page_table: torch.Tensor,
    shape: AttentionShape,
    scratch: torch.Tensor,
) -> GatherPlan:
    """Plan a step on the CPU. counts, lengths, rows: [n]; page_table: int [any, pages]."""
    tokens = int(counts.sum())
    if tokens == len(counts) and counts.all() and lengths.min() > 0 and lengths.max() <= SHORT:
        # Plain decoding of short rows, the step that is over before a longer look would be.
        pages = page_table[torch.from_numpy(rows).long()]
        return GatherPlan((_gather(1, lengths, pages, shape, scratch, None),), None, tokens)
    starts = np.cumsum(counts) - counts
    size = np.frexp(np.maximum(lengths, SHORT) - 1)[1]
    own = np.where(counts > ALONE, np.arange(len(counts)), -1)
    batches: dict[tuple[int, ...], list[int]] = {}
    for i, key in enumerate(zip(counts.tolist(), size.tolist(), own.tolist(), strict=True)):
        if counts[i]:
            batches.setdefault((*key, int(lengths[i] == 0)), []).append(i)
    gathers: list[Gather] = []
    idle: torch.Tensor | None = None
    for (count, _, _, empty), members in batches.items():
        n = np.asarray(members)
        place = torch.from_numpy((starts[n, None] + np.arange(count)).reshape(-1).astype(np.int64))
        if empty:
            idle = place if idle is None else torch.cat((idle, place))
            continue
        whole = len(batches) == 1
        gathers.append(
            _gather(
                count,
                lengths[n],
                page_table[torch.from_numpy(rows[n]).long()],
                shape,
                scratch,
                None if whole else place,
            )
        )
    return GatherPlan(tuple(gathers), idle, tokens)


def _gather(
    count: int,
    lengths: Ints,
    pages: torch.Tensor,
    shape: AttentionShape,
    scratch: torch.Tensor,
    tokens: torch.Tensor | None,
) -> Gather:
    n, longest = len(lengths), int(lengths.max())
    length = torch.from_numpy(lengths.astype(np.int64))[:, None]  # [rows, 1]
    page = torch.arange(-(-longest // shape.page_size))
    page = pages.gather(1, torch.minimum(page, (length - 1) // shape.page_size)).long()
    head = torch.arange(shape.kv_heads)[:, None]
    index = (page[:, None] * shape.kv_heads + head).reshape(-1)  # [rows, kv_heads, pages]
    positions = length - count + torch.arange(count)  # [rows, count]
    bias, beyond = None, None
    if count > 1 or int(lengths.min()) < longest:
        key = torch.arange(longest)
        hidden = (key > positions[..., None])[:, None, :, None]
        bias = torch.zeros(hidden.shape).masked_fill_(hidden, float("-inf"))
        beyond = _beyond(length, page.shape[1] * shape.page_size, longest, shape.kv_heads)
    blocks = len(index)
    if blocks > scratch.shape[1]:
        scratch = scratch.new_empty((2, blocks, scratch.shape[2]))
    keys, values = scratch[0, :blocks], scratch[1, :blocks]
    return Gather(n, count, longest, tokens, index, beyond, positions, bias, keys, values)


def _beyond(length: torch.Tensor, width: int, longest: int, kv_heads: int) -> torch.Tensor | None:
    """Lines beyond each row's length [rows, 1] but before `longest`, where each row and head has `width` lines."""
    row, key = (torch.arange(longest) >= length).nonzero().unbind(1)
    if not len(row):
        return None
    head = torch.arange(kv_heads)[:, None]
    return ((row * kv_heads + head) * width + key).reshape(-1)
