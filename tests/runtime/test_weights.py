"""Loading: every parameter exactly once, and what is wrong with a folder is said in words."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from trellis.runtime.errors import ModelError
from trellis.runtime.layers.placement import Placement
from trellis.runtime.models.build import Model, build_model
from trellis.runtime.models.config import ModelConfig
from trellis.runtime.weights.dummy import fill_dummy
from trellis.runtime.weights.files import INDEX, SINGLE, find_shards
from trellis.runtime.weights.load import fill_parameters, load_weights

CPU = Placement(torch.device("cpu"), torch.float32)
SHAPE = {
    "architectures": ["Qwen3ForCausalLM"],
    "vocab_size": 13,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "max_position_embeddings": 32,
}
Q, K = "model.layers.1.self_attn.q_proj.weight", "model.layers.1.self_attn.k_proj.weight"


def make(**options: Any) -> Model:
    return build_model(ModelConfig.from_hf(SHAPE | options), CPU)


def checkpoint(**options: Any) -> dict[str, Tensor]:
    model = make(**options)
    fill_dummy(model, seed=5)
    return {name: parameter.clone() for name, parameter in model.parameters().items()}


def write(folder: Path, tensors: dict[str, Tensor], shards: int = 1) -> None:
    """A folder as model makers write it: one file, or several and their index."""
    if shards == 1:
        save_file(tensors, folder / SINGLE)
        return
    names = sorted(tensors)
    where = {n: f"model-{i % shards:05}.safetensors" for i, n in enumerate(names)}
    for file in set(where.values()):
        save_file({n: tensors[n] for n in names if where[n] == file}, folder / file)
    (folder / INDEX).write_text(json.dumps({"weight_map": where}))


def loaded(folder: Path, **options: Any) -> dict[str, Tensor]:
    model = make(**options)
    for parameter in model.parameters().values():
        parameter.fill_(torch.nan)
    load_weights(model, folder)
    return model.parameters()


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("shards", [1, 3])
def test_what_is_written_is_loaded(tmp_path: Path, shards: int, tie: bool) -> None:
    tensors = checkpoint(tie_word_embeddings=tie)
    assert ("lm_head.weight" in tensors) is not tie
    write(tmp_path, tensors, shards)
    got = loaded(tmp_path, tie_word_embeddings=tie)
    assert got.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(got[name], tensor), name


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_dtype_is_converted(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {name: tensor.to(dtype) for name, tensor in checkpoint().items()}
    write(tmp_path, tensors)
    for name, parameter in loaded(tmp_path).items():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter, tensors[name].float()), name


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_order_does_not_matter_and_merged_products_hold_their_parts(random: Any) -> None:
    tensors = checkpoint(attention_bias=True)
    names = list(tensors)
    random.shuffle(names)
    model = make(attention_bias=True)
    fill_parameters(model, ((name, tensors[name]) for name in names))
    x = torch.randn(3, 8)
    parts = [f"model.layers.1.self_attn.{p}_proj" for p in "qkv"]
    apart = [x @ tensors[f"{p}.weight"].T + tensors[f"{p}.bias"] for p in parts]
    torch.testing.assert_close(model.layers[1].attention.qkv(x), torch.cat(apart, dim=1))


def drop(tensors: dict[str, Tensor]) -> None:
    del tensors[Q], tensors[K]


def widen(tensors: dict[str, Tensor]) -> None:
    tensors[K] = torch.zeros(9, 8)


def quantise(tensors: dict[str, Tensor]) -> None:
    tensors[K] = tensors[K].to(torch.int8)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (drop, f"lacks {K}, {Q}"),
        (lambda t: t.update({"model.layers.2.extra": t[Q]}), "no place for model.layers.2.extra"),
        (widen, r"shape \[9, 8\], config.json calls for \[8, 8\]"),
        (quantise, "quantised"),
    ],
)
def test_checkpoint_that_does_not_fit(
    tmp_path: Path, damage: Callable[[dict[str, Tensor]], None], message: str
) -> None:
    tensors = checkpoint()
    damage(tensors)
    write(tmp_path, {n: t.clone() for n, t in tensors.items()}, shards=2)
    with pytest.raises(ModelError, match=message):
        loaded(tmp_path)


def test_a_tensor_in_two_shards(tmp_path: Path) -> None:
    tensors = checkpoint()
    write(tmp_path, tensors, shards=2)
    first = find_shards(tmp_path)[0]
    save_file(tensors, first)
    with pytest.raises(ModelError, match="twice"):
        loaded(tmp_path)


def test_tied_head_may_be_repeated_but_not_differ(tmp_path: Path) -> None:
    tensors = checkpoint(tie_word_embeddings=True)
    head = tensors["model.embed_tokens.weight"].clone()
    write(tmp_path, tensors | {"lm_head.weight": head})
    loaded(tmp_path, tie_word_embeddings=True)
    write(tmp_path, tensors | {"lm_head.weight": head + 1})
    with pytest.raises(ModelError, match="tie_word_embeddings"):
        loaded(tmp_path, tie_word_embeddings=True)


def test_constants_of_the_rotation_are_no_leftovers(tmp_path: Path) -> None:
    write(tmp_path, checkpoint() | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(2)})
    loaded(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_truncated_file(tmp_path: Path, keep: int) -> None:
    write(tmp_path, checkpoint())
    path = tmp_path / SINGLE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match="truncated or damaged.*download it again"):
        loaded(tmp_path)


def test_git_lfs_pointer(tmp_path: Path) -> None:
    (tmp_path / SINGLE).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(ModelError, match="git lfs pull"):
        loaded(tmp_path)


def test_missing_shard(tmp_path: Path) -> None:
    write(tmp_path, checkpoint(), shards=3)
    find_shards(tmp_path)[1].unlink()
    with pytest.raises(ModelError, match="lacks the weight files model-00001.safetensors"):
        loaded(tmp_path)


def test_index_that_points_outside(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(json.dumps({"weight_map": {Q: "../secret.safetensors"}}))
    with pytest.raises(ModelError, match="outside the folder"):
        find_shards(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"weight_map": 3}'])
def test_broken_index(tmp_path: Path, text: str) -> None:
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(ModelError, match="index.json"):
        find_shards(tmp_path)


def test_no_weights_and_pickled_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="download the model's safetensors"):
        find_shards(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80")
    with pytest.raises(ModelError, match="pickled"):
        find_shards(tmp_path)
