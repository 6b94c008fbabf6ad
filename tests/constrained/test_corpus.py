"""The corpus of `trellis bench grammar`: the jsonschema library's verdicts, and walks that never go astray."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from trellis.constrained.errors import ConstraintError
from trellis.constrained.spec import JsonSchema
from trellis.runtime.bench.corpus import FAMILIES, draw_cases, draw_schema, open_validator
from trellis.runtime.bench.grammar import (
    COLUMNS,
    Bench,
    is_valid,
    print_beside,
    print_rows,
    read_peers,
)
from trellis.runtime.bundled import BUNDLED
from trellis.runtime.check.judging import Judge, Tongue
from trellis.runtime.check.settings import Settings
from trellis.runtime.check.wander import Guide, wander


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(Settings(), Tongue.from_folder(BUNDLED))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_corpus_is_the_same_every_time(family: str) -> None:
    first, again = list(draw_cases(family, 2, first=3)), list(draw_cases(family, 3, first=2))
    assert again[1:] == first[:2]
    labels = [sample.valid for case in draw_cases(family, 8) for sample in case.samples]
    assert any(labels) and not all(labels)


@pytest.mark.parametrize("family", FAMILIES)
def test_verdicts_are_those_of_the_labels(judge: Judge, family: str) -> None:
    handled = 0
    for case in draw_cases(family, 6, first=200):
        answer = judge.answer(case)
        assert answer.status != "error" and not answer.fault, (case.id, answer)
        if answer.status == "ok":
            handled += 1
            assert answer.tests == tuple(sample.valid for sample in case.samples), case
    assert handled >= 5


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("whitespace", ["compact", "any"])
def test_walks_over_allowed_tokens_end_in_valid_documents(
    judge: Judge, family: str, whitespace: str
) -> None:
    assert judge.tongue is not None
    for number in range(300, 303):
        schema = draw_schema(family, number)
        validator, rng = open_validator(schema), random.Random(number)
        try:
            grammar = judge.compile(JsonSchema(json.dumps(schema), whitespace=whitespace))
        except ConstraintError:
            continue
        guide = Guide(grammar, judge.tongue.vocabulary)
        for _ in range(2):
            walk = wander(judge.matcher(grammar), guide, rng)
            assert walk.ending == "finished", (number, walk)
            assert is_valid(validator, walk.text), (number, walk)


def test_walks_end_where_items_must_differ(judge: Judge) -> None:
    schema = draw_schema("github", 23)
    words: dict[str, Any] = {"type": "string", "maxLength": 9}
    schema["properties"]["words"] = {"items": words, "uniqueItems": True, "minItems": 3}
    schema.setdefault("required", []).append("words")
    grammar = judge.compile(JsonSchema(json.dumps(schema)))
    assert judge.tongue is not None and grammar.tier == "host"
    guide, validator = Guide(grammar, judge.tongue.vocabulary), open_validator(schema)
    for seed in range(3):
        walk = wander(judge.matcher(grammar), guide, random.Random(seed))
        assert walk.ending == "finished" and is_valid(validator, walk.text), (seed, walk)


def test_the_bench_has_a_row_for_each_family(capsys: pytest.CaptureFixture[str]) -> None:
    row = Bench(BUNDLED, walks=1).family("tool", 2)
    assert row["handled"] == 1 and row["wrong"] == row["bad_walks"] == 0 and row["walks"] == 2
    assert 0 < row["forced_share"] < 1 and row["visited_mask_us_p50"] < row["new_mask_us_p50"]
    print_rows([row, {"large": "some", "compile_ms": None, "notes": ["some: refused"]}])
    shown = capsys.readouterr().out
    assert "tool" in shown and "refused" in shown and "worst / target" in shown


def test_peers_stand_beside_our_families(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    mine = {key: 4 for _, key, _, _ in COLUMNS} | {"family": "tool", "schemas": 2}
    peer = {"name": "other", "family": "tool", "visited_mask_us_p50": 16.0, "wrong": 0}
    lines = tmp_path / "lines"
    lines.write_text(f"{json.dumps(peer)}\n{json.dumps(mine)}\nsome text\n")
    peers = read_peers([lines])
    assert peers == [peer]
    print_beside([mine], peers)
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["visited", "p50", "µs", "16.0", "0.25"] in shown and ["wrong", "0"] in shown
    lines.write_text("nothing")
    with pytest.raises(ValueError, match="no JSON lines with name and family"):
        read_peers([lines])
