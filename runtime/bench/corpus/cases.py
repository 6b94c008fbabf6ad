"""Cases: schemas of a family with labelled instances; and those that are large in one respect."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from ...check.cases import Case, Sample
from .families import github, kubernetes, openapi, snowplow, tool
from .instances import fill, open_validator, spoil
from .parts import Schema

FAMILIES: Mapping[str, Callable[[random.Random], Schema]] = MappingProxyType(
    {
        "kubernetes": kubernetes,
        "openapi": openapi,
        "snowplow": snowplow,
        "github": github,
        "tool": tool,
    }
)
INSTANCES = 6


def draw_schema(family: str, number: int) -> Schema:
    """The schema of a family with this number."""
    return FAMILIES[family](random.Random(f"{family} {number}"))


def draw_cases(family: str, count: int, first: int = 0) -> Iterator[Case]:
    """So many cases of a family."""
    for number in range(first, first + count):
        schema = draw_schema(family, number)
        rng = random.Random(f"{family} {number} values")
        values = [fill(schema, schema, rng) for _ in range(INSTANCES // 2)]
        values += [spoil(value, rng) for value in values]
        judge = open_validator(schema)
        samples = tuple(Sample(value, judge.is_valid(value)) for value in values)
        yield Case(f"{family}-{number}", json.dumps(schema, ensure_ascii=False), samples)


def large_schemas() -> dict[str, Schema]:
    """Schemas that are simple but for one large number."""
    words = [f"value number {i * 7919 % 100_003}" for i in range(10_000)]
    argument: Schema = {
        "type": "object",
        "properties": {f"a{j}": {"type": "string"} for j in range(4)},
    }
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": f"tool_{i}"}, "arguments": argument},
            "required": ["name", "arguments"],
        }
        for i in range(100)
    ]
    optional = {f"{'abcd'[i % 4]}name{i}": {"type": "string"} for i in range(60)}
    return {
        "maxLength 100,000": {"type": "string", "maxLength": 100_000},
        "maxItems 10,000": {"type": "array", "items": {"type": "integer"}, "maxItems": 10_000},
        "enum of 10,000": {"enum": words},
        "60 optional names": {"type": "object", "properties": optional},
        "100 functions": {"oneOf": calls},
    }
