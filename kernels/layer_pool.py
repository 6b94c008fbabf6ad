"""LayerPool: where one layer's keys and values lie, page by page, as the kernels see them.

    pool = LayerPool(keys, values)             # packed [pages, kv_heads, P, dim]
    pool = LayerPool(keys, values, scales)     # in eight bits, see fp8.py

It owns no memory and does not know who a page belongs to.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class LayerPool:
    """keys, values: packed [pages, kv_heads, P, dim].

    scales: bfloat16 [pages, kv_heads, P, 2], of keys and of values, where those are float8_e4m3fn, else
    None. ValueError where they do not fit each other.
    """

    keys: torch.Tensor
    values: torch.Tensor
    scales: torch.Tensor | None = None

    def __post_init__(self) -> None:
        fits = self.keys.shape == self.values.shape and self.keys.dtype == self.values.dtype
        shape = (*self.keys.shape[:3], 2) if self.quantised else None
        given = None if self.scales is None else tuple(self.scales.shape)
        if self.scales is not None:
            fits = fits and self.scales.dtype == torch.bfloat16
        if not fits or given != shape:
            raise ValueError(
                f"a layer's pool: {self.keys.dtype} keys {tuple(self.keys.shape)},"
                f" {self.values.dtype} values {tuple(self.values.shape)} and scales {given} do not fit"
            )

    @property
    def quantised(self) -> bool:
        """Whether keys and values are eight bits each."""
        return self.keys.dtype == torch.float8_e4m3fn

    @property
    def packed(self) -> bool:
        """Whether all of it is without gaps, as kernels read it."""
        tensors = (self.keys, self.values, self.scales)
        return all(x is None or x.is_contiguous() for x in tensors)

    def key_scales(self) -> torch.Tensor | None:
        """bfloat16 [pages, kv_heads, P], a view; None where there are none."""
        return None if self.scales is None else self.scales[..., 0]

    def value_scales(self) -> torch.Tensor | None:
        """As key_scales, of values."""
        return None if self.scales is None else self.scales[..., 1]
