"""Specs: tools as APIs describe them.

    spec = spec_of("look_up", "Look up a word.", {"type": "object", "properties": {"word": {"type": "string"}}})

The schemas of several tools are put into one, so each must refer to nothing but its own `$defs`: older names of these,
and a schema that refers to itself, are brought into that form. Other references are left for the compiler to refuse.
"""

from collections.abc import Mapping
from typing import Any

from ....lang.tools.formats.form import ToolSpec
from ....lang.values.schema_parts import VALUES

OLDER = "definitions"
ITSELF = "whole"


def spec_of(name: str, description: str, parameters: Mapping[str, Any] | None) -> ToolSpec:
    """A tool as APIs describe it; without parameters it takes none."""
    return ToolSpec(name, description, _alone(parameters or {"type": "object", "properties": {}}))


def _alone(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with all that it refers to in its `$defs`."""
    body = {key: part for key, part in schema.items() if key not in (OLDER, "$defs")}
    shared = {key: schema[key] for key in (OLDER, "$defs") if isinstance(schema.get(key), dict)}
    named: dict[str, Any] = {}
    for part in shared.values():
        named |= part
    found: set[str] = set()
    made = _retold(body, found)
    named = _retold(named, found)
    if "#" in found:
        named[ITSELF] = made
    return made | {"$defs": named} if named else made


def _retold(part: Any, found: set[str]) -> Any:
    """The part with its references retold; found: those that it has."""
    if isinstance(part, list):
        return [_retold(item, found) for item in part]
    if not isinstance(part, dict):
        return part
    return {key: _kept(key, value, found) for key, value in part.items()}


def _kept(key: str, value: Any, found: set[str]) -> Any:
    if key in VALUES:
        return value
    if key != "$ref" or not isinstance(value, str):
        return _retold(value, found)
    found.add(value)
    if value == "#":
        return f"#/$defs/{ITSELF}"
    return value.replace(f"#/{OLDER}/", "#/$defs/", 1)
