"""What a step's attention has to do, for the CPU: index tensors made once, used in every layer.

Rows that compute equally many tokens (one, in decoding) over similar lengths form one dense
problem, so that nothing is done row by row and little is padding: within a batch lengths differ by
less than a factor of two, or are all short. Longer chunks stay alone. Gathering repeats each row's
keys once per layer; it is bound by memory. It knows nothing of requests.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .attention_shape import AttentionShape

# Below this many keys padding costs less than another batch would.
SHORT = 512
# Above this many new tokens a row is work enough by itself.
ALONE = 16

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Gather:
    """One dense problem: `rows` rows of `count` query tokens over `longest` keys.

    tokens: int64 [rows * count], the query tokens; None where they are all the step's, in order.
    index: int64 [rows * kv_heads * longest], lines of a pool seen as [.., dim]; beyond a row's
    length it repeats the last key. positions: int64 [rows, count]. bias: float32 [rows, 1, count,
    1, longest], 0 or -inf; None where every query sees every key. keys, values: [rows * kv_heads *
    longest, dim], where a layer's lines are gathered.
    """

    rows: int
    count: int
    longest: int
    tokens: torch.Tensor | None
    index: torch.Tensor
    positions: torch.Tensor
    bias: torch.Tensor | None
    keys: torch.Tensor
    values: torch.Tensor

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
    """Memory to gather into, [2, lines, dim], enough for `rows` rows of `context` tokens or 512 MB.

    Kept for good: fresh memory would be paged in again by every layer of every step, which costs
    several times the gathering itself. What is never used is never paged in.
    """
    most = (256 << 20) // (shape.head_dim * shape.dtype.itemsize)
    lines = min(rows * context * shape.kv_heads, most)
    return torch.empty((2, lines, shape.head_dim), dtype=shape.dtype)


def plan_gather(
    counts: Ints,
    lengths: Ints,
    rows: Ints,
    page_table: torch.Tensor,
    shape: AttentionShape,
    scratch: torch.Tensor,
) -> GatherPlan:
    """Plan a step on the CPU. counts, lengths, rows: [n]; page_table: int [any, pages]."""
    starts = np.cumsum(counts) - counts
    tokens = int(counts.sum())
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
    length = torch.from_numpy(lengths.astype(np.int64))[:, None]  # [rows, 1]
    longest = int(lengths.max())
    key = torch.arange(longest)
    near = torch.minimum(key, length - 1)  # [rows, longest]
    page = pages.gather(1, near // shape.page_size).long()
    head = torch.arange(shape.kv_heads)[:, None]
    line = (page[:, None] * shape.kv_heads + head) * shape.page_size  # [rows, kv_heads, longest]
    index = (line + (near % shape.page_size)[:, None]).reshape(-1)
    positions = length - count + torch.arange(count)  # [rows, count]
    bias = None
    if count > 1 or int(lengths.min()) < longest:
        hidden = (key > positions[..., None])[:, None, :, None]
        bias = torch.zeros(hidden.shape).masked_fill_(hidden, float("-inf"))
    lines = len(index)
    if lines > scratch.shape[1]:
        scratch = torch.empty((2, lines, shape.head_dim), dtype=shape.dtype)
    keys, values = scratch[0, :lines], scratch[1, :lines]
    return Gather(len(lengths), count, longest, tokens, index, positions, bias, keys, values)
