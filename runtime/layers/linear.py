"""Linear: y = x W^T + b, the one place where a model multiplies by its weights.

    qkv = Linear.allocate(hidden, 3 * hidden, place)
    y = qkv(x)                            # [tokens, hidden] -> [tokens, 3 * hidden]
    qkv.product = skinny                  # another way to compute the same product

`product` has the signature of torch.nn.functional.linear; whoever measures a faster one for this shape puts it there.
Merged products (q, k and v; gate and up) are one Linear whose weight rows are filled from several tensors of the
checkpoint. It refuses to know about checkpoints and about which product is fast.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import linear

from ...kernels.packed_linear import PackedProduct, packs
from .placement import Placement

Product = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class Linear:
    """weight [outputs, inputs], bias [outputs] or None, and the product that joins them with an input."""

    __slots__ = ("bias", "product", "weight")

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight = weight
        self.bias = bias
        self.product: Product = linear

    @classmethod
    def allocate(cls, inputs: int, outputs: int, place: Placement, bias: bool = False) -> "Linear":
        """One whose weight, and bias if it has one, are still to be filled."""
        return cls(place.empty(outputs, inputs), place.empty(outputs) if bias else None)

    def __call__(self, x: Tensor) -> Tensor:
        """x [tokens, inputs] -> [tokens, outputs], in the dtype of the weight."""
        return self.product(x, self.weight, self.bias)

    def pack(self) -> None:
        """Lets a CPU compute float32 products of this weight as it computes them fastest; call it when filled.

        A second copy of the weight is made, which later changes of the first do not reach. Anywhere else nothing
        changes.
        """
        if packs(self.weight):
            self.product = PackedProduct(self.weight)

    def named(self, name: str) -> dict[str, Tensor]:
        """The tensors under the names a checkpoint gives them: `name.weight` and, with a bias, `name.bias`."""
        return self.named_parts({name: self.weight.shape[0]})

    def named_parts(self, rows: dict[str, int]) -> dict[str, Tensor]:
        """Views of consecutive rows, each under its own name; `rows` says how many each takes, in order."""
        sizes = list(rows.values())
        assert sum(sizes) == self.weight.shape[0], (rows, tuple(self.weight.shape))
        parts = {f"{n}.weight": w for n, w in zip(rows, self.weight.split(sizes), strict=True)}
        if self.bias is not None:
            parts |= {f"{n}.bias": b for n, b in zip(rows, self.bias.split(sizes), strict=True)}
        return parts
