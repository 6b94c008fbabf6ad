"""A bad day in small: a real server, a killed engine, and nothing lost."""

import pytest

from trellis.runtime.bench.serving.chaos import ChaosOptions, Seen, run, slope
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


def test_memory_that_grows_is_a_breach():
    samples = [(count, 2**20 * count, 2**20) for count in range(0, 30_000, 1000)]
    resident = [(2**20, 2**20)] * 3 + [(2**25, 2**20)]
    seen = Seen(resident=resident, samples=samples, requests=30_000, ready_seconds=1.0)
    seen.outcomes["answered"] = 30_000
    slopes = [row.ours for row in seen.rows() if "slope" in row.case]
    assert seen.breached and slopes == [pytest.approx(10_000), pytest.approx(0)]
    few = Seen(resident=resident, samples=samples, requests=40, ready_seconds=1.0)
    few.outcomes["answered"] = 40
    assert not few.breached
