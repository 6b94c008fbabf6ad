"""Device memory of fixed addresses for the plans of one engine: what captured graphs read and write.

    space = AttentionSpace.create(shape, rows=256, context=131072, device=device)   # once
    space.shared.fill(shared)        # when the rows that share keys change, before graphs are replayed

All layers and all graphs use the same. It does not know how plans are made.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ..launch import multiprocessors, uses_triton
from .gather import make_scratch
from .pieces import MOST_PIECES, PIECE_KEYS
from .shape import AttentionShape
from .share import FIELDS, Ints, Shared, ShareLimits


@dataclass(frozen=True, slots=True)
class SharedSpace:
    """Items over segments: views of one int32 tensor, which is replaced as a whole; see Shared.

    count: [1]; begins, parts: [rows]; members: [..]; items: [.., FIELDS].
    """

    packed: torch.Tensor
    count: torch.Tensor
    begins: torch.Tensor
    parts: torch.Tensor
    members: torch.Tensor
    items: torch.Tensor

    @classmethod
    def create(cls, rows: int, limits: ShareLimits, device: torch.device | str) -> "SharedSpace":
        """Space for plans of up to `rows` rows within these limits."""
        sizes = [FIELDS, rows, rows, limits.members, limits.items * FIELDS]
        packed = torch.zeros(sum(sizes), dtype=torch.int32, device=device)
        count, begins, parts, members, items = packed.split(sizes)
        return cls(packed, count[:1], begins, parts, members, items.view(-1, FIELDS))

    def fill(self, shared: Shared) -> None:
        """Replaces what is there, behind all work launched so far. Rows beyond those of `shared` share nothing."""
        host = torch.zeros(self.packed.shape, dtype=torch.int32, pin_memory=self.packed.is_cuda)
        count, begins, parts, members, items = np.split(
            host.numpy(),
            np.cumsum([FIELDS, len(self.begins), len(self.parts), len(self.members)]),
        )
        count[0] = len(shared.items)
        begins[: len(shared.begins)] = shared.begins
        parts[: len(shared.parts)] = shared.parts
        members[: len(shared.members)] = shared.members
        items[: shared.items.size] = shared.items.reshape(-1)
        self.packed.copy_(host, non_blocking=True)


@dataclass(frozen=True, slots=True)
class AttentionSpace:
    """Memory for plans. pieces: the most of one row. window: keys that every layer sees at most; None: all.

    items: int32 [.., FIELDS]; count: int32 [1]; values: float32 [parts, heads, dim]; weights: float32
    [parts, heads]; scratch: [2, blocks, page_size * dim]. On a CPU there is only scratch, on a GPU there is none.
    """

    shape: AttentionShape
    pieces: int
    window: int | None
    items: torch.Tensor
    count: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor
    shared: SharedSpace
    scratch: torch.Tensor

    @classmethod
    def create(
        cls,
        shape: AttentionShape,
        rows: int,
        context: int,
        device: torch.device | str,
        window: int | None = None,
    ) -> "AttentionSpace":
        """Space for decode steps of up to `rows` rows of up to `context` tokens each.

        window: what no layer sees is in no plan; None where some layer sees all.
        """
        pieces = min(MOST_PIECES, -(-context // PIECE_KEYS))
        on_gpu = uses_triton(torch.empty(0, device=device))
        parts = rows * pieces if on_gpu else 0
        limits = ShareLimits(shape, 1, parts) if on_gpu else ShareLimits(shape, 1, 0, 0, 0)
        return cls(
            shape,
            pieces,
            window,
            torch.zeros((parts, FIELDS), dtype=torch.int32, device=device),
            torch.zeros(1, dtype=torch.int32, device=device),
            torch.zeros((parts, shape.heads, shape.head_dim), device=device),
            torch.zeros((parts, shape.heads), device=device),
            SharedSpace.create(rows, limits, device),
            make_scratch(shape, 0 if on_gpu else rows, context),
        )

    @property
    def rows(self) -> int:
        """Rows that a plan of single tokens may have; 0 on a CPU, which plans nothing ahead."""
        return self.items.shape[0] // self.pieces

    def oldest(self, positions: Ints) -> Ints:
        """The first key that a token at each of these positions sees in any layer."""
        if self.window is None:
            return np.zeros_like(positions)
        return np.maximum(positions - self.window + 1, 0)

    @property
    def limits(self) -> ShareLimits:
        """What a plan of shared keys must fit to be put here."""
        return ShareLimits(
            self.shape,
            multiprocessors(self.items.device),
            self.values.shape[0],
            self.shared.items.shape[0],
            self.shared.members.shape[0],
        )
