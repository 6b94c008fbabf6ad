"""RopeConfig: how a model encodes positions, normalised from the spellings that model folders use.

    rope = RopeConfig.from_hf(config, head_dim=128, max_positions=8192)
    rope.kind, rope.theta, rope.factor

Accepted are `rope_parameters` (newer folders) and `rope_theta` with `rope_scaling` (older ones, where the kind may be
called `type`). Everything optional is resolved here, so the table needs no defaults. It refuses to know torch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..errors import ModelError

RopeKind = Literal["default", "linear", "dynamic", "llama3", "yarn"]
DEFAULT_THETA = 10_000.0


@dataclass(frozen=True, slots=True)
class RopeConfig:
    """Rotary positions of one model.

    dim: rotated elements of a head; theta: base of the wavelengths; factor: how far the context is stretched.
    original_context: positions the model was trained on before stretching.
    attention_factor: multiplies cosines and sines. low_freq, high_freq: llama3. beta_fast, beta_slow, truncate: yarn.
    """

    dim: int
    theta: float = DEFAULT_THETA
    kind: RopeKind = "default"
    factor: float = 1.0
    original_context: int = 0
    attention_factor: float = 1.0
    low_freq: float = 1.0
    high_freq: float = 4.0
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True

    @classmethod
    def from_hf(cls, config: Mapping[str, Any], head_dim: int, max_positions: int) -> "RopeConfig":
        """The rope of a Hugging Face config. Raises ModelError naming the field that cannot be used."""
        given = _settings(config)
        kind = given.get("rope_type", given.get("type")) or "default"
        if kind not in get_args(RopeKind):
            known = ", ".join(get_args(RopeKind))
            raise ModelError(
                f"config.json: rope_type {kind!r} is not supported; supported: {known}"
            )
        partial = given.get("partial_rotary_factor", config.get("partial_rotary_factor"))
        if partial not in (None, 1, 1.0):
            raise ModelError(
                f"config.json: partial_rotary_factor {partial!r} is not supported; only 1 is"
            )
        theta = _number(given, "rope_theta", config.get("rope_theta") or DEFAULT_THETA)
        if kind == "default":
            return cls(head_dim, theta, original_context=max_positions)
        original = config.get(
            "original_max_position_embeddings", given.get("original_max_position_embeddings")
        )
        if kind in ("linear", "dynamic") or original is None:
            original = max_positions
        factor = _factor(given, kind, max_positions / original)
        return cls(
            dim=head_dim,
            theta=theta,
            kind=kind,
            factor=factor,
            original_context=int(original),
            attention_factor=_attention_factor(given, factor) if kind == "yarn" else 1.0,
            low_freq=_number(given, "low_freq_factor", 1.0 if kind != "llama3" else None),
            high_freq=_number(given, "high_freq_factor", 4.0 if kind != "llama3" else None),
            beta_fast=_number(given, "beta_fast", 32.0),
            beta_slow=_number(given, "beta_slow", 1.0),
            truncate=bool(given.get("truncate", True)),
        )

    def stretched(self, max_positions: int) -> int:
        """The longest context that this scaling is meant for, where the model states `max_positions`."""
        if self.kind in ("linear", "dynamic", "yarn"):
            return max(max_positions, int(self.original_context * self.factor))
        return max_positions


def _settings(config: Mapping[str, Any]) -> Mapping[str, Any]:
    given = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(given, Mapping):
        raise ModelError(f"config.json: rope_parameters must be an object, got {given!r:.80}")
    if any(isinstance(value, Mapping) for value in given.values()):
        raise ModelError(
            "config.json: rope_parameters per layer type are not supported; one rope for all layers is"
        )
    return given


def _number(given: Mapping[str, Any], name: str, default: float | None) -> float:
    value = given.get(name)
    value = default if value is None else value
    if value is None:
        raise ModelError(f"config.json: the rope parameters lack {name!r}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ModelError(f"config.json: rope {name} must be a number above 0, got {value!r:.80}")
    return float(value)


def _factor(given: Mapping[str, Any], kind: str, stretch: float) -> float:
    # yarn alone may leave the factor to the ratio of the two context lengths
    factor = _number(given, "factor", stretch if kind == "yarn" else None)
    if factor < 1:
        raise ModelError(f"config.json: rope factor must be at least 1, got {factor}")
    return factor


def _attention_factor(given: Mapping[str, Any], factor: float) -> float:
    """YaRN, https://arxiv.org/abs/2309.00071, section 3.4: 0.1 ln(s) + 1; a ratio of two where mscale is given."""
    if given.get("attention_factor") is not None:
        return _number(given, "attention_factor", None)
    if given.get("mscale") and given.get("mscale_all_dim"):
        return _temperature(factor, given["mscale"]) / _temperature(factor, given["mscale_all_dim"])
    return _temperature(factor, 1.0)


def _temperature(factor: float, scale: float) -> float:
    return 1.0 if factor <= 1 else 0.1 * scale * math.log(factor) + 1.0
