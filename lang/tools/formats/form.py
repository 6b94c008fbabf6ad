"""Form: what all formats of tool calls have in common, as plain values and pure functions.

    HERMES = Form(name="hermes", trigger="<tool_call>", begin="<tool_call>\\n", end="\\n</tool_call>", ...)

A body, the text between `begin` and `end`, is either JSON under one constraint, or a name, `name_end` and the
arguments as JSON (then `name_end` is set, and the two parts have constraints of their own). It refuses to know how
calls are carried out.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from ....constrained.spec import Choices, Constraint, JsonSchema
from ...errors import InvalidProgram
from ...values.schema_parts import closed

Several = Literal["repeat", "list", "never"]


class UnreadableCall(ValueError):
    """Text that should be a tool call and is none; the message is fit to be shown to the model."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told of a tool. parameters: JSON Schema of an object, the arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]

    @property
    def constraint(self) -> JsonSchema:
        """What its arguments must look like, as JSON."""
        return JsonSchema(json.dumps(closed(dict(self.parameters))))

    def as_function(self) -> dict[str, Any]:
        """The form in which chat templates and APIs take tools."""
        told = {
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
        }
        return {"type": "function", "function": told}


@dataclass(frozen=True, slots=True)
class Call:
    """What a model asks for. id: as the model gave it; "" where its format has none."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """One format. trigger: free text that contains it goes on as a call; ends: what may close the body when reading.

    several: how a turn holds many calls: the whole form again after `between`, a JSON list in one body, or not at all.
    open, close: what stands once around all calls of a turn, outside `begin` and `end`. key: of the arguments.
    leads: the trigger counts only where an answer begins with it; elsewhere it is text.
    result: a tool's result as text, for templates that have no turn for it.
    """

    name: str
    trigger: str
    begin: str
    end: str
    show: Callable[[Sequence[ToolSpec]], str]
    several: Several = "repeat"
    between: str = "\n"
    open: str = ""
    close: str = ""
    key: str = "arguments"
    name_end: str | None = None
    leads: bool = False
    result: Callable[[str, str], str] = lambda name, text: f"Result of {name}:\n{text}"

    def constraint(self, specs: Sequence[ToolSpec], several: bool = False) -> Constraint:
        """What stands between begin and end: JSON that names one of the tools and has its arguments.

        several: whether a format that writes a list may put many into it. Of a format with `name_end` this is the
        constraint of the name; the tool's own follows it. Raises InvalidProgram for no tools at all.
        """
        if not specs:
            raise InvalidProgram("a tool call needs at least one tool to choose")
        if self.name_end is not None:
            return Choices(tuple(spec.name for spec in specs))
        schema = any_call(specs, self.key)
        if self.several == "list":
            shared: dict[str, Any] = {key: schema.pop(key) for key in ("$defs",) if key in schema}
            schema = {"type": "array", "items": schema, "minItems": 1, **shared}
            if not several:
                schema["maxItems"] = 1
        return JsonSchema(json.dumps(schema))

    def read(self, body: str) -> tuple[Call, ...]:
        """The calls of a body. Raises UnreadableCall for text that holds none."""
        body = body.strip()
        if self.name_end is not None:
            name, found, rest = body.partition(self.name_end.strip())
            if not found:
                raise UnreadableCall(f"the tool call {body!r:.200} has no arguments")
            return (Call(name.strip(), _object(_parsed(rest), "arguments")),)
        value = _parsed(body)
        items = cast(list[Any], value) if isinstance(value, list) else [value]
        return tuple(self._call(item) for item in items)

    def _call(self, item: Any) -> Call:
        known = _object(item, "call")
        name = known.get("name")
        if not isinstance(name, str):
            raise UnreadableCall(f"a tool call needs a name, got {item!r:.200}")
        given = known.get(self.key, known.get("arguments", known.get("parameters", {})))
        if isinstance(given, str):
            given = _parsed(given)
        return Call(name, _object(given, "arguments"), str(known.get("id", "")))

    def write(self, calls: Sequence[Call]) -> str:
        """The calls as the model writes them, for a history that comes from elsewhere."""
        if self.several == "list":
            inside = ", ".join(self._body(call) for call in calls)
            return f"{self.begin}[{inside}]{self.end}"
        written = [f"{self.begin}{self._body(call)}{self.end}" for call in calls]
        return self.open + self.between.join(written) + self.close

    def _body(self, call: Call) -> str:
        arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
        if self.name_end is not None:
            return f"{call.name}{self.name_end}{arguments}"
        return f'{{"name": {json.dumps(call.name)}, "{self.key}": {arguments}}}'

    def find(self, text: str) -> tuple[str, tuple[Call, ...]]:
        """The text around the calls of a finished answer, and the calls. Raises UnreadableCall for a broken call."""
        if self.trigger not in text or (self.leads and not text.lstrip().startswith(self.trigger)):
            return text, ()
        around, calls, rest = "", list[Call](), text
        mark = self.begin.strip() or self.trigger
        while (at := rest.find(mark)) >= 0:
            around += rest[:at]
            body, rest = self._cut(rest[at:].removeprefix(mark if self.begin else ""))
            calls += self.read(body)
        around += rest
        for mark in (self.open, self.close):
            around = around.replace(mark, "") if mark else around
        return around.strip(), tuple(calls)

    def _cut(self, text: str) -> tuple[str, str]:
        """The body that a text begins with, and what follows it. Marks inside of its JSON are text."""
        name, between, rest = (
            text.partition(self.name_end.strip()) if self.name_end else ("", "", text)
        )
        inside = rest.lstrip()
        try:
            _, length = json.JSONDecoder().raw_decode(inside)
        except (ValueError, RecursionError):
            body, _, rest = text.partition(self.end.strip()) if self.end else (text, "", "")
            return body, rest
        return name + between + inside[:length], inside[length:].lstrip().removeprefix(
            self.end.strip()
        )


def any_call(specs: Sequence[ToolSpec], key: str) -> dict[str, Any]:
    """The JSON Schema of a call to one of the tools; references in their schemas are kept apart by tool."""
    calls: list[dict[str, Any]] = []
    shared: dict[str, Any] = {}
    for spec in specs:
        parameters, defined = _moved(spec)
        shared |= defined
        properties = {"name": {"const": spec.name}, key: parameters}
        calls.append(
            {
                "type": "object",
                "properties": properties,
                "required": ["name", key],
            }
        )
    schema: dict[str, Any] = {"anyOf": calls} if len(calls) > 1 else calls[0]
    return closed({**schema, "$defs": shared} if shared else schema)


def show_as_lines(specs: Sequence[ToolSpec]) -> str:
    """One JSON object a line."""
    return "\n".join(json.dumps(spec.as_function(), ensure_ascii=False) for spec in specs)


def _moved(spec: ToolSpec) -> tuple[dict[str, Any], dict[str, Any]]:
    """A tool's parameters with their definitions taken out, under names that no other tool has."""
    parameters = dict(spec.parameters)
    defined: dict[str, Any] = parameters.pop("$defs", {})
    if not defined:
        return parameters, {}

    def renamed(part: Any) -> Any:
        if isinstance(part, list):
            return [renamed(item) for item in cast(list[Any], part)]
        if not isinstance(part, dict):
            return part
        known = cast(dict[str, Any], part)
        return {
            key: _retarget(value, spec.name) if key == "$ref" else renamed(value)
            for key, value in known.items()
        }

    moved = {f"{spec.name}.{key}": renamed(value) for key, value in defined.items()}
    return renamed(parameters), moved


def _retarget(reference: Any, tool: str) -> Any:
    start = "#/$defs/"
    if isinstance(reference, str) and reference.startswith(start):
        return f"{start}{tool}.{reference.removeprefix(start)}"
    return reference


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # the latter where it is nested too deep
        raise UnreadableCall(f"the tool call {text!r:.200} is no JSON: {error}") from error


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableCall(f"the {what} of a tool call must be an object, got {value!r:.200}")
    return cast(dict[str, Any], value)
