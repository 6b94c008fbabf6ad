"""Placement: on which device and in which dtype a model's tensors live.

    place = Placement(torch.device("cuda"), torch.bfloat16)
    weight = place.empty(4096, 4096)      # not filled: the loader fills every parameter exactly once

It refuses to know what the tensors are for.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Placement:
    """Device and dtype of a model's parameters."""

    device: torch.device
    dtype: torch.dtype

    def empty(self, *shape: int) -> torch.Tensor:
        """A tensor of this shape, its contents undefined."""
        return torch.empty(shape, dtype=self.dtype, device=self.device)
