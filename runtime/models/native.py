"""A model's native form on a CPU, where it has one.

    coming = begin(config, place, page_size)               # None: torch computes it. Compiles beside the loading
    decoder = open_decoder(coming, model, pool, threads)
    hidden = decoder.forward(tokens, positions, rows, pages)

Every architecture that is a Transformer fits, in float32. What is slow: compiling, a third of a second, and packing
the weights, which makes a second copy of them. It refuses to know what a step is.
"""

import sys
from dataclasses import replace

import torch
from torch import Tensor

from ...kernels.cpu.decoder import Coming, Decoder, compile_soon
from ...kernels.cpu.layers import Shape
from ...kernels.cpu.weights import Dense, LayerWeights, Weights
from ..layers.linear import Linear
from ..layers.placement import Placement
from .build import Model
from .config import ModelConfig
from .registry import FAMILIES
from .transformer import Layer, Transformer

# Copies of weights may take this much, counted in float32.
MOST_BYTES = 1 << 30


def begin(config: ModelConfig, place: Placement, page_size: int) -> Coming | None:
    """Starts compiling for a model; None where it does not fit.

    It fits if it is a float32 Transformer on a CPU, its copy takes up to MOST_BYTES, and the system has POSIX threads.
    """
    if place.device.type != "cpu" or place.dtype != torch.float32 or sys.platform == "win32":
        return None
    family = FAMILIES[config.architecture]
    if family.model != "transformer:Transformer" or 4 * _parameters(config) > MOST_BYTES:
        return None
    # Tensors of a bfloat16 checkpoint have bfloat16 values; open_decoder sees whether that is so.
    return compile_soon(shape_of(config, page_size, config.dtype == "bfloat16"))


def open_decoder(coming: Coming, model: Model, pool: Tensor, threads: int) -> Decoder:
    """The model, filled, over a KV pool [layers, 2, pages, kv_heads, page_size, head_dim]."""
    assert isinstance(model, Transformer), type(model)
    weights = weights_of(model)
    if coming.shape.half and not weights.fits_half():
        coming = compile_soon(replace(coming.shape, half=False))
    return Decoder(coming, weights, pool, threads)


def shape_of(config: ModelConfig, page_size: int, half: bool) -> Shape:
    """What the code is made for. half: whether weights are bfloat16 numbers."""
    return Shape(
        layers=config.layers,
        hidden=config.hidden,
        heads=config.heads,
        kv_heads=config.kv_heads,
        head_dim=config.head_dim,
        inner=config.intermediate,
        vocab=config.vocab,
        rotated=config.rope.dim,
        page_size=page_size,
        scale=config.head_dim**-0.5,
        eps=config.norm_eps,
        qk_norm=config.qk_norm,
        half=half,
    )


def _parameters(config: ModelConfig) -> int:
    """Weights that a token is multiplied by."""
    heads = (2 * config.heads + 2 * config.kv_heads) * config.head_dim
    return config.hidden * (config.vocab + config.layers * (heads + 3 * config.intermediate))


def weights_of(model: Transformer) -> Weights:
    """The model's own tensors, where native code's packing finds them."""
    windows = model.config.window or (None,) * model.config.layers
    return Weights(
        model.embed,
        [_layer(layer, window) for layer, window in zip(model.layers, windows, strict=True)],
        model.norm,
        model.head.weight,
        model.table,
    )


def _layer(layer: Layer, window: int | None) -> LayerWeights:
    attention, mlp = layer.attention, layer.mlp
    return LayerWeights(
        norm=layer.norm,
        qkv=_dense(attention.qkv),
        q_norm=attention.q_norm,
        k_norm=attention.k_norm,
        out=_dense(attention.out),
        mlp_norm=layer.mlp_norm,
        gate_up=_dense(mlp.gate_up),
        down=_dense(mlp.down),
        window=window,
    )


def _dense(linear: Linear) -> Dense:
    return Dense(linear.weight, linear.bias)
