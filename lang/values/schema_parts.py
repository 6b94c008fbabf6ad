"""SchemaParts: small changes of a JSON Schema, as pure functions over parsed JSON.

    closed(schema)             # no keys but the declared ones
    without_titles(schema)     # what only repeats the names is gone

They refuse to know where a schema comes from.
"""

from typing import Any, cast

VALUES = ("default", "enum", "const", "examples")


def closed(schema: Any) -> Any:
    """The schema with every object that declares properties closed to others."""
    if isinstance(schema, list):
        return [closed(item) for item in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    known = cast(dict[str, Any], schema)
    copy = {k: v if k in VALUES else closed(v) for k, v in known.items()}
    # A property may itself be called "properties": only a schema of type object has declared ones.
    if known.get("type") == "object" and "properties" in known:
        copy.setdefault("additionalProperties", False)
    return copy


def without_titles(schema: Any) -> Any:
    """The schema without pydantic's titles, which repeat the names."""
    if isinstance(schema, list):
        return [without_titles(part) for part in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    known = cast(dict[str, Any], schema)
    # A property called "title" has a schema; a title is a text.
    return {
        key: part if key in VALUES else without_titles(part)
        for key, part in known.items()
        if not (key == "title" and isinstance(part, str))
    }
