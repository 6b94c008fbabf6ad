"""The KV pool: one tensor that holds every layer's keys and values, page by page.

Layout [layers, 2, pages, kv_heads, page_size, head_dim]: the keys (or values) of one page and head are contiguous,
so a kernel reads them in wide loads. Page 0 is nobody's: padding rows write there and nobody reads it.

`fit_tokens` says how many tokens fit in the memory that is free. It refuses to know what the pages hold.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import ConfigError


@dataclass(frozen=True, slots=True)
class PoolShape:
    """Shape of a KV pool, without its number of pages."""

    layers: int
    kv_heads: int
    head_dim: int
    page_size: int
    dtype: torch.dtype

    @property
    def page_bytes(self) -> int:
        """Bytes of one page over all layers, keys and values."""
        item = torch.empty((), dtype=self.dtype).element_size()
        return self.layers * 2 * self.kv_heads * self.page_size * self.head_dim * item


class Pool:
    """The allocated tensor. `keys(layer)` and `values(layer)` are views [pages, kv_heads, page_size, head_dim]."""

    def __init__(self, shape: PoolShape, pages: int, device: torch.device) -> None:
        self.shape = shape
        self.pages = pages
        size = (shape.layers, 2, pages, shape.kv_heads, shape.page_size, shape.head_dim)
        self.data = _zeros(size, shape.dtype, device)
        self._keys = [self.data[layer, 0] for layer in range(shape.layers)]
        self._values = [self.data[layer, 1] for layer in range(shape.layers)]

    def keys(self, layer: int) -> torch.Tensor:
        """Keys of a layer, [pages, kv_heads, page_size, head_dim]."""
        return self._keys[layer]

    def values(self, layer: int) -> torch.Tensor:
        """Values of a layer, [pages, kv_heads, page_size, head_dim]."""
        return self._values[layer]


def _zeros(size: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Zeros; on a CPU the system's own, which take memory and time only where they are touched."""
    if device.type != "cpu":
        return torch.zeros(size, dtype=dtype, device=device)
    item = torch.empty((), dtype=dtype).element_size()
    blank = np.zeros(math.prod(size) * item, np.uint8)
    return torch.from_numpy(blank).view(dtype).view(size)


def fit_tokens(shape: PoolShape, free_bytes: int, wanted: int | None, least: int) -> int:
    """Tokens that the pool shall hold: `wanted`, or what fits in `free_bytes`, a whole number of pages.

    Raises ConfigError when fewer than `least` tokens fit or what is wanted does not fit.
    """
    page = shape.page_size
    fits = free_bytes // shape.page_bytes * page
    tokens = fits if wanted is None else -(-wanted // page) * page
    if tokens > fits:
        raise ConfigError(
            f"kv_tokens={tokens} needs {tokens // page * shape.page_bytes:,} bytes of KV, "
            f"{free_bytes:,} are free: at most {fits} tokens fit"
        )
    if tokens < least:
        raise ConfigError(
            f"the KV pool would hold {tokens} tokens, at least {least} are needed: "
            "raise kv_tokens or memory_fraction, or take a smaller model or dtype"
        )
    return tokens
