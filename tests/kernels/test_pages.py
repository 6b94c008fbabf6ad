"""write_kv and copy_pages: what moves in the pools."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.kernels.activation import silu_mul, silu_mul_reference
from trellis.kernels.copy_pages import copy_pages, copy_pages_reference
from trellis.kernels.layer_pool import LayerPool
from trellis.kernels.write_kv import write_kv, write_kv_reference

DTYPES = [torch.float32, torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)]


def pools(pages: int, heads: int, dim: int, dtype: torch.dtype, device: str) -> list[torch.Tensor]:
    return [
        torch.full((pages, heads, 16, dim), float("nan"), dtype=dtype, device=device) for _ in "kv"
    ]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("heads,dim", [(1, 64), (3, 80), (8, 128), (2, 256)])
def test_write_kv(device, heads, dim, dtype):
    torch.manual_seed(0)
    qkv = torch.randn(9, 5 * heads, dim, dtype=dtype, device=device)
    k, v = qkv[:, 3 * heads : 4 * heads], qkv[:, 4 * heads :]
    slots = torch.randperm(6 * 16, device=device)[:9] + 16
    slots[4] = -1
    got, want = pools(7, heads, dim, dtype, device), pools(7, heads, dim, dtype, device)
    write_kv(k, v, LayerPool(*got), slots)
    write_kv_reference(k, v, LayerPool(*want), slots)
    for pool, reference in zip(got, want, strict=True):
        torch.testing.assert_close(pool[1:], reference[1:], equal_nan=True, rtol=0, atol=0)
    for i, slot in enumerate(slots.tolist()):
        if slot >= 0:
            assert torch.equal(got[0][slot // 16, :, slot % 16], k[i])
            assert torch.equal(got[1][slot // 16, :, slot % 16], v[i])


def test_write_kv_refuses_what_does_not_fit():
    k, pool = torch.zeros(2, 3, 8), LayerPool(*pools(2, 3, 8, torch.float32, "cpu"))
    slots = torch.zeros(2, dtype=torch.int64)
    with pytest.raises(ValueError, match="do not fit"):
        write_kv(k[:, :2], k[:, :2], pool, slots)
    with pytest.raises(ValueError, match="int32"):
        write_kv(k, k, pool, slots.int())
    with pytest.raises(ValueError, match="float16"):
        write_kv(k.half(), k.half(), pool, slots)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(3, 2, 9, 2, 16, 8), (2, 2, 5, 3, 16, 96), (4, 1, 16, 80)], ids=str
)
def test_copy_pages(device, shape, dtype):
    pool = torch.randn(shape, dtype=dtype, device=device)
    before = pool.clone()
    sources = torch.tensor([1, 3, 1], device=device)[: shape[-4] // 2]
    destinations = torch.tensor([2, 0, 4], device=device)[: shape[-4] // 2]
    copy_pages(pool, sources, destinations)
    copy_pages_reference(before, sources, destinations)
    assert torch.equal(pool, before)


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_copy_pages_touches_the_destinations_alone(data):
    pages = data.draw(st.integers(1, 12))
    order = data.draw(st.permutations(range(pages)))
    n = data.draw(st.integers(0, pages // 2))
    destinations, rest = order[:n], order[n:]
    sources = [data.draw(st.sampled_from(rest)) for _ in range(n)]
    pool = torch.randn(2, pages, 1, 4, 3)
    before = pool.clone()
    copy_pages(pool, *(torch.tensor(x, dtype=torch.int64) for x in (sources, destinations)))
    for page in range(pages):
        origin = sources[destinations.index(page)] if page in destinations else page
        assert torch.equal(pool[:, page], before[:, origin])


def test_copy_pages_refuses_what_does_not_fit():
    pool = torch.zeros(4, 1, 16, 8)
    with pytest.raises(ValueError, match="do not fit"):
        copy_pages(pool, torch.tensor([1]), torch.tensor([2, 3]))
    with pytest.raises(ValueError, match="int64"):
        copy_pages(pool, torch.tensor([1], dtype=torch.int32), torch.tensor([2], dtype=torch.int32))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tokens,inner", [(1, 8), (3, 1000), (7, 1025), (0, 16)])
def test_silu_mul(device, tokens, inner, dtype):
    gate_up = torch.randn(tokens, 2 * inner, dtype=dtype, device=device) * 4
    limit = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}[dtype]
    torch.testing.assert_close(
        silu_mul(gate_up), silu_mul_reference(gate_up), rtol=limit, atol=limit
    )


# The interpreter computes with numpy, which warns where a GPU quietly gives infinity.
@pytest.mark.filterwarnings("ignore:overflow encountered in exp")
def test_silu_mul_of_extreme_gates(device):
    gate_up = torch.tensor([[-1e4, 1e4, 0.0, 2.0, 3.0, 4.0]], device=device)
    assert silu_mul(gate_up).tolist() == [[0.0, 3e4, 0.0]]
    with pytest.raises(ValueError, match=r"\(1, 5\)"):
        silu_mul(gate_up[:, :5])
