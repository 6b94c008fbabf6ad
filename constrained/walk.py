"""Masks on the host: the vocabulary's trie walked through a grammar, a depth at a time.

    words = walk.mask(grammar, place)                        # uint32 [ceil(size / 32)], bit t % 32 of word t // 32
    walk.crosses(grammar, place, b'": ')                     # may an allowed token begin so, and go on?

This is the exact reference of what the device does. Slow: 5 to 20 ms for a state inside a free string at 128,000
tokens, where nearly every token is allowed; 0.1 ms where few are. Masks are kept, least recently used go first; places
that no token can tell apart share one.
"""

from collections import OrderedDict
from threading import Lock
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from .grammar import Grammar
from .lanes import Ints, Lanes, TableLanes
from .place import Compiled
from .threads import ThreadGrammar, ThreadLanes
from .vocabulary import Vocabulary

Mask = NDArray[np.uint32]
P = TypeVar("P")
KEPT_LANES = 64


class Walk:
    """Walks one vocabulary, and keeps the masks it found."""

    def __init__(self, vocabulary: Vocabulary, most_bytes: int = 64 << 20) -> None:
        self.vocabulary = vocabulary
        self._kept: OrderedDict[tuple[str, object], Mask] = OrderedDict()
        self._room = max(1, most_bytes // (4 * words_of(vocabulary.size)))
        self._lock = Lock()
        self._lanes: OrderedDict[str, Lanes[Any]] = OrderedDict()
        self._walking = Lock()

    def mask(self, grammar: Compiled[P], place: P) -> Mask:
        """The tokens that may follow; read-only. The eos ids are allowed where the text may end."""
        key = grammar.key, grammar.mask_key(place, self.vocabulary.max_bytes)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        with self._walking:
            tokens = self._allowed(self._lanes_of(grammar), place)
        if grammar.accepting(place):
            tokens = np.append(tokens, sorted(self.vocabulary.eos_ids)).astype(np.int64)
        found = pack(tokens, self.vocabulary.size)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > self._room:
                self._kept.popitem(last=False)
        return found

    def crosses(self, grammar: Compiled[P], place: P, head: bytes) -> bool:
        """Whether some token begins with `head` and goes on with bytes that are allowed from `place`, which is the
        place behind head."""
        node: int | None = 0
        for byte in head:
            node = self.vocabulary.trie.child(node, byte)
            if node is None:
                return False
        with self._walking:
            lanes = self._lanes_of(grammar)
            nodes, at = self._enter(lanes, place, node)
            while nodes.size:
                nodes, at = self._deepen(lanes, nodes, at)
                if self._tokens_at(nodes).size:
                    return True
        return False

    def _lanes_of(self, grammar: Compiled[P]) -> Lanes[P]:
        found = self._lanes.pop(grammar.key, None)
        if found is None:
            longest = self.vocabulary.max_bytes
            found = cast("Lanes[P]", _open_lanes(grammar, longest))
        self._lanes[grammar.key] = found
        while len(self._lanes) > KEPT_LANES:
            self._lanes.popitem(last=False)
        return found

    def _enter(self, lanes: Lanes[P], place: P, node: int) -> tuple[Ints, tuple[Ints, Ints]]:
        state, context = lanes.enter(place)
        one = np.ones(1, np.int64)
        return one * node, (one * state, one * context)

    def _allowed(self, lanes: Lanes[P], place: P) -> Ints:
        nodes, at = self._enter(lanes, place, 0)
        found: list[Ints] = []
        while nodes.size:
            nodes, at = self._deepen(lanes, nodes, at)
            found.append(self._tokens_at(nodes))
        return np.concatenate(found)

    def _deepen(
        self, lanes: Lanes[P], nodes: Ints, at: tuple[Ints, Ints]
    ) -> tuple[Ints, tuple[Ints, Ints]]:
        """The children of these nodes that the grammar allows, and where it stands there."""
        trie = self.vocabulary.trie
        firsts, ends = trie.firsts[nodes], trie.firsts[nodes + 1]
        children, parents = spread(firsts, ends - firsts)
        states, contexts = lanes.follow(at[0][parents], at[1][parents], trie.labels[children])
        alive = states != 0
        return children[alive], (states[alive], contexts[alive])

    def _tokens_at(self, nodes: Ints) -> Ints:
        vocabulary = self.vocabulary
        firsts = vocabulary.node_firsts[nodes]
        return vocabulary.node_tokens[spread(firsts, vocabulary.node_firsts[nodes + 1] - firsts)[0]]


def _open_lanes(grammar: object, longest: int) -> TableLanes | ThreadLanes:
    if isinstance(grammar, ThreadGrammar):
        return ThreadLanes(grammar)
    assert isinstance(grammar, Grammar), grammar
    return TableLanes(grammar, longest)


def spread(firsts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """All numbers of the ranges that begin at firsts, and for each the index of its range."""
    owners = np.repeat(np.arange(len(counts)), counts)
    offsets = np.cumsum(counts) - counts
    return np.arange(len(owners)) + (firsts - offsets)[owners], owners


def words_of(size: int) -> int:
    """32-bit words of a mask."""
    return (size + 31) // 32


def pack(tokens: Ints | list[int], size: int) -> Mask:
    """The mask with the bits of these tokens; read-only."""
    flags = np.zeros(words_of(size) * 32, np.bool_)
    flags[tokens] = True
    mask = np.packbits(flags, bitorder="little").view("<u4").astype(np.uint32)
    mask.flags.writeable = False
    return mask
