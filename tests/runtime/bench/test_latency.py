"""The arithmetic of a load test: percentiles, the field's latencies, goodput, arrivals and prompts."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis.runtime.bench.serving.latency import Objectives, Timing, percentile, summarize
from trellis.runtime.bench.serving.load import Sizes, arrivals, random_prompts, shared_prompts
from trellis.runtime.bench.serving.options import LoadConfig
from trellis.runtime.bench.table import Row, append_rows, print_rows
from trellis.runtime.errors import ConfigError

FINITE = st.floats(-1e6, 1e6)


@given(st.lists(FINITE, min_size=1, max_size=40), st.floats(0, 1))
def test_percentiles_are_numpys(values, share):
    assert percentile(values, share) == pytest.approx(np.percentile(values, 100 * share), abs=1e-6)


def test_the_percentile_of_nothing_is_no_number():
    assert math.isnan(percentile([], 0.5))


def test_one_answer_by_the_definitions():
    timing = Timing(10.0, (10.5, 10.6, 10.8), tokens=3)
    assert timing.ttft == pytest.approx(0.5)
    assert timing.whole == pytest.approx(0.8)
    assert timing.tpot == pytest.approx(0.15)
    assert timing.gaps == pytest.approx([0.1, 0.2])
    assert Timing(0.0, (1.0,), tokens=1).tpot is None


def test_goodput_counts_answers_that_meet_every_objective():
    timings = [
        Timing(0.0, (0.1, 0.2), 2),  # good
        Timing(0.0, (0.9, 1.0), 2),  # late
        Timing(0.0, (0.1, 0.9), 2),  # slow
        Timing(0.0, (0.1,), 1),  # one token has no TPOT to miss
        Timing(0.0, (), 0, "refused"),
    ]
    summary = summarize(timings, 2.0, Objectives(ttft_ms=500, tpot_ms=200))
    assert (summary.answers, summary.goodput, summary.failed) == (2.0, 1.0, 1)
    assert summary.tokens == 3.5
    assert summary.ttft[0] == pytest.approx(100)
    assert Objectives(e2e_ms=150).met(timings[0]) is False
    assert Objectives().met(timings[2]) and not Objectives().met(timings[4])


def test_arrivals_are_poisson_and_repeatable():
    times = arrivals(8.0, 4000, seed=3)
    assert times == arrivals(8.0, 4000, seed=3) != arrivals(8.0, 4000, seed=4)
    assert times == sorted(times)
    gaps = np.diff(times)
    assert np.mean(gaps) == pytest.approx(1 / 8, rel=0.1)
    assert np.std(gaps) == pytest.approx(1 / 8, rel=0.1)  # an exponential's deviation is its mean
    assert arrivals(float("inf"), 3, seed=0) == [0.0] * 3
    with pytest.raises(ValueError, match="above 0"):
        arrivals(0.0, 3, seed=0)


def test_groups_begin_alike_and_nothing_else_does():
    sizes = Sizes(groups=3, prompts=4, system=20, question=5, output=8)
    prompts = shared_prompts(sizes, 4096, seed=1)
    assert len(prompts) == 12 and {len(p) for p in prompts} == {25}
    assert len({tuple(p[:20]) for p in prompts}) == 3
    assert len({tuple(p) for p in prompts}) == 12
    apart = random_prompts(sizes, 4096, seed=1)
    assert len({tuple(p[:4]) for p in apart}) == 12
    assert all(100 <= token < 4096 for p in (*prompts, *apart) for token in p)


def test_lengths_are_halved_until_they_fit():
    sizes = Sizes(64, 16, 2048, 128, 256)
    assert sizes.fitted(4096) == sizes
    assert sizes.fitted(1024) == Sizes(64, 16, 512, 32, 64)


@pytest.mark.parametrize("wrong", [{"rates": "fast"}, {"rates": "0"}, {"streams": 0}])
def test_settings_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        LoadConfig(**wrong)


def test_rows_say_whether_they_reach_their_aim(tmp_path, capsys):
    rows = [
        Row("low", 2.0, "ms", 4.0),
        Row("high", 2.0, "", 4.0, "high"),
        Row("equal", 0.0, "", 0.0, "equal"),
        Row("free", 1234.5),
        Row("never", float("inf"), "s", 10.0),
    ]
    assert [row.reached for row in rows] == [True, False, True, None, False]
    assert [row.ratio for row in rows] == [0.5, 0.5, None, None, float("inf")]
    print_rows("figures", rows)
    shown = capsys.readouterr().out
    assert shown.count("missed") == 2 and "1,234" in shown
    append_rows(tmp_path / "out.jsonl", "here", rows, model="m")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["ours"] for line in lines] == [2.0, 2.0, 0.0, 1234.5, None]
    assert all(line["model"] == "m" and line["bench"] == "here" for line in lines)
