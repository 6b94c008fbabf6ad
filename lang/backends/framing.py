"""Framing: turns as text and back, for APIs that take messages where models take a template's text.

    text = frame(messages, open_assistant=True, tools=())      # what `render` of such a backend returns
    talk = read_talk(pieces)                                   # the messages again, roles and contents as they were

A frame is written ⟪user⟫ ... ⟪/⟫ and counts in template text only (pieces that are `special`): whatever a user writes
is content. Calls stand in the form of Hermes, whose marks count in template text only, too; text outside of any turn
is a user's. It refuses to know HTTP and models.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Unsupported
from .base import Piece

CALL, CALL_END = "<tool_call>\n", "\n</tool_call>"
FRAME = re.compile(rf"⟪(/|tools|system|user|assistant|tool)(?: (.*?))?⟫|({CALL})|({CALL_END})")
TOLD = ("name", "tool_call_id")


@dataclass(slots=True)
class Talk:
    """A conversation as APIs take it. tools: those it offers.

    begun: what the assistant's open turn says already; calling: it has begun a call of a tool; called: it has made
    calls, and no results are there yet.
    """

    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tools: tuple[dict[str, Any], ...] = ()
    begun: str = ""
    calling: bool = False
    called: bool = False


def frame(
    messages: Sequence[Mapping[str, Any]],
    open_assistant: bool,
    tools: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The messages as framed text. Raises Unsupported for a tool's result that answers no call."""
    shown = f"⟪tools {json.dumps([dict(tool) for tool in tools])}⟫" if tools else ""
    return shown + "".join(map(_framed, messages)) + ("⟪assistant⟫" if open_assistant else "")


def call_text(name: str, arguments: str) -> str:
    """A call in the form that `read_talk` reads. arguments: JSON text."""
    return f'{CALL}{{"name": {json.dumps(name)}, "arguments": {arguments or "{}"}}}{CALL_END}'


def read_talk(pieces: Sequence[Piece]) -> Talk:
    """The conversation that framed text holds."""
    reader = _Reader()
    for piece in pieces:
        if not piece.special:
            reader.write(piece.text)
            continue
        at = 0
        for found in FRAME.finditer(piece.text):
            reader.write(piece.text[at : found.start()])
            reader.mark(found)
            at = found.end()
        reader.write(piece.text[at:])
    return reader.finish()


def _framed(message: Mapping[str, Any]) -> str:
    role = message["role"]
    if role == "tool" and "tool_call_id" not in message:
        raise Unsupported(
            "this API takes a tool's result only after a call that the model made: use gen(tools=[...]), "
            "or say the result in a user's turn"
        )
    more = {key: message[key] for key in TOLD if key in message}
    told = f" {json.dumps(more)}" if more else ""
    calls = "\n".join(_call(call["function"]) for call in message.get("tool_calls", ()))
    return f"⟪{role}{told}⟫{message['content']}{calls}⟪/⟫"


def _call(function: Mapping[str, Any]) -> str:
    arguments = function["arguments"]
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return call_text(function["name"], written)


class _Reader:
    """Collects turns. A turn's calls get the ids that the results behind it answer to."""

    def __init__(self) -> None:
        self._talk = Talk()
        self._role = ""
        self._more: dict[str, Any] = {}
        self._text: list[str] = []
        self._calls: list[str] = []
        self._call: list[str] | None = None
        self._unanswered: list[dict[str, Any]] = []

    def write(self, text: str) -> None:
        """Content."""
        if text:
            (self._text if self._call is None else self._call).append(text)

    def mark(self, found: re.Match[str]) -> None:
        """A frame, or the mark of a call."""
        word, more, call, call_end = found.groups()
        if call and self._role == "assistant":
            self._call = []
        elif call_end and self._call is not None:
            self._calls.append("".join(self._call))
            self._call = None
        elif call or call_end:
            self.write(found.group())
        elif word == "tools":
            self._talk.tools = tuple(json.loads(more))
        else:
            self._end_turn()
            self._role = "" if word == "/" else word
            self._more = json.loads(more) if more else {}

    def finish(self) -> Talk:
        """What was read; the last turn may be open."""
        talk = self._talk
        if self._role == "assistant":
            talk.calling = self._call is not None
            talk.begun = "".join(self._text)
            talk.called = bool(self._calls)
        else:
            self._end_turn()
        return talk

    def _end_turn(self) -> None:
        content, calls, role = "".join(self._text), self._calls, self._role
        self._text, self._calls, self._role = [], [], ""
        if role == "tool":
            self._add_result(content)
        elif calls:
            self._add_calls(content, calls)
        elif role or content.strip():
            self._talk.messages.append({"role": role or "user", "content": content})

    def _add_calls(self, content: str, calls: Sequence[str]) -> None:
        made: list[dict[str, Any]] = []
        for text in calls:
            call = json.loads(text)
            function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
            id = f"call_{len(self._talk.messages)}_{len(made)}"
            made.append({"id": id, "type": "function", "function": function})
        self._unanswered = list(made)
        message = {"role": "assistant", "content": content.strip() or None, "tool_calls": made}
        self._talk.messages.append(message)

    def _add_result(self, content: str) -> None:
        id = self._more["tool_call_id"]
        if self._unanswered:
            self._unanswered.pop(0)["id"] = id
        self._talk.messages.append({"role": "tool", "tool_call_id": id, "content": content})
