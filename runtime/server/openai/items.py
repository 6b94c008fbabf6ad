"""Items of a response's input, checked and brought into the form that templates take.

    messages = read_input("Hi")                  # or a list of messages, calls, results and thoughts

A call and the text before it are one turn of the assistant. It refuses to know models.
"""

from collections.abc import Sequence
from typing import Any

from ..errors import BadRequest
from ..strict import StrictBody
from .messages import ROLES, read_arguments

TEXTS = ("input_text", "output_text", "text", "refusal", "reasoning_text", "summary_text")


class ItemPart(StrictBody):
    """A part of an item's content."""

    type: str
    text: str | None = None
    refusal: str | None = None
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None
    image_url: Any = None
    file_id: Any = None
    file_data: Any = None
    file_url: Any = None
    filename: Any = None
    detail: Any = None
    input_audio: Any = None


class Item(StrictBody):
    """One item: a message, a call, its result, or thoughts."""

    type: str = "message"
    id: str | None = None
    status: str | None = None
    role: str | None = None
    content: str | list[ItemPart] | None = None
    phase: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[ItemPart] | None = None
    summary: list[ItemPart] | None = None
    encrypted_content: str | None = None


def read_input(given: str | Sequence[Item]) -> list[dict[str, Any]]:
    """The input as messages. Raises BadRequest, naming the place."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not given:
        raise BadRequest("input must not be empty", "input")
    messages: list[dict[str, Any]] = []
    for at, item in enumerate(given):
        _add(messages, item, f"input[{at}]")
    return messages


def name_results(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages, each result with the name of the tool that gave it. Raises BadRequest for one nobody asked for."""
    names: dict[str, str] = {}
    named: list[dict[str, Any]] = []
    for message in messages:
        for call in message.get("tool_calls", ()):
            names[call["id"]] = call["function"]["name"]
        if message["role"] == "tool":
            id = message["tool_call_id"]
            if id not in names:
                raise BadRequest(f"no call has the id {id!r:.80}", "input")
            message = message | {"name": names[id]}
        named.append(message)
    return named


def _add(messages: list[dict[str, Any]], item: Item, where: str) -> None:
    match item.type:
        case "message":
            role = ROLES.get(item.role or "")
            if role is None or role == "tool":
                raise BadRequest(f"{where}.role {item.role!r:.40} is not known", f"{where}.role")
            text = _text(item.content, f"{where}.content")
            if role == "assistant":
                _open(messages)["content"] += text
            else:
                messages.append({"role": role, "content": text})
        case "function_call":
            id, name = _needed(item, "call_id", where), _needed(item, "name", where)
            arguments = read_arguments(item.arguments or "", f"{where}.arguments")
            function = {"name": name, "arguments": arguments}
            call = {"id": id, "type": "function", "function": function}
            _open(messages).setdefault("tool_calls", []).append(call)
        case "function_call_output":
            id = _needed(item, "call_id", where)
            content = _text(item.output, f"{where}.output")
            messages.append({"role": "tool", "content": content, "tool_call_id": id})
        case "reasoning":
            _reason(messages, item, where)
        case _:
            message = f"{where}: items of type {item.type!r:.40} are not supported"
            raise BadRequest(message, f"{where}.type")


def _reason(messages: list[dict[str, Any]], item: Item, where: str) -> None:
    if item.encrypted_content is not None:
        raise BadRequest(
            f"{where}.encrypted_content is not supported", f"{where}.encrypted_content"
        )
    parts = item.content or item.summary
    if parts:
        messages.append({"role": "assistant", "content": ""})
        messages[-1]["reasoning_content"] = _text(parts, f"{where}.content")


def _open(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The assistant's turn that goes on, or a new one."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": ""})
    return messages[-1]


def _needed(item: Item, name: str, where: str) -> str:
    value = getattr(item, name)
    if not value:
        raise BadRequest(f"{where}.{name} is required", f"{where}.{name}")
    return value


def _text(content: str | Sequence[ItemPart] | None, where: str) -> str:
    if content is None:
        raise BadRequest(f"{where} is required", where)
    if isinstance(content, str):
        return content
    texts: list[str] = []
    for at, part in enumerate(content):
        text = part.refusal if part.type == "refusal" else part.text
        if part.type not in TEXTS or text is None:
            message = f"{where}[{at}]: parts of type {part.type!r:.40} are not supported, only text"
            raise BadRequest(message, f"{where}[{at}]")
        texts.append(text)
    return "\n".join(texts)
