"""Every architecture and rope scaling against transformers, from folders that transformers wrote."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trellis.kernels.packed_linear import PackedProduct
from trellis.runtime import launch
from trellis.runtime.config import EngineConfig
from trellis.runtime.errors import ModelError
from trellis.runtime.layers.placement import Placement
from trellis.runtime.models.build import Model, build_model
from trellis.runtime.models.config import ModelConfig, read_config
from trellis.runtime.weights.dummy import fill_dummy
from trellis.runtime.weights.load import load_weights

PROMPT, STEPS = 12, 200
CPU = Placement(torch.device("cpu"), torch.float32)
SHAPE = {
    "vocab_size": 101,
    "hidden_size": 48,
    "intermediate_size": 72,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 512,
    "bos_token_id": 1,
    "eos_token_id": None,
    "attn_implementation": "eager",
}
YARN = {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {}),
    "llama-tied-all-biases": (
        "Llama",
        {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True},
    ),
    "mistral": ("Mistral", {"sliding_window": None}),
    "mistral-window": ("Mistral", {"sliding_window": 24, "num_key_value_heads": 6}),
    "qwen2": ("Qwen2", {"rms_norm_eps": 1e-3}),
    "qwen2-window": (
        "Qwen2",
        {"use_sliding_window": True, "sliding_window": 20, "max_window_layers": 2},
    ),
    "qwen3": ("Qwen3", {"tie_word_embeddings": True, "head_dim": 32, "num_key_value_heads": 1}),
    "theta": ("Llama", {"rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0}}),
    "linear": ("Llama", {"rope_parameters": {"rope_type": "linear", "factor": 4.0}}),
    "dynamic": (
        "Llama",
        {
            "rope_parameters": {"rope_type": "dynamic", "factor": 4.0},
            "max_position_embeddings": 64,
        },
    ),
    "llama3": (
        "Llama",
        {
            "rope_parameters": {
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            }
        },
    ),
    "yarn": ("Qwen3", {"rope_parameters": YARN}),
    "yarn-options": (
        "Qwen2",
        {
            "rope_parameters": YARN
            | {"truncate": False, "beta_fast": 16.0, "beta_slow": 2.0}
            | {"mscale": 0.7, "mscale_all_dim": 1.3}
        },
    ),
    "yarn-factor": ("Llama", {"rope_parameters": YARN | {"attention_factor": 0.9}}),
}


class DenseAttend:
    """Attention over all keys so far, of one text, with a mask: the plainest there is."""

    def __init__(self, config: ModelConfig) -> None:
        self.window = config.window or (None,) * config.layers
        self.group = config.heads // config.kv_heads
        self.keys = [torch.empty(0, config.kv_heads, config.head_dim)] * config.layers
        self.values = list(self.keys)

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        keys = self.keys[layer] = torch.cat((self.keys[layer], k))
        values = self.values[layer] = torch.cat((self.values[layer], v))
        keys, values = (x.repeat_interleave(self.group, dim=1) for x in (keys, values))
        scores = torch.einsum("qhd,khd->hqk", q, keys) * q.shape[-1] ** -0.5
        at = torch.arange(len(keys))
        distance = at[-len(q) :, None] - at
        seen = (distance >= 0) & (distance < (self.window[layer] or len(keys)))
        weights = scores.masked_fill(~seen, -torch.inf).softmax(-1)
        return torch.einsum("hqk,khd->qhd", weights, values)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small only wait for each other's threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def randomise(model: torch.nn.Module) -> None:
    """Every parameter away from its neutral value, so that none can be forgotten unseen."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in name else 0.0, 0.15)


@pytest.fixture(scope="module", params=CASES)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, Path]]:
    """A random transformers model and the sharded folder that it was saved to."""
    transformers = pytest.importorskip("transformers")
    family, options = CASES[request.param]
    torch.manual_seed(sum(map(ord, request.param)))
    config = getattr(transformers, f"{family}Config")(**(SHAPE | options))
    theirs = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    randomise(theirs)
    folder = tmp_path_factory.mktemp(request.param)
    theirs.save_pretrained(folder, max_shard_size="30KB")
    assert len(list(folder.glob("*.safetensors"))) > 2
    yield theirs, folder


def load(folder: Path) -> Model:
    model = build_model(read_config(folder), CPU)
    load_weights(model, folder)
    return model


def greedy(model: Model, prompt: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Token ids [steps] and logits [steps, vocab]."""
    attend, tokens, rows = DenseAttend(model.config), [prompt], []
    for _ in range(steps):
        start = sum(map(len, tokens[:-1]))
        positions = torch.arange(start, start + len(tokens[-1]))
        rows.append(model.logits(model.forward(tokens[-1], positions, attend)[-1:]))
        tokens.append(rows[-1].argmax(-1))
    return torch.cat(tokens[1:]), torch.cat(rows)


@torch.inference_mode()
def test_same_greedy_tokens_and_logits(pair: tuple[Any, Path]) -> None:
    theirs, folder = pair
    prompt = torch.randint(0, SHAPE["vocab_size"], (PROMPT,))
    given = theirs.generate(
        prompt[None],
        attention_mask=torch.ones(1, PROMPT, dtype=torch.long),
        max_new_tokens=STEPS,
        do_sample=False,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_logits=True,
    )
    tokens, logits = greedy(load(folder), prompt, STEPS)
    torch.testing.assert_close(logits, torch.cat(given.logits), rtol=0, atol=1e-4)
    assert tokens.tolist() == given.sequences[0, PROMPT:].tolist()


@torch.inference_mode()
def test_chunks_equal_whole(pair: tuple[Any, Path]) -> None:
    model = load(pair[1])
    tokens = torch.randint(0, SHAPE["vocab_size"], (90,))
    positions = torch.arange(90)
    whole = model.forward(tokens, positions, DenseAttend(model.config))
    attend = DenseAttend(model.config)
    chunks = [
        model.forward(t, p, attend)
        for t, p in zip(tokens.split([1, 30, 59]), positions.split([1, 30, 59]), strict=True)
    ]
    torch.testing.assert_close(torch.cat(chunks), whole, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@torch.inference_mode()
def test_half_precision_follows_float32(pair: tuple[Any, Path], dtype: torch.dtype) -> None:
    folder = pair[1]
    model = build_model(read_config(folder), Placement(torch.device("cpu"), dtype))
    load_weights(model, folder)
    assert {p.dtype for p in model.parameters().values()} == {dtype}
    tokens, positions = torch.arange(20), torch.arange(20)
    full = load(folder)
    exact = full.forward(tokens, positions, DenseAttend(full.config))
    attend = DenseAttend(full.config)
    rounded = model.forward(
        tokens, positions, lambda i, *qkv: attend(i, *map(Tensor.float, qkv)).to(dtype)
    )
    likeness = torch.cosine_similarity(rounded.float(), exact, dim=-1)
    assert likeness.min() > 0.98


def tiny(**options: Any) -> ModelConfig:
    given = {k: v for k, v in SHAPE.items() if k != "attn_implementation"}
    return ModelConfig.from_hf(given | {"architectures": ["Qwen3ForCausalLM"]} | options)


@torch.inference_mode()
def test_dummy_weights_are_finite_and_repeatable() -> None:
    rows = []
    for _ in range(2):
        model = build_model(tiny(num_hidden_layers=24), CPU)
        for parameter in model.parameters().values():
            parameter.fill_(torch.nan)
        fill_dummy(model, seed=3)
        hidden = model.forward(torch.arange(7), torch.arange(7), DenseAttend(model.config))
        rows.append(model.logits(hidden))
    assert rows[0].isfinite().all()
    assert torch.equal(rows[0], rows[1])


def test_parameters_cover_the_model_once() -> None:
    """Each element of each tensor belongs to exactly one named parameter."""
    model = build_model(tiny(attention_bias=True, mlp_bias=True), CPU)
    owners: dict[int, int] = {}
    for parameter in model.parameters().values():
        assert parameter.is_contiguous()
        for offset in range(0, parameter.numel(), 7):
            address = parameter.data_ptr() + 4 * offset
            owners[address] = owners.get(address, 0) + 1
    assert set(owners.values()) == {1}


def test_linear_takes_another_product() -> None:
    model = build_model(tiny(), CPU)
    fill_dummy(model)
    calls = []

    def counted(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        calls.append(tuple(weight.shape))
        return torch.nn.functional.linear(x, weight, bias)

    model.layers[1].mlp.down.product = counted
    model.forward(torch.arange(3), torch.arange(3), DenseAttend(model.config))
    assert calls == [(48, 72)]


@pytest.mark.parametrize("tie", [False, True])
def test_packed_weights_give_what_plain_ones_give(tie: bool) -> None:
    model = build_model(tiny(attention_bias=True, mlp_bias=True, tie_word_embeddings=tie), CPU)
    fill_dummy(model)
    tokens = torch.arange(5)

    def logits() -> Tensor:
        return model.logits(model.forward(tokens, tokens, DenseAttend(model.config)))

    plain = logits()
    for linear in model.linears():
        linear.pack()
    packed = logits()
    assert all(isinstance(linear.product, PackedProduct) for linear in model.linears())
    torch.testing.assert_close(packed, plain, atol=1e-5, rtol=1e-4)


def test_what_fits_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model(tiny(), CPU)
    sizes = [linear.weight.nbytes for linear in model.linears()]
    monkeypatch.setattr(launch, "PACKED_BYTES", sum(sizes[:3]))
    launch._pack(model)
    packed = [isinstance(linear.product, PackedProduct) for linear in model.linears()]
    assert packed == [True] * 3 + [False] * (len(sizes) - 3)


def test_a_small_model_computes_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model(tiny(), CPU)
    assert launch._threads(EngineConfig(), model) == 1
    assert launch._threads(EngineConfig(threads=3), model) == 3
    monkeypatch.setattr(launch, "ONE_THREAD_BYTES", 1000)
    assert launch._threads(EngineConfig(), model) == torch.get_num_threads()


def test_more_positions_than_the_model_takes() -> None:
    with pytest.raises(ModelError, match="512 tokens of context, 513"):
        build_model(tiny(), CPU, max_positions=513)
