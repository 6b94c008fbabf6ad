"""Schemas in the manner of those in use, with values for them: deterministic, by a random generator.

    schema = draw("kubernetes", rng)
    value = fill(schema, schema, rng)           # most often valid; the judge says

The families differ as real ones do: Kubernetes has deep shared definitions and patterns with lengths, OpenAPI unions
with discriminators and formats, Snowplow closed records with bounds and nullable types, GitHub files open objects,
conditions and patternProperties, tools flat closed arguments.
"""

import random
from collections.abc import Callable
from typing import Any

WORDS = [
    *("name", "id", "type", "status", "spec", "metadata", "labels", "version", "kind", "size"),
    *("path", "owner", "created", "updated", "url", "count", "items", "values", "config", "port"),
    *("options", "target", "source", "region", "image", "replicas", "selector", "enabled"),
]
FORMATS = ["date-time", "uuid", "uri", "email", "ipv4", "date"]
SAMPLES = {
    "date-time": "2024-02-29T10:00:00Z",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
    "uri": "https://example.org/a?b=c",
    "email": "a@example.org",
    "ipv4": "10.0.0.1",
    "date": "2024-02-29",
}
LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


def _names(rng: random.Random, most: int) -> list[str]:
    names = [
        f"{rng.choice(WORDS)}{rng.choice(['', 'Name', 'Ref', '_id', 'At'])}" for _ in range(most)
    ]
    return list(dict.fromkeys(names))


def _scalar(rng: random.Random) -> dict[str, Any]:
    choices: list[dict[str, Any]] = [
        {"type": "string", "description": "some text"},
        {"type": "string", "minLength": 1, "maxLength": rng.choice([32, 64, 255, 4096])},
        {"type": "string", "format": rng.choice(FORMATS)},
        {"type": "string", "enum": rng.sample(WORDS, 5)},
        {"type": "string", "pattern": LABEL, "maxLength": 63},
        {"type": "integer", "minimum": 0, "maximum": rng.choice([100, 65535, 2147483647])},
        {"type": "integer", "format": "int32"},
        {"type": "number", "minimum": 0},
        {"type": "number"},
        {"type": "boolean", "default": False},
        {"type": ["string", "null"], "maxLength": 128},
    ]
    return rng.choice(choices)


def _record(
    rng: random.Random, inner: Callable[[], Any], most: int, closed: bool
) -> dict[str, Any]:
    properties = {name: inner() for name in _names(rng, rng.randrange(2, most))}
    found = {
        "type": "object",
        "properties": properties,
        "required": [n for n in properties if rng.random() < 0.4],
    }
    return found | ({"additionalProperties": False} if closed else {})


def kubernetes(rng: random.Random) -> dict[str, Any]:
    """Definitions that refer to each other, maps of labels, integers or strings."""
    count = rng.randrange(4, 16)

    def inner(number: int) -> Any:
        match rng.randrange(6):
            case 0 if number + 1 < count:
                return {"$ref": f"#/definitions/d{rng.randrange(number + 1, count)}"}
            case 1 if number + 1 < count:
                below = {"$ref": f"#/definitions/d{rng.randrange(number + 1, count)}"}
                return {"type": ["array", "null"], "items": below}
            case 2:
                return {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
            case 3:
                return {"oneOf": [{"type": "string"}, {"type": "integer"}]}
            case _:
                return _scalar(rng)

    definitions = {
        f"d{n}": _record(rng, lambda n=n: inner(n), 18, rng.random() < 0.2) for n in range(count)
    }
    definitions["d1"]["properties"]["parent"] = {"$ref": "#/definitions/d1"}
    return {"$ref": "#/definitions/d0", "definitions": definitions}


def openapi(rng: random.Random) -> dict[str, Any]:
    """Unions told apart by a constant, bases extended by allOf."""
    branches = []
    for number in range(rng.randrange(2, 7)):
        record = _record(rng, lambda: _scalar(rng), 8, False)
        record["properties"] = {"objectType": {"const": f"kind_{number}"}, **record["properties"]}
        record["required"].append("objectType")
        branches.append({"allOf": [{"$ref": "#/$defs/base"}, record]})
    base = _record(rng, lambda: _scalar(rng), 5, False)
    listed = {"type": "array", "items": {"$ref": "#/$defs/any"}, "minItems": 1, "maxItems": 500}
    any_ = {"oneOf": branches, "discriminator": {"propertyName": "objectType"}}
    return {**_record(rng, lambda: listed, 3, True), "$defs": {"base": base, "any": any_}}


def snowplow(rng: random.Random) -> dict[str, Any]:
    """Closed records of bounded scalars."""
    return _record(rng, lambda: _scalar(rng), 30, True)


def github(rng: random.Random) -> dict[str, Any]:
    """Settings files: open objects, conditions, patterns of names, alternatives of required names."""
    schema = _record(rng, lambda: _scalar(rng), 12, False)
    first = next(iter(schema["properties"]))
    schema["properties"]["jobs"] = {
        "type": "object",
        "patternProperties": {
            "^[_a-zA-Z][a-zA-Z0-9_-]*$": _record(rng, lambda: _scalar(rng), 6, False)
        },
        "additionalProperties": False,
        "minProperties": 1,
    }
    extra: list[dict[str, Any]] = [
        {"anyOf": [{"required": [n]} for n in schema["properties"]]},
        {"not": {"required": [first, "jobs"]}},
        {
            "if": {"properties": {"mode": {"const": "a"}}, "required": ["mode"]},
            "then": {"required": [first]},
            "else": {"properties": {first: _scalar(rng)}},
        },
        {"dependencies": {first: ["jobs"]}},
        {"patternProperties": {"^x-": {}}},
    ]
    for more in rng.sample(extra, 2):
        schema.update(more)
    return schema


def tool(rng: random.Random) -> dict[str, Any]:
    """A call of one of several functions."""
    calls = [
        {
            "type": "object",
            "properties": {
                "name": {"const": f"{rng.choice(WORDS)}_{number}"},
                "arguments": _record(rng, lambda: _scalar(rng), 6, True),
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for number in range(rng.randrange(1, 20))
    ]
    return {"anyOf": calls}


FAMILIES = {f.__name__: f for f in (kubernetes, openapi, snowplow, github, tool)}


def draw(family: str, rng: random.Random) -> dict[str, Any]:
    """A schema of a family."""
    return FAMILIES[family](rng)


def fill(schema: Any, root: Any, rng: random.Random, depth: int = 0) -> Any:
    """A value that looks like the schema's."""
    while "$ref" in schema:
        found = root
        for step in schema["$ref"].split("/")[1:]:
            found = found[step]
        schema = found
    if "const" in schema or "enum" in schema:
        return rng.choice(schema.get("enum", [schema.get("const")]))
    if "allOf" in schema:
        parts = [fill(part, root, rng, depth) for part in schema["allOf"]]
        return {name: value for part in parts for name, value in part.items()}
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema and "properties" not in schema:
            return fill(rng.choice(schema[keyword]), root, rng, depth)
    kind = schema.get("type", "object")
    return _fill_kind(
        rng.choice(kind) if isinstance(kind, list) else kind, schema, root, rng, depth
    )


def _fill_kind(kind: str, schema: Any, root: Any, rng: random.Random, depth: int) -> Any:
    match kind:
        case "string":
            if "format" in schema:
                return SAMPLES.get(schema["format"], "x")
            if rng.random() < 0.1:
                return rng.choice(["", "-", 'q"\n', "x" * 70])
            return rng.choice(["abc", "x1", "a-b"])
        case "integer":
            return rng.choice([0, 1, 7, 80, 99999, -1] if rng.random() < 0.2 else [0, 1, 7])
        case "number":
            return rng.choice([0, 0.5, 12, 1e-7, 2.5e30] + [-1] * (rng.random() < 0.1))
        case "boolean":
            return rng.random() < 0.5
        case "null":
            return None
        case "array":
            count = rng.randrange(1, 3) if depth < 4 else 0
            return [fill(schema["items"], root, rng, depth + 1) for _ in range(count)]
        case _:
            return _fill_object(schema, root, rng, depth)


def _fill_object(schema: Any, root: Any, rng: random.Random, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    required = schema.get("required", [])
    for name, inner in schema.get("properties", {}).items():
        if (name in required and rng.random() < 0.97) or rng.random() < (0.5 if depth < 3 else 0):
            found[name] = fill(inner, root, rng, depth + 1)
    for inner in schema.get("patternProperties", {}).values():
        found["x-job"] = fill(inner, root, rng, depth + 1)
    if isinstance(schema.get("additionalProperties"), dict):
        found["extra"] = fill(schema["additionalProperties"], root, rng, depth + 1)
    elif rng.random() < 0.1:
        found["extra"] = rng.choice([1, "s", [None, {"a": {}}]])
    return found
