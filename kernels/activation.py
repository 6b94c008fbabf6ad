"""SiLU-gated product of a feed-forward layer.

    y[:, i] = silu(g[:, i]) * u[:, i]        silu(z) = z / (1 + exp(-z));  gate_up = [g | u]

gate_up: [tokens, 2 * inner], as one merged projection gives it. Computed in float32, rounded once.
Bound by bandwidth; knows nothing of the projections around it.
"""

import torch

from .launch import await_previous, let_next_start, overlapping, tl, triton, uses_triton

_BLOCK = 1024


def silu_mul_reference(gate_up: torch.Tensor) -> torch.Tensor:
    """The specification of silu_mul, in torch."""
    gate, up = gate_up.chunk(2, dim=-1)
    if gate_up.dtype == torch.float32:
        return torch.nn.functional.silu(gate).mul_(up)
    return torch.nn.functional.silu(gate.float()).mul_(up).to(gate_up.dtype)


@triton.jit
def _silu_mul_kernel(gate_up, y, inner, BLOCK: tl.constexpr, OVERLAPS: tl.constexpr):
    let_next_start(OVERLAPS)
    await_previous(OVERLAPS)
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < inner
    gate = tl.load(gate_up + token * 2 * inner + column, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(gate_up + token * 2 * inner + inner + column, mask=inside, other=0.0).to(
        tl.float32
    )
    value = gate / (1.0 + tl.exp(-gate)) * up
    tl.store(y + token * inner + column, value.to(y.dtype.element_ty), mask=inside)


def silu_mul(gate_up: torch.Tensor) -> torch.Tensor:
    """silu(first half) * second half, as a new tensor [tokens, inner].

    gate_up: [tokens, 2 * inner], packed, any float dtype. ValueError for an odd width or a strided
    tensor.
    """
    if gate_up.dim() != 2 or gate_up.shape[1] % 2 or not gate_up.is_contiguous():
        raise ValueError(f"silu_mul: need a packed [tokens, 2 * inner], got {tuple(gate_up.shape)}")
    if not uses_triton(gate_up):
        return silu_mul_reference(gate_up)
    tokens, inner = gate_up.shape[0], gate_up.shape[1] // 2
    y = torch.empty((tokens, inner), dtype=gate_up.dtype, device=gate_up.device)
    if tokens:
        grid = (tokens, triton.cdiv(inner, _BLOCK))
        _silu_mul_kernel[grid](gate_up, y, inner, BLOCK=_BLOCK, **overlapping(y.device))
    return y
