"""A bad day in small: a real server, a killed engine, and nothing lost."""

import pytest

from trellis.runtime.bench.serving.chaos import GROWTH_FROM, ChaosOptions, Seen, run, slope
from trellis.runtime.config import EngineConfig


def test_a_small_bad_day():
    seen = run(EngineConfig(kv_tokens=8192), ChaosOptions(streams=6, requests=40, seed=1))
    told = {row.case: row.ours for row in seen.rows()}
    assert not seen.breached, told
    assert told["requests that ended, of all"] == 40
    assert seen.outcomes["answered"] > 0 and seen.outcomes["left"] > 0
    assert 0 < seen.ready_seconds < 10
    assert all(server > 0 and engine > 0 for server, engine in seen.resident)
    assert len(seen.resident) == 4


def test_a_slope_is_that_of_the_line():
    assert slope([(x, 3 + 0.25 * x) for x in range(9)]) == pytest.approx(0.25)
    assert slope([(x, 5 + (-1) ** x) for x in range(101)]) == pytest.approx(0, abs=0.01)
    assert slope([]) == slope([(4, 1.0), (4, 2.0)]) == 0


def long_day(server: list[float], requests: int = 80_000) -> Seen:
    resident = [(int(held * 2**20), 2**20) for held in server]
    seen = Seen(resident=resident, requests=requests, ready_seconds=1.0)
    seen.outcomes["answered"] = requests
    return seen


def test_memory_that_grows_is_a_breach():
    seen = long_day([1, 2, 3, 4, 5, 6, 7, 8])
    slopes = [row.ours for row in seen.rows() if "slope" in row.case]
    assert seen.breached and slopes == [pytest.approx(1), pytest.approx(0)]
    assert not long_day([1, 2, 3, 4, 5, 5, 5, 5.05]).breached
    assert long_day([1, 2, 3, 4, 5, 5, 5, 22], requests=GROWTH_FROM).breached
    assert not long_day([1, 2, 3, 4, 5, 6, 7, 40], requests=40).breached
