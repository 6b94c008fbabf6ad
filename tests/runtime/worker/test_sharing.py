"""What rows share is read off their page tables, once while they stay the same."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from trellis.kernels.attention import share as attention_share
from trellis.kernels.attention.shape import AttentionShape
from trellis.kernels.attention.space import AttentionSpace
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.bench.engine import answers
from trellis.runtime.config import EngineConfig
from trellis.runtime.launch import open_client
from trellis.runtime.memory.pools import Pool, PoolShape
from trellis.runtime.step import Work
from trellis.runtime.worker import sharing as sharing_module
from trellis.runtime.worker.attend import Attention
from trellis.runtime.worker.graphs import captured_sizes, padded_size
from trellis.runtime.worker.rows import Rows
from trellis.runtime.worker.sharing import Sharing

CPU = torch.device("cpu")
GREEDY = SamplingParams(max_tokens=24, temperature=0.0, ignore_eos=True)


@pytest.fixture
def rows() -> Rows:
    """Four rows, of which the first three begin with the same 64 pages."""
    rows = Rows(4, 80, CPU)
    common = list(range(1, 65))
    rows.write_pages([(row, 0, [*common, 100 + row]) for row in range(3)])
    rows.write_pages([(3, 0, list(range(200, 265)))])
    return rows


@pytest.fixture
def sharing(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Sharing:
    """As on a GPU: with space for plans, and where whatever is saved pays."""
    monkeypatch.setattr(attention_share, "LEAST_SAVED_BYTES", 1)
    monkeypatch.setattr("trellis.kernels.attention.space.uses_triton", lambda tensor: True)
    space = AttentionSpace.create(AttentionShape(4, 2, 16, torch.float32), 8, 2048, CPU)
    pool = Pool(PoolShape(1, 2, 16, 16, torch.float32), 4, CPU)
    return Sharing(Attention(pool, space, 0.25, (None,)), rows)


def decode(*rows: int) -> list[Work]:
    return [Work(row, 1030, 1, None, True) for row in rows]


def test_rows_of_one_prefix_share_it(sharing):
    shared = sharing.of(decode(0, 1, 2, 3), (0, 1, 2, 3))
    assert shared is not None
    assert shared.begins.tolist() == [1024, 1024, 1024, 0]
    assert sharing.of(decode(0, 3), (0, 3)) is None


def test_only_what_was_there_before_the_new_tokens_is_shared(sharing):
    work = [Work(0, 600, 1, None, True), Work(1, 1030, 1, None, True)]
    shared = sharing.of(work, (0, 1))
    assert shared is not None
    assert shared.begins.tolist() == [512, 512]


def test_the_plan_is_kept_while_rows_and_counts_are(sharing, monkeypatch):
    first = sharing.of(decode(0, 1), (0, 1))
    monkeypatch.setattr(sharing_module, "find_segments", lambda *_: pytest.fail("looked again"))
    assert sharing.of(decode(0, 1), (0, 1)) is first
    longer = [Work(0, 1030, 3, [1, 2, 3], True), *decode(1)]
    other = sharing.of(longer, (0, 1))
    assert other is not None and other is not first
    assert other.members.tolist() == [0, 1, 2, 3]


def test_new_requests_on_the_same_rows_are_looked_at(sharing, rows):
    assert sharing.of(decode(0, 1), (0, 1)) is not None
    rows.write_pages([(1, 0, list(range(300, 365)))])
    sharing.forget()
    assert sharing.of(decode(0, 1), (0, 1)) is None


def test_nothing_is_shared_where_it_is_not_wanted_or_on_a_cpu(sharing, rows):
    attention = sharing._attention
    unwilling = Attention(attention.pool, attention.space, 0.25, (None,), sharing=False)
    assert Sharing(unwilling, rows).of(decode(0, 1), (0, 1)) is None
    plain = AttentionSpace.create(AttentionShape(4, 2, 16, torch.float32), 8, 2048, CPU)
    assert plain.rows > 0  # as on a GPU, see the fixture
    on_cpu = Attention(attention.pool, _without_plans(plain), 0.25, (None,))
    assert Sharing(on_cpu, rows).of(decode(0, 1), (0, 1)) is None


@pytest.mark.parametrize(
    "window,begin", [(600, 384), (None, 0), (2000, 0), (8, None), (300, 640)], ids=str
)
def test_what_no_layer_sees_is_in_no_item(sharing, rows, window, begin):
    """Tokens at position 1030 see the last keys of 1024 that are shared: 256 at least are worth an item."""
    attention = sharing._attention
    space = AttentionSpace.create(attention.space.shape, 8, 2048, CPU, window)
    windowed = Attention(attention.pool, space, 0.25, (window,))
    shared = Sharing(windowed, rows).of(decode(0, 1, 2), (0, 1, 2))
    assert (shared and int(shared.items[:, 4].min())) == begin


def _without_plans(space: AttentionSpace) -> AttentionSpace:
    nothing = space.items[:0]
    return AttentionSpace(
        space.shape, space.pieces, None, nothing, space.count, space.values, space.weights,
        space.shared, space.scratch,
    )  # fmt: skip


def test_the_shared_space_holds_a_plan_as_it_is(sharing):
    shared = sharing.of(decode(0, 1, 2), (0, 1, 2))
    space = sharing._attention.space.shared
    space.fill(shared)
    assert int(space.count) == len(shared.items)
    assert space.items[: len(shared.items)].tolist() == shared.items.tolist()
    assert space.members[: len(shared.members)].tolist() == shared.members.tolist()
    assert space.begins[:3].tolist() == shared.begins.tolist()
    assert space.parts[:3].tolist() == shared.parts.tolist()
    assert not space.begins[3:].any()


def test_tokens_of_a_row_share_what_the_row_does(sharing):
    work = [Work(0, 1030, 2, [5, 6], True), *decode(1)]
    shared = sharing.of(work, (0, 1))
    apart = shared.of_tokens(np.array([2, 1]))
    assert apart.begins.tolist() == [1024, 1024, 1024]
    assert apart.items is shared.items
    assert (
        sharing.of(decode(0, 1), (0, 1)).of_tokens(np.array([1, 1])).begins.tolist() == [1024] * 2
    )


def test_captured_sizes_serve_every_number_of_rows():
    sizes = captured_sizes(256)
    assert {padded_size(n) for n in range(1, 257)} == set(sizes)
    assert sizes[:5] == [1, 2, 4, 8, 16]
    assert len(sizes) == len(set(sizes)) == 17


WINDOW = {"use_sliding_window": True, "sliding_window": 170}
MODELS = {
    "all": {},
    "windows": WINDOW | {"max_window_layers": 0},
    "both": WINDOW | {"max_window_layers": 1},
}


@pytest.mark.gpu
@pytest.mark.parametrize("graphs", [True, False], ids=["graphs", "plain"])
@pytest.mark.parametrize("sees", MODELS)
def test_answers_are_those_of_an_engine_that_shares_nothing(
    tiny_folder, tmp_path, monkeypatch, graphs, sees
):
    """A tree of prompts, through prefill, short forced-like steps and decoding, on a GPU."""
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | MODELS[sees]))
    monkeypatch.setattr(attention_share, "LEAST_SAVED_BYTES", 1)
    monkeypatch.setattr(attention_share, "LEAST_KEYS", 128)
    root = [3 + i % 40 for i in range(150)]
    middle = [[5 + (i * (b + 2)) % 37 for i in range(150)] for b in range(3)]
    prompts = [root + middle[i % 3] + [4 + i, 7, 9 + i % 5] for i in range(12)]
    found = []
    for of in (Sharing.of, lambda *_: None):
        planned: list[object] = []

        def watched(self, work, rows, of=of, planned=planned):
            planned.append(of(self, work, rows))
            return planned[-1]

        monkeypatch.setattr(Sharing, "of", watched)
        options = {"kv_tokens": 32768, "dtype": "float32", "max_running": 16, "graphs": graphs}
        client = open_client(EngineConfig(model=str(folder), device="cuda", **options))
        answers(client, [root, *(root + m for m in middle)], GREEDY)
        found.append([tokens for tokens, _ in answers(client, prompts, GREEDY)])
        assert any(p is not None for p in planned) == (len(found) == 1)
        client.close()
    assert found[0] == found[1]
