"""Linear layers of Llama-3.1-8B's shape in bfloat16: torch's products, and every tile of ours for few tokens.

    for line in measure_linear(limits): ...

Ours is compared with torch before it is timed.
"""

from collections.abc import Callable, Iterator

import torch

from ....kernels.gemv import MOST_TOKENS, SkinnySpace, SkinnyTile, skinny_linear, tiles_for
from ....kernels.timing import copies_for, seconds_per_call
from .limits import Limits, Line

LINEAR = {
    "qkv": (6144, 4096),
    "o": (4096, 4096),
    "gate_up": (28672, 4096),
    "down": (4096, 14336),
    "lm_head": (128256, 4096),
}
TOKENS = (1, 2, 4, 8, 16, 64, 256)


def measure_linear(limits: Limits) -> Iterator[Line]:
    """A line for each layer, number of tokens and tile; the floor reads the weights once."""
    space = SkinnySpace.create(max(n for n, _ in LINEAR.values()), "cuda")
    for name, (n, k) in LINEAR.items():
        copies = copies_for(n * k * 2)
        weights = [
            torch.randn((n, k), dtype=torch.bfloat16, device="cuda").mul_(k**-0.5)
            for _ in range(copies)
        ]
        for m in TOKENS:
            x = torch.randn((m, k), dtype=torch.bfloat16, device="cuda")
            yield from _lines(limits, f"{name} {m} x {n} x {k}", x, weights, space)


def _lines(
    limits: Limits, case: str, x: torch.Tensor, weights: list[torch.Tensor], space: SkinnySpace
) -> Iterator[Line]:
    m, (n, k) = x.shape[0], weights[0].shape
    cost = (n * k * 2.0, 2.0 * m * n * k)

    def library(w: torch.Tensor) -> Callable[[], object]:
        return lambda: torch.nn.functional.linear(x, w)

    yield limits.line(case, "torch", seconds_per_call([library(w) for w in weights]), *cost)
    for tile in tiles_for(m, n) if m <= MOST_TOKENS else ():
        want = torch.nn.functional.linear(x, weights[0]).float()
        got = skinny_linear(x, weights[0], None, tile, space).float()
        assert (got - want).norm() < 0.02 * want.norm(), f"{tile} is wrong for {case}"

        def ours(w: torch.Tensor, tile: SkinnyTile = tile) -> Callable[[], object]:
            return lambda: skinny_linear(x, w, None, tile, space)

        label = f"{tile.rows}x{tile.step} split {tile.split} warps {tile.warps}"
        seconds = seconds_per_call([ours(w) for w in weights])
        yield limits.line(case, f"{label} stages {tile.stages}", seconds, *cost)
