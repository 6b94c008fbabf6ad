"""runtime/check: the shortest text, what answers add up to, keywords, and peers behind a fake engine."""

import random
from itertools import product

import numpy as np
import pytest

from trellis.constrained.spec import Constraint, Ebnf, JsonSchema, Regex
from trellis.runtime.bundled import BUNDLED
from trellis.runtime.check import peers
from trellis.runtime.check.batch import answer_lines
from trellis.runtime.check.cases import BadLine, Case, Sample, read_cases
from trellis.runtime.check.example import short_text
from trellis.runtime.check.judging import Answer, Judge, Tongue
from trellis.runtime.check.peers import Peer, PeerMissing
from trellis.runtime.check.settings import Settings
from trellis.runtime.check.tally import KEPT, Sampled, Tally
from trellis.runtime.check.wander import Guide, wander
from trellis.runtime.check.wording import keyword_uses


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(Settings(), Tongue.from_folder(BUNDLED))


@pytest.mark.parametrize("pattern", ["a{3}b?", "(ab|c)+d", "x*yz|[ab]{2,}c", "", "(a|b)(b|c)d*a"])
def test_no_shorter_text_is_accepted(judge: Judge, pattern: str) -> None:
    grammar = judge.compile(Regex(pattern))
    found = short_text(grammar)
    assert found is not None and grammar.accepts(found)
    for length in range(len(found)):
        shorter = ("".join(letters).encode() for letters in product("abcdxyz", repeat=length))
        assert not any(map(grammar.accepts, shorter))


@pytest.mark.parametrize(
    ("constraint", "length"),
    [
        (JsonSchema('{"type": "string", "minLength": 3000}'), 3002),
        (JsonSchema('{"type": "array", "minItems": 40, "items": {"const": "ab"}}'), 240),
        (JsonSchema('{"anyOf": [{"const": [1, 2, 3]}, {"type": "array", "minItems": 1}]}'), 3),
        (
            JsonSchema(
                '{"$ref": "#/$defs/a", "$defs": {"a": {"prefixItems": [{"type": "null"}]}}}'
            ),
            1,
        ),
        (Ebnf('start: start "+" start | "xy"'), 2),
    ],
)
def test_long_and_ambiguous_ones_have_a_text(
    judge: Judge, constraint: Constraint, length: int
) -> None:
    grammar = judge.compile(constraint)
    found = short_text(grammar)
    assert found is not None and grammar.accepts(found) and len(found) == length


def test_walks_end_and_are_accepted(judge: Judge) -> None:
    assert judge.tongue is not None
    schema = '{"type": "array", "minItems": 2, "items": {"type": "string", "minLength": 4}}'
    for constraint in (JsonSchema(schema), Ebnf('start: "(" start ")" | start start | "x"')):
        grammar = judge.compile(constraint)
        guide = Guide(grammar, judge.tongue.vocabulary)
        for seed in range(20):
            walk = wander(judge.matcher(grammar), guide, random.Random(seed))
            assert walk.ending == "finished" and grammar.accepts(walk.text)


def test_a_mask_that_disagrees_is_found(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("one", '{"const": "abc"}', (Sample("abc", True),))
    assert judge.answer(case).tests == (True,)
    everything = np.full(
        judge.matcher(judge.compile(Regex("a"))).mask().shape, 0xFFFFFFFF, np.uint32
    )
    monkeypatch.setattr("trellis.constrained.grammar.matcher.Matcher.mask", lambda self: everything)
    assert "end of text before token 0" in judge.answer(case).fault


def test_a_crash_is_an_answer(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Judge, constraint: object) -> None:
        raise AssertionError("states differ")

    monkeypatch.setattr(Judge, "compile", fail)
    answer = judge.answer(Case("one", "{}"))
    assert answer.status == "error" and "AssertionError: states differ" in answer.message


def test_cases_are_read_one_by_one() -> None:
    lines = [
        '{"schema": NaN}',
        "[]",
        '{"schema": {}, "tests": [{"data": 1}]}',
        '{"id": 7, "schema": true}',
    ]
    found = list(read_cases(lines))
    assert [type(case) for case in found] == [BadLine, BadLine, BadLine, Case]
    assert [case.id for case in found] == ["1", "2", "3", "7"]


def test_a_tally_counts_both_kinds_of_mistake() -> None:
    tally = Tally("some")
    samples = Sample(1, True), Sample(2, False), Sample(3, True)
    tally.add(Case("a", "{}", samples), Answer("a", "ok", tests=(True, True, False)))
    tally.add(Case("b", "{}", samples), Answer("b", "unsupported"))
    rows = dict(tally.rows())
    assert tally.wrong == 2 and rows["handled"] == "1 (50.0%)"
    assert rows["wrong accepts"] == rows["wrong rejects"] == "1 in 1 schemas"
    assert rows["not handled"] == "1 unsupported"


def test_percentiles_of_many_numbers_take_little() -> None:
    values = Sampled()
    for number in range(3 * KEPT):
        values.add(number)
    assert len(values.values) == KEPT and values.largest == 3 * KEPT - 1
    assert values.percentile(50) == pytest.approx(1.5 * KEPT, rel=0.05)


def test_names_and_values_are_no_keywords() -> None:
    schema = {
        "properties": {"enum": {"const": {"maxLength": 3}}, "b": {"items": [{"type": "null"}]}},
        "x-own": 1,
    }
    uses = {use.keyword: (use.count, use.enforced) for use in keyword_uses(schema)}
    assert set(uses) == {"properties", "x-own", "const", "items", "type"}
    assert uses["const"] == (1, "exact") and "remark" in uses["x-own"][1]


class Digits:
    """An engine that takes texts of digits, whatever the schema, and refuses one schema."""

    def __init__(self, tongue: Tongue) -> None:
        self.tongue = tongue

    def start(self, schema: str) -> "Digits":
        if "refuse" in schema:
            raise RuntimeError("not this one")
        return self

    def mask(self) -> np.ndarray:
        bits = np.zeros(-(-self.tongue.vocabulary.size // 32) * 32, np.uint8)
        bits[[t for t in range(self.tongue.vocabulary.size) if self._digits(t)]] = 1
        return np.packbits(bits, bitorder="little").view(np.uint32)

    def accept(self, token: int) -> bool:
        return True

    def _digits(self, token: int) -> bool:
        ends = token in self.tongue.vocabulary.eos_ids
        return ends or self.tongue.vocabulary.token(token).isdigit()


class NearPeer:
    """A peer whose engine runs here."""

    name = "digits"

    def __init__(self, tongue: Tongue) -> None:
        self._engine, self._tongue = Digits(tongue), tongue

    def answer(self, case: Case | BadLine) -> Answer:
        assert isinstance(case, Case)
        texts = [self._tongue.tokenizer.continue_with(str(s.data)) for s in case.samples]
        return peers.answer_texts(self._engine, self._tongue, (case.id, case.schema, texts))


def test_a_peer_answers_the_same_lines(judge: Judge) -> None:
    assert judge.tongue is not None
    samples = '{"data": 12, "valid": true}, {"data": -1, "valid": true}'
    lines = [
        f'{{"id": "a", "schema": {{"type": "integer"}}, "tests": [{samples}]}}',
        '{"id": "b", "schema": {"title": "refuse"}, "tests": []}',
    ]
    written: list[str] = []
    ours, theirs = answer_lines(lines, [judge, NearPeer(judge.tongue)], written.append)
    assert ours.wrong == 0 and theirs.wrong_rejects == 1
    assert theirs.statuses == {"ok": 1, "unsupported": 1}
    assert [('"digits"' in line) for line in written] == [False, True, False, True]


def test_a_peer_that_is_not_installed(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    with pytest.raises(PeerMissing, match="pip install xgrammar"):
        Peer("xgrammar", BUNDLED, judge)
