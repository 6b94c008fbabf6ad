"""ModelConfig: the shape of a model, read from a Hugging Face folder and checked.

    config = read_config("/models/qwen")                  # config.json and, if there, generation_config.json
    config = ModelConfig.from_hf(json.loads(text))        # from the parsed file alone

Every number the engine needs is here under one name, whatever the folder calls it. What cannot be run is refused with
the name of the field. It refuses to know torch and weights.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ..errors import ModelError
from ..layers.rope_config import RopeConfig
from .registry import FAMILIES, Family

Dtype = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Shape of one model.

    max_context: longest text in tokens that the positions are meant for, stretching by rope scaling included.
    window: per layer, how many of the latest tokens, itself included, a token sees; None where it sees all of them.
    tie: the output product uses the embedding. dtype: of the checkpoint. eos_ids: tokens that end a text.
    """

    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    max_context: int
    rope: RopeConfig
    norm_eps: float
    tie: bool
    window: tuple[int | None, ...] | None
    qkv_bias: bool
    out_bias: bool
    mlp_bias: bool
    qk_norm: bool
    eos_ids: frozenset[int]
    bos_id: int | None
    dtype: Dtype

    @classmethod
    def from_hf(
        cls, config: Mapping[str, Any], generation: Mapping[str, Any] | None = None
    ) -> "ModelConfig":
        """From a parsed config.json and generation_config.json. Raises ModelError naming the field."""
        architecture, family = _family(config)
        _refuse_unsupported(config)
        heads = _count(config, "num_attention_heads")
        hidden = _count(config, "hidden_size")
        head_dim = _count(config, "head_dim", hidden // heads)
        layers = _count(config, "num_hidden_layers")
        max_positions = _count(config, "max_position_embeddings")
        rope = RopeConfig.from_hf(config, head_dim, max_positions)
        bias = family.bias_field is not None and bool(config.get(family.bias_field, False))
        return _checked(
            cls(
                architecture=architecture,
                layers=layers,
                hidden=hidden,
                heads=heads,
                kv_heads=_count(config, "num_key_value_heads", heads),
                head_dim=head_dim,
                intermediate=_count(config, "intermediate_size"),
                vocab=_count(config, "vocab_size"),
                max_context=rope.stretched(max_positions),
                rope=rope,
                norm_eps=_norm_eps(config),
                tie=bool(config.get("tie_word_embeddings", False)),
                window=_window(config, family, layers),
                qkv_bias=family.qkv_bias or bias,
                out_bias=bias,
                mlp_bias=bool(config.get("mlp_bias", False)),
                qk_norm=family.qk_norm,
                eos_ids=_eos_ids(config, generation or {}),
                bos_id=config.get("bos_token_id"),
                dtype=_dtype(config),
            )
        )


def read_config(folder: str | Path) -> ModelConfig:
    """The config of a local model folder. Raises ModelError where it is missing, broken or unsupported."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; give the local folder of a downloaded model")
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json; is it the folder of a Hugging Face model?")
    generation = folder / "generation_config.json"
    return ModelConfig.from_hf(
        read_json(folder / "config.json"), read_json(generation) if generation.is_file() else None
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of a model folder. Raises ModelError where it is not one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path} cannot be read: {error}; download the file again") from error
    if not isinstance(data, dict):
        raise ModelError(f"{path} must hold a JSON object, got {type(data).__name__}")
    return data


def _family(config: Mapping[str, Any]) -> tuple[str, Family]:
    names = config.get("architectures")
    if not isinstance(names, list) or not names:
        raise ModelError("config.json: 'architectures' is missing; it must name the model's class")
    if names[0] not in FAMILIES:
        known = ", ".join(sorted(FAMILIES))
        raise ModelError(
            f"config.json: architecture {names[0]!r} is not supported; supported: {known}"
        )
    return names[0], FAMILIES[names[0]]


def _refuse_unsupported(config: Mapping[str, Any]) -> None:
    if config.get("quantization_config"):
        raise ModelError(
            "config.json: 'quantization_config' is not supported; use the unquantised checkpoint"
        )
    activation = config.get("hidden_act", "silu")
    if activation != "silu":
        raise ModelError(f"config.json: hidden_act {activation!r} is not supported; only 'silu' is")


def _checked(config: ModelConfig) -> ModelConfig:
    if config.heads % config.kv_heads:
        raise ModelError(
            f"config.json: num_attention_heads {config.heads} is no multiple of num_key_value_heads {config.kv_heads}"
        )
    if config.head_dim % 2 or config.head_dim < 4:
        raise ModelError(
            f"config.json: head_dim must be even and at least 4, got {config.head_dim}"
        )
    return config


def _count(config: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = config.get(name)
    value = default if value is None else value
    if value is None:
        raise ModelError(f"config.json: {name!r} is missing")
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ModelError(f"config.json: {name!r} must be a whole number above 0, got {value!r:.80}")
    return value


def _norm_eps(config: Mapping[str, Any]) -> float:
    value = config.get("rms_norm_eps", 1e-6)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ModelError(f"config.json: 'rms_norm_eps' must be a small number, got {value!r:.80}")
    return float(value)


def _window(
    config: Mapping[str, Any], family: Family, layers: int
) -> tuple[int | None, ...] | None:
    if config.get("sliding_window") is None or family.window == "none":
        return None
    if family.window == "selected" and not config.get("use_sliding_window", False):
        return None
    size = _count(config, "sliding_window")
    kinds = config.get("layer_types")
    if kinds is None and family.window == "all":
        return (size,) * layers
    if kinds is None:
        first = _first_window_layer(config)
        kinds = ["sliding_attention" if i >= first else "full_attention" for i in range(layers)]
    if len(kinds) != layers or not set(kinds) <= {"sliding_attention", "full_attention"}:
        raise ModelError(
            f"config.json: 'layer_types' must name full_attention or sliding_attention for {layers} layers"
        )
    window = tuple(size if kind == "sliding_attention" else None for kind in kinds)
    return window if any(window) else None


def _first_window_layer(config: Mapping[str, Any]) -> int:
    value = config.get("max_window_layers", 28)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ModelError(
            f"config.json: 'max_window_layers' must be a whole number, got {value!r:.80}"
        )
    return value


def _eos_ids(config: Mapping[str, Any], generation: Mapping[str, Any]) -> frozenset[int]:
    """What ends a text; generation_config.json, where it says anything, is what the model's makers meant for use."""
    value = generation.get("eos_token_id")
    value = config.get("eos_token_id") if value is None else value
    ids = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(i, int) and i >= 0 for i in ids):
        raise ModelError(f"'eos_token_id' must be a token id or a list of them, got {value!r:.80}")
    return frozenset(ids)


def _dtype(config: Mapping[str, Any]) -> Dtype:
    value = config.get("dtype") or config.get("torch_dtype") or "float32"
    if value not in get_args(Dtype):
        raise ModelError(
            f"config.json: dtype {value!r} is not supported; supported: {', '.join(get_args(Dtype))}"
        )
    return value
