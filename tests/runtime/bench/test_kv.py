"""What `trellis bench kv` says: nothing where nothing differs, and how much of two answers is the same."""

from pathlib import Path

import pytest
import torch

from trellis.runtime.bench import kv
from trellis.runtime.config import EngineConfig
from trellis.runtime.layers.placement import Placement
from trellis.runtime.models.build import build_model
from trellis.runtime.models.config import read_config
from trellis.runtime.models.transformer import Transformer
from trellis.runtime.weights.load import load_weights


def test_eight_bits_move_distributions_a_little(tiny_folder: Path) -> None:
    place = Placement(torch.device("cpu"), torch.float32)
    model = build_model(read_config(tiny_folder), place, 64)
    assert isinstance(model, Transformer)
    load_weights(model, tiny_folder)
    found = kv.distance(model, list(range(5, 45)), 10)
    assert found.nats.shape == found.agree.shape == (30,)
    # Of float32 distributions the divergence is known to some 1e-7.
    assert (found.nats > -1e-5).all() and found.nats.max() > 1e-6
    assert found.losses.isfinite().all()


def test_nothing_changes_where_everything_is_representable(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Placement(torch.device("cpu"), torch.float32)
    model = build_model(read_config(tiny_folder), place, 64)
    assert isinstance(model, Transformer)
    load_weights(model, tiny_folder)
    monkeypatch.setattr(kv, "quantise", lambda x: (x, None))
    monkeypatch.setattr(kv, "dequantise", lambda x, scales, dtype: x)
    found = kv.distance(model, list(range(5, 45)), 10)
    assert (found.nats == 0).all() and found.agree.all()
    assert found.losses[0] == found.losses[1]


def test_beginnings() -> None:
    whole, share = kv.same_beginnings([[1, 2, 3, 4], [5], [7, 8]], [[1, 2, 9, 4], [5], [7]])
    assert whole.ours == pytest.approx(100 / 3)
    assert share.ours == pytest.approx((0.5 + 1 + 0.5) / 3 * 100)


def test_a_whole_run(tiny_folder: Path) -> None:
    config = EngineConfig(model=str(tiny_folder), device="cpu", kv_tokens=1024, threads=1)
    rows = {row.case: row.ours for row in kv.run(config, 2, 6)}
    assert rows["positions compared"] == 12
    assert 0 <= rows["greedy tokens before a difference"] <= 100
