"""Masks on the host: the vocabulary's trie walked through a grammar, a depth at a time.

    words = walk.mask(grammar, state)                        # uint32 [ceil(size / 32)], bit t % 32 of word t // 32
    walk.crosses(grammar, state, b'": ')                     # may an allowed token begin so, and go on?

This is the exact reference of what the device does. Slow: 5 to 20 ms for a state inside a free string at 128,000
tokens, where nearly every token is allowed; 0.1 ms where few are. Masks are kept, least recently used go first.
"""

from collections import OrderedDict
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from .grammar import Grammar
from .vocabulary import Vocabulary

Mask = NDArray[np.uint32]
Ids = NDArray[np.int64]


class Walk:
    """Walks one vocabulary, and keeps the masks it found."""

    def __init__(self, vocabulary: Vocabulary, most_bytes: int = 64 << 20) -> None:
        self.vocabulary = vocabulary
        self._kept: OrderedDict[tuple[str, int], Mask] = OrderedDict()
        self._room = max(1, most_bytes // (4 * words_of(vocabulary.size)))
        self._lock = Lock()

    def mask(self, grammar: Grammar, state: int) -> Mask:
        """The tokens that may follow; read-only. The eos ids are allowed where the text may end."""
        key = (grammar.key, state)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        tokens = self._allowed(grammar, state)
        if grammar.accepting(state):
            tokens = np.append(tokens, sorted(self.vocabulary.eos_ids)).astype(np.int64)
        found = pack(tokens, self.vocabulary.size)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > self._room:
                self._kept.popitem(last=False)
        return found

    def _allowed(self, grammar: Grammar, state: int) -> Ids:
        nodes, states = np.zeros(1, np.int64), np.array([state], np.int64)
        found: list[Ids] = []
        while nodes.size:
            nodes, states = self._deepen(grammar, nodes, states)
            found.append(self._tokens_at(nodes))
        return np.concatenate(found)

    def _deepen(self, grammar: Grammar, nodes: Ids, states: Ids) -> tuple[Ids, Ids]:
        """The children of these nodes that the grammar allows, with its states there."""
        trie = self.vocabulary.trie
        firsts, ends = trie.firsts[nodes], trie.firsts[nodes + 1]
        children, parents = spread(firsts, ends - firsts)
        columns = grammar.classes[trie.labels[children]].astype(np.int64) + 1
        following = grammar.edges[states[parents], columns]
        alive = following != 0
        return children[alive], following[alive].astype(np.int64)

    def _tokens_at(self, nodes: Ids) -> Ids:
        vocabulary = self.vocabulary
        firsts = vocabulary.node_firsts[nodes]
        return vocabulary.node_tokens[spread(firsts, vocabulary.node_firsts[nodes + 1] - firsts)[0]]

    def crosses(self, grammar: Grammar, state: int, head: bytes) -> bool:
        """Whether some token begins with `head` and goes on with bytes that are allowed from `state`, which is the
        state behind head."""
        node: int | None = 0
        for byte in head:
            node = self.vocabulary.trie.child(node, byte)
            if node is None:
                return False
        nodes, states = np.array([node], np.int64), np.array([state], np.int64)
        while nodes.size:
            nodes, states = self._deepen(grammar, nodes, states)
            if self._tokens_at(nodes).size:
                return True
        return False


def spread(firsts: Ids, counts: Ids) -> tuple[Ids, Ids]:
    """All numbers of the ranges that begin at firsts, and for each the index of its range."""
    owners = np.repeat(np.arange(len(counts)), counts)
    offsets = np.cumsum(counts) - counts
    return np.arange(len(owners)) + (firsts - offsets)[owners], owners


def words_of(size: int) -> int:
    """32-bit words of a mask."""
    return (size + 31) // 32


def pack(tokens: Ids | list[int], size: int) -> Mask:
    """The mask with the bits of these tokens; read-only."""
    flags = np.zeros(words_of(size) * 32, np.bool_)
    flags[tokens] = True
    mask = np.packbits(flags, bitorder="little").view("<u4").astype(np.uint32)
    mask.flags.writeable = False
    return mask
