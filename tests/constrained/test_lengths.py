"""Lengths that several schemas ask about at once: counted by the register, exact, and without dead ends."""

import json
import random
import sys
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
from trellis.constrained.schema import Canonical, lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema

sys.path.insert(0, str(Path(__file__).parent))
from drawn import draw_text

FRAGMENTS = Fragments(1 << 24)
SEEDS = st.integers(0, 1 << 40)
PATTERNS = [
    "^a",
    "b$",
    "^[ab]*$",
    "^(aa)*$",
    "^(aab)+$",
    "^a{3,9}$",
    "[^ab]",
    "^.{2}$",
    "^(a|bb)*$",
]
LISTS = [["a", "abc"], ["aa", "aab", "b" * 9], ["", "é"], ["aabaab"]]
BOUNDS = [0, 1, 2, 3, 5, 6, 8, 9, 20, 21, 64]


def lower(schema: Any, **options: Any) -> Machine:
    budget = Budget(Limits(seconds=20))
    return lower_schema(JsonSchema(json.dumps(schema), **options), budget, FRAGMENTS)


def draw_strings(rng: random.Random, depth: int = 2) -> Any:
    """A schema about strings, with lengths in most of its parts."""
    if depth == 0 or rng.random() < 0.3:
        schema: dict[str, Any] = {}
        for keyword in ("minLength", "maxLength"):
            if rng.random() < 0.6:
                schema[keyword] = rng.choice(BOUNDS)
        if rng.random() < 0.3:
            schema["pattern"] = rng.choice(PATTERNS)
        if rng.random() < 0.1:
            schema["enum"] = rng.choice(LISTS)
        return schema
    below = [draw_strings(rng, depth - 1) for _ in range(3)]
    match rng.randrange(5):
        case 0 | 1:
            return {rng.choice(["anyOf", "oneOf", "allOf"]): below[: rng.choice([2, 3])]}
        case 2:
            return {"if": below[0], "then": below[1], "else": below[2]}
        case 3:
            return {"not": below[0]}
        case _:
            return {**draw_strings(rng, 0), "anyOf": below[:2]}


def draw_string(rng: random.Random) -> str:
    """A text whose length is near one that matters."""
    count = max(0, rng.choice(BOUNDS) + rng.choice([-1, 0, 0, 1]))
    return rng.choice(
        [
            "a" * count,
            "b" * count,
            "aab" * (count // 3),
            "".join(rng.choice("ab") for _ in range(count)),
            "".join(rng.choice('abé\t"\U0001f600') for _ in range(count)),
        ]
    )


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_lengths_in_unions(seed: int) -> None:
    rng = random.Random(seed)
    schema = {"type": "string", "allOf": [draw_strings(rng)]}
    validator = jsonschema.Draft202012Validator(schema)
    texts = [*(draw_string(rng) for _ in range(25)), *(t for listed in LISTS for t in listed)]
    try:
        machine = lower(schema)
    except InvalidConstraint:
        assert not any(map(validator.is_valid, texts)), schema
        return
    for text in texts:
        written = json.dumps(text, ensure_ascii=False).encode()
        accepted = machine.accepts(machine.walk(written))
        assert accepted == validator.is_valid(text), (schema, text)
    grammar = build_grammar(machine)
    for wander in (2, 30, 90):
        drawn = draw_text(machine, rng, wander)
        assert drawn is None or validator.is_valid(json.loads(drawn)), (schema, drawn)
        assert drawn is None or grammar.accepts(drawn)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_lengths_under_unions_of_objects(seed: int) -> None:
    rng = random.Random(seed)
    branches = [
        {
            "type": "object",
            "properties": {name: draw_strings(rng, 1) for name in rng.sample("abc", 2)},
            **rng.choice([{}, {"required": [rng.choice("abc")]}, {"additionalProperties": False}]),
        }
        for _ in range(3)
    ]
    schema = {"type": "object", rng.choice(["anyOf", "oneOf"]): branches}
    validator = jsonschema.Draft202012Validator(schema)
    values = [
        {name: draw_string(rng) for name in sorted(rng.sample("abc", rng.randrange(4)))}
        for _ in range(25)
    ]
    constraint = JsonSchema(json.dumps(schema))
    try:
        machine = lower(schema)
    except InvalidConstraint:
        assert not any(map(validator.is_valid, values)), schema
        return
    writer = Canonical(constraint, fragments=FRAGMENTS)
    for value in values:
        text = writer.write(value)
        assert machine.accepts(machine.walk(text.encode())) == validator.is_valid(value), (
            schema,
            text,
        )
    drawn = draw_text(machine, rng, 30)
    assert drawn is None or validator.is_valid(json.loads(drawn)), (schema, drawn)


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"properties": {"s": {"maxLength": 65535}}}, {"required": ["labels"]}]},
        {
            "properties": {"s": {"maxLength": 500}},
            "if": {"required": ["mode"]},
            "else": {"properties": {"s": {"maxLength": 65535}}},
        },
        {"oneOf": [{"properties": {"s": {"maxLength": n}}} for n in (10, 1000, 100_000)]},
        {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^a*$", "maxLength": 90_000}]},
    ],
)
def test_lengths_cost_registers_not_states(schema: Any) -> None:
    machine = lower(schema)
    assert sum(len(rule.table) for rule in machine.rules) < 1500
    build_grammar(machine)


def test_a_text_that_cannot_become_long_enough_is_not_begun() -> None:
    odd = {"pattern": "^(aa)*$", "minLength": 5, "maxLength": 7}
    machine = lower({"type": "string", **odd})
    assert machine.accepts(machine.walk(b'"aaaaaa"'))
    assert not machine.walk(b'"aaaaaaa')
    with pytest.raises(InvalidConstraint):
        lower({"type": "string", "pattern": "^(aa)*$", "minLength": 5, "maxLength": 5})
