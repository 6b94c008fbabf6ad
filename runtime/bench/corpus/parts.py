"""Parts: names, strings, numbers and records that the families are made of."""

import random
from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]
NOUNS = (
    *("name", "id", "type", "status", "spec", "labels", "version", "size", "path", "owner", "url", "count", "values"),
    *("config", "options", "target", "source", "region", "image", "port", "replicas", "selector", "enabled", "author"),
    *("commit", "branch", "job", "step", "secret", "volume", "mount", "query", "limit", "offset", "currency", "amount"),
    *("address", "city", "country", "email", "phone", "created", "updated", "reason", "message", "code", "key", "tag"),
)  # fmt: skip
ENDINGS = (
    "",
    "",
    "",
    "s",
    "Name",
    "Ref",
    "Id",
    "At",
    "_id",
    "_count",
    "-key",
    "Policy",
    "Template",
    "Größe",
)
# Patterns with strings that match them.
PATTERNS: dict[str, tuple[str, ...]] = {
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": ("web", "my-app-1", "x"),
    "^[A-Za-z_][A-Za-z0-9_]*$": ("main", "_private9", "GITHUB_TOKEN"),
    r"^\d+(\.\d+){1,2}$": ("1.0", "12.4.7"),
    r"^(\d+)(m|s|ms)$": ("10m", "250ms"),
    "^#[0-9a-fA-F]{6}$": ("#00ff7F",),
    r"^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$": ("v1.2.3", "0.1.0-rc.1"),
    "[^/]+$": ("file.txt", "a/b"),
    r"^(?!-)[a-z-]{1,40}$": ("plain", "two-words"),
    r"^\S+@\S+$": ("a@b.example",),
    "^(sha256|sha512):[a-f0-9]{8,}$": ("sha256:deadbeef00",),
}
FORMATS: dict[str, tuple[str, ...]] = {
    "date-time": ("2024-02-29T10:00:00Z", "1999-12-31T23:59:59.123+02:00"),
    "date": ("2024-02-29", "0999-01-01"),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000",),
    "uri": ("https://example.org/a?b=c#d", "urn:isbn:0451450523"),
    "email": ("a@example.org", "first.last+tag@sub.example.com"),
    "ipv4": ("10.0.0.1", "255.255.255.255"),
}
LENGTHS = (1, 16, 32, 63, 64, 100, 128, 255, 255, 255, 256, 500, 1024, 4096, 65_535)
COUNTS = (1, 2, 5, 10, 16, 16, 20, 50, 100, 1000, 10_000)


def draw_names(rng: random.Random, count: int) -> list[str]:
    """At most so many names, all different."""
    return list(dict.fromkeys(rng.choice(NOUNS) + rng.choice(ENDINGS) for _ in range(count)))


def draw_scalar(rng: random.Random) -> Schema:
    """A string, number or boolean, with bounds as often as real ones have them."""
    match rng.randrange(12):
        case 0 | 1 | 2:
            return {"type": "string", "description": f"The {rng.choice(NOUNS)}."}
        case 3:
            return draw_bounded_string(rng)
        case 4:
            return {"type": "string", "pattern": rng.choice(list(PATTERNS))}
        case 5:
            return {"type": "string", "format": rng.choice(list(FORMATS))}
        case 6:
            return {"enum": rng.sample(NOUNS, rng.randrange(1, 12))}
        case 7 | 8:
            return draw_integer(rng)
        case 9:
            return rng.choice([{"type": "number"}, {"type": "number", "minimum": 0}])
        case 10:
            return {"type": "boolean", "default": rng.random() < 0.5}
        case _:
            return {**draw_bounded_string(rng), "type": ["string", "null"]}


def draw_bounded_string(rng: random.Random) -> Schema:
    """A string with a longest length, sometimes a shortest, sometimes a pattern."""
    found: Schema = {"type": "string", "maxLength": rng.choice(LENGTHS)}
    if rng.random() < 0.4:
        found["minLength"] = 1
    if rng.random() < 0.15:
        found |= {"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}
    return found


def draw_integer(rng: random.Random) -> Schema:
    """An integer, bounded in one of the usual ways."""
    bounds: Schema = rng.choice(
        [
            {},
            {"format": "int32"},
            {"minimum": 0},
            {"minimum": 1, "maximum": 65_535},
            {"minimum": 0, "maximum": 2_147_483_647},
            {"exclusiveMinimum": 0},
            {"minimum": -90, "maximum": 90},
            {"minimum": 0, "multipleOf": rng.choice([2, 5, 60, 100])},
        ]
    )
    return {"type": "integer", **bounds}


def draw_array(rng: random.Random, items: Schema) -> Schema:
    """An array of one kind of item."""
    found: Schema = {"type": "array", "items": items}
    if rng.random() < 0.3:
        found["maxItems"] = rng.choice(COUNTS)
    if rng.random() < 0.3:
        found["minItems"] = 1
    return found


def draw_record(
    rng: random.Random, most: int, inner: Callable[[], Schema], closed: float = 0.35
) -> Schema:
    """An object with up to so many properties; closed: how often it has no others."""
    properties = {name: inner() for name in draw_names(rng, rng.randrange(1, most))}
    found: Schema = {"type": "object", "properties": properties}
    required = [name for name in properties if rng.random() < 0.35]
    if required:
        rng.shuffle(required)
        found["required"] = required
    if rng.random() < closed:
        found["additionalProperties"] = False
    return found
