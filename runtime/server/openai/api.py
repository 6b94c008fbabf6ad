"""What all routes of this kind share: the backend, how it is spoken to, and what the model is called."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ....lang.backends.base import Token, Usage
from ..conversation.answer import Voice
from ..errors import UnknownModel
from ..served import Served


@dataclass(frozen=True, slots=True)
class Api:
    """One model. name: what clients call it; served: for what only a Served model tells; since: seconds, Unix time."""

    voice: Voice
    name: str
    served: Served | None = None
    since: int = field(default_factory=lambda: int(time.time()))

    def check_model(self, name: str) -> None:
        """Raises UnknownModel for any other."""
        if name != self.name:
            raise UnknownModel(f"the model {name!r} does not exist; this server has {self.name!r}")

    def bytes_of(self, token: Token) -> list[int]:
        """The bytes that a token adds to a text."""
        known = self.served.tokenizer.token_bytes if self.served is not None else ()
        data = known[token.id] if 0 <= token.id < len(known) else None
        return list(token.text.encode() if data is None else data)


def new_id(kind: str) -> str:
    """An id that no other object has."""
    return f"{kind}{secrets.token_hex(12)}"


def usage_of(usage: Usage, thinking: int = 0) -> dict[str, Any]:
    """Tokens as chats and completions count them."""
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.generated,
        "total_tokens": usage.prompt + usage.generated,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }


def logprobs_of(api: Api, tokens: tuple[Token, ...]) -> list[dict[str, Any]]:
    """Each token with its log-probability and the likeliest in its place. A forced token is certain."""
    return [
        _one(api, token)
        | {
            "top_logprobs": [
                _one(api, Token(i, "sampled", p, (), text)) for i, text, p in token.top
            ]
        }
        for token in tokens
    ]


def rows_of(tokens: Sequence[Token]) -> list[list[Any]]:
    """[id, kind, log-probability, likeliest, text] of each token, as the state routes tell them."""
    return [[t.id, t.kind, t.logprob, t.top, t.text] for t in tokens]


def _one(api: Api, token: Token) -> dict[str, Any]:
    return {
        "token": token.text,
        "logprob": 0.0 if token.logprob is None else token.logprob,
        "bytes": api.bytes_of(token),
    }
