"""choose_products: which product each Linear of a model on a GPU uses for a few tokens.

    choose_products(model.linears())      # once, when the weights are there

For up to 64 tokens a product is a matter of reading its weight, and which kernel reads a shape fastest is measured: on
the first start with a GPU, some ten seconds, and from a file afterwards. It refuses to know what the layers are for.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from ...kernels.linear_table import choose_linear
from .linear import Linear

# A smaller weight is read in no time; calling its product is what takes some.
LEAST_BYTES = 4 << 20


def cache_file() -> Path:
    """Where choices are kept: TRELLIS_CACHE, or the user's cache folder."""
    default = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("TRELLIS_CACHE") or Path(default) / "trellis") / "products.json"


def choose_products(linears: Iterable[Linear], path: Path | None = None) -> None:
    """Gives the large ones on a GPU, of 16-bit numbers, the fastest product for their shape.

    path: where choices are kept; absent, cache_file().
    """
    on_gpu = [linear for linear in linears if _matters(linear.weight)]
    if not on_gpu:
        return
    weight = on_gpu[0].weight
    shapes = {(linear.weight.shape[0], linear.weight.shape[1]) for linear in on_gpu}
    table = choose_linear(shapes, weight.dtype, weight.device, path or cache_file())
    for linear in on_gpu:
        linear.product = table


def _matters(weight: Tensor) -> bool:
    return weight.is_cuda and weight.itemsize == 2 and weight.nbytes >= LEAST_BYTES
