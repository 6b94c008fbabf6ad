"""RMSNorm, alone and fused with the residual addition before it.

    y = x / sqrt(mean(x^2) + eps) * weight       (Zhang and Sennrich 2019, arXiv:1910.07467)
    add_rms_norm:  residual += x;  y = rms_norm(residual)

over the last dimension, in float32, rounded once; the sum is rounded before it is normalised.

x is [tokens, dim], or [tokens, heads, dim] with a norm per head (the query and key norm of some
models); only the last two dimensions of the latter must be packed, so a slice of a fused projection
serves as it is. A pass reads x once and writes y once: it is bound by launch time at small batches
and by bandwidth at large ones. It knows nothing of models.
"""

import torch

from .launch import (
    await_previous,
    let_next_start,
    overlapping,
    power_of_two,
    tl,
    triton,
    uses_triton,
)


def rms_norm_reference(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """The specification of rms_norm, in torch."""
    if x.dtype == torch.float32:
        return torch.nn.functional.rms_norm(x, weight.shape, weight, eps)
    return torch.nn.functional.rms_norm(x.float(), weight.shape, weight.float(), eps).to(x.dtype)


def add_rms_norm_reference(
    x: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor, eps: float
) -> torch.Tensor:
    """The specification of add_rms_norm, in torch."""
    residual.add_(x)
    return rms_norm_reference(residual, weight, eps)


@triton.jit(do_not_specialize=["rows"])
def _rms_norm_kernel(
    x,
    residual,
    weight,
    y,
    rows,
    heads,
    token_stride,
    eps,
    DIM: tl.constexpr,
    BLOCK: tl.constexpr,
    ROWS: tl.constexpr,
    ADD: tl.constexpr,
    OVERLAPS: tl.constexpr,
):
    let_next_start(OVERLAPS)
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None]  # [ROWS, 1]
    column = tl.arange(0, BLOCK)[None, :]
    inside = (row < rows) & (column < DIM)
    source = (row // heads).to(tl.int64) * token_stride + (row % heads) * DIM + column
    packed = row.to(tl.int64) * DIM + column
    factor = tl.load(weight + column, mask=column < DIM, other=0.0).to(tl.float32)
    await_previous(OVERLAPS)
    value = tl.load(x + source, mask=inside, other=0.0)
    if ADD:
        value += tl.load(residual + packed, mask=inside, other=0.0)
        tl.store(residual + packed, value, mask=inside)
    value = value.to(tl.float32)
    scale = 1.0 / tl.sqrt(tl.sum(value * value, axis=1) / DIM + eps)
    tl.store(y + packed, (value * scale[:, None] * factor).to(y.dtype.element_ty), mask=inside)


def rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    """Normalise the last dimension; gives a new, packed tensor of x's shape and dtype.

    x: [tokens, dim] or [tokens, heads, dim], any float dtype. weight: [dim]. ValueError for other
    shapes.
    """
    if x.shape[-1:] != weight.shape:
        raise ValueError(f"rms_norm: weight {tuple(weight.shape)} does not fit x {tuple(x.shape)}")
    if not uses_triton(x):
        return rms_norm_reference(x, weight, eps)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    _launch(x, None, weight, y, eps)
    return y


def add_rms_norm(
    x: torch.Tensor, residual: torch.Tensor, weight: torch.Tensor, eps: float
) -> torch.Tensor:
    """Add x to the residual in place and give the normalised sum as a new tensor.

    x, residual: [tokens, dim], one float dtype; residual packed. weight: [dim]. ValueError for
    other shapes.
    """
    if x.shape != residual.shape or x.shape[-1:] != weight.shape:
        raise ValueError(
            f"add_rms_norm: x {tuple(x.shape)}, residual {tuple(residual.shape)}"
            f" and weight {tuple(weight.shape)} do not fit each other"
        )
    if not uses_triton(x):
        return add_rms_norm_reference(x, residual, weight, eps)
    if not residual.is_contiguous():
        raise ValueError("add_rms_norm: residual must be packed, it is updated in place")
    y = torch.empty_like(residual)
    _launch(x, residual, weight, y, eps)
    return y


def _launch(
    x: torch.Tensor,
    residual: torch.Tensor | None,
    weight: torch.Tensor,
    y: torch.Tensor,
    eps: float,
) -> None:
    heads, dim = (x.shape[1], x.shape[2]) if x.dim() == 3 else (1, x.shape[-1])
    if x.stride(-1) != 1 or (x.dim() == 3 and x.stride(1) != dim):
        x = x.contiguous()
    rows, block = x.numel() // dim, power_of_two(dim)
    if rows == 0:
        return
    per_program = max(1, 512 // block)
    _rms_norm_kernel[(triton.cdiv(rows, per_program),)](
        x,
        residual,
        weight,
        y,
        rows,
        heads,
        x.stride(0),
        eps,
        DIM=dim,
        BLOCK=block,
        ROWS=per_program,
        ADD=residual is not None,
        num_warps=min(8, max(1, block * per_program // 512)),
        **overlapping(x.device),
    )
