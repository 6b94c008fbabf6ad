"""Names whose lengths matter: counted by the register where they may be long, exactly as where states count them."""

import itertools
import json
import random
import sys
from bisect import bisect_right
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Machine
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.regex.pattern import compile_search
from trellis.constrained.schema import Canonical, lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.schema.leaves.labels import run_together
from trellis.constrained.schema.properties import names
from trellis.constrained.schema.properties.undeclared import find_undeclared
from trellis.constrained.spec import JsonSchema

sys.path.insert(0, str(Path(__file__).parent))
from drawn import draw_text

FRAGMENTS = Fragments(1 << 24)
SEEDS = st.integers(0, 1 << 40)
BOUNDS = [0, 1, 2, 3, 4, 5, 9, 70, 71, 100]
LISTED = [
    "",
    "a",
    "ab",
    "abc",
    "b",
    "é",
    "éa",
    "aé",
    "日本",
    'a"',
    "\\",
    "a\nb",
    "aaaaa",
    "abababab",
    "a" * 70,
    "b" * 71,
]
PATTERNS = ["^a", "b$", "^[ab]*$", "^(ab)*$", "é", "^.{2}$"]
VALUES = [{"type": "integer"}, {"type": "null"}, {}]


def lower(schema: Any, **options: Any) -> Machine:
    return lower_schema(
        JsonSchema(json.dumps(schema), **options), Budget(Limits(seconds=20)), FRAGMENTS
    )


def draw_names(rng: random.Random, depth: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rng.random() < 0.7:
        found["maxLength"] = rng.choice(BOUNDS)
    if rng.random() < 0.4:
        found["minLength"] = rng.choice(BOUNDS[:8])
    if rng.random() < 0.2:
        found["pattern"] = rng.choice(PATTERNS)
    if depth and rng.random() < 0.3:
        keyword = rng.choice(["anyOf", "oneOf", "not", "allOf"])
        parts = [draw_names(rng, 0) for _ in range(2)]
        found[keyword] = parts[0] if keyword == "not" else parts
    return found


def draw_object(rng: random.Random) -> dict[str, Any]:
    listed = rng.sample(LISTED, rng.randrange(5))
    schema: dict[str, Any] = {"type": "object", "propertyNames": draw_names(rng)}
    schema["properties"] = {name: rng.choice(VALUES) for name in listed}
    schema["additionalProperties"] = rng.choice([True, {"type": "null"}, {"type": "integer"}])
    if rng.random() < 0.4:
        schema["patternProperties"] = {rng.choice(PATTERNS): rng.choice(VALUES)}
    if listed and rng.random() < 0.3:
        schema["required"] = [rng.choice(listed)]
    if rng.random() < 0.2:
        schema["maxProperties"] = rng.randrange(1, 4)
    return schema


def draw_name(rng: random.Random) -> str:
    count = max(0, rng.choice(BOUNDS) + rng.choice([-1, 0, 0, 1]))
    return rng.choice(
        ["a" * count, "ab" * (count // 2), "".join(rng.choice("abé\t😀") for _ in range(count))]
    )


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.sampled_from([0, 3, 64]), st.booleans(), st.booleans())
def test_lengths_of_names(seed: int, most: int, ascii: bool, any_order: bool) -> None:
    rng = random.Random(seed)
    schema = draw_object(rng)
    if rng.random() < 0.3 and not any_order:
        schema = {"type": "object", rng.choice(["anyOf", "oneOf"]): [schema, draw_object(rng)]}
    validator = jsonschema.Draft202012Validator(schema)
    values: list[dict[str, Any]] = []
    for _ in range(25):
        pool = [*rng.sample(LISTED, 3), *(draw_name(rng) for _ in range(2))]
        values.append({name: rng.choice([1, None]) for name in rng.sample(pool, rng.randrange(4))})
    constraint = JsonSchema(json.dumps(schema), ascii=ascii, any_order=any_order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "MOST_SPELLED", most)
        try:
            machine = lower(schema, ascii=ascii, any_order=any_order)
        except InvalidConstraint:
            assert not any(map(validator.is_valid, values)), schema
            return
        writer = Canonical(constraint, fragments=FRAGMENTS)
        texts = [writer.write(value).encode() for value in values]
    for value, text in zip(values, texts, strict=True):
        assert machine.accepts(machine.walk(text)) == validator.is_valid(value), (schema, text)
    grammar = build_grammar(machine)
    for wander in (5, 60, 200):
        drawn = draw_text(machine, rng, wander)
        assert drawn is None or grammar.accepts(drawn)
        found: list[bool] = []
        value = json.loads(
            drawn or "{}",
            object_pairs_hook=lambda p, f=found: f.append(len(dict(p)) < len(p)) or dict(p),
        )
        # A name that is not declared can come twice; JSON leaves open what that means.
        assert drawn is None or any(found) or validator.is_valid(value), (schema, drawn)


WORDS = ["".join(word) for n in range(6) for word in itertools.product("abzy", repeat=n)]
SHORT = [word for word in WORDS if len(word) < 4 and "y" not in word]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["^ab?$", "^a", "b$", "^(aa)*$", "^[^ab]$", "^(ab|ba|a)$", "^a?b?$", "^[^ab]"]
        ),
        max_size=2,
        unique=True,
    ),
    st.sets(st.sampled_from(SHORT), max_size=9),
    st.sets(st.integers(1, 5), max_size=2),
)
def test_kinds_of_names_that_nobody_declares(
    patterns: list[str], declared: set[str], limits: set[int]
) -> None:
    bounds = tuple(sorted(limits))
    budget = Budget(Limits())
    found = run_together([compile_search(pattern, budget) for pattern in patterns], budget)
    longest = max(map(len, declared), default=0)
    starts = [0, *bounds]
    expected = {
        (place, found.read(word))
        for word in WORDS
        if word not in declared and starts[place := bisect_right(bounds, len(word))] <= longest
    }
    places = find_undeclared(found, frozenset(declared), bounds)
    assert {(place, label) for place, label in places if starts[place] <= longest} == expected


def test_who_waits_for_a_name_that_there_is_not_waits_for_ever() -> None:
    one = {"type": "object", "properties": {"ab": {}}, "minProperties": 2}
    for more in (
        {"patternProperties": {"^ab$": {}}, "additionalProperties": False},
        {"propertyNames": {"enum": ["ab"]}},
        {"propertyNames": {"pattern": "^a?b$", "minLength": 2, "maxLength": 100}},
    ):
        with pytest.raises(InvalidConstraint):
            lower(one | more)
    assert lower(one | {"propertyNames": {"pattern": "^a?b$"}}).walk(b'{"ab": 1, "b": 2}')


def test_no_comma_where_no_name_is_left() -> None:
    for more in ({}, {"patternProperties": {"^.{2}$": {}}}):
        machine = lower(
            {
                "type": "object",
                "properties": {"": {}, "ab": {}},
                "propertyNames": {"maxLength": 0},
                **more,
            }
        )
        assert machine.walk(b'{"": null') and not machine.walk(b'{"": null,')


@pytest.mark.parametrize("most", [1_000, 100_000])
def test_lengths_of_names_cost_no_states(most: int) -> None:
    schema = {
        "type": "object",
        "properties": {f"name{i}": {"type": "integer"} for i in range(20)},
        "propertyNames": {"maxLength": most, "minLength": 2},
        "additionalProperties": {"type": "null"},
    }
    grammar = build_grammar(lower(schema))
    assert grammar.nbytes < 400_000
    for length, fits in ((1, False), (2, True), (most, True), (most + 1, False)):
        assert grammar.accepts(f'{{"{"n" * length}": null}}'.encode()) == fits, length
        assert grammar.accepts(f'{{"name3": 1, "{"é" * length}": null}}'.encode()) == fits, length
    assert grammar.accepts(b'{"name1": 1, "name1x": null, "name": null}')
    assert not grammar.accepts(b'{"name1": null}')
