"""Instances: values filled to a schema, and values spoilt in one place.

value = fill(schema, schema, rng)                       # most often valid
other = spoil(value, rng)                               # most often not
open_validator(schema).is_valid(value)                  # what the jsonschema library says
"""

import copy
import random
import re
from datetime import datetime
from functools import partial
from typing import Any

from .families import DRAFT7
from .parts import FORMATS, PATTERNS, Schema

DEEPEST = 5
WORDS = ("abc", "x1", "a-b", "Zoë", 'say "hi"\n', "tab\there", "\U0001f600")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
HOST = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
MAIL = re.compile(rf"{ATOM}(\.{ATOM})*@{HOST}(\.{HOST})*")
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def open_validator(schema: Schema) -> Any:
    """The judge: jsonschema's validator of the schema's draft, with the formats of the corpus."""
    import jsonschema

    draft7 = schema.get("$schema") == DRAFT7
    kind = jsonschema.Draft7Validator if draft7 else jsonschema.Draft202012Validator
    checker = jsonschema.FormatChecker(["date", "uuid", "ipv4"])
    checker.checks("date-time", ValueError)(_check_time)
    for name, pattern in (("uri", URI), ("email", MAIL)):
        checker.checks(name)(partial(_check_text, pattern))
    return kind(schema, format_checker=checker)


def _check_text(pattern: re.Pattern[str], text: object) -> bool:
    return not isinstance(text, str) or pattern.fullmatch(text) is not None


def _check_time(text: object) -> bool:
    if not isinstance(text, str):
        return True
    # A leap second, which datetime does not know, comes as the second before it.
    known = re.sub(r"23:59:60(\.\d+)?([Zz])$", r"23:59:59\2", text)
    return TIME.fullmatch(text) is not None and bool(datetime.fromisoformat(known.upper()))


def fill(schema: Any, root: Schema, rng: random.Random, depth: int = 0) -> Any:
    """A value that the schema most often accepts."""
    if not isinstance(schema, dict):
        return rng.choice([1, "free", None, {"a": [True]}])
    if "$ref" in schema:
        return fill(_resolve(root, schema["$ref"]), root, rng, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "allOf" in schema:
        parts = [fill(part, root, rng, depth) for part in schema["allOf"]]
        return {name: value for part in parts for name, value in part.items()}
    for union in ("anyOf", "oneOf"):
        if union in schema and "properties" not in schema:
            return fill(rng.choice(schema[union]), root, rng, depth)
    kind = schema.get("type", "object")
    return _fill_kind(
        rng.choice(kind) if isinstance(kind, list) else kind, schema, root, (rng, depth)
    )


def _resolve(root: Any, reference: str) -> Any:
    for name in reference.split("/")[1:]:
        root = root[name]
    return root


def _fill_kind(kind: str, schema: Schema, root: Schema, at: tuple[random.Random, int]) -> Any:
    rng, depth = at
    match kind:
        case "string":
            return _fill_string(schema, rng)
        case "integer" | "number":
            return _fill_number(kind, schema, rng)
        case "boolean":
            return rng.random() < 0.5
        case "null":
            return None
        case "array":
            least, most = schema.get("minItems", 0), schema.get("maxItems", 3)
            count = min(max(least, rng.randrange(3) if depth < DEEPEST else 0), most)
            return [fill(schema.get("items"), root, rng, depth + 1) for _ in range(count)]
        case _:
            return _fill_object(schema, root, rng, depth)


def _fill_string(schema: Schema, rng: random.Random) -> str:
    if "format" in schema:
        return rng.choice(FORMATS[schema["format"]])
    if "pattern" in schema:
        return rng.choice(PATTERNS[schema["pattern"]])
    text = rng.choice(WORDS)
    most = schema.get("maxLength", 1000)
    if rng.random() < 0.1:
        text = "x" * min(most, 300)
    return text[:most]


def _fill_number(kind: str, schema: Schema, rng: random.Random) -> int | float:
    least = schema.get("minimum", schema.get("exclusiveMinimum", -2))
    most = schema.get("maximum", least + 100_000)
    value = rng.choice([least, least + 1, rng.randint(least, most), most])
    if "multipleOf" in schema:
        value -= value % schema["multipleOf"]
    if kind == "number" and rng.random() < 0.5:
        return rng.choice([0.5, 12.25, 1e-7, 2.5e30, 3.0])
    return value


def _fill_object(schema: Schema, root: Schema, rng: random.Random, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    likely = 0.5 if depth < DEEPEST - 2 else 0.1
    for name, inner in schema.get("properties", {}).items():
        if name in schema.get("required", ()) or rng.random() < likely:
            found[name] = fill(inner, root, rng, depth + 1)
    for inner in schema.get("patternProperties", {}).values():
        if rng.random() < 0.7:
            found[rng.choice(["build", "x-test"])] = fill(inner, root, rng, depth + 1)
    rest = schema.get("additionalProperties", True)
    if rest is not False and rng.random() < 0.3:
        found[rng.choice(["extra", "ünï", "a b"])] = fill(rest, root, rng, depth + 1)
    return found


def spoil(value: Any, rng: random.Random) -> Any:
    """A copy with one thing changed, taken out or added, somewhere inside."""
    whole = [copy.deepcopy(value)]
    places: list[tuple[Any, Any]] = [(whole, 0)]
    for holder, key in places:
        inner = holder[key]
        if isinstance(inner, dict):
            places += [(inner, name) for name in inner]
        elif isinstance(inner, list):
            places += [(inner, index) for index in range(len(inner))]
    holder, key = rng.choice(places)
    _change(holder, key, rng)
    return whole[0]


def _change(holder: Any, key: Any, rng: random.Random) -> None:
    old = holder[key]
    if isinstance(old, dict) and rng.random() < 0.5:
        old["surprise"] = rng.choice([1, "text", None])
    elif isinstance(holder, dict) and rng.random() < 0.4:
        del holder[key]
    elif isinstance(old, str) and rng.random() < 0.6:
        holder[key] = rng.choice([old + "!", "", old.upper(), "x" * 260, " " + old, old[:-1]])
    elif isinstance(old, int) and not isinstance(old, bool) and rng.random() < 0.6:
        holder[key] = rng.choice([old + 1, -old - 1, old * 1000 + 7, old + 0.5, 70_000])
    elif isinstance(old, list) and old and rng.random() < 0.6:
        holder[key] = rng.choice([old + old[:1], [], old * 9])
    else:
        holder[key] = rng.choice([None, True, 0, "text", [], {}, [1], {"a": 1}])
