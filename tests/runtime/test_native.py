"""A model's native form against the model itself: every architecture, any mix of rows, memory that holds NaN."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from trellis.kernels.cpu.decoder import Coming, Decoder, compile_step
from trellis.kernels.cpu.target import Compiled
from trellis.runtime.bench import cpu as bench
from trellis.runtime.bundled import BUNDLED
from trellis.runtime.config import EngineConfig
from trellis.runtime.launch import open_client
from trellis.runtime.layers.placement import Placement
from trellis.runtime.models import native
from trellis.runtime.models.build import Model, build_model
from trellis.runtime.models.config import ModelConfig

CPU = Placement(torch.device("cpu"), torch.float32)
PAGE, ROWS, CONTEXT = 16, 4, 96
SHAPE: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 101,
    "hidden_size": 48,
    "intermediate_size": 72,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": CONTEXT,
    "rms_norm_eps": 1e-5,
    "torch_dtype": "float32",
}
CASES: dict[str, dict[str, Any]] = {
    "llama": {},
    "llama-biases-tied": {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
    "llama-odd-sizes": {
        "hidden_size": 50, "intermediate_size": 37, "head_dim": 20, "vocab_size": 33,
    },
    "mistral-window": {
        "architectures": ["MistralForCausalLM"], "sliding_window": 21, "num_key_value_heads": 6,
    },
    "qwen2-window": {
        "architectures": ["Qwen2ForCausalLM"], "use_sliding_window": True, "sliding_window": 5,
        "max_window_layers": 1,
    },
    "qwen3": {"architectures": ["Qwen3ForCausalLM"], "head_dim": 32, "num_key_value_heads": 1},
    "llama-bfloat16": {"torch_dtype": "bfloat16", "num_attention_heads": 4},
    "yarn": {
        "rope_parameters": {
            "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 24,
        }
    },
}  # fmt: skip


class DenseAttend:
    """Plain attention of one row over what it has seen."""

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
        return torch.einsum(
            "hqk,khd->qhd", scores.masked_fill(~seen, -torch.inf).softmax(-1), values
        )


@dataclass
class Scene:
    """A model, its native form over a pool of NaN with scattered pages, and the rows' texts so far."""

    model: Model
    decoder: Decoder
    pages: Tensor
    attends: list[DenseAttend]
    lengths: list[int]

    def step(self, counts: dict[int, int]) -> None:
        """`counts` new tokens of each row in one native step, and row by row in the model."""
        rows = [row for row, count in counts.items() for _ in range(count)]
        positions = [self.lengths[row] + i for row, count in counts.items() for i in range(count)]
        tokens = torch.randint(0, self.model.config.vocab, (len(rows),))
        hidden = self.decoder.forward(
            tokens, torch.tensor(positions), torch.tensor(rows), self.pages
        )
        expected = [
            self.model.forward(t, p, self.attends[row])
            for row, t, p in zip(
                counts,
                tokens.split(list(counts.values())),
                torch.tensor(positions).split(list(counts.values())),
                strict=True,
            )
        ]
        for row, count in counts.items():
            self.lengths[row] += count
        torch.testing.assert_close(hidden, torch.cat(expected), rtol=1e-4, atol=1e-4)
        logits = self.decoder.logits(hidden[::2])
        torch.testing.assert_close(
            logits, self.model.logits(torch.cat(expected)[::2]), rtol=1e-4, atol=1e-4
        )

    def draw(self, rows: list[int], last: Tensor) -> None:
        """A greedy step in one call, from each row's `last` token on, and the same step in parts."""
        lengths = torch.tensor(self.lengths, dtype=torch.int32)
        order = torch.tensor(rows)
        hidden = self.decoder.forward(last[order], lengths[order].long(), order, self.pages)
        expected = self.decoder.logits(hidden).argmax(1)
        drawn = self.decoder.draw(order, last, lengths, self.pages)
        assert drawn.dtype == torch.int32
        assert drawn.tolist() == expected.tolist() == last[order].tolist()
        for row in rows:
            self.lengths[row] += 1
        assert lengths.tolist() == self.lengths


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        yield
    torch.set_num_threads(threads)


def open_scene(options: dict[str, Any], threads: int = 2, lanes: int | None = None) -> Scene:
    config = ModelConfig.from_hf(SHAPE | options)
    model = build_model(config, CPU, CONTEXT)
    torch.manual_seed(len(str(options)))
    for name, parameter in model.parameters().items():
        parameter.normal_(1.0 if "norm" in name else 0.0, 0.2)
        if config.dtype == "bfloat16":
            parameter.copy_(parameter.bfloat16())
    coming = native.begin(config, CPU, PAGE)
    assert coming is not None
    if lanes is not None:
        target = replace(coming.target, lanes=lanes, rows=4)
        code: Future[Compiled] = Future()
        code.set_result(compile_step(coming.shape, target))
        coming = Coming(coming.shape, target, code)
    blank = 1 + ROWS * CONTEXT // PAGE
    shape = (config.layers, 2, blank, config.kv_heads, PAGE, config.head_dim)
    decoder = native.open_decoder(coming, model, torch.full(shape, torch.nan), threads)
    pages = (torch.randperm(blank - 1) + 1).int().view(ROWS, -1)
    return Scene(model, decoder, pages, [DenseAttend(config) for _ in range(ROWS)], [0] * ROWS)


@pytest.mark.parametrize("case", CASES)
def test_native_equals_model(case: str) -> None:
    scene = open_scene(CASES[case])
    scene.step({0: 40, 2: 1, 1: 17})
    scene.step({3: 5, 0: 1, 1: 30})
    for _ in range(8):
        scene.step({2: 1, 0: 1, 3: 1, 1: 1})
    scene.step({0: 3, 3: 1})
    scene.step({2: 1})


@pytest.mark.parametrize("case", ["llama-odd-sizes", "qwen2-window", "llama-bfloat16"])
def test_a_greedy_step_in_one_call_is_its_parts(case: str) -> None:
    scene = open_scene(CASES[case])
    scene.step({0: 15, 2: 1, 1: 17})
    last = torch.randint(0, scene.model.config.vocab, (ROWS,))
    for _ in range(4):
        scene.draw([2, 0, 1], last)
    untouched = last[0].item()
    scene.draw([1], last)
    assert last[0] == untouched


@pytest.mark.parametrize("lanes", [4, 8])
def test_machines_with_shorter_vectors(lanes: int) -> None:
    scene = open_scene(CASES["llama-odd-sizes"], lanes=lanes)
    scene.step({0: 40, 2: 1, 1: 17})
    scene.step({2: 1, 0: 1, 3: 1, 1: 1})


def test_half_only_where_nothing_is_lost() -> None:
    """A checkpoint that calls itself bfloat16 and is not is kept in full."""
    scene = open_scene({"torch_dtype": "bfloat16"})
    assert scene.decoder.shape.half
    next(iter(scene.model.layers)).mlp.down.weight[0, 0] = 1.00001
    coming = native.begin(scene.model.config, CPU, PAGE)
    assert coming is not None and coming.shape.half
    pool = torch.zeros((2, 2, 2, 2, PAGE, 16))
    assert not native.open_decoder(coming, scene.model, pool, 1).shape.half


def test_many_tokens_are_computed_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trellis.kernels.cpu.decoder.MOST_ROWS", 7)
    scene = open_scene({}, threads=1)
    scene.step({0: 40, 2: 1, 1: 17})
    scene.step({0: 1, 1: 9, 2: 1})
    monkeypatch.setattr("trellis.kernels.cpu.decoder.MOST_ROWS", 2)
    scene.draw([2, 0, 1], torch.randint(0, scene.model.config.vocab, (ROWS,)))


def test_what_does_not_fit_stays_with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ModelConfig.from_hf(SHAPE)
    assert native.begin(config, Placement(CPU.device, torch.bfloat16), PAGE) is None
    assert native.begin(config, Placement(torch.device("meta"), torch.float32), PAGE) is None
    monkeypatch.setattr(native, "MOST_BYTES", 1000)
    assert native.begin(config, CPU, PAGE) is None


def test_bundled_model_gives_what_transformers_gives() -> None:
    pytest.importorskip("transformers")
    with torch.inference_mode(False):
        client = open_client(EngineConfig(device="cpu", dtype="float32", kv_tokens=8192))
        try:
            assert client.engine.runner.parts.decoder is not None
            lines = [f"Ben booked {i} rooms in Riga for the {i + 1}th." for i in range(5)]
            prompts = [client.resources.tokenizer.encode(line) for line in lines]
            shortest = min(map(len, prompts))
            prompts = [tokens[:shortest] for tokens in prompts]
            peer = bench._peer(BUNDLED)
            assert bench._ours(client)(prompts) == peer(prompts)
        finally:
            client.close()


def test_native_can_be_declined() -> None:
    with torch.inference_mode(False):
        client = open_client(EngineConfig(device="cpu", kv_tokens=512, native=False))
        assert client.engine.runner.parts.decoder is None
        client.close()
