"""Hostile input: whatever is given as a constraint, the answer is a grammar or an error of ours, in bounded time."""

import json
import re
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.compiler import check_constraint
from trellis.constrained.errors import ConstraintError, InvalidConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.regex.pattern import accepts, compile_pattern
from trellis.constrained.schema.canonical import canonical
from trellis.constrained.schema.support import keywords
from trellis.constrained.spec import Choices, Constraint, JsonSchema, Regex

LIMITS = Limits(seconds=0.5, states=20_000)
LOOP: list[Any] = []
LOOP.append(LOOP)
KNOWN = sorted(keywords())
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.sampled_from([2**31, 2**62, 2**63 - 1, 2**63, 10**40]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.sampled_from(
        [
            "string",
            "object",
            "array",
            "integer",
            "number",
            "date",
            "#",
            "#/$defs/a",
            "^a+$",
            "(",
            "compact",
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "a", "enum", "anyOf", "required", "$ref"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)
SCHEMAS = st.dictionaries(st.sampled_from(KNOWN), VALUES, max_size=5)
TYPED = st.tuples(st.sampled_from(["string", "object", "array", "integer", "number"]), SCHEMAS).map(
    lambda pair: {**pair[1], "type": pair[0]}
)


def outcome(constraint: Constraint) -> str:
    before = time.process_time()
    try:
        check_constraint(constraint, LIMITS)
    except ConstraintError as error:
        assert str(error)
    assert time.process_time() - before < 5
    return "done"


@settings(max_examples=300, deadline=None)
@given(st.one_of(SCHEMAS, TYPED, VALUES))
def test_any_json_as_a_schema(schema: Any) -> None:
    assert outcome(JsonSchema(json.dumps(schema)))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20))
def test_any_text_as_a_schema(text: str) -> None:
    assert outcome(JsonSchema(text))


@settings(max_examples=400, deadline=None)
@given(st.text("ab()[]{}|*+?^$.\\-,:<>=!iPuxdwN0123 \n\u00e9", max_size=14))
def test_any_text_as_a_pattern(text: str) -> None:
    assert outcome(Regex(text))
    assert outcome(JsonSchema(json.dumps({"type": "string", "pattern": text})))


@settings(max_examples=300, deadline=None)
@given(
    st.text("ab()[]{}|*+?^.\\-,1s", max_size=9),
    st.lists(st.text("ab1,-{}", max_size=4), max_size=8),
)
def test_patterns_that_re_reads_mean_the_same(text: str, samples: list[str]) -> None:
    try:
        expected = re.compile(text)
    except (re.error, OverflowError, FutureWarning):
        return
    for sample in samples:
        try:
            check_constraint(Regex(f"(?:{text})(?:{re.escape(sample)}){{0}}"), LIMITS)
        except ConstraintError:
            return
        assert _accepts(text, sample) == (expected.fullmatch(sample) is not None), (text, sample)


def _accepts(pattern: str, text: str) -> bool:
    return accepts(compile_pattern(pattern, Budget(LIMITS)), text)


@pytest.mark.parametrize(
    "constraint",
    [
        Regex("(a+)+b"),
        Regex("((a{0,100}){0,100}){0,100}"),
        Regex("(?:){999999999}"),
        Regex("(?:^){0,999999999}"),
        Regex("(.*a){30}"),
        Regex("(a?){500}a{500}"),
        Regex("[\\w\\d\\s]{1,5000}"),
        Regex("(" * 60 + ")" * 60),
        Regex("|".join("ab" * 40 for _ in range(90))),
        Choices(tuple(f"{i:09d}" * 3 for i in range(60_000))),
        JsonSchema('{"type":"string","pattern":"(a|b)*a(a|b){18}","maxLength":4000}'),
        JsonSchema('{"type":"integer","multipleOf":99991}'),
        JsonSchema('{"type":"number","minimum":' + "9" * 399 + "}"),
        JsonSchema('{"type":"integer","minimum":' + "9" * 5000 + "}"),
        JsonSchema('{"type":"array","items":{"type":"null"},"minItems":1000000000}'),
        JsonSchema(
            '{"type":"object","additionalProperties":{"type":"null"},"maxProperties":1000000000}'
        ),
        JsonSchema('{"enum":[' + '"a",' * 100_000 + '"b"]}'),
        JsonSchema('{"anyOf":' * 500 + "[]" + "}" * 500),
    ],
    ids=range(18),
)
def test_bombs_end_in_time(constraint: Constraint) -> None:
    assert outcome(constraint)


COUNTS = ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties")


@pytest.mark.parametrize("keyword", COUNTS)
@pytest.mark.parametrize("count", [2**62, 2**63 - 1, 2**63, 2**64 - 1, 10**30])
def test_a_count_beyond_any_text_is_a_count(keyword: str, count: int) -> None:
    check_constraint(JsonSchema(json.dumps({keyword: count})))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ('{"dependentRequired": {"a": "b"}}', "/dependentRequired/a: .* list of names"),
        ('{"uniqueItems": "yes"}', "/uniqueItems: .* true or false"),
        ('{"$id": 1}', r"/\$id: .* string"),
        ('{"properties": {"a": {"$id": "http://[::"}}}', r"/properties/a/\$id: .* URI"),
        ('{"const": 1e999}', "/const: .* digits"),
    ],
)
def test_what_is_wrong_is_named(schema: str, said: str) -> None:
    with pytest.raises(ConstraintError, match=said):
        check_constraint(JsonSchema(schema))


@pytest.mark.parametrize(
    "value",
    [float("inf"), float("nan"), Decimal("1e9999999"), Decimal("NaN"), 10**5000, {1: 2}, {3}, LOOP],
    ids=lambda value: str(value)[:12] if not isinstance(value, int) else "long",
)
def test_what_is_no_json_has_no_canonical_text(value: object) -> None:
    with pytest.raises(InvalidConstraint):
        canonical(JsonSchema("{}"), value)


def test_decimals_keep_their_digits() -> None:
    digits = "0.1234567890123456789"
    assert canonical(JsonSchema("{}"), [Decimal(digits), Decimal("1e-399"), Decimal("5.0")]) == (
        f"[{digits}, 1e-399, 5]"
    )
