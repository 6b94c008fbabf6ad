import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.kernels.attention import merge as merge_attention_module
from trellis.kernels.attention.decode import plan_decode
from trellis.kernels.attention.merge import Parts, merge_attention, merge_attention_reference
from trellis.kernels.attention.pieces import (
    MOST_PARTS,
    MOST_PIECES,
    PIECE_KEYS,
    STEP_PARTS,
    count_pieces,
    piece_keys,
    spread_of,
)
from trellis.kernels.attention.plan import plan_ragged
from trellis.kernels.attention.shape import AttentionShape
from trellis.kernels.attention.share import SEGMENT_KEYS
from trellis.kernels.attention.space import AttentionSpace

SHAPE = AttentionShape(4, 2, 8, torch.float32)
ROWS = st.lists(
    st.tuples(st.integers(1, 300), st.integers(0, 40000)).map(lambda r: (r[0], sum(r))), max_size=6
)
on_the_device = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(st.integers(1, 20000), st.integers(0, 10**7), st.integers(1, 300), st.integers(0, 32))
def test_pieces_are_few_and_whole(count, before, rows, shared):
    length = np.array([count + before])
    spread = spread_of(rows, 8)
    keys = piece_keys(np.array([count]), length, spread, shared)
    pieces = int(count_pieces(length, keys)[0])
    assert keys % PIECE_KEYS == 0
    assert pieces <= MOST_PIECES - shared
    assert pieces == 1 or pieces * count <= max(MOST_PARTS, STEP_PARTS)
    smaller = -(-int(length[0]) // (int(keys[0]) // 2))
    assert (
        keys == PIECE_KEYS
        or smaller > spread
        or smaller > MOST_PIECES - shared
        or smaller * count > STEP_PARTS // 2
    )


def test_a_chunk_is_cut_where_few_tokens_are_computed():
    """Four tiles behind 32k keys: in eight pieces beside rows that decode, in one beside many other tokens."""
    spread = spread_of(65, 8)
    counts = np.array([128] + [1] * 64)
    lengths = np.array([32768] + [1024] * 64)
    keys = piece_keys(counts, lengths, spread)
    assert count_pieces(lengths, keys).tolist() == [8] + [1] * 64
    counts[1:] = 128
    keys = piece_keys(counts, lengths, spread)
    assert count_pieces(lengths, keys).tolist() == [1] * 65


@pytest.mark.parametrize(
    "rows,count,length,pieces",
    [(64, 32, 4128, 1), (64, 8, 4104, 1), (31, 8, 4104, 4), (1, 1024, 1024, 1), (1, 512, 512, 2)],
)
def test_tiles_that_keep_a_device_busy_are_cut_less(rows, count, length, pieces):
    lengths = np.full(rows, length)
    keys = piece_keys(np.full(rows, count), lengths, spread_of(rows, 8))
    assert count_pieces(lengths, keys).tolist() == [pieces] * rows


@pytest.mark.parametrize(
    "rows,length,pieces",
    [(1, 300, 1), (1, 1024, 4), (8, 16384, 16), (64, 1200, 1), (256, 1281, 2), (256, 131072, 64)],
)
def test_few_rows_are_cut_finer(rows, length, pieces):
    lengths = np.full(rows, length)
    keys = piece_keys(np.ones(rows, int), lengths, spread_of(rows, 8))
    assert count_pieces(lengths, keys).tolist() == [pieces] * rows


def pairs_of(plan) -> list[tuple[int, int, int, int]]:
    """(query token, its position, first key, end) of every item's tokens."""
    found = []
    for work in plan.lists:
        for item in work.items[: int(work.count)].tolist():
            _, first, tokens, position, begin, end, *_ = item
            found += [(first + t, position + t, begin, end) for t in range(tokens)]
    return found


@given(rows=ROWS, window=st.none() | st.integers(1, 3000))
@on_the_device
def test_items_cover_each_key_once(device, rows, window):
    rows = rows or [(1, 1)]
    counts, lengths = np.array(rows, np.int32).T
    space = AttentionSpace.create(SHAPE, len(rows), int(lengths.max()), device, window)
    table = torch.zeros((len(rows), 8), dtype=torch.int32, device=device)
    plan = plan_ragged(counts, lengths, np.arange(len(rows), dtype=np.int32), table, space)
    spans: dict[int, list[tuple[int, int]]] = {}
    positions = np.concatenate([np.arange(n - c, n) for c, n in rows])
    for token, position, begin, end in pairs_of(plan):
        assert position == positions[token]
        spans.setdefault(token, []).append((begin, end))
    assert sorted(spans) == list(range(len(positions)))
    oldest = np.repeat(space.oldest(lengths - counts), counts)
    for token, pieces in spans.items():
        pieces.sort()
        assert oldest[token] - SEGMENT_KEYS < pieces[0][0] <= oldest[token]
        assert all(a[1] == b[0] for a, b in zip(pieces, pieces[1:], strict=False))
        assert pieces[-1][1] > positions[token]


@given(rows=ROWS)
@on_the_device
def test_parts_are_each_written_once(device, rows):
    rows = rows or [(1, 1)]
    counts, lengths = np.array(rows, np.int32).T
    space = AttentionSpace.create(SHAPE, len(rows), int(lengths.max()), device)
    table = torch.zeros((len(rows), 8), dtype=torch.int32, device=device)
    plan = plan_ragged(counts, lengths, np.arange(len(rows), dtype=np.int32), table, space)
    written: list[int] = []
    first, pieces = plan.parts.first.tolist(), plan.parts.pieces.tolist()
    for work in plan.lists:
        for _, token, tokens, _, _, _, part, _ in work.items.tolist():
            written += [first[token + t] + part for t in range(tokens) if part >= 0]
    assert len(set(written)) == len(written)
    assert plan.split == bool(written)
    if not written:
        return
    merged = [f + i for f, p in zip(first, pieces, strict=True) if p > 1 for i in range(p)]
    assert sorted(merged) == sorted(written)
    assert max(written) < plan.parts.values.shape[0]


@given(
    lengths=st.lists(st.integers(1, 300000), min_size=1, max_size=9),
    window=st.none() | st.integers(1, 9000),
)
@on_the_device
def test_the_device_plans_as_the_host_does(device, lengths, window):
    n = len(lengths)
    space = AttentionSpace.create(SHAPE, n, 300000, device, window)
    table = torch.zeros((n, 300000 // 16), dtype=torch.int32, device=device)
    rows = np.random.default_rng(0).permutation(n).astype(np.int32)
    tensors = (torch.tensor(x, dtype=torch.int32, device=device) for x in (lengths, rows))
    here = plan_decode(*tensors, table, space)
    found = here.lists[0].items[: int(here.lists[0].count)].tolist()
    there = plan_ragged(np.ones(n, np.int32), np.array(lengths, np.int32), rows, table, space)
    expected = there.lists[0].items[: int(there.lists[0].count)].tolist()
    assert sorted(item[:6] for item in found) == sorted(item[:6] for item in expected)
    assert here.parts.pieces.tolist() == there.parts.pieces.tolist()


def test_a_decode_plan_has_fixed_addresses_and_bounds(device):
    space = AttentionSpace.create(SHAPE, 4, 5000, device)
    table = torch.zeros((4, 320), dtype=torch.int32, device=device)
    rows = torch.arange(4, device=device)
    plans = [
        plan_decode(torch.full((4,), length, dtype=torch.int32, device=device), rows, table, space)
        for length in (1, 5000)
    ]
    assert len({p.lists[0].items.data_ptr() for p in plans}) == 1
    assert len({(p.lists[0].most, p.parts.values.data_ptr()) for p in plans}) == 1
    with pytest.raises(ValueError, match="5 rows, the space holds 4"):
        five = torch.ones(5, dtype=torch.int32, device=device)
        plan_decode(five, five, table, space)


def test_more_new_tokens_than_keys_is_refused(device):
    space = AttentionSpace.create(SHAPE, 1, 64, device)
    table = torch.zeros((1, 4), dtype=torch.int32, device=device)
    with pytest.raises(ValueError, match=r"counts \[3\] do not fit lengths \[2\]"):
        plan_ragged(np.array([3]), np.array([2]), np.array([0]), table, space)


@pytest.mark.parametrize("pieces", [[2, 1, 9], [64, 0, 33], [1, 1, 1]], ids=str)
@pytest.mark.parametrize("heads,dim", [(3, 80), (2, 64)])
def test_merge(device, pieces, heads, dim):
    torch.manual_seed(0)
    count = torch.tensor(pieces, dtype=torch.int32, device=device)
    first = (count.cumsum(0) - count).int()
    values = torch.randn(sum(pieces), heads, dim, device=device)
    weights = torch.randn(sum(pieces), heads, device=device) * 20
    weights[1:3] = float("-inf")
    values[1:3] = 0.0
    parts = Parts(values, weights, first, count)
    got, want = (torch.full((3, heads, dim), 5.0, device=device) for _ in "ab")
    merge_attention(parts, got)
    merge_attention_reference(parts, want)
    torch.testing.assert_close(got, want)
    assert (got[count == 1] == 5.0).all() and not got[count == 0].any()


def test_merge_where_tokens_are_many(device, monkeypatch):
    monkeypatch.setattr(merge_attention_module, "FEW", 0)
    for heads in (3, 10):
        test_merge(device, [2, 1, 9], heads, 80)


def test_merge_of_parts_is_the_whole():
    scores, values = torch.randn(2, 3, 40).double() * 4, torch.randn(2, 3, 40, 8).double()
    whole = (torch.softmax(scores, -1)[..., None] * values).sum(2)
    cuts = [(0, 7), (7, 8), (8, 40)]
    pieces = [(scores[..., a:b], values[:, :, a:b]) for a, b in cuts]
    value = torch.stack([(torch.softmax(s, -1)[..., None] * v).sum(2) for s, v in pieces], 1)
    weight = torch.stack([torch.logsumexp(s, -1) / np.log(2) for s, _ in pieces], 1)
    parts = Parts(
        value.flatten(0, 1).float(),
        weight.flatten(0, 1).float(),
        torch.tensor([0, 3]),
        torch.tensor([3, 3]),
    )
    out = torch.empty(2, 3, 8)
    merge_attention(parts, out)
    torch.testing.assert_close(out, whole.float())


def test_compiled_code_streams_and_uses_the_matrix_units():
    """What the tiles promise, read from machine code for sm_90: no GPU is needed to compile."""
    script = Path(__file__).with_name("compiled.py")
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    lines = (dict(w.split("=") for w in line.split()) for line in run.stdout.splitlines())
    found = {line["tile"]: line for line in lines}
    assert all(int(line["async_copies"]) >= 15 for line in found.values())
    assert all(int(line["wgmma"]) >= 6 for tile, line in found.items() if "narrow" not in tile)
    assert int(found["narrow"]["shared"]) <= 54_000  # four programs to a multiprocessor
    assert int(found["narrow8"]["shared"]) <= 54_000
    # Triton 3.6 keeps a few values of the large tiles of eight-bit keys on the stack; 3.7 none
    allowed = {"middle8": 80, "wide8": 80, "shared8": 80}
    assert all(int(line["stack"]) <= allowed.get(tile, 0) for tile, line in found.items())
