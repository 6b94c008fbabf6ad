"""The KV pool: one tensor that holds every layer's keys and values, page by page.

Layout [layers, 2, pages, kv_heads, page_size, head_dim]: the keys (or values) of one page and head are contiguous,
so a kernel reads them in wide loads. Page 0 is nobody's: padding rows write there and nobody reads it. In eight bits
(float8_e4m3fn) each token and head has two scales, in a bfloat16 tensor [layers, pages, kv_heads, page_size, 2].

`fit_tokens` says how many tokens fit in the memory that is free. It refuses to know what the pages hold.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from ...kernels.layer_pool import LayerPool
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
    def quantised(self) -> bool:
        """Whether keys and values are eight bits each."""
        return self.dtype == torch.float8_e4m3fn

    @property
    def page_bytes(self) -> int:
        """Bytes of one page over all layers, keys and values, with their scales."""
        head_bytes = self.head_dim * self.dtype.itemsize + 2 * self.quantised
        return self.layers * 2 * self.kv_heads * self.page_size * head_bytes


class Pool:
    """The allocated tensors. `layer(i)` is what kernels see of layer i."""

    def __init__(self, shape: PoolShape, pages: int, device: torch.device) -> None:
        self.shape = shape
        self.pages = pages
        size = (shape.layers, 2, pages, shape.kv_heads, shape.page_size, shape.head_dim)
        self.data = _zeros(size, shape.dtype, device)
        scales = (shape.layers, *size[2:5], 2)
        self.scales = _zeros(scales, torch.bfloat16, device) if shape.quantised else None
        self._layers = [self._layer(index) for index in range(shape.layers)]

    def _layer(self, index: int) -> LayerPool:
        keys, values = self.data[index]
        return LayerPool(keys, values, None if self.scales is None else self.scales[index])

    def layer(self, index: int) -> LayerPool:
        """Keys and values of a layer, [pages, kv_heads, page_size, head_dim] each."""
        return self._layers[index]

    def copied(self) -> tuple[torch.Tensor, ...]:
        """What a copy of a page has to copy: tensors [.., pages, kv_heads, page_size, any]."""
        if self.scales is None:
            return (self.data,)
        return self.data.view(torch.uint8), self.scales


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
