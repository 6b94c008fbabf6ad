"""Harmony, the format of gpt-oss: a call is a message to a function, on the commentary channel.

    <|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Lisbon"}<|call|>

The marks are control tokens, so a text has them only where its decoder spells them out. One call a turn. Thinking is
the analysis channel (`THINKING`). Source: OpenAI's description of the Harmony response format.
"""

from collections.abc import Sequence
from typing import Any, cast

from .form import Form, ToolSpec

TRIGGER = "<|channel|>commentary to=functions."
START = "<|start|>assistant"
FINAL = "<|channel|>final<|message|>"
THINKING = ("<|channel|>analysis<|message|>", "<|end|>")
TYPES = {"integer": "number", "boolean": "boolean", "number": "number", "null": "null"}


def show(specs: Sequence[ToolSpec]) -> str:
    """The tools as these models see them: a TypeScript namespace in the developer's turn."""
    told = "\n\n".join(_function(spec) for spec in specs)
    return (
        f"# Tools\n\n## functions\n\nnamespace functions {{\n\n{told}\n\n}} // namespace functions"
    )


def _function(spec: ToolSpec) -> str:
    needed = spec.parameters.get("required", ())
    properties: dict[str, Any] = spec.parameters.get("properties", {})
    lines = [
        line
        for key, schema in properties.items()
        for line in _field(key if key in needed else f"{key}?", schema)
    ]
    about = f"// {spec.description}\n" if spec.description else ""
    inside = "\n".join(lines)
    argument = f"_: {{\n{inside}\n}}" if lines else ""
    return f"{about}type {spec.name} = ({argument}) => any;"


def _field(key: str, schema: Any) -> list[str]:
    known = cast(dict[str, Any], schema) if isinstance(schema, dict) else {}
    about = [f"// {known['description']}"] if "description" in known else []
    return [*about, f"{key}: {_type(known)},"]


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(part) for part in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        return f"{_type(schema.get('items') or {})}[]"
    return TYPES.get(kind, "object" if kind == "object" else "string") if kind else "any"


FORM = Form(
    name="harmony",
    trigger=TRIGGER,
    begin=TRIGGER,
    end="<|call|>",
    show=show,
    several="never",
    name_end=" <|constrain|>json<|message|>",
)
