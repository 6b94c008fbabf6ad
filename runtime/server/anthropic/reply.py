"""What /v1/messages says: a whole message, or the events by which it comes about.

    made = Making(api_name, turn, input_tokens)
    for event in (*made.begin(), *made.take(event)): ...     # streamed events
    made.message                                             # the message, at any time

A block is open from its first piece to its last; blocks never interleave.
"""

import copy
import hashlib
import json
import secrets
from typing import Any

from ..conversation.events import (
    CallArguments,
    CallBegun,
    CallEnded,
    Ended,
    Event,
    Generated,
    Said,
    Thought,
)
from ..conversation.turn import Turn

Streamed = list[dict[str, Any]]
EMPTY: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}


class Making:
    """A message in the making. input_tokens: as far as known before the answer."""

    def __init__(self, model: str, turn: Turn, input_tokens: int) -> None:
        self._turn = turn
        self._block: dict[str, Any] | None = None
        self._arguments = ""
        self._pinged = False
        self.content: list[dict[str, Any]] = []
        self.message: dict[str, Any] = {
            "id": f"msg_{secrets.token_hex(12)}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": self.content,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage(input_tokens, 0, 0),
        }

    def begin(self) -> Streamed:
        """What comes first."""
        return [{"type": "message_start", "message": copy.deepcopy(self.message)}]

    def take(self, event: Event) -> Streamed:
        """What one event adds."""
        match event:
            case Said(text):
                if not text:
                    return []
                return [*self._open("text"), self._add("text_delta", "text", text)]
            case Thought(text):
                return [*self._open("thinking"), self._add("thinking_delta", "thinking", text)]
            case CallBegun(_, id, name):
                self._arguments = ""
                return self._open(
                    "tool_use", {"type": "tool_use", "id": _tool_id(id), "name": name, "input": {}}
                )
            case CallArguments(_, text):
                self._arguments += text
                return [self._delta({"type": "input_json_delta", "partial_json": text})]
            case CallEnded():
                return self._close()
            case Generated():  # no field of this API asks for it
                return []
            case Ended():
                return self._finish(event)

    def _finish(self, ended: Ended) -> Streamed:
        events = self._close()
        reason, matched = self._stop(ended)
        usage = ended.usage
        self.message |= {
            "stop_reason": reason,
            "stop_sequence": matched,
            "usage": _usage(usage.prompt - usage.cached, usage.cached, usage.generated),
        }
        delta = {"stop_reason": reason, "stop_sequence": matched}
        events.append({"type": "message_delta", "delta": delta, "usage": self.message["usage"]})
        events.append({"type": "message_stop"})
        return events

    def _stop(self, ended: Ended) -> tuple[str, str | None]:
        """Why the message ends, in the words of this API, and the stop sequence that ended it."""
        finish, params = ended.finish, self._turn.params
        if ended.called:
            return "tool_use", None
        if finish.reason == "length":
            most = params.max_tokens
            full = most is None or ended.usage.generated >= most
            return ("max_tokens" if full else "model_context_window_exceeded"), None
        if isinstance(finish.matched, str) and finish.matched in params.stop:
            return "stop_sequence", finish.matched
        return "end_turn", None

    def _open(self, kind: str, block: dict[str, Any] | None = None) -> Streamed:
        """Opens a block, unless one of this kind is open that goes on."""
        if block is None and self._block is not None and self._block["type"] == kind:
            return []
        events = self._close()
        self._block = dict(EMPTY[kind]) if block is None else block
        self.content.append(self._block)
        place = len(self.content) - 1
        opened = copy.deepcopy(self._block)
        events.append({"type": "content_block_start", "index": place, "content_block": opened})
        if not self._pinged:
            self._pinged = True
            events.append({"type": "ping"})
        return events

    def _add(self, kind: str, name: str, text: str) -> dict[str, Any]:
        assert self._block is not None, "no block is open"
        self._block[name] += text
        return self._delta({"type": kind, name: text})

    def _delta(self, delta: dict[str, Any]) -> dict[str, Any]:
        index = len(self.content) - 1
        return {"type": "content_block_delta", "index": index, "delta": delta}

    def _close(self) -> Streamed:
        block, self._block = self._block, None
        if block is None:
            return []
        events: Streamed = []
        if block["type"] == "tool_use":
            block["input"] = _input(self._arguments)
        elif block["type"] == "thinking":
            block["signature"] = hashlib.sha256(block["thinking"].encode()).hexdigest()
            signed = {"type": "signature_delta", "signature": block["signature"]}
            events.append(self._delta(signed))
        events.append({"type": "content_block_stop", "index": len(self.content) - 1})
        return events


def _usage(uncached: int, cached: int, generated: int) -> dict[str, Any]:
    """Tokens as this API counts them: those of the prompt that were computed, and those that were not."""
    return {
        "input_tokens": uncached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": generated,
    }


def _tool_id(id: str) -> str:
    return f"toolu_{id.removeprefix('call_')}"


def _input(text: str) -> dict[str, Any]:
    """The arguments of a call; of one that was cut, none: the message says that it ended at max_tokens."""
    try:
        return json.loads(text)
    except ValueError:
        return {}
