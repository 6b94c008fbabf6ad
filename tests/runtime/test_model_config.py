"""What a config.json means, in old and new spellings, and what is refused with which words."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from trellis.runtime.errors import ModelError
from trellis.runtime.layers.rope import inverse_frequencies, rope_table
from trellis.runtime.layers.rope_config import RopeConfig
from trellis.runtime.models.config import ModelConfig, read_config

SHAPE: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 1000,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "max_position_embeddings": 2048,
}


def read(**options: Any) -> ModelConfig:
    return ModelConfig.from_hf(SHAPE | options)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in SHAPE.items() if key != name}


def test_defaults() -> None:
    config = read()
    assert (config.kv_heads, config.head_dim, config.max_context) == (8, 8, 2048)
    assert (config.tie, config.window, config.qkv_bias, config.qk_norm) == (
        False,
        None,
        False,
        False,
    )
    assert (config.dtype, config.eos_ids, config.bos_id) == ("float32", frozenset(), None)
    assert config.rope == RopeConfig(dim=8, theta=10_000.0, original_context=2048)


@pytest.mark.parametrize("field", ["dtype", "torch_dtype"])
def test_dtype_in_both_spellings(field: str) -> None:
    assert read(**{field: "bfloat16"}).dtype == "bfloat16"


LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}


@pytest.mark.parametrize(
    "options",
    [
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, **LLAMA3}},
        {"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", **LLAMA3}},
        {"rope_theta": 5e5, "rope_scaling": {"type": "llama3", **LLAMA3}},
    ],
)
def test_rope_in_all_spellings(options: dict[str, Any]) -> None:
    rope = read(**options).rope
    assert (rope.kind, rope.theta, rope.factor, rope.original_context) == ("llama3", 5e5, 8.0, 2048)


@pytest.mark.parametrize(
    ("scaling", "context"),
    [
        ({"rope_type": "linear", "factor": 4.0}, 8192),
        ({"rope_type": "dynamic", "factor": 2.0}, 4096),
        ({"rope_type": "yarn", "factor": 4.0}, 8192),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512}, 2048),
        ({"rope_type": "llama3", **LLAMA3, "original_max_position_embeddings": 256}, 2048),
    ],
)
def test_context_follows_the_stretching(scaling: dict[str, Any], context: int) -> None:
    assert read(rope_scaling=scaling).max_context == context


def test_yarn_factor_may_follow_from_the_contexts() -> None:
    yarn = {"rope_type": "yarn", "factor": None, "original_max_position_embeddings": 512}
    rope = read(rope_parameters=yarn).rope
    assert rope.factor == 4.0
    assert rope.attention_factor == pytest.approx(0.1 * math.log(4.0) + 1)


def test_window_of_each_family() -> None:
    mistral = {"architectures": ["MistralForCausalLM"], "sliding_window": 128}
    assert read(**mistral).window == (128,) * 4
    assert read(**mistral | {"sliding_window": None}).window is None
    qwen = {"architectures": ["Qwen2ForCausalLM"], "sliding_window": 128, "max_window_layers": 3}
    assert read(**qwen).window is None
    assert read(**qwen, use_sliding_window=True).window == (None, None, None, 128)
    kinds = ["sliding_attention", "full_attention"] * 2
    assert read(**qwen, use_sliding_window=True, layer_types=kinds).window == (128, None, 128, None)
    assert read(sliding_window=128).window is None


def test_traits_of_each_family() -> None:
    qwen2 = read(architectures=["Qwen2ForCausalLM"], attention_bias=True)
    assert (qwen2.qkv_bias, qwen2.out_bias, qwen2.qk_norm) == (True, False, False)
    qwen3 = read(architectures=["Qwen3ForCausalLM"])
    assert (qwen3.qkv_bias, qwen3.out_bias, qwen3.qk_norm) == (False, False, True)
    llama = read(attention_bias=True)
    assert (llama.qkv_bias, llama.out_bias) == (True, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"architectures": ["GPT2LMHeadModel"]},
            "'GPT2LMHeadModel' is not supported; supported: Ll",
        ),
        ({"architectures": None}, "'architectures' is missing"),
        ({"vocab_size": "many"}, "'vocab_size' must be a whole number above 0, got 'many'"),
        ({"num_hidden_layers": True}, "'num_hidden_layers' must be"),
        ({"hidden_size": None}, "'hidden_size' is missing"),
        ({"num_key_value_heads": 3}, "num_attention_heads 8 is no multiple of .* 3"),
        ({"head_dim": 7}, "head_dim must be even"),
        ({"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        ({"quantization_config": {"bits": 4}}, "use the unquantised checkpoint"),
        ({"dtype": "float8_e4m3fn"}, "dtype 'float8_e4m3fn'"),
        ({"rms_norm_eps": "1e-5"}, "'rms_norm_eps'"),
        ({"eos_token_id": "</s>"}, "'eos_token_id'"),
        ({"rope_scaling": "linear"}, "rope_parameters must be an object"),
        (
            {"rope_scaling": {"rope_type": "longrope"}},
            "'longrope' is not supported; supported: def",
        ),
        ({"rope_scaling": {"rope_type": "linear"}}, "lack 'factor'"),
        ({"rope_scaling": {"rope_type": "linear", "factor": 0.5}}, "at least 1"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8}}, "lack 'low_freq_factor'"),
        ({"rope_scaling": {"rope_type": "linear", "factor": "4"}}, "must be a number above 0"),
        ({"rope_parameters": {"full_attention": {"rope_theta": 1e4}}}, "per layer type"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor 0.5"),
        (
            {
                "architectures": ["MistralForCausalLM"],
                "sliding_window": 8,
                "layer_types": ["full_attention"],
            },
            "'layer_types' must name",
        ),
    ],
)
def test_refusals_name_the_field(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read(**options)


@pytest.mark.parametrize("name", [n for n in SHAPE if n != "architectures"])
def test_missing_field(name: str) -> None:
    with pytest.raises(ModelError, match=f"'{name}' is missing"):
        ModelConfig.from_hf(without(name))


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a folder"):
        read_config(tmp_path / "none")
    with pytest.raises(ModelError, match=r"no config\.json"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(SHAPE | {"eos_token_id": 2}))
    assert read_config(tmp_path).eos_ids == {2}
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [5, 6]}))
    assert read_config(tmp_path).eos_ids == {5, 6}


def test_table_is_cosines_then_sines() -> None:
    table = rope_table(RopeConfig(dim=4, theta=100.0), 50, "cpu")
    assert (table.shape, table.dtype) == ((50, 4), torch.float32)
    expected = [math.cos(7), math.cos(0.7), math.sin(7), math.sin(0.7)]
    torch.testing.assert_close(table[7], torch.tensor(expected))


def test_dynamic_table_keeps_the_past() -> None:
    """A longer table begins with the shorter one, so keys in the pool stay right, and with the unscaled one."""
    rope = RopeConfig(dim=16, kind="dynamic", factor=4.0, original_context=32)
    long, short = rope_table(rope, 128, "cpu"), rope_table(rope, 40, "cpu")
    torch.testing.assert_close(long[:40], short)
    torch.testing.assert_close(long[:32], rope_table(RopeConfig(dim=16), 32, "cpu"))
    assert not torch.allclose(long[40:], rope_table(RopeConfig(dim=16), 128, "cpu")[40:])


def test_scalings_leave_short_waves_and_stretch_long_ones() -> None:
    plain = inverse_frequencies(RopeConfig(dim=64))
    for kind in ("llama3", "yarn"):
        rope = RopeConfig(dim=64, kind=kind, factor=8.0, original_context=1024)
        ratio = plain / inverse_frequencies(rope)
        assert ratio[0] == pytest.approx(1.0)
        assert ratio[-1] == pytest.approx(8.0, rel=1e-5)
        assert (ratio.diff() >= -1e-5).all()
