"""A step's attention on paper: rows of random keys, scattered over pages of a pool that is NaN elsewhere."""

from dataclasses import dataclass

import numpy as np
import torch

from trellis.kernels.attention.decode import plan_decode
from trellis.kernels.attention.plan import AttentionPlan, plan_ragged
from trellis.kernels.attention.shape import AttentionShape
from trellis.kernels.attention.share import Shared, find_segments, plan_shared
from trellis.kernels.attention.space import AttentionSpace

PAGE = 16


@dataclass
class Scene:
    shape: AttentionShape
    counts: np.ndarray
    lengths: np.ndarray
    rows: np.ndarray
    page_table: torch.Tensor
    q: torch.Tensor
    k_pool: torch.Tensor
    v_pool: torch.Tensor
    keys: list[torch.Tensor]
    values: list[torch.Tensor]

    def space(self) -> AttentionSpace:
        context = max(int(self.lengths.max()), 1)
        return AttentionSpace.create(self.shape, len(self.counts), context, self.q.device)

    def ragged(self) -> AttentionPlan:
        return plan_ragged(self.counts, self.lengths, self.rows, self.page_table, self.space())

    def decode(self) -> AttentionPlan:
        lengths = torch.from_numpy(self.lengths).to(self.q.device)
        rows = torch.from_numpy(self.rows).to(self.q.device)
        return plan_decode(lengths, rows, self.page_table, self.space())

    def alone(self, i: int) -> "Scene":
        """The same step with row i alone."""
        starts = np.cumsum(self.counts) - self.counts
        return Scene(
            self.shape,
            self.counts[i : i + 1],
            self.lengths[i : i + 1],
            self.rows[i : i + 1],
            self.page_table,
            self.q[starts[i] : starts[i] + self.counts[i]],
            self.k_pool,
            self.v_pool,
            self.keys[i : i + 1],
            self.values[i : i + 1],
        )

    def truth(self, scale: float, window: int | None = None, softcap: float | None = None):
        """Plain attention, token by token, in float64."""
        out, token = torch.zeros(self.q.shape, dtype=torch.float64), 0
        queries = self.q.double().cpu()
        for count, length, *lines in zip(
            self.counts, self.lengths, self.keys, self.values, strict=True
        ):
            k, v = (
                x.double().cpu().repeat_interleave(self.shape.group, 1).transpose(0, 1)
                for x in lines
            )  # [heads, length, dim]
            for position in range(length - count, length):
                low = 0 if window is None else max(0, position - window + 1)
                score = (k[:, low : position + 1] @ queries[token, :, :, None])[..., 0] * scale
                if softcap is not None:
                    score = softcap * torch.tanh(score / softcap)
                weight = torch.softmax(score, -1)
                out[token] = (weight[:, None] @ v[:, low : position + 1])[:, 0]
                token += 1
        return out


def make_scene(counts, lengths, shape: AttentionShape, device: str = "cpu", seed: int = 0) -> Scene:
    """Rows with these new tokens and lengths; the pool is NaN wherever no row's key lies, the null page is 7."""
    random = torch.Generator().manual_seed(seed)
    counts, lengths = np.array(counts, np.int32), np.array(lengths, np.int32)
    n, heads, dim = len(counts), shape.kv_heads, shape.head_dim
    pages = -(-lengths // PAGE)
    order = torch.randperm(int(pages.sum()) + 3, generator=random) + 1
    pools = [torch.full((len(order) + 1, heads, PAGE, dim), float("nan")) for _ in "kv"]
    for pool in pools:
        pool[0] = 7.0
    rows = np.random.default_rng(seed).permutation(n + 1)[:n].astype(np.int32)
    table = torch.zeros((n + 1, int(pages.max(initial=1)) + 2), dtype=torch.int32)
    stored: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
    used = 0
    for row, length, count in zip(rows, lengths, pages, strict=True):
        mine = order[used : used + count]
        used += int(count)
        table[row, :count] = mine.int()
        index = torch.arange(length)
        for pool, into in zip(pools, stored, strict=True):
            line = torch.randn((int(length), heads, dim), generator=random).to(shape.dtype)
            pool[mine[index // PAGE], :, index % PAGE] = line.float()
            into.append(line.to(device))
    q = torch.randn((int(counts.sum()), shape.heads, dim), generator=random)
    k_pool, v_pool = (pool.to(device, shape.dtype) for pool in pools)
    return Scene(
        shape,
        counts,
        lengths,
        rows,
        table.to(device),
        q.to(device, shape.dtype),
        k_pool,
        v_pool,
        *stored,
    )


def shared_scene(groups: list[tuple[int, int]], counts: list[int], shape, device) -> Scene:
    """Rows in groups of (rows, common keys), the first group's common keys also in front of all others."""
    root = groups[0][1]
    common = [keys + root * (i > 0) for i, (rows, keys) in enumerate(groups) for _ in range(rows)]
    lengths = [c + 21 * (i % 5) + counts[i] for i, c in enumerate(common)]
    scene = make_scene(counts, lengths, shape, device)
    table = scene.page_table
    lead = int(scene.rows[0])
    begin = 0
    for index, (rows, _) in enumerate(groups):
        first = int(scene.rows[begin])
        for i in range(begin, begin + rows):
            row = int(scene.rows[i])
            if index:
                table[row, root // PAGE : common[i] // PAGE] = table[
                    first, root // PAGE : common[i] // PAGE
                ]
            table[row, : root // PAGE] = table[lead, : root // PAGE]
        begin += rows
    for i in range(len(counts)):
        index = torch.arange(lengths[i], device=device)
        pages = table[int(scene.rows[i]), index // PAGE].long()
        scene.keys[i] = scene.k_pool[pages, :, index % PAGE]
        scene.values[i] = scene.v_pool[pages, :, index % PAGE]
    return scene


def share_of(scene: Scene, space: AttentionSpace) -> Shared | None:
    pages = scene.page_table.cpu().numpy()[scene.rows]
    segments = find_segments(pages, (scene.lengths - scene.counts) // PAGE, PAGE)
    return plan_shared(segments, scene.counts, scene.rows, space.limits)
