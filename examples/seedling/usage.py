"""Use: one situation in which one tool is the right one; tools have OpenAI's function form."""

from dataclasses import dataclass
from typing import Any

from draw import Draw
from sample import dumps

Tool = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Use:
    """One situation in which one tool is the right one."""

    family: str
    tool: Tool
    request: str
    arguments: dict[str, Any]
    returned: str
    answer: str
    holds: tuple[str, ...] = ()

    @property
    def call(self) -> dict[str, Any]:
        return {"name": self.tool["function"]["name"], "arguments": self.arguments}


def function(
    draw: Draw, name: str, description: str, params: dict[str, Tool], described: bool = True
) -> Tool:
    """A tool in OpenAI's form. Parameters are required; a title or description may go with each."""
    properties = {}
    for key, schema in params.items():
        spoken = key.replace("_", " ")
        extra = {"description": f"the {spoken}"} if described and draw.chance(0.25) else {}
        properties[key] = {**schema, **extra}
    parameters = {"type": "object", "properties": properties, "required": list(params)}
    body = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": body}


def returned(draw: Draw, key: str, value: Any) -> str:
    """A tool's reply: the bare value or an object."""
    bare = value if isinstance(value, str) else dumps(value)
    return bare if draw.chance(0.5) else dumps({draw.one((key, "result", "value")): value})
