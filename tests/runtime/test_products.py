"""Which layers get a measured product, and where choices are kept; that they are right is tested with the kernels."""

from pathlib import Path

import pytest
import torch

from trellis.runtime.layers.linear import Linear
from trellis.runtime.layers.placement import Placement
from trellis.runtime.layers.products import LEAST_BYTES, cache_file, choose_products


def test_off_the_gpu_nothing_is_measured_and_nothing_changes(tmp_path: Path) -> None:
    place = Placement(torch.device("cpu"), torch.bfloat16)
    linear = Linear.allocate(2048, LEAST_BYTES // 4096, place)
    before = linear.product
    choose_products([linear], tmp_path / "products.json")
    assert linear.product is before
    assert not list(tmp_path.iterdir())


def test_choices_are_kept_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.delenv("TRELLIS_CACHE", raising=False)
    assert cache_file() == Path("/somewhere/trellis/products.json")
    monkeypatch.setenv("TRELLIS_CACHE", "/elsewhere")
    assert cache_file() == Path("/elsewhere/products.json")


@pytest.mark.gpu
def test_large_weights_of_16_bits_get_a_table_and_the_same_result(tmp_path: Path) -> None:
    half = Placement(torch.device("cuda"), torch.bfloat16)
    large = Linear.allocate(2048, LEAST_BYTES // 4096, half)
    small = Linear.allocate(256, 256, half)
    exact = Linear.allocate(2048, 2048, Placement(torch.device("cuda"), torch.float32))
    before = small.product
    torch.nn.init.normal_(large.weight, 0.0, 0.02)
    x = torch.randn(3, 2048, dtype=torch.bfloat16, device="cuda")
    want = large(x).float()
    choose_products([large, small, exact], tmp_path / "products.json")
    assert large.product is not before
    assert small.product is before
    assert exact.product is before
    assert (large(x).float() - want).norm() < 0.01 * want.norm()
    assert (tmp_path / "products.json").exists()
