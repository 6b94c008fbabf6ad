"""Tools and the choice among them, from a body's fields to Tools.

    tools = read_tools(functions, choice, parallel)        # None: nothing may be called

It refuses to know how models write calls.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ....lang.tools.formats.form import ToolSpec
from ..conversation.specs import spec_of
from ..conversation.turn import Tools
from ..errors import BadRequest
from ..strict import StrictBody

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class FunctionField(StrictBody):
    """What a model is told of a function. parameters: JSON Schema of an object."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolField(StrictBody):
    """A tool of a chat."""

    type: str
    function: FunctionField | None = None
    custom: Any = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tools may be called. names: only these, None for all; required: one of them must be."""

    names: frozenset[str] | None = None
    required: bool = False


def functions_of(tools: Sequence[ToolField]) -> list[FunctionField]:
    """The functions of a chat's tools. Raises BadRequest for other kinds."""
    found: list[FunctionField] = []
    for at, tool in enumerate(tools):
        if tool.type != "function" or tool.function is None:
            message = (
                f"tools[{at}]: tools of type {tool.type!r:.40} are not supported, only functions"
            )
            raise BadRequest(message, f"tools[{at}].type")
        found.append(tool.function)
    return found


def read_tools(
    functions: Sequence[FunctionField], choice: Choice | None, parallel: bool
) -> Tools | None:
    """The tools of a turn. choice: None for "none". Raises BadRequest."""
    specs = [_spec(function, at) for at, function in enumerate(functions)]
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadRequest(f"two tools are called {twice!r}", "tools")
    if choice is None:
        return None
    if choice.names is not None and (unknown := choice.names - set(names)):
        raise BadRequest(f"there is no tool {sorted(unknown)[0]!r:.80}", "tool_choice")
    if not specs:
        if choice.required:
            raise BadRequest("tool_choice requires a call, and there are no tools", "tool_choice")
        return None
    return Tools(
        shown=tuple(specs),
        offered=choice.names if choice.names is not None else frozenset(names),
        choice="required" if choice.required else "auto",
        parallel=parallel,
        strict=frozenset(function.name for function in functions if function.strict),
    )


def read_choice(choice: "str | dict[str, Any] | None") -> Choice | None:
    """What `tool_choice` means; None for "none". A function's name stands inside of `function`, or flat."""
    if choice is None or choice == "auto":
        return Choice()
    if choice == "none":
        return None
    if choice == "required":
        return Choice(required=True)
    if isinstance(choice, dict):
        if choice.get("type") == "function":
            return Choice(frozenset((_name(choice),)), required=True)
        if choice.get("type") == "allowed_tools":
            return _allowed(choice)
    raise BadRequest(f"tool_choice {choice!r:.80} is not supported", "tool_choice")


def _allowed(choice: dict[str, Any]) -> Choice:
    inner = choice.get("allowed_tools", choice)
    mode, tools = inner.get("mode"), inner.get("tools")
    if mode not in ("auto", "required") or not isinstance(tools, list) or not tools:
        message = "allowed_tools needs a mode, auto or required, and a list of tools"
        raise BadRequest(message, "tool_choice")
    return Choice(frozenset(_name(tool) for tool in tools), mode == "required")


def _name(tool: Any) -> str:
    inner = tool.get("function", tool) if isinstance(tool, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(name, str):
        raise BadRequest("tool_choice names no function", "tool_choice")
    return name


def _spec(function: FunctionField, at: int) -> ToolSpec:
    if not NAME.fullmatch(function.name):
        raise BadRequest(
            f"a tool's name has 1 to 64 letters, digits or _ . -, got {function.name!r:.80}",
            f"tools[{at}].name",
        )
    return spec_of(function.name, function.description or "", function.parameters)
