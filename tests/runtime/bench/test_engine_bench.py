"""`trellis bench engine` at toy size: its workloads, what a long prompt does to others, peers' lines beside ours."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trellis.runtime.bench.against import print_against, read_peers
from trellis.runtime.bench.asking import Heard, steady_gaps
from trellis.runtime.bench.device.floors import Costs, Floors, different_tokens
from trellis.runtime.bench.device.limits import Limits
from trellis.runtime.bench.engine import chosen, floors_of, measure, report, trace
from trellis.runtime.bench.interruption import interrupt
from trellis.runtime.bench.profiling import STEPS
from trellis.runtime.bench.workloads import (
    Ids,
    Workload,
    many_schemas,
    prefill_beside_decode,
    schema_of,
    uneven,
)
from trellis.runtime.client import Client
from trellis.runtime.config import EngineConfig
from trellis.runtime.launch import open_client


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    config = EngineConfig(device="cpu", dtype="float32", threads=1, context=1024, beside_tokens=16)
    opened = open_client(config)
    yield opened
    opened.close()


@pytest.fixture
def ids() -> Ids:
    rng = random.Random(5)
    return lambda count: [rng.randrange(10, 300) for _ in range(count)]


def test_each_row_walks_a_grammar_of_its_own(client, ids):
    load = replace(many_schemas(ids, 3), prompts=[ids(8) for _ in range(3)], new_tokens=32)
    plain = Workload("plain_bs256_for_json", [], load.prompts, 12)
    (_, row) = measure(client, [plain, load])
    assert row["workload"] == "json_3_schemas_bs3" and row["prompts"] == 3
    assert row["compile_s"] > 0 and row["new_gap_ms"] > 0
    assert row["compared_with"] == plain.name and row["gap_ratio"] > 0
    assert len({json.dumps(schema_of(number)) for number in range(256)}) == 256


def test_an_uneven_batch_is_compared_with_an_even_one(client, ids):
    loads = list(uneven(ids, 300, 40, 4))
    assert [sum(map(len, load.prompts)) for load in loads] == [420, 420]
    even, row = measure(client, loads)
    assert "compared_with" not in even and row["gap_ratio"] > 0


def test_a_long_prompt_goes_in_small_parts_beside_answers(client, ids):
    cached = client.engine.times.cached
    (row,) = measure(client, [prefill_beside_decode(ids, 3, 320, 96)])
    assert row["beside_tokens"] == 16 and row["max_step_tokens"] == 512
    # Twenty steps compute the prompt, and each of the three rows hears a token in nearly every one.
    assert row["gaps"] >= 3 * 12
    assert row["during_p99_ms"] >= row["during_median_ms"] > 0
    assert client.engine.times.cached == cached  # no prompt was known before, alone or beside


def test_answers_that_end_too_soon_measure_nothing(client, ids):
    with pytest.raises(SystemExit, match="give them more than 12 tokens"):
        interrupt(client, prefill_beside_decode(ids, 2, 900, 12))


def test_what_does_not_fit_the_context_is_left_out(client, ids):
    (row,) = measure(client, [Workload("long", [], [ids(1000)], 64)])
    assert row == {
        "engine": "trellis",
        "workload": "long",
        "skipped": "it needs a context of 1064 tokens",
    }


def test_workloads_are_chosen_by_name_with_what_they_are_compared_with():
    plain, schemas, even, odd = chosen(["uneven", "json_256"])
    assert plain.name == schemas.beside and even.name == odd.beside
    every = chosen([])
    names = [load.name for load in every]
    assert len(set(names)) == len(names) == 18
    for load in every:
        assert not load.beside or names.index(load.beside) < names.index(load.name)
    with pytest.raises(SystemExit, match="no workload begins with any of"):
        chosen(["jsn"])
    assert schemas.name == "json_256_schemas_bs256" and len(schemas.schemas) == 256
    assert sum(map(len, even.prompts)) == sum(map(len, odd.prompts)) == 126 * 1024 + 31 * 1024


def test_gaps_count_while_all_are_being_answered():
    rows = [Heard([], [0.0, 1.0, 2.0, 3.0]), Heard([], [1.5, 2.0, 2.5]), Heard()]
    assert steady_gaps(rows) == [1.0, 0.5, 0.5]
    assert steady_gaps([Heard()]) == []


PEER = """started in 71.2 s
{"engine": "vllm", "workload": "decode_bs1", "full_s": 1.3, "step_ms": 5.0, "gen_tokens": 256}
{"engine": "vllm", "workload": "decode_bs1", "full_s": 1.2, "step_ms": 4.8, "gen_tokens": 256}
{"engine": "vllm", "workload": "json_bs1", "error": "RuntimeError('no grammar')"}
{"engine": "vllm", "workload": "json_bs1", "full_s": 0.8, "step_ms": 5.1, "gen_tokens": 160}
{"note": "of another kind"}
[1, 2]
"""
SGLANG = {"engine": "sglang", "opts": {"attention_backend": "flashinfer"}, "full_s": 3.5}


def ours(name: str, **fields: Any) -> dict[str, Any]:
    return {"engine": "trellis", "workload": name, "prompts": 1, "gen_tokens": 256} | fields


def test_peers_stand_beside_us_at_their_best(tmp_path: Path, capsys):
    vllm, sglang = tmp_path / "vllm.txt", tmp_path / "sglang.jsonl"
    vllm.write_text(PEER)
    prefill = SGLANG | {"workload": "prefill_16x8192", "step_ms": 0.1, "gen_tokens": 16}
    failed = {"engine": "sglang", "workload": "decode_bs1", "error": "out of memory"}
    sglang.write_text(f"{json.dumps(prefill)}\n{json.dumps(failed)}\n")
    rows = [
        ours("decode_bs1", full_s=1.0, step_ms=4.0, floor_step_ms=3.5, floor_prefill_s=0.1),
        ours("json_bs1", step_ms=2.55, compared_with="plain", compared_step_ms=2.5),
        ours("prefill_16x8192", full_s=3.85, step_ms=-9.0, floor_prefill_s=3.0)
        | {"prompts": 16, "gen_tokens": 16},
        ours("unknown", full_s=1.0, step_ms=1.0),
        ours("late", during_p99_ms=30.0, asked_ratio=2.0, without_median_ms=10.0),
        {"engine": "trellis", "workload": "long", "skipped": "too long"},
    ]
    print_against(rows, read_peers([vllm, sglang]))
    said = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert said == [
        ["decode_bs1", "ms", "a", "step", "3.500", "4.000", "1.14"],
        ["decode_bs1", "ms", "a", "step", "sglang:", "out", "of", "memory"],
        ["decode_bs1", "ms", "a", "step", "4.800", "0.83", "vllm"],
        ["json_bs1", "ms", "a", "step", "2.550"],
        ["json_bs1", "ms", "a", "step", "2.500", "1.02", "plain"],
        ["json_bs1", "ms", "a", "step", "5.100", "0.50", "vllm"],
        ["prefill_16x8192", "s", "3.000", "3.850", "1.28"],
        [
            "prefill_16x8192", "s", "3.500", "1.10", "sglang",
            '{"attention_backend":', '"flashinfer"}',
        ],
        ["unknown", "ms", "a", "step", "1.000"],
        ["late", "ms", "p99", "30.000"],
        ["late", "ms", "p99", "20.000", "1.50", "2", "medians", "without"],
    ]  # fmt: skip


def test_a_file_without_lines_is_refused(tmp_path: Path):
    empty = tmp_path / "empty"
    empty.write_text("nothing to see\n")
    with pytest.raises(ValueError, match="no JSON lines"):
        read_peers([empty])


def test_floors_stand_beside_what_is_not_constrained(client, ids):
    limits = Limits(1e12, 1e13)
    prefix = ids(32)
    load = Workload("decode", [prefix], [prefix + ids(8) for _ in range(3)], 12)
    late, first = replace(load, late=tuple(ids(100)), new_tokens=96), replace(load, new_tokens=1)
    (row, alone) = measure(client, [load, first], limits)
    floors = floors_of(client, limits)
    step = floors.step_seconds(load.prompts, 12)
    assert row["floor_step_ms"] == round(1e3 * step, 3)
    assert row["step_of_floor"] == pytest.approx(row["step_ms"] / 1e3 / step, rel=1e-3)
    assert row["prefill_of_floor"] > 1 and "floor_step_ms" not in alone
    model, pool = client.engine.runner.parts.model, client.engine.runner.parts.pool
    costs = Costs.of(model, pool.shape)
    named = sum(p.numel() for name, p in model.parameters().items() if p.dim() == 2)
    assert costs.weights == named and costs.weight_bytes == 4 * named
    assert costs.token_bytes == 2 * 4 * 2 * model.config.kv_heads * model.config.head_dim // 2 * (
        model.config.layers
    )
    assert late.late  # an interruption has none
    schemas = replace(load, schemas=(schema_of(1),))
    (constrained,) = measure(client, [schemas], limits)
    assert "floor_step_ms" not in constrained


def test_what_several_prompts_begin_with_is_counted_once():
    costs = Costs(weights=1000, head=100, weight_bytes=2000, token_bytes=10, score=1)
    by_memory, by_products = Floors(costs, Limits(1.0, 1e30)), Floors(costs, Limits(1e30, 1.0))
    prompts = [[1, 2, 3, 4], [1, 2, 3, 9], [5, 2, 3, 4], [1, 2]]
    assert different_tokens(prompts) == 4 + 1 + 4
    assert by_memory.step_seconds(prompts, 2) == 2000 + 10 * (9 + 4 * 1)
    assert by_products.step_seconds(prompts, 2) == 2 * 4 * 1000 + (14 + 4)
    # Tokens 3 and 4 of the first and 4 of the second, and all of the third: 3 + 4, 4, 1 + 2 + 3 + 4 keys.
    known = [[1, 2]]
    assert by_products.prompt_seconds(prompts, known) == 2 * (7 * 900 + 4 * 100) + 21
    assert by_memory.prompt_seconds(prompts, known) == 2000 + 10 * 9


def test_steps_are_recorded_in_a_run_of_their_own(client, ids, tmp_path: Path):
    loads = [
        Workload("decode", [ids(16)], [ids(20) for _ in range(2)], 60),
        Workload("prefill", [], [ids(200)], 1),
        prefill_beside_decode(ids, 2, 100, 40),
    ]
    decode, prefill = trace(client, loads, tmp_path / "traces")
    assert decode["profiled_steps"] >= STEPS // 2 and prefill["profiled_steps"] >= 1
    names = sorted(path.name for path in (tmp_path / "traces").iterdir())
    assert names == ["decode.json.gz", "decode.txt", "prefill.json.gz", "prefill.txt"]


def test_lines_are_printed_kept_and_compared(tmp_path: Path, capsys):
    out, peer = tmp_path / "out.jsonl", tmp_path / "peer"
    peer.write_text(PEER)
    rows = [ours("decode_bs1", full_s=1.0, step_ms=4.0), ours("long") | {"skipped": "too long"}]
    report(rows, out, read_peers([peer]))
    assert [json.loads(line) for line in out.read_text().splitlines()] == rows
    assert "0.83  vllm" in capsys.readouterr().out
