"""runtime/check/crowd and runtime/bench/walks: many random walks at once, and what they add up to."""

from pathlib import Path

import numpy as np
import pytest

from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.spec import JsonSchema, Regex
from trellis.constrained.tokens.walk import Walk
from trellis.runtime.bench import walks
from trellis.runtime.bench.walks import Plan, measure, print_totals, total
from trellis.runtime.bundled import BUNDLED
from trellis.runtime.check.crowd import Crowd
from trellis.runtime.check.judging import Judge, Tongue
from trellis.runtime.check.settings import Settings


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(Settings(), Tongue.from_folder(BUNDLED))


def crowd_of(judge: Judge, schema: str) -> Crowd:
    assert judge.tongue is not None
    grammar = judge.compile(JsonSchema(schema))
    return Crowd(grammar, judge.tongue.forced.walk, np.random.default_rng(3))


def test_all_come_to_an_end_and_are_accepted(judge: Judge) -> None:
    schema = (
        '{"type": "array", "minItems": 2, "items": {"type": ["string", "array"], "minLength": 4}}'
    )
    grammar = judge.compile(JsonSchema(schema))
    found = list(crowd_of(judge, schema).wander(3000))  # more than go side by side
    assert len(found) == 3000 and {walk.ending for walk in found} == {"finished"}
    assert all(grammar.accepts(walk.text) for walk in found[::50])
    assert len({walk.text for walk in found}) > 2500
    assert max(walk.tokens for walk in found) > 60


def test_what_is_wrong_is_told_apart(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge.tongue is not None
    crowd = crowd_of(judge, '{"enum": ["abc", 12]}')
    monkeypatch.setattr(Grammar, "take", lambda self, place, token: None)
    assert {walk.ending for walk in crowd.wander(20)} == {"refused"}
    monkeypatch.undo()
    nothing = np.zeros_like(
        judge.tongue.forced.walk.mask(judge.compile(Regex("a")), crowd_start(judge))
    )
    monkeypatch.setattr(Walk, "mask", lambda self, grammar, place: nothing)
    assert {walk.ending for walk in crowd_of(judge, '{"const": 1}').wander(20)} == {"dead end"}


def crowd_start(judge: Judge):
    return judge.compile(Regex("a")).start


def test_rows_are_kept_and_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.jsonl"
    first = list(measure(Plan(40, 2, 0.0, out)))
    assert not first
    rows = list(measure(Plan(40, 1, 1e9, out)))
    assert [row["family"] for row in rows] == list(walks.FAMILIES)
    again = list(measure(Plan(40, 1, 1e9, out)))
    assert [row["schema"] for row in again] == [row["schema"] for row in rows]
    assert len(out.read_text().splitlines()) == len(walks.FAMILIES)
    everything = total(again)[-1]
    assert everything["walks"] == 40 == everything["judged"]
    assert everything["dead ends"] == everything["invalid"] == everything["endless"] == 0
    print_totals(again)
    assert "random walks" in capsys.readouterr().out


def test_an_invalid_document_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "is_valid", lambda validator, text: False)
    assert not walks.run(Plan(5, 1, 1e9))
