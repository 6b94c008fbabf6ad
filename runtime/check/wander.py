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

from ...constrained.grammar.distances import Distances
from ...constrained.grammar.distinct import DistinctGrammar
from ...constrained.grammar.grammar import Grammar
from ...constrained.grammar.matcher import Matcher
from ...constrained.grammar.trail import Spot
from ...constrained.tokens.vocabulary import Vocabulary

MOST_TOKENS = 4_000
TRIED = 12  # allowed tokens that are looked at on the way to the end
Flags = NDArray[np.bool_]
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
        self._distances: Distances | None = None
        if isinstance(grammar, Grammar | DistinctGrammar):
            tables = grammar if isinstance(grammar, Grammar) else grammar.tables
            self._distances = Distances(tables)
        sizes = np.diff(vocabulary.offsets)
        self._singles = np.flatnonzero(sizes == 1)

    def left(self, place: Any) -> int:
        """The fewest bytes that can follow, as far as is known."""
        if self._distances is None:
            return 0
        # Items that must differ are not foreseen: with them the end is at least this far.
        return self._distances.left(place.place if isinstance(place, Spot) else place)

    def nearest(self, place: Any, allowed: Flags, rng: random.Random) -> int:
        """One of the allowed tokens, behind which the end is near."""
        tokens = np.flatnonzero(allowed)
        few = {int(tokens[rng.randrange(len(tokens))]) for _ in range(TRIED)}
        tried = sorted(few.union(self._singles[allowed[self._singles]].tolist()))
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
        allowed = flags_of(matcher.mask(), guide.vocabulary.size)
        ends = bool(allowed[eos].any())
        allowed[eos] = False
        goes_on = bool(allowed.any())
        if not goes_on and not ends:
            return Wandered(bytes(text), "dead end", count)
        if ends and (count >= free or not goes_on or rng.random() < 0.1):
            return Wandered(bytes(text), "finished", count)
        roams = count < free
        token = _any(allowed, rng) if roams else guide.nearest(matcher.place, allowed, rng)
        if not matcher.accept(token):
            return Wandered(bytes(text), "refused", count)
        text += guide.vocabulary.token(token)
    return Wandered(bytes(text), "endless", MOST_TOKENS)


def _any(allowed: Flags, rng: random.Random) -> int:
    tokens = np.flatnonzero(allowed)
    return int(tokens[rng.randrange(len(tokens))])


def flags_of(mask: NDArray[np.uint32], size: int) -> Flags:
    """Which tokens a mask allows; the caller's own to change."""
    data = mask.astype("<u4").view(np.uint8)
    return np.unpackbits(data, bitorder="little", count=size).astype(np.bool_)
