"""Random schemas of every keyword: the machine accepts a value's canonical text iff jsonschema accepts the value, and
whatever the compiled grammar lets through is valid, without dead ends."""

import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.errors import ConstraintError, InvalidConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.schema import Canonical, lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema

sys.path.insert(0, str(Path(__file__).parent))
from drawn import NAMES, draw_schema, draw_text, draw_value

FRAGMENTS = Fragments(1 << 24)
SEEDS = st.integers(0, 1 << 40)


def budget() -> Budget:
    return Budget(Limits(seconds=20))


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.booleans(), st.booleans())
def test_accepts_what_jsonschema_does(seed: int, ascii: bool, any_order: bool) -> None:
    rng = random.Random(seed)
    schema = draw_schema(rng)
    validator = jsonschema.Draft202012Validator(schema)
    values = [draw_value(rng, 3) for _ in range(20)]
    constraint = JsonSchema(json.dumps(schema), ascii=ascii, any_order=any_order)
    try:
        machine = lower_schema(constraint, budget(), FRAGMENTS)
    except InvalidConstraint:
        assert not any(map(validator.is_valid, values)), schema
        return
    writer = Canonical(constraint, fragments=FRAGMENTS)
    for value in values:
        text = writer.write(value)
        assert json.loads(text) == value
        accepted = machine.accepts(machine.walk(text.encode()))
        assert accepted == validator.is_valid(value), (schema, text)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from(["compact", "any"]), st.booleans())
def test_what_is_let_through_is_valid(seed: int, whitespace: Any, any_order: bool) -> None:
    rng = random.Random(seed)
    schema = draw_schema(rng)
    constraint = JsonSchema(json.dumps(schema), whitespace=whitespace, any_order=any_order)
    try:
        machine = lower_schema(constraint, budget(), FRAGMENTS)
    except ConstraintError:
        return
    grammar = build_grammar(machine)
    validator = jsonschema.Draft202012Validator(schema)
    for _ in range(3):
        text = draw_text(machine, rng, rng.choice([5, 40]))
        if text is None or re.search(rb"[0-9]{9}", text):  # the judge rounds numbers to floats
            continue
        assert grammar.accepts(text)
        twice: list[bool] = []

        def once(pairs: list[tuple[str, Any]], twice: list[bool] = twice) -> dict[str, Any]:
            found = dict(pairs)
            twice.append(len(found) < len(pairs))
            return found

        value = json.loads(text, object_pairs_hook=once)
        # A name that is not declared can come twice; JSON leaves open what that means.
        assert any(twice) or validator.is_valid(value), (schema, text)


@pytest.mark.parametrize("seed", range(12))
def test_names_in_any_order_are_the_same_objects(seed: int) -> None:
    rng = random.Random(seed)
    required = rng.sample(NAMES, 2)
    schema = {
        "type": "object",
        "properties": {name: {"type": rng.choice(["integer", "null"])} for name in NAMES},
        "required": required,
        "additionalProperties": rng.choice([False, {"type": "string"}]),
        **rng.choice([{}, {"maxProperties": 3}, {"minProperties": 3}]),
    }
    validator = jsonschema.Draft202012Validator(schema)
    constraint = JsonSchema(json.dumps(schema), any_order=True)
    machine = lower_schema(constraint, budget(), FRAGMENTS)
    for _ in range(60):
        names = rng.sample([*NAMES, "z"], rng.randrange(6))
        value = {n: rng.choice([1, None]) if n != "z" else "s" for n in names}
        text = json.dumps(value).encode()
        assert machine.accepts(machine.walk(text)) == validator.is_valid(value), (schema, text)


@pytest.mark.parametrize("seed", range(8))
def test_listed_items_that_must_differ(seed: int) -> None:
    rng = random.Random(seed)
    values = rng.sample(["a", "ab", "b", None, True, False, 1, 2, "\u00e9"], 5)
    low = rng.randrange(4)
    bounds = {"minItems": low, "maxItems": low + rng.randrange(4)}
    schema = {
        "type": "array",
        "items": {"enum": values},
        "uniqueItems": True,
        **rng.choice([{}, bounds, {"minItems": low}]),
    }
    validator = jsonschema.Draft202012Validator(schema)
    machine = lower_schema(JsonSchema(json.dumps(schema)), budget(), FRAGMENTS)
    for _ in range(60):
        items = [rng.choice(values) for _ in range(rng.randrange(7))]
        text = json.dumps(items, ensure_ascii=False).encode()
        assert machine.accepts(machine.walk(text)) == validator.is_valid(items), (schema, text)
