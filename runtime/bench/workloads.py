"""The workloads of `trellis bench engine`, the same for every engine: token-id prompts, output lengths, schemas.

Random prompts from one seed, for a Llama-3.1-8B-shaped model with a 128k vocabulary and random weights; end of text
is ignored where there is no schema. A peer is measured with the same prompts by a script of its own.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

VOCABULARY = 128_000
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "email": {"type": "string", "maxLength": 40},
        "tags": {
            "type": "array",
            "items": {"type": "string", "maxLength": 20},
            "minItems": 2,
            "maxItems": 5,
        },
        "address": {
            "type": "object",
            "properties": {
                "street": {"type": "string", "maxLength": 40},
                "city": {"type": "string", "maxLength": 30},
                "country": {"enum": ["France", "Germany", "Italy", "Spain", "Portugal"]},
                "postal_code": {"type": "string", "pattern": "^[0-9]{5}$"},
            },
            "required": ["street", "city", "country", "postal_code"],
            "additionalProperties": False,
        },
        "active": {"type": "boolean"},
    },
    "required": ["name", "age", "email", "tags", "address", "active"],
    "additionalProperties": False,
}


NAMES = ("name", "title", "label", "author", "owner", "editor", "company", "subject")
COUNTS = ("age", "count", "size", "level", "score", "weight", "height", "price")
Ids = Callable[[int], list[int]]


@dataclass(frozen=True, slots=True)
class Workload:
    """Prompts computed first (`warm`), the prompts, tokens to generate for each.

    schemas: none, one for all prompts, or one for each. seed: of the first prompt's draws, the next ones' follow; None:
    others in each repetition. late: a prompt that comes while the others are being answered. beside: the workload whose
    step this one's is compared with.
    """

    name: str
    warm: list[list[int]]
    prompts: list[list[int]]
    new_tokens: int
    schemas: tuple[dict[str, Any], ...] = ()
    seed: int | None = None
    late: tuple[int, ...] = ()
    beside: str = ""

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt with its answer."""
        return max(max(map(len, self.prompts)) + self.new_tokens, len(self.late) + 1)


def unbounded(schema: Any) -> Any:
    """The same schema without maxLength."""
    if isinstance(schema, dict):
        return {k: unbounded(v) for k, v in schema.items() if k != "maxLength"}
    return [unbounded(v) for v in schema] if isinstance(schema, list) else schema


def _tool(name: str, **properties: Any) -> dict[str, Any]:
    arguments = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"name": {"const": name}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def tool_call() -> dict[str, Any]:
    """A call of one of three tools: most of its text is forced."""
    flag, unit = {"type": "boolean"}, {"enum": ["celsius", "fahrenheit"]}
    day = {"enum": ["monday", "tuesday", "wednesday", "thursday", "friday"]}
    count = {"type": "integer", "minimum": 0, "maximum": 9999}
    return {
        "anyOf": [
            _tool(
                "get_weather_forecast_for_location",
                temperature_unit=unit,
                number_of_days=count,
                include_precipitation_probability=flag,
                include_wind_speed=flag,
            ),
            _tool(
                "create_calendar_appointment",
                day_of_week=day,
                start_hour_of_appointment=count,
                duration_in_minutes=count,
                send_notification_to_participants=flag,
            ),
            _tool(
                "set_living_room_thermostat",
                target_temperature_value=count,
                temperature_unit=unit,
                maintain_until_cancelled=flag,
            ),
        ]
    }


def schema_of(number: int) -> dict[str, Any]:
    """A schema of SCHEMA's family: other names, other limits, so that no two numbers share a grammar."""
    rng = random.Random(number)
    name, other, count, place = (
        f"{rng.choice(words)}_{number}"
        for words in (NAMES, NAMES[::-1], COUNTS, ("address", "place"))
    )
    street, city = f"street_{number % 7}", f"city_{number % 11}"
    address = SCHEMA["properties"]["address"]
    inner = {
        street: {"type": "string", "maxLength": rng.randint(20, 40)},
        city: {"type": "string", "maxLength": rng.randint(20, 30)},
        "country": address["properties"]["country"],
        "postal_code": {"type": "string", "pattern": f"^[0-9]{{{rng.randint(4, 6)}}}$"},
    }
    items = {"type": "string", "maxLength": rng.randint(10, 20)}
    properties = {
        name: {"type": "string", "maxLength": rng.randint(20, 40)},
        count: {"type": "integer", "minimum": 0, "maximum": rng.randint(100, 999)},
        f"{other}_email": {"type": "string", "maxLength": rng.randint(20, 40)},
        "tags": {"type": "array", "items": items, "minItems": 2, "maxItems": rng.randint(3, 5)},
        place: address | {"properties": inner, "required": list(inner)},
        "active": {"type": "boolean"},
    }
    return SCHEMA | {"properties": properties, "required": list(properties)}


def many_schemas(ids: Ids, rows: int) -> Workload:
    """Each row under a schema of its own, with the same draws each time: the second time no state is new."""
    schemas = tuple(schema_of(number) for number in range(rows))
    prompts = [ids(256) for _ in range(rows)]
    name = f"json_{rows}_schemas_bs{rows}"
    return Workload(name, [], prompts, 160, schemas, seed=1, beside="plain_bs256_for_json")


def uneven(ids: Ids, long: int, short: int, rows: int) -> Iterator[Workload]:
    """One long context beside short ones, and before that as many even ones with as many tokens in all."""
    lengths = [long] + [short] * (rows - 1)
    part, rest = divmod(sum(lengths), rows)
    even = [ids(part + (row < rest)) for row in range(rows)]
    yield Workload("uneven_evened", [], even, 64)
    yield Workload("uneven", [], [ids(length) for length in lengths], 64, beside="uneven_evened")


def prefill_beside_decode(ids: Ids, rows: int, length: int, new_tokens: int) -> Workload:
    """Rows that are being answered when a long prompt comes."""
    prompts = [ids(min(1024, length)) for _ in range(rows)]
    return Workload("prefill_beside_decode", [], prompts, new_tokens, late=tuple(ids(length)))


def workloads() -> list[Workload]:
    """All of them, in the order in which they are run."""
    rng = random.Random(7)

    def ids(count: int) -> list[int]:
        return [rng.randrange(100, VOCABULARY) for _ in range(count)]

    def json_of_256(name: str, schema: dict[str, Any]) -> Workload:
        prompts = [ids(256) for _ in range(256)]
        return Workload(name, [], prompts, 160, (schema,), beside="plain_bs256_for_json")

    out = [
        Workload("decode_bs1", [], [ids(128)], 256),
        Workload("decode_bs64", [], [ids(1024) for _ in range(64)], 256),
        Workload("decode_bs256", [], [ids(1024) for _ in range(256)], 256),
    ]
    for length in (2048, 8192):
        prefix = ids(length)
        prompts = [prefix + ids(32) for _ in range(256)]
        out.append(Workload(f"shared{length}_bs256", [prefix], prompts, 256))
    root = ids(8192)
    branches = [ids(512) for _ in range(16)]
    leaves = [root + branch + ids(32) for branch in branches for _ in range(16)]
    out.append(Workload("tree_8192_16x16", [root], leaves, 128))
    out += [
        Workload("json_bs1", [], [ids(128)], 160, (SCHEMA,)),
        Workload("json_bs64", [], [ids(256) for _ in range(64)], 160, (SCHEMA,)),
        json_of_256("json_bs256", SCHEMA),
        json_of_256("json_unbounded_bs256", unbounded(SCHEMA)),
        Workload("json_tools_bs1", [], [ids(128)], 160, (tool_call(),)),
        json_of_256("json_tools_bs256", tool_call()),
        Workload("plain_bs256_for_json", [], [ids(256) for _ in range(256)], 160),
        Workload("prefill_16x8192", [], [ids(8192) for _ in range(16)], 1),
        # What follows came later: those before keep their prompts.
        many_schemas(ids, 256),
        *uneven(ids, 126 * 1024, 1024, 32),
        prefill_beside_decode(ids, 64, 32 * 1024, 640),
    ]
    return out
