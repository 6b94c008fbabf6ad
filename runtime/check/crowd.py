"""Crowd: many random texts of one grammar side by side, drawn token by token from what its masks allow.

    crowd = Crowd(grammar, walk, np.random.default_rng(0))
    for wandered in crowd.wander(100_000): ...      # Wandered, as wander has them

As `wander`, a hundred times faster: what is allowed at a place, where each token leads from there, and which tokens
bring the end nearer are each found once and kept; then a step of all walkers is a few array operations. A token is
taken as Grammar.take has it, so that masks and places are checked against each other. Slow: some ten microseconds each.
It refuses to know grammars of the host tier, and who judges the texts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...constrained.grammar.distances import Distances
from ...constrained.grammar.grammar import Grammar
from ...constrained.grammar.place import Place
from ...constrained.tokens.walk import Walk
from .wander import MOST_TOKENS, Ending, Wandered, flags_of

SIDE_BY_SIDE = 2048
TRIED = 8  # allowed tokens that are looked at on the way to the end, beside those of one byte
FREE = np.array((3, 10, 30, 60))  # tokens before a walk turns to its end
ENDS_EARLY, STRAYS = 0.1, 0.03
MOST_PLACES = 1 << 18
Ints = NDArray[np.int64]


@dataclass(slots=True)
class _Sight:
    """What can be seen from alike places: the allowed tokens, whether the text may end, and the way to the end."""

    tokens: Ints
    ends: bool
    home: Ints | None = None


@dataclass(slots=True)
class _Walkers:
    """One lane each: the number of its place, tokens taken, and after how many it turns to its end."""

    place: Ints
    count: Ints
    free: Ints
    taken: list[list[int]] = field(repr=False)


class Crowd:
    """Walks one grammar."""

    def __init__(self, grammar: Grammar, walk: Walk, rng: np.random.Generator) -> None:
        self._grammar = grammar
        self._walk = walk
        self._vocabulary = walk.vocabulary
        self._rng = rng
        self._distances = Distances(grammar)
        self._eos = np.array(sorted(self._vocabulary.eos_ids), np.int64)
        self._singles = np.diff(self._vocabulary.offsets) == 1
        self._sights: dict[Place, _Sight] = {}
        self._forget()

    def _forget(self) -> None:
        self._places: list[Place] = []
        self._numbers: dict[Place, int] = {}
        self._sight_of: list[_Sight] = []
        self._after: dict[int, int] = {}

    def wander(self, count: int) -> Iterator[Wandered]:
        """So many walks, in the order in which they end."""
        left = count
        while left:
            self._forget()  # places of an earlier round are known by other numbers
            some = min(left, SIDE_BY_SIDE)
            yield from self._wander(some)
            left -= some

    def _wander(self, count: int) -> Iterator[Wandered]:
        start = self._number(self._grammar.start)
        walkers = _Walkers(
            np.full(count, start), np.zeros(count, np.int64), self._rng.choice(FREE, count),
            [[] for _ in range(count)],
        )  # fmt: skip
        while len(walkers.taken):
            walkers, ended = self._part(walkers)
            yield from ended
            if walkers.taken:
                walkers, refused = self._take(walkers)
                yield from refused

    def _part(self, walkers: _Walkers) -> tuple[_Walkers, list[Wandered]]:
        """Those that go on, and those whose walk has come to its end."""
        sights = [self._sight_of[place] for place in walkers.place.tolist()]
        ends = np.array([sight.ends for sight in sights])
        stuck = np.array([not len(sight.tokens) for sight in sights])
        early = self._rng.random(len(sights)) < ENDS_EARLY
        finished = ends & (stuck | early | (walkers.count >= walkers.free))
        endless = ~finished & ~stuck & (walkers.count >= MOST_TOKENS)
        endings: tuple[tuple[Ending, NDArray[np.bool_]], ...] = (
            ("finished", finished), ("dead end", stuck & ~ends), ("endless", endless),
        )  # fmt: skip
        found: list[Wandered] = []
        for ending, which in endings:
            found += [self._ended(walkers, at, ending) for at in np.flatnonzero(which).tolist()]
        return _keep(walkers, ~finished & ~stuck & ~endless), found

    def _take(self, walkers: _Walkers) -> tuple[_Walkers, list[Wandered]]:
        """Each takes a token; those whose token is refused are given apart."""
        drawn = self._draw(walkers)
        size = self._vocabulary.size
        keys, which = np.unique(walkers.place * size + drawn, return_inverse=True)
        after = np.array([self._lead(key) for key in keys.tolist()], np.int64)[which]
        for text, token in zip(walkers.taken, drawn.tolist(), strict=True):
            text.append(token)
        walkers.place, walkers.count = after, walkers.count + 1
        refused = np.flatnonzero(after < 0).tolist()
        found = [self._ended(walkers, at, "refused") for at in refused]
        return _keep(walkers, after >= 0), found

    def _draw(self, walkers: _Walkers) -> Ints:
        chances = self._rng.random(len(walkers.count))
        roams = (walkers.count < walkers.free) | (self._rng.random(len(chances)) < STRAYS)
        numbers, which = np.unique(walkers.place * 2 + roams, return_inverse=True)
        choices = [self._choices(n >> 1, bool(n & 1)) for n in numbers.tolist()]
        counts = np.array([len(choice) for choice in choices])
        firsts = np.cumsum(counts) - counts
        picked = firsts[which] + (chances * counts[which]).astype(np.int64)
        return np.concatenate(choices)[picked]

    def _choices(self, place: int, roams: bool) -> Ints:
        sight = self._sight_of[place]
        if roams:
            return sight.tokens
        if sight.home is None:
            sight.home = self._find_home(self._places[place], sight.tokens)
        return sight.home

    def _find_home(self, place: Place, tokens: Ints) -> Ints:
        """The tokens behind which the end is nearest, of a few and of those with one byte, one for each class."""
        singles = tokens[self._singles[tokens]]
        heads = self._vocabulary.flat[self._vocabulary.offsets[singles]]
        _, first = np.unique(self._grammar.classes[heads], return_index=True)
        few = self._rng.choice(tokens, min(TRIED, len(tokens)), replace=False)
        tried = np.unique(np.concatenate([few, singles[first]]))
        left = [self._left_behind(place, token) for token in tried.tolist()]
        return tried[np.array(left) == min(left)]

    def _left_behind(self, place: Place, token: int) -> float:
        after = self._grammar.take(place, self._vocabulary.token(token))
        return float("inf") if after is None else self._distances.left(after)

    def _lead(self, key: int) -> int:
        """The number of the place that a place, times the number of tokens, plus a token leads to; -1: refused."""
        found = self._after.get(key)
        if found is None:
            place, token = divmod(key, self._vocabulary.size)
            after = self._grammar.take(self._places[place], self._vocabulary.token(token))
            found = self._after[key] = -1 if after is None else self._number(after)
        return found

    def _number(self, place: Place) -> int:
        found = self._numbers.get(place)
        if found is None:
            found = self._numbers[place] = len(self._places)
            self._places.append(place)
            self._sight_of.append(self._see(place))
        return found

    def _see(self, place: Place) -> _Sight:
        key = self._grammar.mask_key(place, self._vocabulary.max_bytes)
        sight = self._sights.get(key)
        if sight is None:
            if len(self._sights) >= MOST_PLACES:
                self._sights = {}
            allowed = flags_of(self._walk.mask(self._grammar, place), self._vocabulary.size)
            ends = bool(allowed[self._eos].any())
            allowed[self._eos] = False
            sight = self._sights[key] = _Sight(np.flatnonzero(allowed), ends)
        return sight

    def _ended(self, walkers: _Walkers, at: int, ending: Ending) -> Wandered:
        taken = walkers.taken[at]
        return Wandered(self._vocabulary.text(taken), ending, len(taken))


def _keep(walkers: _Walkers, which: NDArray[np.bool_]) -> _Walkers:
    if which.all():
        return walkers
    chosen = np.flatnonzero(which)
    taken = [walkers.taken[at] for at in chosen.tolist()]
    return _Walkers(walkers.place[chosen], walkers.count[chosen], walkers.free[chosen], taken)
