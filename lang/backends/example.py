"""example_of: a small text that a constraint allows, for answers that nobody scripted.

It knows the usual JSON Schema keywords and a few common words for regexes; where that is not enough it says so. It
refuses to know about backends.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from ...constrained.spec import Choices, Constraint, JsonSchema, Regex
from ..errors import InvalidProgram

WORDS = (
    "text", "a", "A", "1", "0", "10", "1.5", "2000", "true", "yes", "2000-01-01", "12:00", "2000-01-01T12:00:00Z",
    "00000000-0000-4000-8000-000000000000", "one two", "a@b.org", "https://example.org/", "P1D", "aaaaaaaa",
    "A short text.",
)  # fmt: skip
FORMATS = {
    "date": "2000-01-01",
    "time": "12:00:00Z",
    "date-time": "2000-01-01T12:00:00Z",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "a@b.org",
    "uri": "https://example.org/",
    "duration": "P1D",
    "ipv4": "127.0.0.1",
}


def example_of(constraint: Constraint | None, name: str) -> str:
    """A text that the constraint allows. Raises InvalidProgram if none is easily found."""
    match constraint:
        case None:
            return f"<{name}>"
        case Choices(texts=texts):
            return texts[0]
        case JsonSchema(schema=schema):
            known = json.loads(schema)
            return json.dumps(_value(known, known, name))
        case Regex(pattern=pattern):
            return _word(pattern, name)
        case _:
            raise InvalidProgram(
                f"no answer is scripted for {name!r}, and none is easily made of its grammar"
            )


def _word(pattern: str, name: str) -> str:
    for word in WORDS:
        if re.fullmatch(pattern, word):
            return word
    raise InvalidProgram(
        f"no answer is scripted for {name!r}, and none is easily made of its pattern {pattern!r:.80}"
    )


def _value(schema: Any, root: Any, name: str) -> Any:
    """A value of a schema: the first branch, required properties only, so that recursion ends."""
    if not isinstance(schema, Mapping):
        return name
    known = cast(Mapping[str, Any], schema)
    for key in ("const", "default"):
        if key in known:
            return known[key]
    if "enum" in known:
        return known["enum"][0]
    if "$ref" in known:
        return _value(_resolved(known["$ref"], root), root, name)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in known:
            return _value(known[key][0], root, name)
    kind: Any = known.get("type", "object" if "properties" in known else "string")
    return _of_type(kind if isinstance(kind, str) else kind[0], known, root, name)


def _of_type(kind: str, schema: Mapping[str, Any], root: Any, name: str) -> Any:
    match kind:
        case "object":
            properties = schema.get("properties", {})
            required = schema.get("required", [])
            return {key: _value(properties.get(key, True), root, key) for key in required}
        case "array":
            fixed = [_value(item, root, name) for item in schema.get("prefixItems", [])]
            more = max(0, schema.get("minItems", 0) - len(fixed))
            return fixed + [_value(schema.get("items", True), root, name) for _ in range(more)]
        case "integer" | "number":
            return _number(kind, schema)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _string(schema, name)


def _number(kind: str, schema: Mapping[str, Any]) -> int | float:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + step))
    value = low if "exclusiveMinimum" not in schema else low + step
    value = min(value, high) if "exclusiveMaximum" not in schema else min(value, high - step)
    if step != 1:
        value = -(-value // step) * step
    return int(value) if kind == "integer" else value


def _string(schema: Mapping[str, Any], name: str) -> str:
    if "format" in schema and schema["format"] in FORMATS:
        return FORMATS[schema["format"]]
    if "pattern" in schema:
        return _word(rf".*({schema['pattern']}).*", name)
    text = name[: schema.get("maxLength", len(name))]
    return text.ljust(schema.get("minLength", 0), "x")


def _resolved(reference: str, root: Any) -> Any:
    target = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if part:
            target = target[part.replace("~1", "/").replace("~0", "~")]
    return target
