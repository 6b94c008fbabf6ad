"""What /v1/completions says: a whole reply, or the same in pieces.

made = Completions(api, "cmpl-1", jobs, usage=True)
made.answers[0].take(delta);  made.reply()
made.piece(0, delta, place)                 # what one Delta adds; place: characters said before
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ....lang.backends.base import Delta, Finish, Token, Usage
from ..source import Job
from .api import Api, usage_of


@dataclass(slots=True)
class Completion:
    """One answer in the making. place: characters of it so far."""

    texts: list[str] = field(default_factory=list[str])
    tokens: list[Token] = field(default_factory=list[Token])
    finish: Finish | None = None
    usage: Usage | None = None
    place: int = 0

    def take(self, delta: Delta) -> None:
        """Adds a Delta."""
        self.texts.append(delta.text)
        self.tokens += delta.tokens
        self.place += len(delta.text)
        self.finish = delta.finish or self.finish
        self.usage = delta.usage or self.usage


class Completions:
    """All answers of one request, prompt by prompt."""

    def __init__(self, api: Api, id: str, jobs: Sequence[Job], usage: bool) -> None:
        self.usage = usage
        self.answers = [Completion() for job in jobs for _ in range(job.params.n)]
        self._jobs = jobs
        self._logprobs = jobs[0].params.logprobs
        self._head: dict[str, Any] = {
            "id": id,
            "object": "text_completion",
            "created": int(time.time()),
            "model": api.name,
        }

    def reply(self) -> dict[str, Any]:
        """The whole reply."""
        choices = [
            self._choice(index, "".join(answer.texts), answer.tokens, answer.finish, 0)
            for index, answer in enumerate(self.answers)
        ]
        return {**self._head, "choices": choices, "usage": self._total()}

    def piece(self, index: int, delta: Delta, place: int) -> dict[str, Any]:
        """What one Delta adds to a stream."""
        choice = self._choice(index, delta.text, delta.tokens, delta.finish, place)
        piece = {**self._head, "choices": [choice]}
        return piece | {"usage": None} if self.usage else piece

    def last(self) -> dict[str, Any]:
        """The last piece, with the tokens of all."""
        return {**self._head, "choices": [], "usage": self._total()}

    def _total(self) -> dict[str, Any]:
        total = Usage()
        at = 0
        for job in self._jobs:
            answers = self.answers[at : at + job.params.n]
            at += job.params.n
            known = [answer.usage for answer in answers if answer.usage is not None]
            first = known[0] if known else Usage()
            total += Usage(first.prompt, first.cached, sum(usage.generated for usage in known))
        return usage_of(total)

    def _choice(
        self,
        index: int,
        text: str,
        tokens: Sequence[Token],
        finish: Finish | None,
        place: int,
    ) -> dict[str, Any]:
        return {
            "index": index,
            "text": text,
            "logprobs": _logprobs(tokens, place) if self._logprobs else None,
            "finish_reason": None if finish is None else finish.reason,
        }


def _logprobs(tokens: Sequence[Token], place: int) -> dict[str, Any]:
    """Tokens, their log-probabilities (0 for forced ones) and where each begins in the text."""
    offsets: list[int] = []
    for token in tokens:
        offsets.append(place)
        place += len(token.text)
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [0.0 if t.logprob is None else t.logprob for t in tokens],
        "top_logprobs": [{text: p for _, text, p in t.top} for t in tokens],
        "text_offset": offsets,
    }
