"""A bad day in small: a real server, a killed engine, and nothing lost."""

from trellis.runtime.bench.serving.chaos import ChaosOptions, run
from trellis.runtime.config import EngineConfig


def test_a_small_bad_day():
    seen = run(EngineConfig(kv_tokens=8192), ChaosOptions(streams=6, requests=40, seed=1))
    told = {row.case: row.ours for row in seen.rows()}
    assert not seen.breached, told
    assert told["requests that ended, of all"] == 40
    assert seen.outcomes["answered"] > 0 and seen.outcomes["left"] > 0
    assert 0 < seen.ready_seconds < 10
    assert all(server > 0 and engine > 0 for server, engine in seen.resident)
