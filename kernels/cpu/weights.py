"""A model's weights, and how native code finds them: packed tensors and a table of their addresses.

    packed = pack_weights(weights, shape.half, target)
    packed.table          # int64 [layers + 1, fields]: addresses; the last line has the norm after all layers alone

What is slow: the copy, once. It refuses to know where weights come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .product import fits_half, interleave, pack, pack_bias
from .target import Target

FIELDS = (
    "norm", "qkv", "qkv_bias", "q_norm", "k_norm", "out", "out_bias",
    "mlp_norm", "up", "up_bias", "down", "down_bias", "window",
)  # fmt: skip
# More keys than any row has.
UNBOUNDED = 1 << 40


@dataclass(frozen=True, slots=True)
class Dense:
    """weight float32 [outputs, inputs]; bias [outputs] or None."""

    weight: Tensor
    bias: Tensor | None = None


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One layer. gate_up: gate rows, then as many up rows. q_norm, k_norm: [head_dim] or None, both or neither.

    window: how many keys back a query sees, its own included; None: all.
    """

    norm: Tensor
    qkv: Dense
    q_norm: Tensor | None
    k_norm: Tensor | None
    out: Dense
    mlp_norm: Tensor
    gate_up: Dense
    down: Dense
    window: int | None


@dataclass(frozen=True, slots=True)
class Weights:
    """A model, float32. embed, head: [vocab, hidden]. norm: [hidden], the last one.

    rope: [positions, rotated], cosines and then sines; see the operator rope.
    """

    embed: Tensor
    layers: Sequence[LayerWeights]
    norm: Tensor
    head: Tensor
    rope: Tensor

    def products(self) -> list[Tensor]:
        """Every weight that a row is multiplied by."""
        return [
            dense.weight
            for layer in self.layers
            for dense in (layer.qkv, layer.out, layer.gate_up, layer.down)
        ] + [self.head]

    def fits_half(self) -> bool:
        """Whether all of them are bfloat16 numbers, as those of a bfloat16 checkpoint are."""
        return all(fits_half(weight) for weight in self.products())


@dataclass(frozen=True, slots=True)
class PackedWeights:
    """table: int64 [layers + 1, fields]. kept: what it points to. head, head_bias: of the last product."""

    table: Tensor
    kept: Sequence[Tensor]
    head: Tensor
    head_bias: Tensor


def pack_weights(weights: Weights, half: bool, target: Target) -> PackedWeights:
    """Copies every weight into the layout that the products read."""
    kept: list[Tensor] = []
    lines: list[list[int]] = []

    def address(tensor: Tensor) -> int:
        kept.append(tensor)
        return tensor.data_ptr()

    hidden = weights.norm.shape[0]
    for layer in weights.layers:
        tensors = _pack_layer(layer, hidden, half, target)
        lines.append([*map(address, tensors), layer.window or UNBOUNDED])
    last = address(pack_bias(weights.norm, hidden, target))
    lines.append([last] + [0] * (len(FIELDS) - 1))
    vocab = weights.head.shape[0]
    head, bias = pack(weights.head, half, target), pack_bias(None, vocab, target)
    return PackedWeights(torch.tensor(lines), kept, head, bias)


def _pack_layer(layer: LayerWeights, hidden: int, half: bool, target: Target) -> list[Tensor]:
    """In the order of FIELDS, without the window."""

    def packed(dense: Dense) -> list[Tensor]:
        weight = pack(dense.weight, half, target)
        return [weight, pack_bias(dense.bias, dense.weight.shape[0], target)]

    nothing = layer.norm.new_zeros(1)
    gate_up = layer.gate_up
    bias = gate_up.bias if gate_up.bias is not None else nothing.expand(len(gate_up.weight))
    gate_up = Dense(interleave(gate_up.weight, target), interleave(bias, target))
    return [
        pack_bias(layer.norm, hidden, target),
        *packed(layer.qkv),
        nothing if layer.q_norm is None else layer.q_norm.contiguous(),
        nothing if layer.k_norm is None else layer.k_norm.contiguous(),
        *packed(layer.out),
        pack_bias(layer.mlp_norm, hidden, target),
        *packed(gate_up),
        *packed(layer.down),
    ]
