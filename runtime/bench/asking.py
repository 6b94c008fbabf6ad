"""Asking: many prompts put to a client at once, and when each part of the answers came.

    heard = ask_all(client, [Question(ids, params), ...])
    heard[0].tokens, heard[0].seconds
    steady_gaps(heard)                 # seconds between two tokens of a row, while every row was being answered
    forget(client)                     # prompts asked before are computed anew

It refuses to know what is asked, and what the times are worth.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ...constrained.spec import Constraint
from ...lang.backends.base import Piece, Prompt, Token
from ...lang.nodes.params import SamplingParams
from ..client import Client


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt of token ids, and how it is to be answered."""

    ids: Sequence[int]
    params: SamplingParams
    constraint: Constraint | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as it came. seconds: when each Delta did that had tokens, by the performance counter."""

    tokens: list[Token] = field(default_factory=list[Token])
    seconds: list[float] = field(default_factory=list[float])

    def gaps(self, begin: float = float("-inf"), end: float = float("inf")) -> list[float]:
        """Seconds from one Delta to the next, of those that came between begin and end."""
        return [b - a for a, b in pairwise(self.seconds) if begin < b <= end]


async def ask(client: Client, question: Question, heard: Heard) -> Heard:
    """Asks one question; `heard` can be looked at meanwhile."""
    prompt = Prompt(None, (Piece(tokens=tuple(question.ids)),))
    async for delta in client.generate(prompt, question.params, question.constraint):
        if delta.tokens:
            heard.tokens.extend(delta.tokens)
            heard.seconds.append(time.perf_counter())
    return heard


def ask_all(client: Client, questions: Iterable[Question]) -> list[Heard]:
    """The answers to all questions, asked together, in their order."""

    async def gather() -> list[Heard]:
        return await asyncio.gather(*(ask(client, question, Heard()) for question in questions))

    return asyncio.run(gather())


def forget(client: Client) -> None:
    """Empties the engine's cache of prefixes."""
    client.engine.call(lambda: client.engine.scheduler.cache.flush())


def steady_gaps(heard: Sequence[Heard]) -> list[float]:
    """The gaps of all answers from when the last of them began until the first had ended."""
    spoken = [one for one in heard if one.seconds]
    if not spoken:
        return []
    begin = max(one.seconds[0] for one in spoken)
    end = min(one.seconds[-1] for one in spoken)
    return [gap for one in spoken for gap in one.gaps(begin, end)]
