"""Answers: from Deltas to what /generate replies.

    answer = Answer("id-1")
    answer.take(delta)              # any number of times
    answer.reply()                  # {"text", "output_ids", "meta_info"}
    answer.so_far(index=0)          # the same of a stream: all that there is by now
    answer.event(delta, index=0)    # or only what is new, of a Delta that is not taken

It refuses to know how replies are sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ....lang.backends.base import Delta, Finish, Token, Usage

# An answer so far is told again when it has grown by one in so many: a long one then costs what its length does, times
# the logarithm of it, and not its square.
FINE_TOKENS = 512


@dataclass(slots=True)
class Answer:
    """One answer in the making. spelled: tokens of log-probabilities have their text. given: told of the prompt.

    fields: log-probabilities so far; told: tokens in the last that `so_far` gave.
    """

    id: str
    logprobs: bool = False
    spelled: bool = True
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    text: str = ""
    ids: list[int] = field(default_factory=list[int])
    fields: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    told: int = 0
    finish: Finish | None = None
    usage: Usage | None = None

    def take(self, delta: Delta) -> None:
        """Adds a Delta."""
        self.text += delta.text
        if self.logprobs and delta.tokens:
            for name, values in _logprob_fields(delta.tokens, self.spelled).items():
                # Likeliest ones may come late, as forced tokens have none.
                known = self.fields.setdefault(name, [[] for _ in self.ids])
                known += [[] for _ in range(len(self.ids) - len(known))] + values
        self.ids += [t.id for t in delta.tokens]
        self.finish = delta.finish or self.finish
        self.usage = delta.usage or self.usage

    def reply(self) -> dict[str, Any]:
        """The whole answer.

        Its text and ids end where the answer does: a stop is not part of them. With log-probabilities there are those
        of the prompt too, if only as an empty list.
        """
        meta = self._meta()
        if self.logprobs:
            meta = {"input_token_logprobs": []} | meta | self._logprobs()
        return {"text": self.text, "output_ids": self.ids, "meta_info": meta}

    def so_far(self, index: int) -> dict[str, Any] | None:
        """The answer as far as it has come, to be spelled at once; None while too little is new. index: see `event`."""
        count = len(self.ids)
        if self.finish is not None:
            return {"index": index} | self.reply()
        if count - self.told < count // FINE_TOKENS:
            return None
        self.told = count
        meta: dict[str, Any] = {"id": self.id, "finish_reason": None, "completion_tokens": count}
        if self.logprobs:
            meta |= self._logprobs()
        return {"index": index, "text": self.text, "output_ids": self.ids, "meta_info": meta}

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

    def _logprobs(self) -> dict[str, list[Any]]:
        """The fields, as long as the ids: forced tokens that came last may have no likeliest ones yet."""
        for values in self.fields.values():
            values += [[] for _ in range(len(self.ids) - len(values))]
        return {"output_token_logprobs": []} | self.fields

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
