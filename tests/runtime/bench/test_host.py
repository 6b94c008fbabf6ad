"""The bench of the host: answers as they were written, figures of all parts; what a step without a graph needs."""

import json
import random
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import torch

from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.bench import host
from trellis.runtime.bench.host import PARTS, Bench, Load
from trellis.runtime.bench.paper import Nothing, Paper, PaperRunner, open_on_paper
from trellis.runtime.bench.workloads import SCHEMA
from trellis.runtime.bundled import BUNDLED
from trellis.runtime.check.judging import Tongue
from trellis.runtime.step import RowStart, Step, Work
from trellis.runtime.worker.attend import Attention
from trellis.runtime.worker.graphs import Graphs


def test_workloads_are_answered_as_written_and_timed() -> None:
    rows = host.run(rows=3, rounds=1, names=("plain", "four", "JSON behind"))
    assert len(rows) == 3 * (len(PARTS) + 4)
    assert all(row.ours > 0 for row in rows if row.case.endswith("the engine"))
    assert all(row.aim is None for row in rows), "what is asked is asked at 256 rows"


def test_any_token_that_may_follow_is_said_and_others_in_each_round() -> None:
    bench = Bench(3)
    load = next(load for load in host.LOADS if load.name == "anything, bounded strings")
    try:
        bench.measure(load)
        before = dict(bench._answers)
        spent = bench.measure(load)
        assert spent.tokens == sum(len(bench._answers[row]) for row in range(3))
        assert 0 < spent.forced < spent.tokens <= 3 * load.tokens
        assert all(bench._answers[row] != before[row] for row in range(3))
    finally:
        bench.close()


def test_an_answer_that_comes_otherwise_is_no_figure(monkeypatch) -> None:
    bench = Bench(2)
    write = bench._questions

    def miswritten(load: Load) -> Any:
        yield from write(load)
        bench._answers = bench._answers | {0: [5]}  # the device has what was written

    monkeypatch.setattr(bench, "_questions", miswritten)
    with pytest.raises(SystemExit, match="did not come as it was written"):
        bench.measure(Load("plain text", 6))
    bench.close()


class Listing(Attention):
    """Attention that notes what is planned."""

    noted: list[str] = []

    def list_items(self, *args: Any) -> Any:
        self.noted.append("listed")
        return super().list_items(*args)

    def plan_ragged(self, *args: Any) -> Any:
        self.noted.append("planned anew")
        return super().plan_ragged(*args)

    def plan_listed(self, *args: Any) -> Any:
        self.noted.append("planned as listed")
        return super().plan_listed(*args)


class Zeros(Nothing):
    def forward(self, tokens: Any, positions: Any, attend: Any) -> torch.Tensor:
        return torch.zeros((len(tokens), 1))

    def logits(self, hidden: Any) -> torch.Tensor:
        return torch.zeros((len(hidden), self.size))

    size = 0


def test_a_short_step_without_a_graph_is_planned_once() -> None:
    tongue = Tongue.from_folder(BUNDLED)
    client = open_on_paper(Paper(rows=4), tongue)
    paper = client.engine.runner
    assert isinstance(paper, PaperRunner)
    runner, model = paper.runner, Zeros()
    model.size = tongue.vocabulary.size
    parts = runner.parts
    at = parts.attention
    attention = Listing(at.pool, at.space, at.scale, at.windows)
    runner.parts = replace(parts, model=model, attention=attention)
    replays: list[Any] = []

    def capture(body: Any) -> Any:
        replays.append(body)
        raise AssertionError("needed once, it is not worth a graph")

    runner.graphs = Graphs(runner.graphs.bodies, runner.rows, 8, capture)
    params = SamplingParams(max_tokens=4)
    start = RowStart(0, params, 1, list(range(40)), 40)
    work = Work(0, 0, 40, list(range(40)), True)
    step = Step(1, [work], False, starts=[start], pages=[(0, 0, [1, 2, 3])])
    Listing.noted.clear()
    assert runner.place(step) == {}
    assert len(runner.launch(step).result().tokens) == 1
    assert Listing.noted == ["listed", "planned as listed"] and not replays
    client.close()


def test_written_values_are_of_their_schema() -> None:
    for seed in range(20):
        value = host.write_value(SCHEMA, random.Random(seed))
        jsonschema.validate(json.loads(json.dumps(value)), SCHEMA)
