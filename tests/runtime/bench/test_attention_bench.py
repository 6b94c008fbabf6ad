"""`trellis bench attention` at toy size on a CPU, with a FlashAttention written in torch instead of the real one."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from trellis.kernels.attention.shape import AttentionShape
from trellis.runtime.bench.attention import (
    Setting,
    measure_decode,
    measure_ragged,
    measure_shared,
    parse_against,
    print_line,
)
from trellis.runtime.bench.device.case import Case, relative_error, verify
from trellis.runtime.bench.device.flash import PAGES, Flash, load_flash, widen_pages
from trellis.runtime.bench.device.limits import Limits
from trellis.runtime.bench.device.traces import Traces

SHAPE = AttentionShape(4, 2, 16, torch.float32, 16)
# With the arguments of the interface of vLLM 0.26.0, in its order.
INTERFACE = """
import torch
FA3_AVAILABLE, FA3_UNAVAILABLE_REASON = {available}, "no such machine"

def get_scheduler_metadata(batch_size, max_seqlen_q, max_seqlen_k, num_heads_q, num_heads_kv, headdim, cache_seqlens,
        qkv_dtype=torch.bfloat16, headdim_v=None, cu_seqlens_q=None, cu_seqlens_k_new=None, cache_leftpad=None,
        page_size=None, max_seqlen_k_new=0, causal=False, window_size=(-1, -1), has_softcap=False, num_splits=0,
        pack_gqa=None, sm_margin=0):
    assert batch_size == len(cache_seqlens) == len(cu_seqlens_q) - 1
    return torch.tensor([page_size, num_splits, causal], dtype=torch.int32)

def flash_attn_varlen_func(q, k, v, max_seqlen_q, cu_seqlens_q, max_seqlen_k, cu_seqlens_k=None, seqused_k=None,
        q_v=None, dropout_p=0.0, softmax_scale=None, causal=False, window_size=None, softcap=0.0, alibi_slopes=None,
        deterministic=False, return_attn_probs=False, block_table=None, return_softmax_lse=False, out=None,
        scheduler_metadata=None, q_descale=None, k_descale=None, v_descale=None, num_splits=0, output_scale=None,
        fa_version=2):
    pages, page, kv_heads, dim = k.shape
    assert fa_version == 3 and scheduler_metadata.tolist() == [page, num_splits, causal]
    assert all(x.is_contiguous() for x in (q, k, v, block_table, out))
    assert all(x.dtype == torch.int32 for x in (cu_seqlens_q, seqused_k, block_table))
    assert max_seqlen_k == seqused_k.max() and block_table.shape[1] * page >= max_seqlen_k
    ends = cu_seqlens_q.tolist()
    assert max_seqlen_q == max(end - begin for begin, end in zip(ends, ends[1:]))
    for row, length in enumerate(seqused_k.tolist()):
        mine = q[ends[row] : ends[row + 1]].transpose(0, 1)
        keys, values = (x[block_table[row].long()].flatten(0, 1)[:length].transpose(0, 1) for x in (k, v))
        seen = torch.ones(mine.shape[1], length, dtype=torch.bool).tril(length - mine.shape[1])
        got = torch.nn.functional.scaled_dot_product_attention(
            mine[None], keys[None], values[None], attn_mask=seen, scale=softmax_scale, enable_gqa=True)
        out[ends[row] : ends[row + 1]] = got[0].transpose(0, 1)
    return out
"""


def unpack(folder: Path, available: bool = True) -> Path:
    """A bundle as it lies when it is unpacked."""
    place = folder / "pkg" / "fa3"
    place.mkdir(parents=True)
    (place / "__init__.py").touch()
    (place / "flash_attn_interface.py").write_text(INTERFACE.format(available=available))
    return folder


@pytest.fixture
def flash(tmp_path: Path) -> Flash:
    return load_flash(unpack(tmp_path / "bundle"))


def a_second(name: str, calls: object) -> float:
    """A clock for tests."""
    assert name and calls
    return 1.0


@pytest.mark.parametrize(
    ("counts", "lengths", "common"),
    [([1, 1, 1], [700, 33, 5], 0), ([5, 1, 40], [300, 16, 40], 0), ([1] * 4, [544, 530, 600, 513], 512)],
)  # fmt: skip
def test_flash_attention_gives_the_same_over_pages_of_every_size(flash, counts, lengths, common):
    case = Case.create(counts, lengths, SHAPE, common, "cpu")
    want = case.attend(case.ragged_plan())
    for page in PAGES:
        calls = flash.calls(case, page)
        assert len(calls) == len(case.pools)
        assert relative_error(calls[-1](), case.calls(case.ragged_plan())[-1]()) < 1e-5
    assert set(flash.time(case, want, a_second)) == set(PAGES)
    with pytest.raises(AssertionError, match="away from FlashAttention's"):
        flash.time(case, want + 1, a_second)


def test_wider_pages_hold_the_same_keys_in_the_same_order():
    rng = np.random.default_rng(1)
    table = torch.from_numpy(rng.permutation(40)[:21].reshape(3, 7).astype(np.int32) + 1)
    table[1:, :4] = table[0, :4]
    table[2, 5:] = 0
    for ratio in (1, 2, 4, 8):
        wide, groups = widen_pages(table, ratio)
        assert wide.dtype == torch.int32 and len(groups) == len(groups.unique(dim=0))
        again = groups[wide.long()].flatten(1)[:, :7]
        assert torch.equal(again, table.long())
        shared = 4 // ratio
        assert (wide[:, :shared] == wide[0, :shared]).all()


def test_each_kind_of_case_stands_beside_flash_attention(flash, capsys):
    setting = Setting(Limits(1e9, 1e15), SHAPE, "default", flash, a_second, "cpu")
    lines = [
        *measure_decode(setting, {"2 x 40": [40, 40]}),
        *measure_ragged(setting, {"a chunk": [(20, 33), (1, 9)]}),
        *measure_shared(setting, "decode", {"of 32": (3, 32, 5, 1)}),
        *measure_shared(setting, "extend", {"of 32": (3, 32, 5, 5)}),
    ]
    assert [line.variant for line in lines] == [
        "default", "fa3, pages of 16", "default", "fa3, pages of 16",
        "default flat", "fa3, pages of 16", "default flat", "fa3, pages of 16",
    ]  # fmt: skip
    assert [line.ours_over for line in lines] == [None, 1.0] * 4
    # Keys that rows share are read once.
    nbytes = (32 + 3 * 5) * SHAPE.token_bytes
    assert lines[4].of_floor == pytest.approx(1 / (nbytes / 1e9))
    print_line(lines[1])
    assert capsys.readouterr().out.split()[-1] == "1.00"


def test_grouped_rows_stand_beside_flat_ones(capsys):
    line = Setting(Limits(1e9, 1e9), SHAPE, "default", None, a_second, "cpu").limits.line(
        "decode of 32", "default grouped", 0.5, 1e9, 1.0
    )
    print_line(replace(line, of_flat=0.5))
    assert capsys.readouterr().out.split()[-3:] == ["0.50", "of", "flat"]
    assert line.of_floor == 0.5


def test_kernels_are_verified_before():
    verify(SHAPE, "cpu")
    verify(AttentionShape(4, 2, 16, torch.bfloat16, 16, torch.float8_e4m3fn), "cpu")


def test_a_case_without_flash_attention_has_no_such_line():
    setting = Setting(Limits(1e9, 1e9), SHAPE, "default", None, a_second, "cpu")
    (line,) = measure_decode(setting, {"1 x 40": [40]})
    assert line.ours_over is None


def test_what_cannot_be_compared_is_said(tmp_path: Path, flash: Flash):
    with pytest.raises(FileNotFoundError, match=r"holds no flash_attn_interface\.py"):
        load_flash(tmp_path / "nothing")
    with pytest.raises(RuntimeError, match="no such machine"):
        load_flash(unpack(tmp_path / "broken", available=False))
    with pytest.raises(argparse.ArgumentTypeError, match="write fa3=FOLDER"):
        parse_against("fa4=here")
    with pytest.raises(argparse.ArgumentTypeError, match="holds no"):
        parse_against(f"fa3={tmp_path}/nothing")
    eight = replace(SHAPE, dtype=torch.bfloat16, kv_dtype=torch.float8_e4m3fn)
    with pytest.raises(ValueError, match="queries in eight bits"):
        flash.calls(Case.create([1], [40], eight, 0, "cpu"), 16)


def test_profiling_leaves_a_trace_of_each_case(tmp_path: Path):
    traces = Traces(tmp_path / "traces")
    setting = Setting(Limits(1e9, 1e9), SHAPE, "default", None, traces.time, "cpu")
    (line,) = measure_decode(setting, {"1 x 40": [40]})
    assert line.microseconds > 0
    names = sorted(path.name for path in traces.folder.iterdir())
    assert names == ["decode_1_x_40.json.gz", "decode_1_x_40.txt"]
    assert "Self CPU" in (traces.folder / names[1]).read_text()
