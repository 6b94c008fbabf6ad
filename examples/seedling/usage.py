"""Use: one situation in which one tool is the right one; tools have OpenAI's function form."""

from dataclasses import dataclass, replace
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


_BEFORE = ("do", "my", "run", "call", "tool", "fn", "api", "handle", "make", "new", "get", "please")
_AFTER = ("tool", "now", "v2", "function", "api", "action", "service", "request", "handler", "x")
_KEY_AFTER = ("value", "text", "input", "arg", "param", "field", "given", "1")


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _other_name(draw: Draw, name: str) -> str:
    dice = draw.rng.random()
    if dice < 0.3:
        return f"{draw.one(_BEFORE)}_{name}"
    if dice < 0.5:
        return f"{name}_{draw.one(_AFTER)}"
    if dice < 0.7:
        return _camel(name)
    return f"{draw.made_word()}_{name}" if dice < 0.85 else draw.made_word()


def _other_key(draw: Draw, key: str) -> str:
    dice = draw.rng.random()
    if dice < 0.4:
        return f"{key}_{draw.one(_KEY_AFTER)}"
    if dice < 0.6:
        return f"{draw.one(('the', 'my', 'input', 'new'))}_{key}"
    return _camel(key) if dice < 0.8 else key.upper()


def varied(draw: Draw, use: Use) -> Use:
    """The same use of the same tool, often under another name or with other parameter names."""
    body = use.tool["function"]
    name = _other_name(draw, body["name"]) if draw.chance(0.45) else body["name"]
    keys = {k: _other_key(draw, k) if draw.chance(0.2) else k for k in use.arguments}
    given = body["parameters"]
    properties = {keys[k]: schema for k, schema in given["properties"].items()}
    parameters = {**given, "properties": properties, "required": list(properties)}
    tool = {"type": "function", "function": {**body, "name": name, "parameters": parameters}}
    return replace(use, tool=tool, arguments={keys[k]: v for k, v in use.arguments.items()})
