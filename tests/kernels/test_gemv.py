import json

import pytest
import torch

from trellis.kernels import linear_table
from trellis.kernels.gemv import SkinnySpace, SkinnyTile, skinny_linear, tiles_for
from trellis.kernels.linear_table import LinearTable, choose_linear

DTYPES = [torch.float32, torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)]
TOLERANCE = {torch.float32: 2e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}
SMALL = (
    SkinnyTile(16, 32),
    SkinnyTile(32, 64, 2, stages=2),
    SkinnyTile(64, 32, 8),
    SkinnyTile(16, 128, 4),
)


def product(m: int, n: int, k: int, dtype: torch.dtype, device: str):
    torch.manual_seed(m)
    x = torch.randn(m, k, dtype=dtype, device=device)
    weight = torch.randn(n, k, dtype=dtype, device=device) / k**0.5
    return x, weight, torch.randn(n, dtype=dtype, device=device)


def check(got: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, bias) -> None:
    want = torch.nn.functional.linear(
        x.double(), weight.double(), None if bias is None else bias.double()
    )
    limit = TOLERANCE[x.dtype]
    torch.testing.assert_close(got.double(), want, rtol=limit, atol=limit)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n,k", [(5, 32), (100, 500), (33, 1024), (64, 144)])
def test_one_token(device, n, k, dtype):
    x, weight, bias = product(1, n, k, dtype, device)
    for tile in (
        SkinnyTile(2, 256, warps=1, stages=1),
        SkinnyTile(8, 512, warps=2, stages=2),
        None,
    ):
        check(skinny_linear(x, weight, bias, tile), x, weight, bias)
        check(skinny_linear(x, weight, None, tile), x, weight, None)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tile", SMALL, ids=str)
@pytest.mark.parametrize(
    "m,n,k", [(2, 5, 32), (3, 100, 500), (16, 64, 144), (17, 70, 272), (64, 33, 100)]
)
def test_few_tokens(device, m, n, k, tile, dtype):
    x, weight, bias = product(m, n, k, dtype, device)
    space = SkinnySpace.create(n, device)
    space.parts.fill_(float("nan"))
    for _ in range(2):  # the second call finds what the first left behind
        check(skinny_linear(x, weight, bias, tile, space), x, weight, bias)
    check(skinny_linear(x, weight, None, tile, space), x, weight, None)
    assert (space.arrived == 0).all()


@pytest.mark.gpu
@pytest.mark.parametrize("m", [1, 2, 16, 33, 64])
@pytest.mark.parametrize("n,k", [(6144, 4096), (4096, 14336), (1000, 4096)])
def test_every_measured_tile(m, n, k):
    x, weight, bias = product(m, n, k, torch.bfloat16, "cuda")
    space = SkinnySpace.create(n, "cuda")
    for tile in tiles_for(m, n):
        results = [skinny_linear(x, weight, bias, tile, space) for _ in range(20)]
        check(results[0], x, weight, bias)
        assert all(torch.equal(results[0], again) for again in results), tile


def test_misuse_is_named(device):
    x, weight, bias = product(65, 8, 32, torch.float32, device)
    with pytest.raises(ValueError, match="at most 64 tokens"):
        skinny_linear(x, weight, bias)
    with pytest.raises(ValueError, match=r"weight torch.float32 \(8, 32\)"):
        skinny_linear(x[:4, :16], weight, bias)
    with pytest.raises(ValueError, match="larger space"):
        skinny_linear(x[:4], weight, bias, SkinnyTile(16, 32, 2))
    with pytest.raises(ValueError, match="larger space"):
        wide, space = torch.zeros(4000, 32, device=device), SkinnySpace.create(64, device)
        skinny_linear(x[:4], wide, None, SkinnyTile(16, 32, 8), space)


def test_off_the_gpu_the_product_is_torchs(tmp_path):
    path = tmp_path / "linear.json"
    table = choose_linear([(8, 32)], torch.float32, "cpu", path)
    assert table.choices == {}
    assert not path.exists()
    x, weight, bias = product(3, 8, 32, torch.float32, "cpu")
    assert torch.equal(table(x, weight, bias), torch.nn.functional.linear(x, weight, bias))


def test_a_count_takes_the_entry_of_the_next_bucket(device, monkeypatch):
    taken: list[tuple[int, SkinnyTile]] = []

    def recorded(x, weight, bias, tile, space):
        taken.append((len(x), tile))
        return torch.nn.functional.linear(x, weight, bias)

    monkeypatch.setattr(linear_table, "skinny_linear", recorded)
    weight = torch.randn(8, 32, device=device)
    table = LinearTable({(1, 8, 32): SMALL[0], (16, 8, 32): SMALL[1], (32, 8, 32): None})
    for m in (1, 2, 16, 17, 32, 33, 64, 65):
        table(torch.randn(m, 32, device=device), weight)
    assert taken == [(1, SMALL[0]), (2, SMALL[1]), (16, SMALL[1])]


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"header": {}, "choices": [{}]}'])
def test_an_unreadable_file_is_an_empty_cache(tmp_path, content):
    path = tmp_path / "linear.json"
    if content is not None:
        path.write_text(content)
    assert linear_table._read(path, {}) == {}


def test_the_file_keeps_the_choices(tmp_path):
    path, header = tmp_path / "deep" / "linear.json", {"gpu": "G"}
    choices = {(1, 8, 32): None, (4, 8, 32): SkinnyTile(64, 128, 4)}
    linear_table._write(path, header, choices)
    assert linear_table._read(path, header) == choices
    assert linear_table._read(path, {"gpu": "other"}) == {}
    assert json.loads(path.read_text())["header"] == header
    assert [p.name for p in path.parent.iterdir()] == ["linear.json"]


@pytest.mark.gpu
def test_choosing_measures_once(tmp_path, monkeypatch):
    path = tmp_path / "linear.json"
    first = choose_linear([(512, 256)], torch.bfloat16, "cuda", path)
    monkeypatch.setattr(linear_table, "_measure", None)
    second = choose_linear([(512, 256)], torch.bfloat16, "cuda", path)
    assert first.choices == second.choices
    x, weight, bias = product(3, 512, 256, torch.bfloat16, "cuda")
    check(second(x, weight, bias), x, weight, bias)
