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
from trellis.runtime.bench.engine import chosen, measure, report
from trellis.runtime.bench.interruption import interrupt
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
        ours("decode_bs1", full_s=1.0, step_ms=4.0),
        ours("json_bs1", full_s=0.4, step_ms=2.55),
        ours("prefill_16x8192", full_s=3.85, step_ms=-9.0) | {"prompts": 16, "gen_tokens": 16},
        ours("unknown", full_s=1.0, step_ms=1.0),
    ]
    print_against(rows, read_peers([vllm, sglang]))
    said = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert said == [
        ["decode_bs1", "sglang:", "out", "of", "memory"],
        ["decode_bs1", "ms", "a", "step", "4.000", "4.800", "0.83", "vllm"],
        ["json_bs1", "ms", "a", "step", "2.550", "5.100", "0.50", "vllm"],
        [
            "prefill_16x8192", "s", "3.850", "3.500", "1.10", "sglang",
            '{"attention_backend":', '"flashinfer"}',
        ],
    ]  # fmt: skip


def test_a_file_without_lines_is_refused(tmp_path: Path):
    empty = tmp_path / "empty"
    empty.write_text("nothing to see\n")
    with pytest.raises(ValueError, match="no JSON lines"):
        read_peers([empty])


def test_lines_are_printed_kept_and_compared(tmp_path: Path, capsys):
    out, peer = tmp_path / "out.jsonl", tmp_path / "peer"
    peer.write_text(PEER)
    rows = [ours("decode_bs1", full_s=1.0, step_ms=4.0), ours("long") | {"skipped": "too long"}]
    report(rows, out, read_peers([peer]))
    assert [json.loads(line) for line in out.read_text().splitlines()] == rows
    assert "0.83  vllm" in capsys.readouterr().out
