"""One launch does what norm, rope and write_kv do one after the other, to the bit."""

import pytest
import torch

from trellis.kernels.layer_pool import LayerPool
from trellis.kernels.rope_write import Rotation, rope_write, rope_write_reference

PAGE = 16
DTYPES = [torch.float32, torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)]


def step(tokens: int, heads: tuple[int, int], dim: int, dtype: torch.dtype, device: str):
    """q, k, v as slices of one projection; positions and slots in any order; pools of NaN."""
    torch.manual_seed(tokens)
    sizes = [heads[0] * dim, heads[1] * dim, heads[1] * dim]
    packed = torch.randn(tokens, sum(sizes), device=device).to(dtype)
    q, k, v = (
        part.unflatten(1, (n, dim))
        for part, n in zip(packed.split(sizes, 1), (heads[0], heads[1], heads[1]), strict=True)
    )
    slots = torch.randperm(4 * PAGE, device=device)[:tokens]
    slots[0] = -1
    pools = tuple(
        torch.full((4, heads[1], PAGE, dim), float("nan"), dtype=dtype, device=device) for _ in "kv"
    )
    return (q, k, v), pools, slots, torch.randint(0, 50, (tokens,), device=device)


def rotation(positions: torch.Tensor, dim: int, dtype: torch.dtype, normed: bool) -> Rotation:
    device = positions.device
    angles = torch.rand(50, dim // 2, device=device) * 6
    table = torch.cat((angles.cos(), angles.sin()), 1)
    weights = [torch.rand(dim, device=device).to(dtype) + 0.5 for _ in "qk"]
    return Rotation(positions, table, (*weights, 1e-6) if normed else None)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("normed", [False, True], ids=["plain", "normed"])
@pytest.mark.parametrize("heads,dim", [((4, 2), 64), ((7, 1), 80), ((32, 8), 128), ((3, 3), 16)])
def test_it_is_the_three_in_one(device, heads, dim, normed, dtype):
    tensors, pools, slots, positions = step(9, heads, dim, dtype, device)
    turn = rotation(positions, dim, dtype, normed)
    copies = tuple(x.clone() for x in tensors)
    expected_pools = tuple(pool.clone() for pool in pools)
    expected = rope_write_reference(copies, turn, LayerPool(*expected_pools), slots)
    got = rope_write(tensors, turn, LayerPool(*pools), slots)
    limit = 1e-6 if dtype == torch.float32 else 1e-2
    torch.testing.assert_close(got, expected, rtol=limit, atol=limit)
    for pool, wanted in zip(pools, expected_pools, strict=True):
        torch.testing.assert_close(pool[1:], wanted[1:], rtol=limit, atol=limit, equal_nan=True)


def test_a_rotation_of_part_of_a_head_takes_the_long_way(device):
    tensors, pools, slots, positions = step(5, (4, 2), 64, torch.float32, device)
    turn = rotation(positions, 32, torch.float32, False)
    q = tensors[0].clone()
    got = rope_write(tensors, turn, LayerPool(*pools), slots)
    torch.testing.assert_close(got[..., 32:], q[..., 32:])
    assert not torch.equal(got[..., :32], q[..., :32])


def test_misuse_is_named(device):
    tensors, pools, slots, positions = step(5, (4, 2), 64, torch.float32, device)
    turn = rotation(positions, 64, torch.float32, False)
    with pytest.raises(ValueError, match="do not fit"):
        rope_write(tensors, turn, LayerPool(*pools), slots[:3])
    with pytest.raises(ValueError, match="do not fit"):
        rope_write(tensors, turn, LayerPool(pools[0].half(), pools[1].half()), slots)
