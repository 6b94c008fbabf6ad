"""SchemaText: a JSON Schema in the few words a model needs to fill it in.

    {"name": text (the full name), "age": integer 0 to 130, "pets": [Pet, ...], "note"?: text or null}
    Pet = {"kind": "cat" or "dog"}

A grammar enforces the shape and says nothing to the model: this tells it what is meant, with the descriptions of the
fields. A question mark is for a field that may be left out. It refuses to know about prompts and gens.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

WORDS = {"string": "text", "null": "null", "boolean": "true or false", "integer": "integer"}
FORMATS = {
    "date": "date YYYY-MM-DD",
    "time": "time HH:MM:SS",
    "date-time": "date and time YYYY-MM-DDTHH:MM:SS",
    "uuid": "UUID",
    "email": "e-mail address",
    "uri": "URL",
    "duration": "duration such as P1DT2H",
}


def describe_schema(schema: Any) -> str:
    """The schema on one line, and one line more for each definition that is used more than once or in itself."""
    root = cast(dict[str, Any], schema) if isinstance(schema, dict) else {}
    defined: dict[str, Any] = root.get("$defs", {})
    uses = _count_references(root, defined)
    named = {name for name, count in uses.items() if count > 1}
    teller = _Teller(defined, named)
    lines = [teller.tell(root)]
    lines += [f"{name} = {teller.tell(defined[name])}" for name in defined if name in named]
    return "\n".join(lines)


class _Teller:
    """Writes schemas, with the definitions that have names of their own left as these names."""

    def __init__(self, defined: Mapping[str, Any], named: set[str]) -> None:
        self._defined = defined
        self._named = named

    def tell(self, schema: Any) -> str:
        """The schema with what is said about it in brackets."""
        if not isinstance(schema, dict):
            return "anything"
        known = cast(dict[str, Any], schema)
        about = known.get("description")
        text = self._shape(known)
        return f"{text} ({' '.join(str(about).split())})" if about else text

    def _shape(self, schema: dict[str, Any]) -> str:
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            return name if name in self._named else self._shape(self._defined.get(name, {}))
        if "const" in schema:
            return json.dumps(schema["const"], ensure_ascii=False)
        if "enum" in schema:
            words = [json.dumps(value, ensure_ascii=False) for value in schema["enum"]]
            return " or ".join(words) or "nothing"
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return " or ".join(dict.fromkeys(self.tell(part) for part in schema[key]))
        if "allOf" in schema:
            return " and ".join(self.tell(part) for part in schema["allOf"])
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            each = cast(list[str], kind)
            return " or ".join(self._of_kind(one, schema) for one in each)
        return self._of_kind(kind, schema)

    def _of_kind(self, kind: Any, schema: dict[str, Any]) -> str:
        match kind:
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema)
            case "string":
                text = FORMATS.get(schema.get("format", ""), "text")
                # Of a known format a pattern only says what the format's own words say already.
                told = "pattern" in schema and text == "text"
                pattern = f" like {schema['pattern']}" if told else ""
                return text + pattern + _between(schema, ("minLength", "maxLength"), " characters")
            case "number" | "integer":
                return f"{kind}{_range(schema)}"
            case _:
                return WORDS.get(kind, "anything")

    def _object(self, schema: dict[str, Any]) -> str:
        properties: dict[str, Any] = schema.get("properties", {})
        needed = schema.get("required", ())
        fields = [
            f"{json.dumps(name, ensure_ascii=False)}{'' if name in needed else '?'}: {self.tell(part)}"
            for name, part in properties.items()
        ]
        others = schema.get("additionalProperties", False)
        if others:
            fields.append(f"any key: {self.tell(others)}, ...")
        return "{" + ", ".join(fields) + "}"

    def _array(self, schema: dict[str, Any]) -> str:
        fixed = [self.tell(part) for part in schema.get("prefixItems", ())]
        items = schema.get("items", not fixed)
        if not items:
            return f"[{', '.join(fixed)}]"
        inside = ", ".join([*fixed, f"{self.tell(items)}, ..."])
        return f"[{inside}]{_between(schema, ('minItems', 'maxItems'), ' items')}"


def _between(schema: Mapping[str, Any], bounds: tuple[str, str], unit: str) -> str:
    low, high = (schema.get(bound) for bound in bounds)
    if low is not None and high is not None:
        return f" {low} to {high}{unit}" if low != high else f" of {low}{unit}"
    if low is not None:
        return f" from {low}{unit}"
    return f" up to {high}{unit}" if high is not None else ""


def _range(schema: Mapping[str, Any]) -> str:
    """The bounds of a number, open ones by the words for them."""
    text = _between(schema, ("minimum", "maximum"), "")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    text += f" above {above}" if above is not None else ""
    return text + (f" below {below}" if below is not None else "")


def _count_references(schema: Any, defined: Mapping[str, Any]) -> dict[str, int]:
    """How often each definition is used, from anywhere; one that leads back to itself counts twice."""
    uses = dict.fromkeys(defined, 0)
    for name in _references(schema):
        if name in uses:
            uses[name] += 1
    for name in defined:
        if name in _reached(name, defined):
            uses[name] += 2
    return uses


def _reached(name: str, defined: Mapping[str, Any]) -> set[str]:
    """The definitions that one leads to."""
    found: set[str] = set()
    waiting = list(_references(defined[name]))
    while waiting:
        following = waiting.pop()
        if following not in found and following in defined:
            found.add(following)
            waiting += _references(defined[following])
    return found


def _references(schema: Any) -> Iterable[str]:
    if isinstance(schema, list):
        for part in cast(list[Any], schema):
            yield from _references(part)
    elif isinstance(schema, dict):
        for key, part in cast(dict[str, Any], schema).items():
            if key == "$ref" and isinstance(part, str):
                yield part.rpartition("/")[2]
            else:
                yield from _references(part)
