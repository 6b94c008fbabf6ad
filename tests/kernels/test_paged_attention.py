import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.kernels.attention.decode import plan_decode
from trellis.kernels.attention.gather import GatherPlan
from trellis.kernels.attention.paged import paged_attention
from trellis.kernels.attention.plan import ItemPlan, plan_ragged
from trellis.kernels.attention.shape import AttentionShape, Tile
from trellis.kernels.layer_pool import LayerPool

sys.path.insert(0, str(Path(__file__).parent))
from scene import Scene, make_scene

F32, F16, BF16 = torch.float32, torch.float16, torch.bfloat16
DTYPES = [F32, F16, pytest.param(BF16, marks=pytest.mark.gpu)]
TOLERANCE = {F32: 2e-5, F16: 3e-3, BF16: 2e-2}
LLAMA = AttentionShape(8, 2, 32, F32)
MIXED = ([1, 7, 40, 3, 1], [300, 260, 75, 530, 16])


def attend(scene: Scene, plan, **options) -> torch.Tensor:
    pool = LayerPool(scene.k_pool, scene.v_pool)
    return paged_attention(scene.q, pool, plan, scene.shape.head_dim**-0.5, **options)


def check(scene: Scene, plan, **options) -> None:
    want = scene.truth(scene.shape.head_dim**-0.5, **options)
    limit = TOLERANCE[scene.shape.dtype]
    got = attend(scene, plan, **options).double().cpu()
    torch.testing.assert_close(got, want, rtol=limit, atol=limit)


OPTIONS = [{}, {"window": 1}, {"window": 37}, {"softcap": 2.0}, {"window": 300, "softcap": 5.0}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_reference_is_plain_attention(options):
    scene = make_scene(*MIXED, LLAMA)
    assert isinstance(scene.ragged(), GatherPlan)
    check(scene, scene.ragged(), **options)
    scene = make_scene([1] * 5, [1, 700, 16, 17, 40], LLAMA)
    check(scene, scene.decode(), **options)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_kernel_is_plain_attention(device, options):
    scene = make_scene(*MIXED, LLAMA, device)
    assert isinstance(scene.ragged(), ItemPlan)
    check(scene, scene.ragged(), **options)
    scene = make_scene([1] * 5, [1, 700, 16, 17, 40], LLAMA, device)
    check(scene, scene.decode(), **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [64, 80, 96, 128, 256])
def test_head_dims(device, dim, dtype):
    scene = make_scene([1, 35, 1], [270, 50, 33], AttentionShape(2, 1, dim, dtype), device)
    check(scene, scene.ragged())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("heads,kv_heads", [(3, 3), (7, 1), (12, 2), (20, 1), (8, 4)])
def test_groups(device, heads, kv_heads, dtype):
    shape = AttentionShape(heads, kv_heads, 64, dtype)
    scene = make_scene([1, 2, 30, 1], [270, 65, 40, 15], shape, device)
    check(scene, scene.ragged())


@pytest.mark.parametrize("length", [1, 15, 16, 17, 63, 64, 65, 255, 256, 257, 512, 513])
def test_borders_of_pages_tiles_and_pieces(device, length):
    shape = AttentionShape(4, 1, 64, F16)
    scene = make_scene([1], [length], shape, device)
    check(scene, scene.decode())
    scene = make_scene([min(length, 6)], [length], shape, device)
    check(scene, scene.ragged())


def test_decode_plan_and_ragged_plan_give_the_same_bits(device):
    scene = make_scene([1] * 4, [600, 3, 257, 1030], AttentionShape(4, 2, 64, F16), device)
    assert torch.equal(attend(scene, scene.decode()), attend(scene, scene.ragged()))


def test_a_row_does_not_depend_on_the_batch(device):
    scene = make_scene(*MIXED, AttentionShape(4, 2, 64, F16), device)
    together = attend(scene, scene.ragged())
    start = 0
    for i, count in enumerate(scene.counts):
        single = scene.alone(i)
        assert torch.equal(attend(single, single.ragged()), together[start : start + count]), i
        start += count


def test_chunked_is_whole(device):
    shape = AttentionShape(4, 2, 64, F32)
    whole = make_scene([90], [90], shape, device)
    expected = attend(whole, whole.ragged())
    for first, last in [(0, 1), (1, 17), (17, 64), (64, 90)]:
        chunk = whole.alone(0)
        chunk.counts, chunk.lengths = chunk.counts * 0 + last - first, chunk.lengths * 0 + last
        chunk.q = whole.q[first:last]
        torch.testing.assert_close(attend(chunk, chunk.ragged()), expected[first:last])


def test_rows_without_keys_give_zero(device):
    scene = make_scene([1, 1, 1], [300, 1, 5], LLAMA, device)
    scene.lengths[1] = 0
    out = attend(scene, scene.decode())
    assert (out[1] == 0).all()
    assert out.isfinite().all()


def test_rows_without_keys_give_zero_on_the_cpu():
    scene = make_scene([1, 1, 1], [300, 1, 5], LLAMA)
    scene.lengths[1] = 0
    out = attend(scene, scene.decode())
    assert (out[1] == 0).all()
    assert out.isfinite().all()


def test_queries_may_be_a_slice_of_a_projection(device):
    scene = make_scene(*MIXED, LLAMA, device)
    expected = attend(scene, scene.ragged())
    wide = torch.full((len(scene.q), 12, 32), float("nan"), device=device)
    wide[:, :8] = scene.q
    scene.q = wide[:, :8]
    assert torch.equal(attend(scene, scene.ragged()), expected)


@pytest.mark.parametrize(
    "tile", [Tile(16, 32, 4, 1), Tile(32, 128, 4, 2), Tile(64, 16, 4, 3)], ids=str
)
def test_any_tile_gives_the_same_result(device, tile):
    shape = AttentionShape(4, 2, 64, F16, narrow=tile, wide=tile)
    scene = make_scene(*MIXED, shape, device)
    check(scene, scene.ragged())


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 300)), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_reference_on_any_step(rows):
    counts = [count for count, _ in rows]
    shape = AttentionShape(2, 1, 8, F32)
    scene = make_scene(counts, [count + before for count, before in rows], shape)
    check(scene, scene.ragged())


@given(st.lists(st.integers(1, 1400), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_reference_on_any_decode(lengths):
    scene = make_scene([1] * len(lengths), lengths, AttentionShape(2, 1, 8, F32))
    check(scene, scene.decode())


def test_a_step_larger_than_the_scratch():
    scene = make_scene(*MIXED, LLAMA)
    space = scene.space()
    small = replace(space, scratch=space.scratch[:, :5])
    plan = plan_ragged(scene.counts, scene.lengths, scene.rows, scene.page_table, small)
    assert torch.equal(attend(scene, plan), attend(scene, scene.ragged()))


def test_bfloat16_on_the_cpu():
    scene = make_scene(*MIXED, AttentionShape(4, 2, 64, BF16))
    check(scene, scene.ragged())


def test_misuse_is_named():
    scene = make_scene([1, 2], [5, 6], LLAMA)
    pool, plan = LayerPool(scene.k_pool, scene.v_pool), scene.ragged()
    with pytest.raises(ValueError, match="2 queries, the plan has 3"):
        paged_attention(scene.q[:2], pool, plan, 1.0)
    with pytest.raises(ValueError, match="does not fit a pool"):
        paged_attention(scene.q[..., :16], pool, plan, 1.0)
    with pytest.raises(ValueError, match="window"):
        paged_attention(scene.q, pool, plan, 1.0, window=0)
    with pytest.raises(ValueError, match="7 heads cannot share 2"):
        AttentionShape(7, 2, 64, F32)


@pytest.mark.gpu
def test_graph_replay_follows_the_lengths():
    scene = make_scene([1] * 6, [2000, 1, 300, 257, 40, 5], AttentionShape(8, 2, 128, BF16), "cuda")
    space, lengths = scene.space(), torch.from_numpy(scene.lengths).cuda()
    rows = torch.from_numpy(scene.rows).cuda()

    def step() -> torch.Tensor:
        return attend(scene, plan_decode(lengths, rows, scene.page_table, space))

    step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = step()
    for shorter in (scene.lengths, scene.lengths // 2 + 1, scene.lengths * 0 + 1):
        lengths.copy_(torch.from_numpy(shorter))
        graph.replay()
        fresh = scene.alone(0)
        fresh.counts, fresh.lengths, fresh.rows, fresh.q = (
            scene.counts,
            shorter,
            scene.rows,
            scene.q,
        )
        assert torch.equal(out, attend(fresh, fresh.ragged()))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [BF16, F16])
def test_a_long_row_beside_short_ones(dtype):
    shape = AttentionShape(32, 8, 128, dtype)
    scene = make_scene([1, 1, 500, 9], [20000, 33, 2500, 9000], shape, "cuda")
    got = attend(scene, scene.ragged()).float().cpu()
    cpu = make_scene([1, 1, 500, 9], [20000, 33, 2500, 9000], shape)
    want = attend(cpu, cpu.ragged()).float()
    torch.testing.assert_close(got, want, rtol=2e-2, atol=5e-3)
