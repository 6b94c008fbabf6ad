"""What /v1/chat/completions says: a whole reply, or the same in pieces.

    draft = Draft();  draft.take(event);  draft.choice(0, api)          # one of the reply's choices
    pieces = Pieces(api, id, logprobs=False, usage=True)
    pieces.of(index, event)                                             # what one event adds, as pieces of a stream

It refuses to know how events come about.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from ....lang.backends.base import Token, Usage
from ..conversation.events import (
    CallArguments,
    CallBegun,
    Ended,
    Event,
    Generated,
    Said,
    Thought,
)
from .api import Api, logprobs_of, rows_of, usage_of


@dataclass(slots=True)
class Draft:
    """One answer, as its events come. generated: all its tokens; None where they are not asked for."""

    generated: list[Token] | None = None
    texts: list[str] = field(default_factory=list[str])
    thoughts: list[str] = field(default_factory=list[str])
    tokens: list[Token] = field(default_factory=list[Token])
    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    ended: Ended | None = None

    def take(self, event: Event) -> None:
        """Adds an event."""
        match event:
            case Said(text, tokens):
                self.texts.append(text)
                self.tokens += tokens
            case Thought(text):
                self.thoughts.append(text)
            case Generated(tokens):
                assert self.generated is not None, "tokens come where they are asked for"
                self.generated += tokens
            case CallBegun(_, id, name):
                function = {"name": name, "arguments": ""}
                self.calls.append({"id": id, "type": "function", "function": function})
            case CallArguments(call, text):
                self.calls[call]["function"]["arguments"] += text
            case Ended():
                self.ended = event
            case _:
                pass

    @property
    def text(self) -> str:
        """What was said."""
        return "".join(self.texts)

    def choice(self, index: int, api: Api, logprobs: bool) -> dict[str, Any]:
        """The answer as one of the choices of a reply."""
        assert self.ended is not None, "an answer is told when it has ended"
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self.text if self.text or not self.calls else None,
            "refusal": None,
        }
        if self.thoughts:
            message["reasoning"] = "".join(self.thoughts)
        if self.calls:
            message["tool_calls"] = self.calls
        told = {} if self.generated is None else {"tokens": rows_of(self.generated)}
        return {
            "index": index,
            "message": message,
            "logprobs": {"content": logprobs_of(api, tuple(self.tokens)), "refusal": None}
            if logprobs
            else None,
            "finish_reason": finish_of(self.ended),
            **told,
        }


def reply(api: Api, id: str, drafts: list[Draft], logprobs: bool) -> dict[str, Any]:
    """The reply to a chat."""
    return {
        "id": id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": api.name,
        "choices": [draft.choice(index, api, logprobs) for index, draft in enumerate(drafts)],
        "usage": sum_usage([draft.ended for draft in drafts if draft.ended is not None]),
    }


def finish_of(ended: Ended) -> str:
    """Why an answer ended, in the words of this API."""
    if ended.called:
        return "tool_calls"
    return "length" if ended.finish.reason == "length" else "stop"


def sum_usage(ends: list[Ended]) -> dict[str, Any]:
    """The tokens of all answers to one prompt, which counts once."""
    total = sum((ended.usage for ended in ends), Usage())
    first = ends[0].usage
    once = Usage(first.prompt, first.cached, total.generated)
    return usage_of(once, sum(ended.thinking for ended in ends))


class Pieces:
    """The pieces of one streamed reply. usage: whether the last one tells the tokens."""

    def __init__(self, api: Api, id: str, logprobs: bool, usage: bool) -> None:
        self._api = api
        self._logprobs = logprobs
        self._usage = usage
        self._begun: set[int] = set()
        self._ends: list[Ended] = []
        self._head: dict[str, Any] = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": api.name,
        }

    def of(self, index: int, event: Event) -> list[dict[str, Any]]:
        """The pieces that one event of an answer makes."""
        pieces: list[dict[str, Any]] = []
        if index not in self._begun:
            self._begun.add(index)
            pieces.append(self._piece(index, {"role": "assistant", "content": ""}))
        match event:
            case Said(text, tokens):
                logprobs = {"content": logprobs_of(self._api, tokens), "refusal": None}
                told = logprobs if self._logprobs else None
                pieces.append(self._piece(index, {"content": text}, logprobs=told))
            case Thought(text):
                pieces.append(self._piece(index, {"reasoning": text}))
            case Generated(tokens):
                pieces.append(self._piece(index, {}))
                pieces[-1]["choices"][0]["tokens"] = rows_of(tokens)
            case CallBegun(call, id, name):
                function = {"name": name, "arguments": ""}
                begun = {"index": call, "id": id, "type": "function", "function": function}
                pieces.append(self._piece(index, {"tool_calls": [begun]}))
            case CallArguments(call, text):
                more = {"index": call, "function": {"arguments": text}}
                pieces.append(self._piece(index, {"tool_calls": [more]}))
            case Ended():
                self._ends.append(event)
                pieces.append(self._piece(index, {}, finish_of(event)))
            case _:
                pass
        return pieces

    def last(self) -> list[dict[str, Any]]:
        """What comes after all answers."""
        if not self._usage:
            return []
        return [{**self._head, "choices": [], "usage": sum_usage(self._ends)}]

    def _piece(
        self,
        index: int,
        delta: dict[str, Any],
        finish: str | None = None,
        logprobs: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        piece = {**self._head, "choices": [choice]}
        return piece | {"usage": None} if self._usage else piece
