"""Products with a float32 weight on a CPU, from a copy of the weight in oneDNN's own layout.

    product = PackedProduct(weight)         # once, when the weight has its values
    y = product(x, weight, bias)            # as torch.nn.functional.linear

torch's own product of a few rows reads a plain weight at less than half of what a CPU can compute or read. oneDNN's
reads its blocked layout at about twice that, from one row to a whole prefill.

The operators are those to which torch itself lowers frozen CPU models. What is slow: packing copies the weight. It
does not know which layer a weight belongs to, nor how much memory there is for copies.
"""

import torch

# Blocks are laid out for steps of about so many rows; other numbers are served too.
USUAL_ROWS = 16


def packs(weight: torch.Tensor) -> bool:
    """Whether a PackedProduct of this weight can be made and is worth it: float32 on a CPU with oneDNN."""
    usable = torch.backends.mkldnn.is_available() and weight.device.type == "cpu"
    return usable and weight.dtype == torch.float32


class PackedProduct:
    """x times weight transposed plus bias, for the one weight [outputs, inputs] that it is made of."""

    __slots__ = ("_packed",)

    def __init__(self, weight: torch.Tensor) -> None:
        with torch.inference_mode():
            self._packed = torch.ops.mkldnn._reorder_linear_weight(weight, USUAL_ROWS)

    def __call__(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """x: float32 [rows, inputs] -> [rows, outputs]. weight: the one that was packed; it is not read."""
        return torch.ops.mkldnn._linear_pointwise(x, self._packed, bias, "none", [], "")
