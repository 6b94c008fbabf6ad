"""rope_table: cosines and sines of every position, computed once per model and read by the rope kernel.

    table = rope_table(config.rope, max_positions, device)    # float32 [max_positions, dim]: cos | sin halves

Row p holds the dim / 2 cosines of position p, then its dim / 2 sines, both times the attention factor. Element i of a
head is paired with element i + dim / 2. Rotary embedding: https://arxiv.org/abs/2104.09864.

Length-dependent scaling ("dynamic" NTK) is made a function of the position: position p is rotated with the base that
belongs to a text of p + 1 tokens, so keys that are in the pool never change and neither chunks nor batch mates matter.
This is what growing a text token by token gives; a prompt computed at once beyond the original context would otherwise
rotate all its tokens with the base of its full length.

It takes a second for a million positions; nothing is slow afterwards.
"""

import math

import torch
from torch import Tensor

from .rope_config import RopeConfig


def rope_table(rope: RopeConfig, max_positions: int, device: torch.device | str) -> Tensor:
    """The table of positions 0 .. max_positions - 1: float32 [max_positions, rope.dim], cos | sin."""
    positions = torch.arange(max_positions, dtype=torch.float32, device=device)
    if rope.kind == "dynamic":
        angles = _dynamic_angles(rope, positions)
    else:
        angles = torch.outer(positions, inverse_frequencies(rope).to(device))
    return torch.cat((angles.cos(), angles.sin()), dim=1) * rope.attention_factor


def inverse_frequencies(rope: RopeConfig) -> Tensor:
    """Radians per position of each pair: float32 [rope.dim / 2], for every kind that does not depend on the length."""
    plain = 1.0 / rope.theta ** _exponents(rope)
    if rope.kind == "linear":
        return plain / rope.factor
    if rope.kind == "llama3":
        return _llama3(rope, plain)
    if rope.kind == "yarn":
        return _yarn(rope, plain)
    assert rope.kind == "default", rope.kind
    return plain


def _exponents(rope: RopeConfig) -> Tensor:
    return torch.arange(0, rope.dim, 2, dtype=torch.float32) / rope.dim


def _llama3(rope: RopeConfig, plain: Tensor) -> Tensor:
    """Llama 3.1: long wavelengths are stretched by the factor, short ones kept, those between blended."""
    turns = rope.original_context * plain / (2 * math.pi)
    kept = ((turns - rope.low_freq) / (rope.high_freq - rope.low_freq)).clamp(0, 1)
    return plain * (kept + (1 - kept) / rope.factor)


def _yarn(rope: RopeConfig, plain: Tensor) -> Tensor:
    """YaRN, https://arxiv.org/abs/2309.00071, section 3.2: the blend is a ramp over the index of the pair."""
    low, high = _pair_of(rope, rope.beta_fast), _pair_of(rope, rope.beta_slow)
    if rope.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, rope.dim - 1)
    width = high - low or 0.001
    stretched = ((torch.arange(rope.dim // 2, dtype=torch.float32) - low) / width).clamp(0, 1)
    return plain * (1 - stretched) + plain / rope.factor * stretched


def _pair_of(rope: RopeConfig, turns: float) -> float:
    """Which pair, as a fractional index, makes this many turns over the original context."""
    return (
        rope.dim
        * math.log(rope.original_context / (turns * 2 * math.pi))
        / (2 * math.log(rope.theta))
    )


def _dynamic_angles(rope: RopeConfig, positions: Tensor) -> Tensor:
    """Dynamic NTK: the base grows with the length of the text once it leaves the original context."""
    lengths = (positions + 1).clamp(min=rope.original_context)
    growth = rope.factor * lengths / rope.original_context - (rope.factor - 1)
    bases = rope.theta * growth ** (rope.dim / (rope.dim - 2))
    return positions[:, None] / bases[:, None] ** _exponents(rope).to(positions.device)
