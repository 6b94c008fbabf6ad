"""Wander: a random text of a grammar, drawn token by token from what its masks allow.

    walk = wander(judge.matcher(grammar), guide, rng)       # Wandered: the text, and how it ended
    guide = Guide(grammar, vocabulary)

For a while any allowed token is taken. Then, out of a few allowed ones and of those with a single byte, one that is
nearest to the end of the text, so that walks end. A dead end, a token that is allowed and then refused, or a text that
does not end within MOST_TOKENS are told apart. Slow: some 50 microseconds a token.
"""

import random
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...constrained.grammar import Grammar
from ...constrained.matcher import Matcher
from ...constrained.vocabulary import Vocabulary
from .example import Distances

MOST_TOKENS = 4_000
TRIED = 12  # allowed tokens that are looked at on the way to the end
Ending = Literal["finished", "dead end", "refused", "endless"]


@dataclass(frozen=True, slots=True)
class Wandered:
    """A text and how the walk ended."""

    text: bytes
    ending: Ending
    tokens: int


class Guide:
    """What walks through one grammar know of it."""

    def __init__(self, grammar: Any, vocabulary: Vocabulary) -> None:
        self.grammar = grammar
        self.vocabulary = vocabulary
        self._distances = Distances(grammar) if isinstance(grammar, Grammar) else None
        sizes = np.diff(vocabulary.offsets)
        self._singles = np.flatnonzero(sizes == 1)

    def left(self, place: Any) -> int:
        """The fewest bytes that can follow, as far as is known."""
        return self._distances.left(place) if self._distances is not None else 0

    def nearest(self, place: Any, allowed: NDArray[np.intp], rng: random.Random) -> int:
        """One of the allowed tokens, behind which the end is near."""
        few = np.array(rng.sample(allowed.tolist(), min(TRIED, len(allowed))), np.intp)
        singles = np.intersect1d(allowed, self._singles)
        tried: list[int] = np.union1d(few, singles).tolist()
        rng.shuffle(tried)
        return min(tried, key=lambda token: self._left_behind(place, token))

    def _left_behind(self, place: Any, token: int) -> float:
        data = self.vocabulary.token(token)
        after = self.grammar.take(place, data) if data else None
        return float("inf") if after is None else self.left(after)


def wander(matcher: Matcher[Any], guide: Guide, rng: random.Random) -> Wandered:
    """Walks from where the matcher stands to the end of a text."""
    free = rng.choice((3, 10, 30, 60))
    eos = np.array(sorted(guide.vocabulary.eos_ids), np.intp)
    text = bytearray()
    for count in range(MOST_TOKENS):
        allowed = tokens_of(matcher.mask(), guide.vocabulary.size)
        if not len(allowed):
            return Wandered(bytes(text), "dead end", count)
        ends = np.isin(eos, allowed).any()
        others = np.setdiff1d(allowed, eos, assume_unique=True)
        if ends and (count >= free or not len(others) or rng.random() < 0.1):
            return Wandered(bytes(text), "finished", count)
        roams = count < free
        token = int(rng.choice(others)) if roams else guide.nearest(matcher.place, others, rng)
        if not matcher.accept(token):
            return Wandered(bytes(text), "refused", count)
        text += guide.vocabulary.token(token)
    return Wandered(bytes(text), "endless", MOST_TOKENS)


def tokens_of(mask: NDArray[np.uint32], size: int) -> NDArray[np.intp]:
    """The tokens that a mask allows, in order."""
    bits = np.unpackbits(mask.astype("<u4").view(np.uint8), bitorder="little", count=size)
    return np.flatnonzero(bits)
