"""Families: five kinds of schema, each as its makers write them."""

import random
from typing import Any

from .parts import Schema, draw_array, draw_bounded_string, draw_names, draw_record, draw_scalar

DRAFT7 = "http://json-schema.org/draft-07/schema#"


def kubernetes(rng: random.Random) -> Schema:
    """Definitions that refer to each other and at times to themselves, maps of strings, null beside every type."""
    names = [f"io.k8s.{name}" for name in draw_names(rng, rng.choice([4, 8, 8, 16, 40]))]

    def inner(number: int) -> Schema:
        below = names[number + 1 :]
        choice = rng.randrange(10)
        if below and choice < 3:
            ref: Schema = {"$ref": f"#/definitions/{rng.choice(below)}"}
            return ref if rng.random() < 0.6 else {"type": ["array", "null"], "items": ref}
        if choice == 3:
            return {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
        if choice == 4:
            return {
                "oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}][
                    : rng.choice([2, 3])
                ]
            }
        if choice == 5:
            return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        return draw_scalar(rng)

    definitions = {
        name: draw_record(rng, rng.choice([4, 8, 20]), lambda n=n: inner(n), 0.3)
        for n, name in enumerate(names)
    }
    if rng.random() < 0.3:
        own = rng.choice(names)
        definitions[own]["properties"]["parent"] = {"$ref": f"#/definitions/{own}"}
    root: Schema = {
        "apiVersion": {"type": "string", "enum": ["apps/v1"]},
        "kind": {"type": "string", "enum": ["Deployment"]},
        "spec": {"$ref": f"#/definitions/{names[0]}"},
    }
    return {
        "$schema": DRAFT7,
        "type": "object",
        "properties": root,
        "required": ["kind"],
        "definitions": definitions,
    }


def openapi(rng: random.Random) -> Schema:
    """Components extended by allOf, unions told apart by a constant, nullable by anyOf, pages of results."""
    base = draw_record(rng, 5, lambda: draw_scalar(rng), 0)
    branches: list[Schema] = []
    for number in range(rng.randrange(2, 8)):
        own = draw_record(rng, 8, lambda: draw_scalar(rng), 0)
        own["properties"] = {"kind": {"const": f"kind_{number}"}, **own["properties"]}
        own["required"] = ["kind", *own.get("required", [])]
        branches.append({"allOf": [{"$ref": "#/$defs/base"}, own]} if rng.random() < 0.5 else own)
    union = {rng.choice(["oneOf", "anyOf"]): branches, "discriminator": {"propertyName": "kind"}}
    page = {
        "items": draw_array(rng, {"$ref": "#/$defs/union"}),
        "next": {"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]},
        "total": {"type": "integer", "minimum": 0},
    }
    if rng.random() < 0.2:
        base["properties"]["children"] = {
            "type": "array",
            "items": {"$ref": "#/$defs/union"},
            "maxItems": 4,
        }
    return {
        "type": "object",
        "properties": page,
        "required": ["items"],
        "$defs": {"base": base, "union": union},
    }


def snowplow(rng: random.Random) -> Schema:
    """Closed records of bounded scalars, many of them, most nullable; at times one of several names is required."""
    found = draw_record(rng, rng.choice([10, 30, 60]), lambda: _nullable(rng), 1)
    found["$schema"] = DRAFT7
    found["self"] = {
        "vendor": "com.example",
        "name": "event",
        "format": "jsonschema",
        "version": "1-0-0",
    }
    if rng.random() < 0.15:
        found["anyOf"] = [{"required": [name]} for name in list(found["properties"])[:3]]
    if rng.random() < 0.1:
        found["minProperties"] = 1
    return found


def _nullable(rng: random.Random) -> Schema:
    if rng.random() < 0.5:
        return {**draw_bounded_string(rng), "type": ["string", "null"]}
    scalar = draw_scalar(rng)
    kind = scalar.get("type")
    return (
        {**scalar, "type": [kind, "null"]}
        if isinstance(kind, str) and rng.random() < 0.5
        else scalar
    )


def github(rng: random.Random) -> Schema:
    """Settings files: open objects, patterns of names, conditions, one shape or another in the same place."""
    job = draw_record(rng, 8, lambda: _flexible(rng), 0.5)
    found = draw_record(rng, 14, lambda: _flexible(rng), 0.2)
    names = list(found["properties"])
    found["properties"]["jobs"] = {
        "type": "object",
        "patternProperties": {"^[_a-zA-Z][a-zA-Z0-9_-]*$": {"$ref": "#/definitions/job"}},
        "additionalProperties": False,
    }
    extras: list[Schema] = [
        {"anyOf": [{"required": [name]} for name in [*names[:2], "jobs"]]},
        {"not": {"required": [names[0], "jobs"]}},
        {"dependencies": {names[0]: ["jobs"]}},
        {"patternProperties": {"^x-": {}}},
        {"propertyNames": {"pattern": "^[a-zA-Z_]"}},
        {"maxProperties": 30},
        {
            "if": {"properties": {"mode": {"const": "auto"}}, "required": ["mode"]},
            "then": {"required": [names[0]]},
            "else": {"properties": {names[0]: draw_scalar(rng)}},
        },
    ]
    for extra in rng.sample(extras, 2):
        found |= extra
    return {"$schema": DRAFT7, **found, "definitions": {"job": job}}


def _flexible(rng: random.Random) -> Schema:
    """Something that may also be written as a list, or as an object with an `on` in it."""
    scalar = draw_scalar(rng)
    match rng.randrange(8):
        case 0:
            return {"oneOf": [{"type": "string"}, draw_array(rng, {"type": "string"})]}
        case 1:
            return {"anyOf": [scalar, draw_record(rng, 4, lambda: draw_scalar(rng))]}
        case 2:
            kinds: list[Any] = ["push", "pull_request", "release"]
            return {"type": "array", "items": {"enum": kinds}, "uniqueItems": True}
        case 3:
            return draw_array(rng, draw_record(rng, 5, lambda: draw_scalar(rng)))
        case _:
            return scalar


def tool(rng: random.Random) -> Schema:
    """A call of one of several functions, arguments closed, as function calling has them."""
    calls: list[Schema] = []
    for number, name in enumerate(draw_names(rng, rng.choice([1, 3, 5, 20]))):
        arguments = draw_record(rng, 7, lambda: draw_scalar(rng), 1)
        properties = {"name": {"const": f"{name}_{number}"}, "arguments": arguments}
        calls.append(
            {
                "type": "object",
                "properties": properties,
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
        )
    return calls[0] if len(calls) == 1 else {"anyOf": calls}
