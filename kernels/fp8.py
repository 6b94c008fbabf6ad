"""Keys and values in eight bits: e4m3 numbers, and a scale for every token and kv head.

    numbers, scales = quantise(x)             # float8_e4m3fn [.., dim], bfloat16 [..]
    x = dequantise(numbers, scales, dtype)    # numbers * scales

    scale = max|x| / 448, rounded to bfloat16, at least 2^-100            over the dim numbers of one head

448 is the largest e4m3 number (Micikevicius et al. 2022, arXiv:2209.05433). A scale for each token needs no
calibration, cannot saturate, and makes a token's bytes the same whichever chunk or batch wrote it;
it costs 2 bytes for each `dim`. A number is off by up to 1/16 of itself, or by 2^-18 of the head's
largest where it is smaller than 2^-14 of that. The largest is hardly off at all, and it counts most: with
powers of two as scales, which would be exact wherever they are applied, the bundled model's distributions diverge
by a quarter more, without scales by a third (`trellis bench kv`).

Kernels that write have `quantise_block`; those that read, the rest. It does not know where numbers are kept.
"""

import torch

from .launch import tl, triton

LARGEST = 448.0
LEAST = 2.0**-100


def quantise(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """x [.., dim] of any float type as float8_e4m3fn [.., dim] and bfloat16 scales [..]."""
    whole = x.float()
    scales = (whole.abs().amax(-1) * (1 / LARGEST)).clamp_min(LEAST).bfloat16()
    inverse = 1.0 / scales.float()
    return (whole * inverse[..., None]).to(torch.float8_e4m3fn), scales


def dequantise(
    numbers: torch.Tensor, scales: torch.Tensor, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """numbers float8_e4m3fn [.., dim], scales bfloat16 [..]: their values; exact in float32."""
    return (numbers.float() * scales.float()[..., None]).to(dtype)


@triton.jit
def key_scale(words):
    """In a kernel: the first of two bfloat16 scales that lie in an int32, as float32."""
    return (words << 16).to(tl.float32, bitcast=True)


@triton.jit
def value_scale(words):
    """In a kernel: the second of them."""
    return (words & -65536).to(tl.float32, bitcast=True)


@triton.jit
def scale_rows(x):
    """In a kernel: x [rows, any] with each row divided by a power of two, so that it is below 2, and those [rows].

    In float16, unless x is float32: what is 2^24 times smaller than the row's largest is lost.
    """
    largest = tl.max(tl.abs(x.to(tl.float32)), axis=1)
    exponent = tl.minimum(tl.maximum(largest.to(tl.int32, bitcast=True) >> 23, 1), 253)
    inverse = ((254 - exponent) << 23).to(tl.float32, bitcast=True)
    unit = (exponent << 23).to(tl.float32, bitcast=True)
    small = x.to(tl.float32) * inverse[:, None]
    return small if x.dtype == tl.float32 else small.to(tl.float16), unit


@triton.jit
def raise_scale(most, words):
    """In a kernel: `most`, a power of two as float32 bits, or that of the largest value scale in words if it is larger.

    Also the inverse of what comes of it, and how much smaller `most` was.
    """
    raised = tl.maximum(most, tl.max(words & 0x7F800000, axis=0))
    inverse = (0x7F000000 - raised).to(tl.float32, bitcast=True)
    return raised, inverse, most.to(tl.float32, bitcast=True) * inverse


@triton.jit
def quantise_block(x, largest):
    """In a kernel: float32 x [heads, any] whose heads' largest magnitudes are [heads]: numbers, scales [heads]."""
    scale = tl.maximum(largest * 0.002232142857142857, 7.888609052210118e-31)  # 1 / 448, 2^-100
    bits = scale.to(tl.int32, bitcast=True)
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & -65536  # to bfloat16
    scale = bits.to(tl.float32, bitcast=True)
    inverse = tl.div_rn(tl.full(scale.shape, 1.0, tl.float32), scale)
    return _round(x * inverse[:, None]).to(tl.float8e4nv), scale.to(tl.bfloat16)


@triton.jit
def _round(x):
    """The nearest e4m3 numbers, of equals the even one; the cast that follows has nothing left to round."""
    bits = x.to(tl.int32, bitcast=True)
    normal = (bits + 0x7FFFF + ((bits >> 20) & 1)) & -0x100000
    # Below 2^-6 they are 2^-9 apart, as float32 is around this sum.
    small = (x + 24576.0) - 24576.0
    return tl.where(tl.abs(x) < 0.015625, small, normal.to(tl.float32, bitcast=True))
