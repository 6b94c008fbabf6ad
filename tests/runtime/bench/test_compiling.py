"""What `trellis bench compiling` counts: schemas that arrive in time, those given up, and steps beside them."""

import json
import time
from collections.abc import Iterator

import pytest

from trellis.constrained.compiling.compiler import Compiler
from trellis.constrained.compiling.workers import Threads, count_spare
from trellis.constrained.limits import Limits
from trellis.constrained.spec import JsonSchema
from trellis.constrained.tokens.vocabulary import Vocabulary
from trellis.runtime.bench.compiling import (
    Arrival,
    Arrived,
    Figures,
    arriving,
    draw_new,
    percentile,
    run,
)
from trellis.runtime.config import EngineConfig


@pytest.fixture
def compiler() -> Iterator[Compiler]:
    vocabulary = Vocabulary([*(bytes([i]) for i in range(256)), None], frozenset({256}))
    made = Compiler(vocabulary, lambda before, text: list(text.encode()))
    yield made
    made.close()


def test_processes_follow_the_cores() -> None:
    assert [count_spare(cores) for cores in (1, 2, 8, 16, 128)] == [1, 1, 2, 4, 4]


def test_no_schema_is_drawn_twice() -> None:
    drawn = draw_new(30, 0) + draw_new(30, 30)
    assert len(set(drawn)) == 60 and drawn[30:40] == draw_new(10, 30)


def test_all_that_arrived_is_accounted_for(compiler: Compiler) -> None:
    schemas = [JsonSchema(json.dumps({"const": n})) for n in range(20)]
    schemas[3] = JsonSchema('{"type": "number", "minimum": 3, "maximum": 1}')
    with arriving(compiler, schemas, 1000.0) as arrived:
        time.sleep(0.4)
    counts = arrived.count()
    assert counts["asked"] == 20 and counts["refused"] >= 1
    assert counts["compiled"] + counts["refused"] + counts["given_up"] == 20


def test_those_beyond_the_line_are_turned_away() -> None:
    vocabulary = Vocabulary([b"a", None], frozenset({1}))
    workers = Threads(Limits(), frozenset(), count=1, most=2)
    compiler = Compiler(vocabulary, lambda text: [], workers=workers)
    with arriving(compiler, draw_new(60, 7), 1e6) as arrived:
        time.sleep(0.05)
    counts = arrived.count()
    assert counts["turned_away"] > 30 and counts["asked"] == sum(counts.values()) / 2 == 60
    compiler.close()


def test_the_rest_is_not_asked_for_when_it_is_over(compiler: Compiler) -> None:
    with arriving(compiler, [JsonSchema("true")] * 50, 0.01) as arrived:
        until = time.monotonic() + 20
        while not arrived.waiting and time.monotonic() < until:
            time.sleep(0.005)
    assert len(arrived.waiting) == 1 and arrived.seconds < 50


def test_our_own_mistakes_are_not_counted_as_refusals(compiler: Compiler) -> None:
    future = compiler.submit(JsonSchema("true"))
    broken = Arrived([type(future)()])
    broken.waiting[0].set_exception(AssertionError("a mistake"))
    with pytest.raises(AssertionError, match="a mistake"):
        broken.count()


def test_figures_stand_beside_their_aims() -> None:
    figures = Figures([0.01] * 100, [0.012] * 100, [1.2], seconds=2.0)
    figures.schemas.update(asked=20, compiled=9, refused=1, given_up=10)
    rows = {row.case: row for row in figures.rows(Arrival(rate=10.0))}
    assert rows["schemas done a second"].ours == 5 and not rows["schemas done a second"].reached
    assert rows["schemas asked for a second"].reached
    assert not rows["p99 with over without, middle round"].reached
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0 and percentile([1.0, 2.0], 99) == 2.0


def test_the_bundled_model_decodes_beside_them() -> None:
    rows = run(EngineConfig(device="cpu", dtype="float32", threads=1), Arrival(20.0, 4, 12, 1))
    found = {row.case: row.ours for row in rows}
    assert found["worker processes"] == 1 and found["rows that decode"] == 4
    assert found["step without, p50"] > 0 and found["step with, p99"] > 0
