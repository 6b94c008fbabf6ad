"""Batch: a Step's work laid out flat, and as device tensors in one upload.

    layout = lay_out(step.work)                 # host integers; all rows' new tokens one after the other
    batch = make_batch(layout, rows, page_size)     # tensors; what only the device knows is gathered there

What the host knows is packed into a single int32 array. It refuses to know what tokens mean.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..step import Ints, Work
from .rows import Rows, upload

CARRIED = -1


@dataclass(frozen=True, slots=True)
class Layout:
    """Work as flat host integers, int32.

    tokens: [tokens], CARRIED where the device has it (what the row sampled last); positions, rows: [tokens].
    work_rows, counts, lengths: [work], lengths with the new tokens. sample_at, sample_rows, sample_positions:
    [samples], where in `tokens` the sampled rows end, their row, and the position of the token to draw. score_at,
    score_targets: [scores]. embed_at: [embeds].
    """

    tokens: Ints
    positions: Ints
    rows: Ints
    work_rows: Ints
    counts: Ints
    lengths: Ints
    sample_at: Ints
    sample_rows: Ints
    sample_positions: Ints
    score_at: Ints
    score_targets: Ints
    embed_at: Ints


def lay_out(work: Sequence[Work]) -> Layout:
    """The layout of this work."""
    counts = np.array([w.count for w in work], np.int32)
    starts = np.array([w.position for w in work], np.int32)
    work_rows = np.array([w.row for w in work], np.int32)
    begins = (np.cumsum(counts) - counts).astype(np.int32)
    given = array("i")
    score_at: list[int] = []
    targets: list[int] = []
    for item in work:
        if item.tokens is None:
            given.append(CARRIED)
        else:
            given.extend(item.tokens)
        if item.targets:
            end = len(given)
            score_at.extend(range(end - len(item.targets), end))
            targets.extend(item.targets)
    tokens, total = np.frombuffer(given, np.int32), len(given)
    assert total == counts.sum(), f"{total} tokens in work that counts {counts.sum()}"
    lengths = starts + counts
    sampled = np.array([w.sample for w in work], np.bool_)
    embeds = np.array([w.embed for w in work], np.bool_)
    return Layout(
        tokens=tokens,
        positions=np.arange(total, dtype=np.int32) - np.repeat(begins - starts, counts),
        rows=np.repeat(work_rows, counts),
        work_rows=work_rows,
        counts=counts,
        lengths=lengths,
        sample_at=(begins + counts - 1)[sampled],
        sample_rows=work_rows[sampled],
        sample_positions=lengths[sampled],
        score_at=np.array(score_at, np.int32),
        score_targets=np.array(targets, np.int32),
        embed_at=(begins + counts - 1)[embeds],
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one ragged step; see Layout for what they hold.

    tokens, positions, slots: int64 [tokens]. rows: int64 [work]; lengths: int32 [work]. The rest int64.
    """

    layout: Layout
    tokens: torch.Tensor
    positions: torch.Tensor
    slots: torch.Tensor
    rows: torch.Tensor
    lengths: torch.Tensor
    sample_at: torch.Tensor
    sample_rows: torch.Tensor
    sample_positions: torch.Tensor
    score_at: torch.Tensor
    score_targets: torch.Tensor
    embed_at: torch.Tensor


def make_batch(layout: Layout, rows: Rows, page_size: int) -> Batch:
    """The tensors of this layout."""
    parts = (
        layout.tokens, layout.positions, layout.rows, layout.work_rows, layout.lengths,
        layout.sample_at, layout.sample_rows, layout.sample_positions,
        layout.score_at, layout.score_targets, layout.embed_at,
    )  # fmt: skip
    packed = upload(np.concatenate(parts), rows.device)
    views = torch.split(packed, [len(p) for p in parts])
    tokens, positions, flat_rows, work_rows, _, *rest = (v.long() for v in views)
    slots = rows.slots(flat_rows, positions, page_size)
    known = rows.fill_carried(tokens, flat_rows)
    return Batch(layout, known, positions, slots, work_rows, views[4], *rest)
