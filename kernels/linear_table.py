"""Which product is fastest for which linear layer: measured once, then read from a file.

    table = choose_linear([(6144, 4096), (4096, 4096)], torch.bfloat16, device, path)
    y = table(x, weight, bias)          # in every layer

For up to 64 tokens either the library's product or some tile of gemv.py may win, by shape and
device; there is no rule worth trusting. Measuring compiles and times every tile of gemv.py, the
slow part of a first start. Beyond 64 tokens, off the GPU and for unmeasured shapes the product is
torch's. It does not know which layer a shape belongs to.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from .gemv import MOST_TOKENS, SkinnySpace, SkinnyTile, skinny_linear, tiles_for
from .launch import triton
from .timing import copies_for, seconds_per_call

# Tokens measured; a count takes the entry of the next one up, as tokens are padded.
BUCKETS = (1, 16, 32, 64)
# A tile must be this much faster than the library to be taken: below it is noise.
GAIN = 1.02

Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class LinearTable:
    """The choice per (tokens, outputs, inputs): a tile, or None for torch's product. Call it like a linear function."""

    choices: dict[Key, SkinnyTile | None] = field(default_factory=dict)
    space: SkinnySpace | None = None

    def __call__(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        """x times weight transposed plus bias. x: [tokens, k]; weight: [n, k]; bias: [n] or None."""
        tokens = x.shape[0]
        if 1 <= tokens <= MOST_TOKENS:
            bucket = 1 if tokens == 1 else max(16, 1 << (tokens - 1).bit_length())
            tile = self.choices.get((bucket, weight.shape[0], weight.shape[1]))
            if tile is not None:
                return skinny_linear(x, weight, bias, tile, self.space)
        return torch.nn.functional.linear(x, weight, bias)


def choose_linear(
    shapes: Iterable[tuple[int, int]],
    dtype: torch.dtype,
    device: torch.device | str,
    path: Path | None = None,
) -> LinearTable:
    """Measure each weight shape (outputs, inputs) on the device, or take what `path` holds from earlier.

    path: a JSON file, made or extended as needed; entries of another GPU, dtype or library version
    are ignored and replaced. Without a path nothing is kept; off the GPU the table is empty and
    always takes torch's product.
    """
    device = torch.device(device)
    if device.type != "cuda":
        return LinearTable()
    wanted = [(m, n, k) for n, k in sorted(set(shapes)) for m in BUCKETS]
    header = _header(dtype, device)
    known = _read(path, header) if path is not None else {}
    missing = [key for key in wanted if key not in known]
    space = SkinnySpace.create(max((n for _, n, _ in wanted), default=1), device)
    for n, k in sorted({key[1:] for key in missing}):
        known |= _measure(n, k, dtype, space)
    if path is not None and missing:
        _write(path, header, known)
    return LinearTable({key: known[key] for key in wanted}, space)


def _measure(
    n: int, k: int, dtype: torch.dtype, space: SkinnySpace
) -> dict[Key, SkinnyTile | None]:
    device = space.parts.device
    copies = copies_for(n * k * dtype.itemsize)
    weights = [torch.randn((n, k), dtype=dtype, device=device) / k**0.5 for _ in range(copies)]
    found: dict[Key, SkinnyTile | None] = {}
    for m in BUCKETS:
        x = torch.randn((m, k), dtype=dtype, device=device)
        exact = x.float() @ weights[0].float().T
        library = seconds_per_call([_library_call(x, w) for w in weights])
        best, best_seconds = None, library / GAIN
        for tile in tiles_for(m, n):
            error = (skinny_linear(x, weights[0], None, tile, space).float() - exact).norm()
            assert error <= 0.02 * exact.norm(), f"{tile} is wrong for {(m, n, k)}: {error}"
            seconds = seconds_per_call([_tile_call(x, w, tile, space) for w in weights])
            if seconds < best_seconds:
                best, best_seconds = tile, seconds
        found[(m, n, k)] = best
    return found


def _library_call(x: torch.Tensor, weight: torch.Tensor) -> Any:
    return lambda: torch.nn.functional.linear(x, weight)


def _tile_call(x: torch.Tensor, weight: torch.Tensor, tile: SkinnyTile, space: SkinnySpace) -> Any:
    return lambda: skinny_linear(x, weight, None, tile, space)


def _header(dtype: torch.dtype, device: torch.device) -> dict[str, str]:
    return {
        "gpu": torch.cuda.get_device_name(device),
        "dtype": str(dtype),
        "torch": torch.__version__,
        "triton": str(triton.__version__),
    }


def _read(path: Path, header: dict[str, str]) -> dict[Key, SkinnyTile | None]:
    """Choices of an earlier measurement under the same header; none where the file is absent or another's."""
    try:
        stored = json.loads(path.read_text())
        if stored["header"] != header:
            return {}
        return {
            (e["tokens"], e["outputs"], e["inputs"]): SkinnyTile(**e["tile"]) if e["tile"] else None
            for e in stored["choices"]
        }
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        # A cache that cannot be read is a cache that is empty; it is measured and written anew.
        return {}


def _write(path: Path, header: dict[str, str], choices: dict[Key, SkinnyTile | None]) -> None:
    """Replace the file in one step, so that a reader beside us never sees half of it."""
    entries: Sequence[dict[str, Any]] = [
        {"tokens": m, "outputs": n, "inputs": k, "tile": asdict(tile) if tile else None}
        for (m, n, k), tile in sorted(choices.items())
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump({"header": header, "choices": entries}, file, indent=1)
    os.replace(file.name, path)
