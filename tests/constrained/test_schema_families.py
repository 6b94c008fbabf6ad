"""Schemas in the manner of those in use: handled, judged as jsonschema judges, compiled within bounds."""

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.schema import Canonical, lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema

sys.path.insert(0, str(Path(__file__).parent))
from imitated import FAMILIES, draw, fill

FRAGMENTS = Fragments(1 << 24)
OLD = {"kubernetes", "github"}  # these speak draft 7


def judge_of(family: str, schema: Any) -> Any:
    judge = jsonschema.Draft7Validator if family in OLD else jsonschema.Draft202012Validator
    return judge(schema, format_checker=judge.FORMAT_CHECKER)


@pytest.mark.parametrize("family", FAMILIES)
def test_family(family: str) -> None:
    accepted = rejected = 0
    for seed in range(12):
        rng = random.Random(f"{family} {seed}")
        schema = draw(family, rng)
        constraint, judge = JsonSchema(json.dumps(schema)), judge_of(family, schema)
        try:
            machine = lower_schema(constraint, Budget(Limits()), FRAGMENTS)
        except InvalidConstraint as error:
            assert "no value" in str(error)
            assert not any(judge.is_valid(fill(schema, schema, rng)) for _ in range(20))
            continue
        writer = Canonical(constraint, fragments=FRAGMENTS)
        for _ in range(4):
            value = fill(schema, schema, rng)
            text = writer.write(value).encode()
            valid = judge.is_valid(value)
            assert machine.accepts(machine.walk(text)) == valid, (seed, text)
            accepted, rejected = accepted + valid, rejected + (not valid)
    assert accepted and rejected


LARGE: list[tuple[str, Any]] = [
    ("maxLength", {"type": "string", "maxLength": 100_000}),
    ("pattern", {"type": "string", "pattern": "^[a-z]([-a-z]*[a-z])?$", "maxLength": 100_000}),
    ("maxItems", {"type": "array", "items": {"type": "integer"}, "maxItems": 10_000}),
    ("enum", {"enum": [f"value number {i * 7919 % 100_003}" for i in range(10_000)]}),
    ("names", {"properties": {f"{'abcd'[i % 4]}name{i}": {"type": "string"} for i in range(60)}}),
    (
        "tools",
        {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {
                        "name": {"const": f"tool_{i}"},
                        "arguments": {
                            "type": "object",
                            "properties": {f"a{j}": {"type": "string"} for j in range(4)},
                        },
                    },
                    "required": ["name", "arguments"],
                }
                for i in range(100)
            ]
        },
    ),
]


@pytest.mark.parametrize(("name", "schema"), LARGE, ids=[name for name, _ in LARGE])
def test_large_ones_stay_small(name: str, schema: Any) -> None:
    constraint = JsonSchema(json.dumps(schema))
    lower_schema(constraint, Budget(Limits()), FRAGMENTS)
    before = time.thread_time()
    machine = lower_schema(constraint, Budget(Limits(seconds=10)), FRAGMENTS)
    assert time.thread_time() - before < 1
    assert build_grammar(machine).nbytes < 4 << 20
