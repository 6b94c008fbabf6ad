"""Shared keys: found in page tables, planned so that every key is seen once, and equal to no sharing at all."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.kernels.attention import share
from trellis.kernels.attention.decode import plan_decode
from trellis.kernels.attention.paged import paged_attention
from trellis.kernels.attention.plan import AttentionPlan, plan_ragged
from trellis.kernels.attention.shape import AttentionShape, Tile
from trellis.kernels.attention.share import Shared, ShareLimits, find_segments, plan_shared
from trellis.kernels.attention.space import AttentionSpace
from trellis.kernels.layer_pool import LayerPool

sys.path.insert(0, str(Path(__file__).parent))
from scene import PAGE, make_scene, share_of, shared_scene

F16, BF16 = torch.float16, torch.bfloat16
SHAPE = AttentionShape(8, 2, 64, F16)
on_the_device = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is saved, it pays."""
    monkeypatch.setattr(share, "LEAST_SAVED_BYTES", 1)


@dataclass(frozen=True)
class Family:
    """Rows of a tree of prefixes: counts of new tokens, lengths, page tables."""

    counts: np.ndarray
    lengths: np.ndarray
    pages: np.ndarray

    @property
    def known(self) -> np.ndarray:
        return (self.lengths - self.counts) // PAGE


@st.composite
def families(draw, most: int = 9, pages: int = 40) -> Family:
    """Rows that each begin as an earlier one does, up to some page, and go on by themselves."""
    rows = draw(st.integers(1, most))
    tables, counts, lengths, fresh = [], [], [], 1
    for row in range(rows):
        parent = draw(st.integers(-1, row - 1))
        size = draw(st.integers(1, pages))
        common = 0 if parent < 0 else draw(st.integers(0, min(size, len(tables[parent]))))
        own = list(range(fresh, fresh + size - common))
        fresh += len(own)
        before = tables[parent][:common] if parent >= 0 else []
        tables.append([*before, *own])
        count = draw(st.integers(1, 40))
        # New tokens lie behind all that is shared, as they do when a prefix is reused.
        lengths.append(size * PAGE + count)
        counts.append(count)
    return family_of(tables, counts, lengths, fresh)


def family_of(tables: list[list[int]], counts: list[int], lengths: list[int], fresh: int) -> Family:
    """Rows whose pages begin so; the others are nobody else's, numbered from `fresh` on."""
    packed = np.zeros((len(tables), max(-(-n // PAGE) for n in lengths)), np.int32)
    for row, table in enumerate(tables):
        extra = -(-lengths[row] // PAGE) - len(table)
        packed[row, : len(table) + extra] = [*table, *range(fresh, fresh + extra)]
        fresh += extra
    return Family(np.array(counts, np.int32), np.array(lengths, np.int32), packed)


@st.composite
def broods(draw, most_new: int) -> Family:
    """Rows of one prefix, some with a second one behind it, that are at different places behind these."""
    root, second = draw(st.integers(8, 14)), draw(st.integers(8, 12))
    row = st.tuples(st.booleans(), st.integers(0, 150), st.integers(1, most_new))
    rows = draw(st.lists(row, min_size=2, max_size=3))
    tables = [[*range(1, root + 1), *range(root + 1, root + 1 + second * has)] for has, *_ in rows]
    counts = [count for *_, count in rows]
    lengths = [len(t) * PAGE + own + n for t, (_, own, n) in zip(tables, rows, strict=True)]
    return family_of(tables, counts, lengths, root + second + 1)


@given(family=families())
@settings(max_examples=200, deadline=None)
def test_segments_are_what_page_tables_have_in_common(family):
    found = find_segments(family.pages, family.known, PAGE)
    rows = len(family.counts)
    for a in range(rows):
        for b in range(a):
            reach = min(family.known[a], family.known[b])
            same = family.pages[a, :reach] == family.pages[b, :reach]
            common = int(reach if same.all() else same.argmin())
            expected = common * PAGE // share.SEGMENT_KEYS * share.SEGMENT_KEYS
            both = [s for s in found if a in s.members and b in s.members]
            spans = sorted((s.begin, s.end) for s in both)
            assert sum(end - begin for begin, end in spans) == expected
            assert all(x[1] == y[0] for x, y in zip(spans, spans[1:], strict=False))
            assert not spans or spans[0][0] == 0
    assert all(len(set(s.members.tolist())) == len(s.members) >= 2 for s in found)


def test_pages_that_are_not_known_are_not_compared():
    pages = np.array([[5, 6, 7, 8] * 8] * 2, np.int32)
    assert find_segments(pages, np.array([0, 32]), PAGE) == []
    (segment,) = find_segments(pages, np.array([20, 32]), PAGE)
    assert (segment.begin, segment.end, sorted(segment.members)) == (0, 256, [0, 1])


def seen(plan) -> list[tuple[int, int, int, int]]:
    """(query token, first key, end, its part) of every item's tokens."""
    found = []
    for work in plan.lists:
        for _, first, tokens, _, begin, end, part, _ in work.items[: int(work.count)].tolist():
            for place in range(first, first + tokens):
                token = place if work.members is None else int(work.members[place])
                found.append((token, begin, end, part))
    return found


def check_cover(plan, family: Family, capacity: int) -> None:
    """Every query sees each of its keys in just one item, and each of its parts is written once."""
    first, pieces = plan.parts.first.tolist(), plan.parts.pieces.tolist()
    positions = np.concatenate(
        [np.arange(n - c, n) for c, n in zip(family.counts, family.lengths, strict=True)]
    )
    spans: dict[int, list[tuple[int, int, int]]] = {}
    for token, begin, end, part in seen(plan):
        spans.setdefault(token, []).append((begin, end, part))
    assert sorted(spans) == list(range(len(positions)))
    written: set[int] = set()
    for token, own in spans.items():
        own.sort()
        assert own[0][0] == 0
        assert all(a[1] == b[0] for a, b in zip(own, own[1:], strict=False))
        assert own[-1][1] > positions[token]
        assert len(own) == pieces[token]
        assert [part for _, _, part in own] == ([-1] if len(own) == 1 else list(range(len(own))))
        slots = {first[token] + i for i in range(len(own))} if len(own) > 1 else set()
        assert not written & slots
        written |= slots
    assert max(written, default=0) < capacity


def plans(family: Family, space: AttentionSpace, device: str, counts: np.ndarray):
    rows = np.random.default_rng(1).permutation(len(counts)).astype(np.int32)
    segments = find_segments(family.pages, family.known, PAGE)
    shared = plan_shared(segments, counts, rows, space.limits)
    table = torch.zeros_like(torch.from_numpy(family.pages))
    table[torch.from_numpy(rows).long()] = torch.from_numpy(family.pages)
    return shared, rows, table.to(device)


@given(family=families())
@on_the_device
def test_ragged_plans_cover_each_key_once(device, eager, family):
    space = AttentionSpace.create(SHAPE, 64, int(family.lengths.max()), device)
    shared, rows, table = plans(family, space, device, family.counts)
    plan = plan_ragged(family.counts, family.lengths, rows, table, space, shared)
    check_cover(plan, family, plan.parts.values.shape[0])


@given(family=families())
@on_the_device
def test_decode_plans_cover_each_key_once(device, eager, family):
    family = replace(family, counts=np.ones_like(family.counts))
    context = int(family.lengths.max())
    space = AttentionSpace.create(SHAPE, len(family.counts), context, device)
    shared, rows, table = plans(family, space, device, family.counts)
    if shared is not None:
        space.shared.fill(shared)
    lengths, rows = (torch.from_numpy(x).to(device) for x in (family.lengths, rows))
    plan = plan_decode(lengths, rows, table, space, shared and shared.tile)
    check_cover(plan, family, space.values.shape[0])


DTYPES = [F16, pytest.param(BF16, marks=pytest.mark.gpu)]
TREES = {
    "pair": [(2, 512)],
    "one prefix": [(9, 640)],
    "tree": [(3, 384), (2, 384), (3, 256)],
    "many": [(12, 256)],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "name,tokens", [("pair", 7), ("one prefix", 1), ("tree", 1), ("tree", 7), ("many", 3)]
)
def test_grouped_is_flat(device, eager, name, tokens, dtype):
    shape = AttentionShape(4, 1, 32, dtype)
    groups = TREES[name]
    scene = shared_scene(groups, [tokens] * sum(rows for rows, _ in groups), shape, device)
    space = AttentionSpace.create(shape, 300, int(scene.lengths.max()), device)
    shared = share_of(scene, space)
    assert shared is not None
    assert set(shared.begins.tolist()) >= {max(keys for _, keys in groups[:1])} - {0}
    pool, scale = LayerPool(scene.k_pool, scene.v_pool), 0.125
    plan = plan_ragged(scene.counts, scene.lengths, scene.rows, scene.page_table, space, shared)
    got = [paged_attention(scene.q, pool, plan, scale)]
    if tokens == 1:
        space.shared.fill(shared)
        lengths, rows = (torch.from_numpy(x).to(device) for x in (scene.lengths, scene.rows))
        plan = plan_decode(lengths, rows, scene.page_table, space, shared.tile)
        got.append(paged_attention(scene.q, pool, plan, scale))
    flat = paged_attention(scene.q, pool, scene.ragged(), scale)
    want = scene.truth(scale)
    limit = {F16: 3e-3, BF16: 2e-2}[dtype]
    for each in (*got, flat):
        torch.testing.assert_close(each.double().cpu(), want, rtol=limit, atol=limit)


@given(
    family=broods(1) | broods(6),
    window=st.integers(1, 400),
    behind=st.sampled_from([0, 0, 1, 300]),
    more=st.sampled_from([None, 0, 0, 130]),
)
@settings(on_the_device, max_examples=8)
def test_grouped_is_flat_through_any_window(
    device, eager, monkeypatch, family, window, behind, more
):
    """For the plan of now, and for one that was made some tokens before; where other layers see more or all."""
    monkeypatch.setattr(share, "LEAST_KEYS", 128)
    shape, counts = AttentionShape(2, 1, 16, F16), family.counts
    context = int(family.lengths.max())
    space = AttentionSpace.create(
        shape, 64, context, device, None if more is None else window + more
    )
    plain = AttentionSpace.create(shape, 64, context, device)
    rows = np.arange(len(counts), dtype=np.int32)
    oldest = space.oldest(family.lengths - counts - behind)
    segments = find_segments(family.pages, family.known, PAGE)
    shared = plan_shared(segments, counts, rows, space.limits, oldest)
    random = torch.Generator().manual_seed(window)
    pages = int(family.pages.max()) + 1
    pools = [torch.randn((pages, 1, PAGE, 16), generator=random).to(device, F16) for _ in "kv"]
    q = torch.randn((int(counts.sum()), 2, 16), generator=random).to(device, F16)
    table = torch.from_numpy(family.pages).to(device)

    def attend(plan: AttentionPlan) -> torch.Tensor:
        return paged_attention(q, LayerPool(*pools), plan, 0.25, window).float()

    flat = attend(plan_ragged(counts, family.lengths, rows, table, plain))
    grouped = attend(plan_ragged(counts, family.lengths, rows, table, space, shared))
    torch.testing.assert_close(grouped, flat, rtol=4e-3, atol=4e-3)
    if (counts == 1).all():
        if shared is not None:
            space.shared.fill(shared)
        lengths, where = (torch.from_numpy(x).to(device) for x in (family.lengths, rows))
        plan = plan_decode(lengths, where, table, space, shared and shared.tile)
        torch.testing.assert_close(attend(plan), flat, rtol=4e-3, atol=4e-3)


def test_a_plan_is_good_for_windows_up_to_its_own(device):
    scene = make_scene([1], [300], SHAPE, device)
    space = AttentionSpace.create(SHAPE, 1, 512, device, 100)
    plan = plan_ragged(scene.counts, scene.lengths, scene.rows, scene.page_table, space)
    pool = LayerPool(scene.k_pool, scene.v_pool)
    for window in (100, 7):
        got = paged_attention(scene.q, pool, plan, 0.125, window).double().cpu()
        torch.testing.assert_close(got, scene.truth(0.125, window), rtol=3e-3, atol=3e-3)
    for window in (101, None):
        with pytest.raises(ValueError, match=f"a window of {window} keys, the plan has 100"):
            paged_attention(scene.q, pool, plan, 0.125, window)


@given(family=broods(6) | families(), window=st.integers(1, 400))
@settings(on_the_device, max_examples=100)
def test_what_rows_see_is_covered_once(eager, monkeypatch, family, window):
    """Of segments clipped to what is seen: each row's items follow each other up to where its own keys begin."""
    monkeypatch.setattr(share, "LEAST_KEYS", 128)
    limits = ShareLimits(SHAPE, 4, 1 << 20)
    rows = np.arange(len(family.counts), dtype=np.int32)
    oldest = np.maximum(family.lengths - family.counts - window + 1, 0)
    segments = find_segments(family.pages, family.known, PAGE)
    shared = plan_shared(segments, family.counts, rows, limits, oldest)
    if shared is None:
        return
    starts = np.cumsum(family.counts) - family.counts
    for row, start in enumerate(starts.tolist()):
        spans = sorted(
            (begin, end, part)
            for _, first, tokens, _, begin, end, part, _ in shared.items.tolist()
            if start in shared.members[first : first + tokens]
        )
        assert [part for _, _, part in spans] == list(range(int(shared.parts[row])))
        assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))
        seen = [key for begin, end, _ in spans for key in (begin, end - 1)]
        # Whatever is missing before the row's own keys is hidden from it.
        covered = {key for begin, end, _ in spans for key in range(begin, end)}
        needed = range(int(oldest[row]), int(shared.begins[row]))
        assert covered.issuperset(needed)
        assert not seen or max(seen) < shared.begins[row] <= family.lengths[row]


def test_a_row_that_shares_nothing_has_the_bits_it_has_alone(device, eager):
    scene = shared_scene([(4, 512), (1, 256)], [1] * 5, SHAPE, device)
    lone = make_scene([1] * 5, scene.lengths, SHAPE, device, seed=0)
    scene.page_table[int(scene.rows[4])] = lone.page_table[int(lone.rows[4])]
    space = AttentionSpace.create(SHAPE, 8, 2048, device)
    shared = share_of(scene, space)
    assert shared is not None and shared.parts.tolist()[4] == 0
    pool = LayerPool(scene.k_pool, scene.v_pool)
    plan = plan_ragged(scene.counts, scene.lengths, scene.rows, scene.page_table, space, shared)
    single = scene.alone(4)
    assert torch.equal(
        paged_attention(scene.q, pool, plan, 0.125)[4:],
        paged_attention(single.q, pool, single.ragged(), 0.125),
    )


LIMITS = ShareLimits(AttentionShape(32, 8, 128, BF16), 132, 16384)


def whole(rows: int, keys: int, counts: int = 1) -> Shared | None:
    pages = np.tile(np.arange(1, keys // PAGE + 1, dtype=np.int32), (rows, 1))
    segments = find_segments(pages, np.full(rows, keys // PAGE), PAGE)
    return plan_shared(
        segments, np.full(rows, counts, np.int32), np.arange(rows, dtype=np.int32), LIMITS
    )


def test_sharing_must_pay():
    assert whole(2, 4096) is None  # 16 MB less to read, a launch more
    assert whole(4, 4096) is not None
    assert whole(256, 128) is None  # too short to be worth a piece
    assert whole(4, 4096, counts=1024) is None  # tiles are full as it is


def test_pieces_keep_the_device_busy():
    wide, narrow = whole(256, 8192), whole(4, 8192)
    assert wide is not None and narrow is not None
    assert wide.tile == LIMITS.shape.tiles()[2] and narrow.tile == LIMITS.shape.tiles()[0]
    assert 128 <= len(wide.items) * 8 <= 3 * 132 and len(narrow.items) * 8 >= 128
    assert wide.parts.max() <= 4  # each costs a row 16 kB written and read


def test_what_does_not_fit_is_not_shared():
    limits = replace(LIMITS, parts=500)
    pages = np.tile(np.arange(1, 513, dtype=np.int32), (256, 1))
    segments = find_segments(pages, np.full(256, 512), PAGE)
    ones = np.ones(256, np.int32)
    assert plan_shared(segments, ones, np.arange(256, dtype=np.int32), LIMITS) is not None
    assert plan_shared(segments, ones, np.arange(256, dtype=np.int32), limits) is None


def test_the_tile_is_the_first_that_holds_them():
    shape = AttentionShape(32, 8, 128, BF16)
    tiles = [shape.tile_for(n) for n in (1, 4, 5, 16, 17, 400)]
    assert [tile.rows for tile in tiles] == [16, 16, 64, 64, 128, 128]
    assert AttentionShape(8, 1, 64, F16, wide=Tile(32, 16, 4, 1)).tile_for(99).rows == 32
