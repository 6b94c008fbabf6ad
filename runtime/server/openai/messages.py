"""Messages of a chat, checked and brought into the form that templates take.

    messages = read_messages(body.messages)

Only text is understood: other parts are refused by their place. It refuses to know models.
"""

import json
from collections.abc import Sequence
from typing import Any

from ..errors import BadRequest
from ..strict import StrictBody

ROLES = {
    "developer": "system",
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


class Part(StrictBody):
    """A part of a message's content."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: Any = None
    input_audio: Any = None
    file: Any = None


class CalledFunction(StrictBody):
    """What was called. arguments: JSON text."""

    name: str
    arguments: str


class ToolCallField(StrictBody):
    """A call of an earlier turn."""

    id: str
    type: str = "function"
    function: CalledFunction | None = None
    custom: Any = None


class ChatMessage(StrictBody):
    """One message. reasoning, reasoning_content: earlier thoughts, for templates that want them."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCallField] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    annotations: list[Any] | None = None
    audio: Any = None
    function_call: Any = None


def read_messages(given: Sequence[ChatMessage], param: str = "messages") -> list[dict[str, Any]]:
    """The messages as a template takes them. Raises BadRequest, naming the place."""
    if not given:
        raise BadRequest(f"{param} must not be empty", param)
    names: dict[str, str] = {}
    read = [_read(message, f"{param}[{at}]", names) for at, message in enumerate(given)]
    return join_system(read)


def join_system(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The system messages at the beginning as one: few templates take more."""
    count = next((i for i, m in enumerate(messages) if m["role"] != "system"), len(messages))
    if count < 2:
        return messages
    content = "\n\n".join(m["content"] for m in messages[:count])
    return [{"role": "system", "content": content}, *messages[count:]]


def read_arguments(text: str, where: str) -> dict[str, Any]:
    """The arguments of an earlier call. Raises BadRequest for what is no JSON object."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{where} is no JSON: {error}", where) from error
    if not isinstance(value, dict):
        raise BadRequest(f"{where} must be a JSON object", where)
    return value


def _read(message: ChatMessage, where: str, names: dict[str, str]) -> dict[str, Any]:
    role = ROLES.get(message.role)
    if role is None:
        raise BadRequest(
            f"{where}.role must be one of {', '.join(ROLES)}, got {message.role!r:.40}",
            f"{where}.role",
        )
    for name in ("audio", "function_call"):
        if getattr(message, name) is not None:
            raise BadRequest(f"{where}.{name} is not supported", f"{where}.{name}")
    read: dict[str, Any] = {"role": role, "content": _text(message, where)}
    if role == "assistant":
        if (thoughts := message.reasoning_content or message.reasoning) is not None:
            read["reasoning_content"] = thoughts
        if message.tool_calls:
            read["tool_calls"] = _calls(message.tool_calls, f"{where}.tool_calls", names)
    elif message.tool_calls:
        raise BadRequest(f"{where}.tool_calls belongs to an assistant", f"{where}.tool_calls")
    if role == "tool":
        if message.tool_call_id is None:
            raise BadRequest(f"{where}.tool_call_id is required", f"{where}.tool_call_id")
        read["tool_call_id"] = message.tool_call_id
        read["name"] = message.name or names.get(message.tool_call_id, "")
    elif message.name is not None:
        read["name"] = message.name
    return read


def _calls(
    calls: Sequence[ToolCallField], where: str, names: dict[str, str]
) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = []
    for at, call in enumerate(calls):
        if call.function is None:
            raise BadRequest(f"{where}[{at}] is no call of a function", f"{where}[{at}]")
        names[call.id] = call.function.name
        arguments = read_arguments(call.function.arguments, f"{where}[{at}].function.arguments")
        function = {"name": call.function.name, "arguments": arguments}
        read.append({"id": call.id, "type": "function", "function": function})
    return read


def _text(message: ChatMessage, where: str) -> str:
    if isinstance(message.content, list):
        parts = [_part(p, f"{where}.content[{i}]") for i, p in enumerate(message.content)]
        return "\n".join(parts)
    if message.content is None and message.role != "assistant":
        raise BadRequest(f"{where}.content is required", f"{where}.content")
    return message.content or message.refusal or ""


def _part(part: Part, where: str) -> str:
    if part.type == "text" and part.text is not None:
        return part.text
    if part.type == "refusal" and part.refusal is not None:
        return part.refusal
    raise BadRequest(
        f"{where}: parts of type {part.type!r:.40} are not supported, only text", where
    )
