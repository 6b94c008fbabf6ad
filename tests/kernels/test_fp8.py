"""Keys and values in eight bits: how far off they are, and that kernels see what they stand for."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trellis.kernels.attention import share
from trellis.kernels.attention.paged import paged_attention
from trellis.kernels.attention.plan import plan_ragged
from trellis.kernels.attention.shape import AttentionShape
from trellis.kernels.attention.share import find_segments, plan_shared
from trellis.kernels.attention.space import AttentionSpace
from trellis.kernels.fp8 import LARGEST, LEAST, dequantise, quantise
from trellis.kernels.layer_pool import LayerPool
from trellis.kernels.rope_write import Rotation, rope_write, rope_write_reference
from trellis.kernels.write_kv import write_kv, write_kv_reference

sys.path.insert(0, str(Path(__file__).parent))
from scene import PAGE, Scene, make_scene

F32, F16, BF16, E4M3 = torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn
DTYPES = [F32, F16, pytest.param(BF16, marks=pytest.mark.gpu)]
numbers = st.floats(-(2.0**100), 2.0**100, width=32)


@given(arrays.arrays("float32", (3, 8), elements=numbers))
@settings(max_examples=100, deadline=None)
def test_every_number_is_within_its_error(rows):
    x = torch.from_numpy(rows)
    eight, scales = quantise(x)
    scale = scales.float()
    got, largest = dequantise(eight, scales), x.abs().amax(-1, keepdim=True)
    assert (eight.float().abs() <= LARGEST).all()
    assert ((largest[:, 0] / scale - LARGEST).abs() < 2).logical_or(scale == LEAST).all()
    error = (got - x).abs()
    assert (error <= torch.maximum(x.abs() / 15.9, scale[:, None] * 2.0**-10)).all()


def test_what_is_representable_stays():
    every = torch.arange(256, dtype=torch.uint8).view(E4M3)
    every = every[~every.float().isnan()]
    for scale in (2.0**-100, 0.25, 1.0, 2.0**20):
        eight, scales = quantise(every.float() * scale)
        assert scales.item() == scale
        assert torch.equal(eight.float(), every.float())
        assert torch.equal(dequantise(eight, scales), every.float() * scale)


@given(arrays.arrays("float32", (2, 8), elements=numbers), st.integers(-20, 20))
@settings(max_examples=50, deadline=None)
def test_a_power_of_two_changes_scales_alone(rows, k):
    x = torch.from_numpy(rows)
    x = x.masked_fill(x.abs() < 1e-15, 0.0)
    eight, scales = quantise(x)
    again, others = quantise(x * 2.0**k)
    assert torch.equal(eight.float(), again.float())
    assert torch.equal(others, torch.where(scales == LEAST, scales, scales * 2.0**k))


def make_pool(pages: int, heads: int, dim: int, device: str) -> LayerPool:
    """A pool of numbers that are not any, with infinite scales."""
    keys, values = (
        torch.full((pages, heads, PAGE, dim), 127, dtype=torch.uint8, device=device).view(E4M3)
        for _ in "kv"
    )
    scales = torch.full((pages, heads, PAGE, 2), torch.inf, dtype=BF16, device=device)
    return LayerPool(keys, values, scales)


def stored(pool: LayerPool, slots: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Numbers and scales at these slots."""
    at = (slots // PAGE, slice(None), slots % PAGE)
    assert pool.scales is not None
    return pool.keys.float()[at], pool.values.float()[at], pool.scales[at]


def scattered(tokens: int, heads: int, dim: int, dtype: torch.dtype, device: str) -> torch.Tensor:
    """Numbers of many magnitudes, some heads of zeros."""
    x = torch.randn(tokens, heads, dim) * torch.exp(3 * torch.randn(tokens, heads, 1))
    x[::3, 0] = 0.0
    return (x * torch.exp(torch.randn(x.shape))).clamp(-1e4, 1e4).to(device, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("heads,dim", [(1, 64), (3, 80), (8, 128), (2, 256)])
def test_write_kv(device, heads, dim, dtype):
    torch.manual_seed(0)
    k, v = (scattered(9, heads, dim, dtype, device) for _ in "kv")
    slots = torch.randperm(6 * PAGE, device=device)[:9] + PAGE
    got, want = make_pool(7, heads, dim, device), make_pool(7, heads, dim, device)
    write_kv(k, v, got, slots)
    write_kv_reference(k, v, want, slots)
    for ours, theirs in zip(stored(got, slots), stored(want, slots), strict=True):
        assert torch.equal(ours, theirs)
    assert (got.keys.view(torch.uint8) != 127).any(-1).sum() <= 9 * heads


def test_rounding_is_to_the_nearest_even(device):
    """Of float16 numbers those that are e4m3 ones, halfway between two, and beside either."""
    every = torch.arange(1 << 16, dtype=torch.int32)
    every = every[torch.isin(every & 127, torch.tensor([0, 1, 63, 64, 65, 127]))]
    every = every.short().view(torch.float16)
    every = every[every.isfinite() & (every.abs() <= 448)].float()
    x = torch.cat((every, torch.zeros(-len(every) % 127))).view(-1, 1, 127).to(device)
    x = torch.nn.functional.pad(x, (0, 1), value=448.0)
    slots = torch.arange(len(x), device=device)
    pages = -(-len(x) // PAGE)
    got, want = make_pool(pages, 1, 128, device), make_pool(pages, 1, 128, device)
    write_kv(x, -x, got, slots)
    write_kv_reference(x, -x, want, slots)
    for ours, theirs in zip(stored(got, slots), stored(want, slots), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("heads,dim", [((4, 2), 64), ((7, 1), 80), ((32, 8), 128)])
def test_rope_write(device, heads, dim, dtype):
    torch.manual_seed(1)
    q_heads, k_heads = heads
    packed = scattered(9, q_heads + 2 * k_heads, dim, dtype, device)
    parts = packed.split([q_heads, k_heads, k_heads], 1)
    angles = torch.rand(50, dim // 2, device=device) * 6
    table = torch.cat((angles.cos(), angles.sin()), 1)
    turn = Rotation(torch.randint(0, 50, (9,), device=device), table)
    slots = torch.randperm(3 * PAGE, device=device)[:9]
    got, want = make_pool(3, k_heads, dim, device), make_pool(3, k_heads, dim, device)
    copies = tuple(x.clone() for x in parts)
    expected = rope_write_reference((copies[0], copies[1], copies[2]), turn, want, slots)
    q = rope_write((parts[0], parts[1], parts[2]), turn, got, slots)
    # A product and its sum may be rounded once or twice, as the compiler likes: then a number that lies halfway
    # between two of eight bits goes to the other one.
    torch.testing.assert_close(
        q, expected, rtol=1e-6 if dtype == torch.float32 else 1e-2, atol=1e-6
    )
    for ours, theirs in zip(stored(got, slots), stored(want, slots), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2**-3, atol=2**-9)
        assert (ours != theirs).sum() <= ours.numel() / 100


def eight_bits(scene: Scene) -> tuple[LayerPool, LayerPool]:
    """The scene's pool in eight bits, and what that stands for."""
    parts, back = [], []
    for pool in (scene.k_pool, scene.v_pool):
        real = pool.nan_to_num()
        spread = torch.exp2(torch.randn(real.shape[:3])[..., None] * 2)
        eight, scales = quantise(real * spread.to(real))
        back.append(dequantise(eight, scales).masked_fill_(pool.isnan(), torch.nan))
        eight.view(torch.uint8).masked_fill_(pool.isnan(), 127)
        parts += [eight, scales.masked_fill_(pool.isnan().all(-1), torch.inf)]
    return LayerPool(parts[0], parts[2], torch.stack(parts[1::2], -1)), LayerPool(*back)


def check(scene: Scene, plan, **options) -> None:
    """What float32 gives over dequantised pools, but for rounding."""
    eight, whole = eight_bits(scene)
    scale = scene.shape.head_dim**-0.5 / 4
    got = paged_attention(scene.q, eight, plan, scale, **options)
    assert got.isfinite().all()
    want = paged_attention(scene.q.float(), whole, plan, scale, **options)
    # Values of a token may be large beside those of others.
    limit = {F32: 2e-5, F16: 2e-3, BF16: 1.6e-2}[scene.shape.dtype]
    torch.testing.assert_close(got.float(), want, rtol=limit, atol=limit * float(want.abs().max()))


OPTIONS = [{}, {"window": 37}, {"softcap": 20.0}]
MIXED = ([1, 7, 40, 1], [300, 260, 75, 16])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_attention_is_that_over_dequantised_pools(device, options, dtype):
    torch.manual_seed(2)
    scene = make_scene(*MIXED, AttentionShape(8, 2, 32, dtype, PAGE), device)
    check(scene, scene.ragged(), **options)
    scene = make_scene([1] * 4, [1, 400, 17, 40], AttentionShape(4, 1, 80, dtype), device)
    check(scene, scene.decode(), **options)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_reference_dequantises(options):
    torch.manual_seed(3)
    scene = make_scene(*MIXED, AttentionShape(8, 2, 32, F32))
    check(scene, scene.ragged(), **options)
    scene = make_scene([90, 1], [200, 30], AttentionShape(8, 2, 32, F32))
    check(scene, scene.ragged(), **options)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_leaves_the_range_of_float16(device, dtype):
    """Queries of 1e4 and of 1e-6; pages of values that are 1e5 times each other, in any order."""
    torch.manual_seed(5)
    shape = AttentionShape(2, 1, 32, dtype)
    scene = make_scene([1] * 4, [300, 300, 70, 20], shape, device)
    factor = torch.tensor([1e4, 1.0, 1e-6, 1.0], device=device)[:, None, None]
    scene.q = (scene.q.float() * factor).to(dtype)
    scene.k_pool *= 1e-3
    size = torch.logspace(-4, 1.5, len(scene.v_pool), device=device)[:, None, None, None]
    scene.v_pool = (scene.v_pool.float() * size).to(dtype)
    check(scene, scene.decode())


@pytest.mark.parametrize("dtype", DTYPES)
def test_shared_keys(device, dtype, monkeypatch):
    monkeypatch.setattr(share, "LEAST_SAVED_BYTES", 1)
    torch.manual_seed(4)
    shape = AttentionShape(4, 1, 32, dtype, PAGE, E4M3)
    scene = make_scene([1] * 6, [512 + 20 * i + 1 for i in range(6)], shape, device)
    scene.page_table[:, : 512 // PAGE] = scene.page_table[int(scene.rows[0]), : 512 // PAGE].clone()
    pages = scene.page_table.cpu().numpy()[scene.rows]
    space = AttentionSpace.create(shape, 6, 1024, device)
    segments = find_segments(pages, (scene.lengths - 1) // PAGE, PAGE)
    shared = plan_shared(segments, scene.counts, scene.rows, space.limits)
    assert shared is not None
    plan = plan_ragged(scene.counts, scene.lengths, scene.rows, scene.page_table, space, shared)
    check(scene, plan)


def test_misuse_is_named():
    pool = make_pool(2, 1, 8, "cpu")
    with pytest.raises(ValueError, match="do not fit"):
        LayerPool(pool.keys, pool.values)
    with pytest.raises(ValueError, match="do not fit"):
        LayerPool(pool.keys.float(), pool.values.float(), pool.scales)
    with pytest.raises(ValueError, match="float16 queries cannot attend over torch.bfloat16"):
        AttentionShape(1, 1, 8, F16, PAGE, BF16)
    scene = make_scene([1], [5], AttentionShape(1, 1, 8, F16))
    with pytest.raises(ValueError, match="float32 queries over a torch.float16"):
        paged_attention(scene.q.float(), LayerPool(scene.k_pool, scene.v_pool), scene.ragged(), 1.0)
