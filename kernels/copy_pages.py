"""Copy whole pages inside the pool: all layers, keys and values, in one launch.

    pool[..., destinations[i], :, :, :] = pool[..., sources[i], :, :, :]        for every i

It is how a partly filled page becomes private to a branch before the branch writes into it. A
source of a call must not be a destination of the same call, and destinations differ: copies run at
once, in no order. Bound by bandwidth. It does not know who owns a page.
"""

import torch

from .launch import tl, triton, uses_triton

_BLOCK = 4096


def copy_pages_reference(
    pool: torch.Tensor, sources: torch.Tensor, destinations: torch.Tensor
) -> None:
    """The specification of copy_pages, in torch."""
    pool.index_copy_(-4, destinations, pool.index_select(-4, sources))


@triton.jit(do_not_specialize_on_alignment=["sources", "destinations"])
def _copy_pages_kernel(
    pool, sources, destinations, pages, PAGE_ELEMENTS: tl.constexpr, BLOCK: tl.constexpr
):
    plane = tl.program_id(1).to(tl.int64) * pages
    source = tl.load(sources + tl.program_id(0)) + plane
    destination = tl.load(destinations + tl.program_id(0)) + plane
    place = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    inside = place < PAGE_ELEMENTS
    block = tl.load(pool + source * PAGE_ELEMENTS + place, mask=inside)
    tl.store(pool + destination * PAGE_ELEMENTS + place, block, mask=inside)


def copy_pages(pool: torch.Tensor, sources: torch.Tensor, destinations: torch.Tensor) -> None:
    """Copy pages of every plane of the pool.

    pool: packed [..., pages, kv_heads, P, dim], usually [layers, 2, pages, kv_heads, P, dim].
    sources, destinations: int64 [n] on the pool's device. ValueError where they do not fit.
    """
    if pool.dim() < 4 or sources.shape != destinations.shape or sources.dim() != 1:
        raise ValueError(
            f"copy_pages: pool {tuple(pool.shape)}, sources {tuple(sources.shape)}"
            f" and destinations {tuple(destinations.shape)} do not fit"
        )
    if sources.dtype != torch.int64 or destinations.dtype != torch.int64:
        raise ValueError("copy_pages: page numbers must be int64")
    if not uses_triton(pool):
        copy_pages_reference(pool, sources, destinations)
        return
    if not pool.is_contiguous():
        raise ValueError("copy_pages: the pool must be packed")
    if sources.shape[0] == 0:
        return
    pages, elements = pool.shape[-4], pool[(0,) * (pool.dim() - 3)].numel()
    planes = pool.numel() // (pages * elements)
    _copy_pages_kernel[(sources.shape[0], planes, triton.cdiv(elements, _BLOCK))](
        pool, sources, destinations, pages, PAGE_ELEMENTS=elements, BLOCK=_BLOCK
    )
