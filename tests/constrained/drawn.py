"""Schemas and values drawn at random, small enough that values often fit: every keyword, nested and combined."""

import random
from typing import Any

from trellis.constrained.machine.rule import Machine

NAMES = ["a", "b", "ab", "c", "x1", 'q"']
TYPES = ["object", "array", "string", "integer", "number", "boolean", "null"]
SEVERAL = [["string", "null"], ["integer", "object"], ["array", "string"]]
PATTERNS = ["^a", "b$", "^[ab]*$", "^.$", "a.*b", "[^a]"]
NUMBERS = [0, 1, 2, 3, 5, -1, 10, 1.5, 2.0, -2.5, 7]
TEXTS = ["", "a", "b", "ab", "abc", "a\u00e9", "x1", "bb", "aaaa"]


def draw_value(rng: random.Random, depth: int = 2) -> Any:
    """A JSON value."""
    match rng.randrange(9 if depth else 6):
        case 0:
            return None
        case 1:
            return rng.choice([True, False])
        case 2 | 3:
            return rng.choice(NUMBERS)
        case 4 | 5:
            return rng.choice(TEXTS)
        case 6:
            return [draw_value(rng, depth - 1) for _ in range(rng.randrange(4))]
        case _:
            return {n: draw_value(rng, depth - 1) for n in rng.sample(NAMES, rng.randrange(5))}


def draw_schema(rng: random.Random, depth: int = 3) -> Any:
    """A JSON Schema of draft 2020-12. All of it can be compiled."""
    if rng.random() < 0.06:
        return rng.choice([True, False, {}])
    schema: dict[str, Any] = {}
    if rng.random() < 0.6:
        schema["type"] = rng.choice([*TYPES, "object", "array", *SEVERAL])
    for _ in range(rng.randrange(1, 4)):
        family = rng.choice([_about_leaves, _about_objects, _about_arrays, _combined])
        schema.update(family(rng, depth))
    return schema


def _below(rng: random.Random, depth: int) -> Any:
    if depth > 0:
        return draw_schema(rng, depth - 1)
    return {"type": rng.choice(["string", "integer", "object"])}


def _about_leaves(rng: random.Random, depth: int) -> dict[str, Any]:
    choices = [
        {"enum": [draw_value(rng, 1) for _ in range(rng.randrange(1, 4))]},
        {"const": draw_value(rng, 1)},
        {"minLength": rng.randrange(4)},
        {"maxLength": rng.randrange(8)},
        {"pattern": rng.choice(PATTERNS)},
        {"minimum": rng.choice([0, 1, 2, -1, 1.5])},
        {"maximum": rng.choice([2, 3, 10, 2.5])},
        {"exclusiveMinimum": rng.choice([0, 1])},
        {"multipleOf": rng.choice([2, 3, 0.5, 1.5])},
    ]
    return rng.choice(choices)


def _about_objects(rng: random.Random, depth: int) -> dict[str, Any]:
    match rng.randrange(9):
        case 0 | 1 | 2:
            names = rng.sample(NAMES, rng.randrange(1, 4))
            return {"properties": {n: _below(rng, depth) for n in names}}
        case 3 | 4:
            return {"required": rng.sample(NAMES, rng.randrange(1, 3))}
        case 5:
            return {"additionalProperties": rng.choice([False, _below(rng, depth)])}
        case 6:
            return {"patternProperties": {rng.choice(PATTERNS): _below(rng, depth)}}
        case 7:
            names = [{"pattern": "^[a-c]"}, {"maxLength": 1}, {"enum": ["a", "b", "ab"]}]
            return {"propertyNames": rng.choice([*names, {"not": {"const": "c"}}])}
        case _:
            return {rng.choice(["minProperties", "maxProperties"]): rng.randrange(4)}


def _about_arrays(rng: random.Random, depth: int) -> dict[str, Any]:
    match rng.randrange(4):
        case 0:
            return {"items": _below(rng, depth)}
        case 1:
            return {"prefixItems": [_below(rng, depth) for _ in range(rng.randrange(1, 3))]}
        case 2:
            found = {"contains": _below(rng, depth)}
            bounds = {"minContains": rng.randrange(3), "maxContains": rng.randrange(3)}
            return found | {k: n for k, n in bounds.items() if rng.random() < 0.4}
        case _:
            return {rng.choice(["minItems", "maxItems"]): rng.randrange(4)}


def _combined(rng: random.Random, depth: int) -> dict[str, Any]:
    match rng.randrange(8):
        case 0 | 1 | 2:
            keyword = rng.choice(["anyOf", "oneOf", "allOf"])
            return {keyword: [_below(rng, depth) for _ in range(rng.randrange(1, 4))]}
        case 3:
            return {"not": _below(rng, depth)}
        case 4:
            return {word: _below(rng, depth) for word in ("if", "then", "else")}
        case 5:
            return {"dependentRequired": {rng.choice(NAMES): rng.sample(NAMES, 1)}}
        case 6:
            return {"dependentSchemas": {rng.choice(NAMES): _below(rng, depth)}}
        case _:
            keyword = rng.choice(["unevaluatedProperties", "unevaluatedItems"])
            return {keyword: rng.choice([False, _below(rng, depth)])}


LIKELY = b'"ab:, {}[]01x}]"}'
CLOSING = b'"]}'


def draw_text(machine: Machine, rng: random.Random, wander: int) -> bytes | None:
    """A text of a machine, byte by byte; None if no end was found in time. Asserts that there is always a way on."""
    threads, text = machine.begin(), bytearray()
    while len(text) < 4 * wander + 200:
        if machine.accepts(threads) and (len(text) > wander or rng.random() < 0.3):
            return bytes(text)
        every = rng.sample(range(256), 256)
        first = CLOSING if len(text) > wander else LIKELY
        preferred = rng.sample(first, len(first)) if rng.random() < 0.8 else []
        steps = ((byte, machine.step(threads, byte)) for byte in [*preferred, *every])
        found = next(((byte, after) for byte, after in steps if after), None)
        if found is None:
            assert machine.accepts(threads), bytes(text)
            return bytes(text)
        text.append(found[0])
        threads = found[1]
    return None
