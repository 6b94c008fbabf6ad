"""A bad day in small: a real server, a killed engine, and nothing lost."""

import pytest

from trellis.runtime.bench.serving.chaos import ChaosOptions, run, slope
from trellis.runtime.config import EngineConfig


def test_a_small_bad_day():
    seen = run(EngineConfig(kv_tokens=8192), ChaosOptions(streams=6, requests=40, seed=1))
    told = {row.case: row.ours for row in seen.rows()}
    assert not seen.breached, told
    assert told["requests that ended, of all"] == 40
    assert seen.outcomes["answered"] > 0 and seen.outcomes["left"] > 0
    assert 0 < seen.ready_seconds < 10
    assert all(server > 0 and engine > 0 for server, engine in seen.resident)
    assert seen.samples and all(count <= 40 for count, *_ in seen.samples)


def test_a_slope_is_that_of_the_line():
    assert slope([(x, 3 + 0.25 * x) for x in range(9)]) == pytest.approx(0.25)
    assert slope([(x, 5 + (-1) ** x) for x in range(101)]) == pytest.approx(0, abs=0.01)
    assert slope([]) == slope([(4, 1.0), (4, 2.0)]) == 0
