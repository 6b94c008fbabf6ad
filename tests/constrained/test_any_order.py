"""Names in any order, many of them, beside names that only patterns or lengths tell: exact, small, and no dead ends."""

import itertools
import json
import random
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.errors import InvalidConstraint, UnsupportedConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Machine
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.schema import lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema

sys.path.insert(0, str(Path(__file__).parent))
from drawn import draw_text

FRAGMENTS = Fragments(1 << 24)
SEEDS = st.integers(0, 1 << 40)
SHORT = ["".join(t) for n in range(4) for t in itertools.product("abé", repeat=n)]
LONG = ["x-ab", "x-é", "abab", "ababab", "bbbbb", 'a"b', "a\\", "日本", "日月"]
PATTERNS = [
    *("^a", "b$", "^.$", "^.{0,2}$", "^ab?$", "^x-", "^(ab|ba)*$", "^aé?b$", "^$", "é", "^ab?a?é$", "^[ab]+$"),
]  # fmt: skip
CONDITIONS = [
    *({"maxLength": 2}, {"maxLength": 3, "minLength": 2}, {"pattern": "^[abé]*$"}, {"not": {"const": "b"}}),
    *({"pattern": "^(a|b)"}, {"not": {"pattern": "^aa"}}, {"maxLength": 1}, {"pattern": "^a|^x-"}),
]  # fmt: skip
VALUES = [{"type": "integer"}, {"type": "null"}, {"type": ["null", "integer"]}, {}]


def lower(schema: Any, **options: Any) -> Machine:
    constraint = JsonSchema(json.dumps(schema), any_order=True, **options)
    return lower_schema(constraint, Budget(Limits(seconds=20)), FRAGMENTS)


def draw_object(rng: random.Random, most: int) -> dict[str, Any]:
    names = rng.sample([*SHORT, *LONG], rng.randrange(2, most))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: rng.choice(VALUES) for name in names},
        "additionalProperties": rng.choice([False, False, {}, {"type": "null"}]),
    }
    if rng.random() < 0.5:
        schema["required"] = rng.sample(names, min(len(names), rng.randrange(1, 4)))
    if rng.random() < 0.8:
        found = rng.sample(PATTERNS, rng.randrange(1, 3))
        schema["patternProperties"] = {pattern: rng.choice(VALUES) for pattern in found}
    if rng.random() < 0.4:
        schema["propertyNames"] = rng.choice(CONDITIONS)
    return schema


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.booleans(), st.sampled_from(["compact", "any"]))
def test_names_in_any_order_beside_patterns(seed: int, ascii: bool, whitespace: Any) -> None:
    rng = random.Random(seed)
    schema = draw_object(rng, rng.choice([5, 16, 45]))
    validator = jsonschema.Draft202012Validator(schema)
    names = [*schema["properties"], *rng.sample(SHORT, 3)]
    values = [
        {n: rng.choice([1, None]) for n in [*rng.sample(names, rng.randrange(5)), *schema.get("required", ())]}
        for _ in range(12)
    ]  # fmt: skip
    try:
        machine = lower(schema, ascii=ascii, whitespace=whitespace)
    except InvalidConstraint:
        assert not any(map(validator.is_valid, values)), schema
        return
    for value in values:
        pairs = rng.sample(list(value.items()), len(value))
        text = json.dumps(dict(pairs), ensure_ascii=ascii).encode()
        accepted = machine.accepts(machine.walk(text))
        assert accepted == validator.is_valid(value), (schema, text)
        if accepted and pairs and pairs[0][0] in schema["properties"]:
            twice = text[:-1] + b", " + text[1:]
            assert not machine.walk(twice), "a declared name comes once"
    grammar = build_grammar(machine)
    for wander in (5, 60, 300):
        drawn = draw_text(machine, rng, wander)
        assert drawn is None or grammar.accepts(drawn)
        assert drawn is None or validator.is_valid(json.loads(drawn)), (schema, drawn)


def test_a_name_that_is_over_is_not_begun() -> None:
    schema = {
        "properties": {"abcd": {"type": "null"}, "abxy": {"type": "null"}, "z": {"type": "null"}},
        "patternProperties": {"^ab?.?$": {"type": "null"}},
        "additionalProperties": False,
        "type": "object",
    }
    machine = lower(schema)
    assert machine.walk(b'{"abcd": null, "abc') and not machine.walk(b'{"abcd": null, "abcd')
    assert machine.walk(b'{"abcd": null, "abx') and machine.walk(
        b'{"abcd": null, "abxy": null, "ab'
    )
    assert not machine.walk(b'{"abcd": null, "abxy": null, "abxy')
    assert not machine.walk(b'{"z": null, "z'), "no pattern fits a name that begins so"
    only = {**schema, "patternProperties": {"^abcd$": {"type": "null"}}}
    every = b'{"z": null, "abxy": null, "abcd": null'
    assert lower(only).walk(every) and not lower(only).walk(every + b","), "none is left"


def test_sixty_names_beside_patterns_cost_no_states() -> None:
    schema = {
        "type": "object",
        "properties": {f"p{i}": {"type": "integer"} for i in range(60)},
        "patternProperties": {"^x-": {}, "^p[0-9]$": {"type": "integer"}},
        "additionalProperties": False,
        "required": ["p7", "p59"],
    }
    machine = lower(schema)
    assert sum(len(rule.table) for rule in machine.rules) < 900
    grammar = build_grammar(machine)
    order = random.Random(1).sample(range(60), 60)
    text = ", ".join(f'"p{i}": {i}' for i in order)
    assert grammar.accepts(f'{{"x-a": [], {text}, "x-b": 1}}'.encode())
    assert not grammar.accepts(f'{{{text}, "p7": 1}}'.encode())
    assert not grammar.accepts(b'{"p7": 1}')


@pytest.mark.parametrize(("count", "required"), [(12, []), (12, ["end"]), (3, ["end", "n1"])])
@pytest.mark.parametrize(
    "others", [{"patternProperties": {"^n[0-9]x$": {"$ref": "#"}}}, {"additionalProperties": {"$ref": "#"}}]
)  # fmt: skip
def test_recursion_beside_other_names(count: int, required: list[str], others: Any) -> None:
    names = {f"n{i}": {"anyOf": [{"$ref": "#"}, {"type": "null"}]} for i in range(count)}
    properties = {**names, "end": {"type": "null"}}
    schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": required,
    }
    machine = lower(schema | others)
    inner = ", ".join(f'"{name}": null' for name in required)
    for depth in (1, 40, 70):
        text = (
            '{"n0": ' * depth
            + "{"
            + inner
            + "}"
            + f', "n1x": {{{inner}}}{", " * bool(inner)}{inner}}}' * depth
        )
        assert build_grammar(machine).accepts(text.encode()) == (depth < 64), depth
    rng = random.Random(2)
    for frames in (2, 3, 5, 8):
        tight = build_grammar(machine, most_frames=frames)
        firsts = np.unique(tight.classes, return_index=True)[1].tolist()
        for _ in range(6):
            place, read = tight.start, bytearray()
            while not tight.accepting(place) and len(read) < 200:
                ways = [(byte, after) for byte in firsts if (after := tight.step(place, byte))]
                assert ways, bytes(read)
                byte, place = rng.choice([way for way in ways if way[0] in b'"{n1x0:, '] or ways)
                read.append(byte)


WORDS = [a + b for a in ("p", "q", "pq", "x") for b in ("1", "2", "12", "a")]


def draw_part(rng: random.Random, count: int) -> dict[str, Any]:
    names = rng.sample(WORDS, count)
    found: dict[str, Any] = {
        "properties": {name: rng.choice([*VALUES, {"const": 1}]) for name in names}
    }
    if rng.random() < 0.6:
        found["required"] = rng.sample(names, min(count, rng.randrange(1, 3)))
    if rng.random() < 0.4:
        found["additionalProperties"] = rng.choice([False, {"type": "null"}])
    if rng.random() < 0.2:
        found["patternProperties"] = {rng.choice(["^p", "^x", "1$"]): rng.choice(VALUES)}
    return found


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_many_names_in_any_order_combined(seed: int) -> None:
    rng = random.Random(seed)
    parts = [draw_part(rng, rng.randrange(1, 4)) for _ in range(3)]
    schema = {"type": "object", **draw_part(rng, rng.choice([11, 14]))} | rng.choice(
        [
            {rng.choice(["anyOf", "oneOf"]): parts[:2]},
            dict(zip(["if", "then", "else"], parts, strict=True)),
            {"dependentRequired": {rng.choice(WORDS): [rng.choice(WORDS)]}},
        ]
    )
    validator = jsonschema.Draft202012Validator(schema)
    needed = schema.get("required", ())
    values = [
        {
            n: rng.choice([1, None])
            for n in dict.fromkeys([*rng.sample(WORDS, rng.randrange(6)), *needed])
        }
        for _ in range(15)
    ]
    try:
        machine = lower(schema)
    except InvalidConstraint:
        assert not any(map(validator.is_valid, values)), schema
        return
    except UnsupportedConstraint as error:
        assert "any_order" in str(error)
        return
    for value in values:
        pairs = rng.sample(list(value.items()), len(value))
        text = json.dumps(dict(pairs)).encode()
        accepted = machine.accepts(machine.walk(text))
        assert accepted == validator.is_valid(value), (schema, text)
        if accepted and pairs and pairs[0][0] in schema["properties"]:
            assert not machine.walk(text[:-1] + b", " + text[1:]), "a declared name comes once"
    for wander in (5, 60, 200):
        drawn = draw_text(machine, rng, wander)
        assert drawn is None or validator.is_valid(json.loads(drawn)), (schema, drawn)


def test_what_is_counted_or_waits_for_a_name_is_refused() -> None:
    names = {f"p{i}": {"type": "integer"} for i in range(12)}
    waits = {"not": {"properties": {"p1": {"const": 1}}}}
    for more in ({"minProperties": 2}, waits):
        with pytest.raises(UnsupportedConstraint, match="any_order"):
            lower({"type": "object", "properties": names, **more})
