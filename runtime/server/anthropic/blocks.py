"""Content of messages, checked and brought into the form that templates take.

    messages = read_messages(system, body.messages)

Results of tools become turns of their own, before what the user says with them. Only text is understood: other blocks
are refused by their place. It refuses to know models.
"""

from collections.abc import Sequence
from typing import Any

from ..errors import BadRequest
from ..strict import StrictBody


class Block(StrictBody):
    """A block of content."""

    type: str
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: "str | list[Block] | None" = None
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    citations: list[Any] | None = None
    caller: Any = None
    cache_control: Any = None
    source: Any = None
    title: Any = None
    context: Any = None


class MessageField(StrictBody):
    """One message."""

    role: str
    content: str | list[Block]


def read_messages(
    system: str | Sequence[Block] | None, given: Sequence[MessageField]
) -> list[dict[str, Any]]:
    """The conversation as a template takes it. Raises BadRequest, naming the place."""
    if not given:
        raise BadRequest("messages must not be empty", "messages")
    messages: list[dict[str, Any]] = []
    if system:
        messages.append({"role": "system", "content": _join(system, "system")})
    names: dict[str, str] = {}
    for at, message in enumerate(given):
        where = f"messages[{at}]"
        if message.role == "assistant":
            messages.append(_assistant(message.content, f"{where}.content", names))
        elif message.role == "user":
            messages += _user(message.content, f"{where}.content", names)
        else:
            told = f"{where}.role must be user or assistant, got {message.role!r:.40}"
            raise BadRequest(told, f"{where}.role")
    return messages


def _assistant(content: str | Sequence[Block], where: str, names: dict[str, str]) -> dict[str, Any]:
    if isinstance(content, str):
        return {"role": "assistant", "content": content}
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    for at, block in enumerate(content):
        place = f"{where}[{at}]"
        if block.type == "tool_use":
            id, name = _needed(block, "id", place), _needed(block, "name", place)
            names[id] = name
            call = {
                "id": id,
                "type": "function",
                "function": {"name": name, "arguments": block.input or {}},
            }
            message.setdefault("tool_calls", []).append(call)
        elif block.type == "thinking":
            message["reasoning_content"] = _needed(block, "thinking", place)
        elif block.type != "redacted_thinking":
            message["content"] += _text(block, place)
    return message


def _user(
    content: str | Sequence[Block], where: str, names: dict[str, str]
) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    results: list[dict[str, Any]] = []
    texts: list[str] = []
    for at, block in enumerate(content):
        place = f"{where}[{at}]"
        if block.type == "tool_result":
            results.append(_result(block, place, names))
        else:
            texts.append(_text(block, place))
    said = [{"role": "user", "content": "\n".join(texts)}] if texts or not results else []
    return results + said


def _result(block: Block, where: str, names: dict[str, str]) -> dict[str, Any]:
    id = _needed(block, "tool_use_id", where)
    if id not in names:
        raise BadRequest(f"{where}.tool_use_id: no tool_use has that id", f"{where}.tool_use_id")
    text = _join(block.content, f"{where}.content") if block.content else ""
    if block.is_error:
        text = f"Error: {text}"
    return {"role": "tool", "content": text, "tool_call_id": id, "name": names[id]}


def _join(content: str | Sequence[Block], where: str) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(_text(block, f"{where}[{at}]") for at, block in enumerate(content))


def _text(block: Block, where: str) -> str:
    if block.type != "text":
        message = f"{where}: blocks of type {block.type!r:.40} are not supported here, only text"
        raise BadRequest(message, where)
    return _needed(block, "text", where)


def _needed(block: Block, name: str, where: str) -> str:
    value = getattr(block, name)
    if value is None:
        raise BadRequest(f"{where}.{name} is required", f"{where}.{name}")
    return value
