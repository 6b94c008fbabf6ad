"""Attend: the seam between a model and its KV pool.

    out = attend(layer, q, k, v)

The model computes q, k and v, already rotated; whoever runs the model brings the Attend. It writes k and v to where
the new tokens' KV lives and attends over everything each token may see. Paging, rows, causality and the sliding window
of the layer are known to it alone; queries are scaled by head_dim ** -0.5 there.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor

from ...kernels.rope_write import Rotation


class Attend(Protocol):
    """Writes the new keys and values and attends over all of them."""

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """q [tokens, heads, head_dim], k and v [tokens, kv_heads, head_dim] -> [tokens, heads, head_dim].

        The inputs may be strided views of one larger tensor; the answer is contiguous.
        """
        ...


@runtime_checkable
class RotatingAttend(Attend, Protocol):
    """An Attend that can also rotate, in the same pass over q, k and v that writes them."""

    def rotate(self, layer: int, q: Tensor, k: Tensor, v: Tensor, rotation: Rotation) -> Tensor:
        """As calling it with q and k normed and rotated; q may be changed."""
        ...
