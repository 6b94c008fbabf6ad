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

from ..grammar.grammar import Grammar
from ..grammar.lanes import Ints, Lanes, TableLanes
from ..grammar.place import Compiled
from ..grammar.threads import ThreadGrammar, ThreadLanes
from .shelf import Shelf, Tree
from .trie import Trie
from .vocabulary import Vocabulary

Mask = NDArray[np.uint32]
P = TypeVar("P")
KEPT_LANES = 64
SMALL = 4096  # tokens up to which walking all of them is quick enough


class Walk:
    """Walks one vocabulary, and keeps the masks it found."""

    def __init__(self, vocabulary: Vocabulary, most_bytes: int = 64 << 20) -> None:
        self.vocabulary = vocabulary
        self._kept: OrderedDict[tuple[str, object], Mask] = OrderedDict()
        self._room = max(1, most_bytes // (4 * words_of(vocabulary.size)))
        self._lock = Lock()
        self._lanes: OrderedDict[str, Lanes[Any]] = OrderedDict()
        self._walking = Lock()
        self._whole = Tree(vocabulary.trie, vocabulary.node_tokens, vocabulary.node_firsts)
        self._shelf: Shelf | None = None

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
            front = _at(node, lanes.enter(place))
            while front[0].size:
                front = _deepen(lanes, self._whole.trie, front)
                if _tokens_at(self._whole, front[0]).size:
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

    def _allowed(self, lanes: Lanes[P], place: P) -> Ints:
        spot = lanes.enter(place)
        if self.vocabulary.size < SMALL:
            return self._walk(lanes, self._whole, spot)
        if self._shelf is None:
            self._shelf = Shelf(self.vocabulary)
        words = self._shelf.fitting(lanes, spot)
        if words is None:
            return self._walk(lanes, self._whole, spot)
        return np.concatenate([words, self._walk(lanes, self._shelf.rest, spot)])

    def _walk(self, lanes: Lanes[P], tree: Tree, spot: tuple[int, int]) -> Ints:
        """The tokens of a tree that are allowed."""
        nodes, states, contexts = _at(0, spot)
        found: list[Ints] = []
        while nodes.size:
            nodes, states, contexts = _deepen(lanes, tree.trie, (nodes, states, contexts))
            found.append(_tokens_at(tree, nodes))
        return np.concatenate(found)


Front = tuple[Ints, Ints, Ints]


def _at(node: int, spot: tuple[int, int]) -> Front:
    """A single lane at a node of a trie."""
    return np.array([node]), np.array([spot[0]]), np.array([spot[1]])


def _deepen(lanes: Lanes[P], trie: Trie, front: Front) -> Front:
    """The children of these nodes that the grammar allows, and where it stands there."""
    nodes, states, contexts = front
    firsts, ends = trie.firsts[nodes], trie.firsts[nodes + 1]
    children, parents = spread(firsts, ends - firsts)
    states, contexts = lanes.follow(states[parents], contexts[parents], trie.labels[children])
    alive = states != 0
    return children[alive], states[alive], contexts[alive]


def _tokens_at(tree: Tree, nodes: Ints) -> Ints:
    firsts = tree.firsts[nodes]
    return tree.tokens[spread(firsts, tree.firsts[nodes + 1] - firsts)[0]]


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
