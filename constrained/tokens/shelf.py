"""Shelf: the tokens of a vocabulary that are plain words, apart from the rest, for states where any text may follow.

    shelf = Shelf(vocabulary)
    words = shelf.fitting(lanes, state, context)        # None: each token has to be walked

Inside a free string nearly every token is allowed, and walking them one by one takes most of the time that masks take.
A token of whole characters, none of them a quote, a backslash or a control, needs no walk where all such characters
lead to the same: from there on only their number counts, for strings whose length is counted. What is left, `rest`,
is walked. Slow: a few tenths of a second to sort 128,000 tokens, once per tokenizer. It refuses to know masks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..grammar.lanes import Ints, Lanes
from .trie import Trie, build_trie
from .vocabulary import Vocabulary

MOST_CHARACTERS = 64
UNSAFE = bytes([*range(0x20), ord('"'), ord("\\"), 0x7F])
SAFE = [b for b in range(0x20, 0x7F) if b not in UNSAFE]
# UTF-8 as an automaton: from each state (the bytes, the state that they lead to), 0 where a character is complete.
STEPS: tuple[tuple[tuple[Sequence[int], int], ...], ...] = (
    (
        (SAFE, 0), (range(0xC2, 0xE0), 1), ([0xE0], 2), ([*range(0xE1, 0xED), 0xEE, 0xEF], 3),
        ([0xED], 4), ([0xF0], 5), (range(0xF1, 0xF4), 6), ([0xF4], 7),
    ),
    ((range(0x80, 0xC0), 0),),
    ((range(0xA0, 0xC0), 1),),
    ((range(0x80, 0xC0), 1),),
    ((range(0x80, 0xA0), 1),),
    ((range(0x90, 0xC0), 3),),
    ((range(0x80, 0xC0), 3),),
    ((range(0x80, 0x90), 3),),
)  # fmt: skip
Spot = tuple[int, int]
NOWHERE: Spot = (0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A trie with the tokens that end at its nodes: those of node n are tokens[firsts[n] : firsts[n + 1]]."""

    trie: Trie
    tokens: Ints
    firsts: Ints


class Shelf:
    """One vocabulary's plain words by their number of characters, and a tree of the rest."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        lengths = np.array([_characters(vocabulary.token(t)) for t in range(vocabulary.size)])
        words = np.flatnonzero(lengths > 0)
        order = np.argsort(lengths[words], kind="stable")
        self.words = words[order].astype(np.int64)
        self._upto = np.searchsorted(lengths[words][order], np.arange(MOST_CHARACTERS + 1), "right")
        self.rest = _plant(vocabulary, np.flatnonzero(lengths == 0))
        self._bytes: list[NDArray[np.uint8]] = []
        self._leads: list[Ints] = []
        for steps in STEPS:
            pairs = [(byte, unit) for data, unit in steps for byte in data]
            self._bytes.append(np.array([byte for byte, _ in pairs], np.uint8))
            self._leads.append(np.array([unit for _, unit in pairs], np.int64))

    def fitting(self, lanes: Lanes[Any], spot: Spot) -> Ints | None:
        """The words that may follow here; None where that depends on what is in them."""
        spots = self._steps(lanes, spot)
        if spots is None:
            return None
        whole = bool(spots) and spots[-1] == (spots[-2] if len(spots) > 1 else spot)
        return self.words[: self._upto[MOST_CHARACTERS if whole else len(spots)]]

    def spread(self, lanes: Lanes[Any], spot: Spot) -> tuple[Ints, Ints, Ints] | None:
        """The words that may follow here, and for each the state and context behind it; None as in fitting."""
        spots = self._steps(lanes, spot)
        words = self.fitting(lanes, spot)
        if spots is None or words is None:
            return None
        begins = self._upto[: len(spots)]
        counts = np.diff(np.append(begins, len(words))) if spots else begins
        states, contexts = np.array(spots, np.int64).reshape(-1, 2).T
        return words, np.repeat(states, counts), np.repeat(contexts, counts)

    def _steps(self, lanes: Lanes[Any], spot: Spot) -> list[Spot] | None:
        """Where one, two and more plain characters lead, as far as they are allowed, up to what then stays as it is."""
        found: list[Spot] = []
        while len(found) < MOST_CHARACTERS:
            after = self.after_any(lanes, spot)
            if after is None:
                return None
            if after == NOWHERE:
                break
            found.append(after)
            if after == spot:
                break
            spot = after
        return found

    def after_any(self, lanes: Lanes[Any], spot: Spot) -> Spot | None:
        """Where every plain character leads, NOWHERE if none is allowed; None if it depends on the character."""
        if spot not in lanes.after_any:
            lanes.after_any[spot] = self._try_all(lanes, spot)
        return lanes.after_any[spot]

    def _try_all(self, lanes: Lanes[Any], spot: Spot) -> Spot | None:
        front, found = {(0, *spot)}, set[Spot]()
        first = True
        while front:
            places = sorted(front)
            units = [unit for unit, _, _ in places]
            states = np.array([state for _, state, _ in places], np.int64)
            contexts = np.array([context for _, _, context in places], np.int64)
            data = np.concatenate([self._bytes[unit] for unit in units])
            counts = [len(self._bytes[unit]) for unit in units]
            leads = np.concatenate([self._leads[unit] for unit in units])
            after, within = lanes.follow(
                np.repeat(states, counts), np.repeat(contexts, counts), data
            )
            if not after.all():
                return NOWHERE if first and not after.any() else None
            reached = set(zip(leads.tolist(), after.tolist(), within.tolist(), strict=True))
            front = {place for place in reached if place[0]}
            found |= {(state, context) for unit, state, context in reached if not unit}
            if len(found) > 1:
                return None
            first = False
        (only,) = found
        return only


def _characters(token: bytes) -> int:
    """How many characters a token has if it is a plain word, else 0."""
    if len(token.translate(None, UNSAFE)) != len(token):
        return 0
    try:
        count = len(token.decode())
    except UnicodeDecodeError:
        return 0
    return count if count <= MOST_CHARACTERS else 0


def _plant(vocabulary: Vocabulary, tokens: NDArray[np.intp]) -> Tree:
    texts = [vocabulary.token(t) for t in tokens.tolist()]
    distinct = sorted(set(texts) - {b""})
    trie = build_trie(distinct)
    ends = dict(zip(distinct, trie.ends.tolist(), strict=True))
    nodes = np.array([ends.get(text, 0) for text in texts], np.int64)
    order = np.argsort(nodes, kind="stable")
    firsts = np.searchsorted(nodes[order], np.arange(len(trie.labels) + 1))
    firsts[0] = firsts[1]  # tokens without bytes end at no node
    return Tree(trie, tokens[order].astype(np.int64), firsts.astype(np.int64))
