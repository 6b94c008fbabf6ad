"""Batch: a ragged Step as device tensors, in one upload.

All rows' new tokens lie one after the other, [tokens]. What the host knows is packed into a single int32 array; what
only the device knows (a token sampled last, page tables) is gathered there. It refuses to know what tokens mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..step import Ints, Work
from .rows import Rows, upload


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one ragged step.

    tokens, positions, slots: int64 [tokens]. rows: int64 [work]; ends: int32 [work], length of each row afterwards.
    sample_at, sample_rows, sample_positions: int64 [samples], where in `tokens` the sampled rows end, their row, and
    the position of the token to draw. score_at, score_targets: int64 [scores]. counts, lengths: the host's integers.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    slots: torch.Tensor
    rows: torch.Tensor
    ends: torch.Tensor
    sample_at: torch.Tensor
    sample_rows: torch.Tensor
    sample_positions: torch.Tensor
    score_at: torch.Tensor
    score_targets: torch.Tensor
    counts: Ints
    lengths: Ints
    host_rows: Ints


def make_batch(work: Sequence[Work], rows: Rows, page_size: int) -> Batch:
    """The tensors for this work; see Batch."""
    count = len(work)
    counts = np.fromiter((w.count for w in work), np.int32, count)
    starts = np.fromiter((w.position for w in work), np.int32, count)
    host_rows = np.fromiter((w.row for w in work), np.int32, count)
    total = int(counts.sum())
    begins = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.int32)
    flat_rows = np.repeat(host_rows, counts)
    positions = np.arange(total, dtype=np.int32) - np.repeat(begins - starts, counts)
    tokens = np.zeros(total, np.int32)
    carried: list[int] = []
    sampled: list[int] = []
    score_at: list[int] = []
    targets: list[int] = []
    for index, item in enumerate(work):
        begin, end = int(begins[index]), int(begins[index]) + item.count
        if item.tokens is None:
            carried.append(index)
        else:
            tokens[begin:end] = item.tokens
        if item.sample:
            sampled.append(index)
        if item.targets:
            score_at.extend(range(end - len(item.targets), end))
            targets.extend(item.targets)
    ends = starts + counts
    picked = np.array(sampled, np.int64)
    parts = (
        tokens, positions, flat_rows, host_rows, ends,
        (begins + counts - 1)[picked], host_rows[picked], ends[picked],
        begins[carried], host_rows[carried],
        np.array(score_at, np.int32), np.array(targets, np.int32),
    )  # fmt: skip
    packed = upload(np.concatenate(parts).astype(np.int32), rows.device)
    views = torch.split(packed, [len(p) for p in parts])
    wide = [v.long() for v in views]
    token_ids = wide[0]
    if carried:
        token_ids[wide[8]] = rows.last[wide[9]]
    where = wide[1]
    slots = rows.pages[wide[2], where // page_size].long() * page_size + where % page_size
    return Batch(
        token_ids, where, slots, wide[3], views[4], wide[5], wide[6], wide[7],
        wide[10], wide[11], counts, ends.astype(np.int32), host_rows,
    )  # fmt: skip
