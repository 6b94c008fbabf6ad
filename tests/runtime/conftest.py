"""A device that is a dictionary: it checks that every step finds the KV that it relies on."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from trellis.runtime.step import Result, Step

VOCABULARY = 97
PAGE = 16


def next_token(tokens: Sequence[int], seed: int) -> int:
    """The toy model: a token that depends on all earlier ones, their order, and the seed."""
    total = seed
    for position, token in enumerate(tokens):
        total = (total * 31 + token * (position + 7)) % 1_000_003
    return total % VOCABULARY


class Launched:
    def __init__(self, result: Result) -> None:
        self._result = result

    def result(self) -> Result:
        return self._result


class DictRunner:
    """KV as a dictionary (page, offset) -> (position, token). Attention reads all earlier positions of a row and
    fails where one is missing or holds another token's place."""

    def __init__(self) -> None:
        self.kv: dict[tuple[int, int], tuple[int, int]] = {}
        self.tables: dict[int, list[int]] = {}
        self.last: dict[int, int] = {}
        self.seeds: dict[int, int] = {}
        self.states: dict[int, int] = {}
        self.steps: list[Step] = []
        self.fail_at: int | None = None

    def reset(self) -> None:
        self.tables.clear()

    def launch(self, step: Step) -> Launched:
        self.steps.append(step)
        if self.fail_at is not None and len(self.steps) == self.fail_at:
            raise RuntimeError("the device is on fire")
        for row in step.ends:
            self.tables.pop(row, None)
        for start in step.starts:
            self.tables[start.row] = []
            self.seeds[start.row] = start.seed
        copied = {
            (destination, offset): self.kv[source, offset]
            for source, destination in step.copies
            for offset in range(PAGE)
            if (source, offset) in self.kv
        }
        self.kv.update(copied)
        for row, place in step.places:
            self.states[row] = place
        for row, first, pages in step.pages:
            table = self.tables[row]
            assert first == len(table), f"row {row}: pages from {first}, the table has {len(table)}"
            table.extend(pages)
        self._write(step)
        return self._read(step)

    def place(self, step: Step) -> dict[int, Exception]:
        return {}

    def _inputs(self, work: object) -> list[int]:
        return [self.last[work.row]] if work.tokens is None else list(work.tokens)

    def _write(self, step: Step) -> None:
        used: set[tuple[int, int]] = set()
        for work in step.work:
            inputs = self._inputs(work)
            assert len(inputs) == work.count
            for position, token in enumerate(inputs, work.position):
                page = self.tables[work.row][position // PAGE]
                place = page, position % PAGE
                assert page != 0, "page 0 is nobody's"
                assert place not in used, f"two rows write {place} in one step"
                used.add(place)
                self.kv[place] = position, token

    def _context(self, row: int, length: int) -> list[int]:
        context = []
        for position in range(length):
            place = self.tables[row][position // PAGE], position % PAGE
            assert place in self.kv, f"row {row} position {position}: no KV at {place}"
            held, token = self.kv[place]
            assert held == position, (
                f"row {row} position {position}: KV of position {held} at {place}"
            )
            context.append(token)
        return context

    def _read(self, step: Step) -> Launched:
        tokens, scores = [], []
        for work in step.work:
            end = work.position + work.count
            context = self._context(work.row, end)
            if work.sample:
                self.last[work.row] = next_token(context, self.seeds[work.row])
                tokens.append(self.last[work.row])
            for index, target in enumerate(work.targets):
                at = end - len(work.targets) + index + 1
                scores.append(-float((next_token(context[:at], 0) - target) % VOCABULARY))
        return Launched(Result(np.array(tokens, np.int32), scores=np.array(scores, np.float32)))


@pytest.fixture
def runner() -> DictRunner:
    return DictRunner()


TINY = {
    "architectures": ["Qwen3ForCausalLM"],
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 96,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
    "hidden_act": "silu",
}


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random two-layer model and the bundled tokenizer."""
    import torch
    from safetensors.torch import save_file

    from trellis.runtime.bundled import BUNDLED
    from trellis.runtime.layers.placement import Placement
    from trellis.runtime.models.build import build_model
    from trellis.runtime.models.config import ModelConfig
    from trellis.runtime.tokenizer import Tokenizer
    from trellis.runtime.weights.dummy import fill_dummy

    folder = tmp_path_factory.mktemp("tiny")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(BUNDLED / name, folder / name)
    tokenizer = Tokenizer.from_folder(folder)
    config = TINY | {"vocab_size": tokenizer.size, "eos_token_id": sorted(tokenizer.eos_ids)}
    (folder / "config.json").write_text(json.dumps(config))
    model = build_model(
        ModelConfig.from_hf(config), Placement(torch.device("cpu"), torch.float32), 512
    )
    fill_dummy(model, seed=3)
    # Larger than a trained model's, so that greedy answers do not hang on rounding.
    tensors = {name: (t * 8).contiguous().clone() for name, t in model.parameters().items()}
    save_file(tensors, folder / "model.safetensors")
    return folder
