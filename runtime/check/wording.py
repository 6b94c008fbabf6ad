"""Wording: the keywords that a schema uses, and how each is enforced.

    keyword_uses({"type": "string", "maxLength": 3})        # [Use("type", 1, "exact"), Use("maxLength", 1, "exact")]

Names of properties and definitions, and listed values, are no keywords. A keyword that nobody knows is a remark.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...constrained.schema import keywords

NAMED = {
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
    "dependencies",
}
VALUES = {
    "enum",
    "const",
    "default",
    "example",
    "examples",
    "required",
    "dependentRequired",
    "type",
}
UNKNOWN = "a remark: no keyword that is known"


@dataclass(frozen=True, slots=True)
class Use:
    """A keyword, how often the schema has it, and how it is enforced."""

    keyword: str
    count: int
    enforced: str


def keyword_uses(schema: object) -> list[Use]:
    """The keywords of a schema, in the order in which they first come."""
    table = keywords()
    counts = Counter(_keywords(schema))
    return [Use(word, count, table.get(word, UNKNOWN)) for word, count in counts.items()]


def _keywords(schema: Any) -> Iterator[str]:
    waiting = [schema]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += reversed(found)
        if not isinstance(found, dict):
            continue
        yield from found
        for word, inner in reversed(found.items()):
            if word in NAMED and isinstance(inner, dict):
                waiting += reversed(inner.values())
            elif word not in VALUES:
                waiting.append(inner)
