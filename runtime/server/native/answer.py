"""Answers: from Deltas to what /generate replies.

    answer = Answer("id-1")
    answer.take(delta)              # any number of times
    answer.reply()                  # {"text", "output_ids", "meta_info"}
    answer.event(delta, index=0)    # the same for one Delta of a stream: only what is new

It refuses to know how replies are sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ....lang.backends.base import Delta, Finish, Token, Usage


@dataclass(slots=True)
class Answer:
    """One answer in the making. spelled: tokens of log-probabilities have their text. given: told of the prompt."""

    id: str
    logprobs: bool = False
    spelled: bool = True
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    texts: list[str] = field(default_factory=list[str])
    tokens: list[Token] = field(default_factory=list[Token])
    finish: Finish | None = None
    usage: Usage | None = None

    def take(self, delta: Delta) -> None:
        """Adds a Delta."""
        self.texts.append(delta.text)
        self.tokens.extend(delta.tokens)
        self.finish = delta.finish or self.finish
        self.usage = delta.usage or self.usage

    def reply(self) -> dict[str, Any]:
        """The whole answer.

        Its text and ids end where the answer does: a stop is not part of them.
        """
        meta = self._meta() | (_logprob_fields(self.tokens, self.spelled) if self.logprobs else {})
        return {
            "text": "".join(self.texts),
            "output_ids": [t.id for t in self.tokens],
            "meta_info": meta,
        }

    def event(self, delta: Delta, index: int) -> dict[str, Any]:
        """What one Delta adds.

        Counts come with the last. `index` is the place among all answers of the request.
        """
        meta: dict[str, Any] = {"id": self.id, "finish_reason": None}
        if delta.finish is not None:
            self.finish, self.usage = delta.finish, delta.usage
            meta = self._meta()
        if self.logprobs:
            meta |= _logprob_fields(delta.tokens, self.spelled)
        ids = [t.id for t in delta.tokens]
        return {"index": index, "text": delta.text, "output_ids": ids, "meta_info": meta}

    def _meta(self) -> dict[str, Any]:
        usage = self.usage or Usage()
        return {
            "id": self.id,
            "finish_reason": None if self.finish is None else _finish_reason(self.finish, usage),
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.generated,
            "cached_tokens": usage.cached,
            "forced_tokens": usage.forced,
            "e2e_latency": round(usage.seconds, 6),
        } | self.given


def _finish_reason(finish: Finish, usage: Usage) -> dict[str, Any]:
    reason: dict[str, Any] = {"type": finish.reason}
    if finish.reason == "stop" and finish.matched is not None:
        reason["matched"] = finish.matched
    if finish.reason == "length":
        reason["length"] = usage.generated
    return reason


def _logprob_fields(tokens: Sequence[Token], spelled: bool) -> dict[str, Any]:
    """[log-probability, id, text] of each token, null for forced ones.

    And the likeliest at each place.
    """
    told = [[t.logprob, t.id, t.text if spelled else None] for t in tokens]
    fields: dict[str, Any] = {"output_token_logprobs": told}
    if any(t.top for t in tokens):
        fields["output_top_logprobs"] = [
            [[p, i, text if spelled else None] for i, text, p in t.top] for t in tokens
        ]
    return fields
