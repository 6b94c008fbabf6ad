"""The shape of a model's attention, and the matrix tiles that suit it.

The tiles follow from what the code compiled for Hopper needs of registers and shared memory; any
other tile gives the same result at another speed. The attention benchmark tries others beside them.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..launch import power_of_two


@dataclass(frozen=True, slots=True)
class Tile:
    """How one work item is computed.

    rows: query tokens times the heads of a group, a power of two >= 16. keys: taken at a time, a
    power of two that is a multiple of the page size. warps; stages: tiles of keys and values in
    flight, plus one. resident: programs that a multiprocessor holds at once.
    """

    rows: int
    keys: int
    warps: int
    stages: int
    resident: int = 1


@dataclass(frozen=True, slots=True)
class AttentionShape:
    """heads: query heads, a multiple of kv_heads. head_dim; dtype of queries; page_size: tokens in a page.

    kv_dtype: of the pools; that of queries where not given, or torch.float8_e4m3fn.
    narrow, middle, wide: the tiles for a token or a few, for some, and for longer chunks; chosen by
    the rest where not given.
    """

    heads: int
    kv_heads: int
    head_dim: int
    dtype: torch.dtype
    page_size: int = 16
    kv_dtype: torch.dtype | None = None
    narrow: Tile | None = None
    middle: Tile | None = None
    wide: Tile | None = None

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads or self.kv_heads < 1:
            raise ValueError(f"{self.heads} heads cannot share {self.kv_heads} kv heads evenly")
        if self.page_size & (self.page_size - 1) or not 1 <= self.page_size <= 32:
            raise ValueError(f"page_size must be a power of two up to 32, got {self.page_size}")
        if self.kv_dtype not in (None, self.dtype, torch.float8_e4m3fn):
            raise ValueError(f"{self.dtype} queries cannot attend over {self.kv_dtype} keys")

    @property
    def group(self) -> int:
        """Query heads that share one kv head."""
        return self.heads // self.kv_heads

    @property
    def token_bytes(self) -> int:
        """Bytes of one token's keys and values in a layer, with their scales."""
        head_bytes = self.head_dim * (self.kv_dtype or self.dtype).itemsize
        return 2 * self.kv_heads * (head_bytes + 2 * self.quantised)

    @property
    def quantised(self) -> bool:
        """Whether keys and values are eight bits each."""
        return self.kv_dtype == torch.float8_e4m3fn

    def tiles(self) -> tuple[Tile, Tile, Tile]:
        """The narrow, the middle and the wide tile; each has at least the rows of the one before."""
        rows = max(16, power_of_two(self.group))
        if self.dtype == torch.float32:
            # Without tensor cores a product lives in registers: small tiles.
            narrow, wide = Tile(rows, 32, 4, 2, 2), Tile(max(32, rows), 32, 4, 2, 2)
            middle = narrow
        elif self.head_dim > 128:
            narrow, wide = Tile(rows, 32, 4, 3, 2), Tile(max(128, rows), 32, 8, 2)
            middle = Tile(max(64, rows), 32, 4, 2)
        elif self.quantised:
            # Unpacking takes registers: two programs of larger tiles did better than three of small ones.
            narrow, wide = Tile(rows, 64, 4, 3, 2), Tile(max(128, rows), 64, 8, 3)
            middle = Tile(max(64, rows), 64, 4, 3, 2)
        else:
            narrow, wide = Tile(rows, 32, 4, 3, 4), Tile(max(128, rows), 64, 8, 3)
            middle = Tile(max(64, rows), 64, 4, 3, 2)
        return self.narrow or narrow, self.middle or middle, self.wide or wide

    def tile_for(self, tokens: int) -> Tile:
        """The tile for so many query tokens that see the same keys: the first that holds them, or the wide one."""
        narrow, middle, wide = self.tiles()
        if tokens * self.group <= narrow.rows:
            return narrow
        return middle if tokens * self.group <= middle.rows else wide

    def tiles_of(self, counts: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For rows of so many query tokens, int32 [n]: which of `tiles` is theirs, and the query tokens it holds."""
        tiles = self.tiles()
        heads = counts * self.group
        which = (heads > tiles[0].rows) * (1 + (heads > tiles[1].rows))
        # Equal tiles are one.
        first = np.array([tiles.index(tile) for tile in tiles])[which]
        return first, np.array([tile.rows // self.group for tile in tiles])[which]
