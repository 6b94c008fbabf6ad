"""The workloads of `trellis bench engine`, the same for every engine: token-id prompts, output lengths, a schema.

Random prompts from one seed, for a Llama-3.1-8B-shaped model with a 128k vocabulary and random weights; end of text
is ignored where there is no schema. A peer is measured with the same prompts by a script of its own.
"""

import random
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


@dataclass(frozen=True, slots=True)
class Workload:
    """Prompts computed first (`warm`), the prompts, tokens to generate for each, and the schema or None."""

    name: str
    warm: list[list[int]]
    prompts: list[list[int]]
    new_tokens: int
    schema: dict[str, Any] | None = None


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


def workloads() -> list[Workload]:
    """All of them, in the order in which they are run."""
    rng = random.Random(7)

    def ids(count: int) -> list[int]:
        return [rng.randrange(100, VOCABULARY) for _ in range(count)]

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
        Workload("json_bs1", [], [ids(128)], 160, SCHEMA),
        Workload("json_bs64", [], [ids(256) for _ in range(64)], 160, SCHEMA),
        Workload("json_bs256", [], [ids(256) for _ in range(256)], 160, SCHEMA),
        Workload(
            "json_unbounded_bs256", [], [ids(256) for _ in range(256)], 160, unbounded(SCHEMA)
        ),
        Workload("json_tools_bs1", [], [ids(128)], 160, tool_call()),
        Workload("json_tools_bs256", [], [ids(256) for _ in range(256)], 160, tool_call()),
        Workload("plain_bs256_for_json", [], [ids(256) for _ in range(256)], 160),
        Workload("prefill_16x8192", [], [ids(8192) for _ in range(16)], 1),
    ]
    return out
