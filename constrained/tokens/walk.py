"""Masks on the host: the vocabulary's trie walked through a grammar, a depth at a time.

    words = walk.mask(grammar, place)                        # uint32 [ceil(size / 32)], bit t % 32 of word t // 32
    walk.crosses(grammar, place, b'": ')                     # may an allowed token begin so, and go on?

This is the exact reference of what the device does. For grammars that are tables and no more a MaskMaker may do it,
compiled code for one. Slow: without one some milliseconds for a state inside a free string or name at 128,000 tokens,
where nearly every token is allowed; 0.1 ms where few are. Masks are kept, least recently used go first; places that no
token can tell apart share one.
"""

from collections import OrderedDict
from threading import Lock
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ..grammar.distinct import DistinctGrammar
from ..grammar.grammar import Grammar
from ..grammar.lanes import Ints, Lanes, TableLanes
from ..grammar.place import Compiled, Place
from ..grammar.threads import ThreadGrammar, ThreadLanes
from ..grammar.trail import Spot
from .branches import Branches, at_node, deepen, tokens_at
from .distinct import DistinctWalk
from .shelf import Shelf, Tree
from .vocabulary import Vocabulary

Mask = NDArray[np.uint32]
P = TypeVar("P")
KEPT_LANES, KEPT_DISTINCT = 64, 8
SMALL = 4096  # tokens up to which walking all of them is quick enough


class MaskMaker(Protocol):
    """Makes masks of one vocabulary as Walk would, but faster; it is called by one thread at a time."""

    def mask(self, grammar: Grammar, place: Place) -> Mask: ...


class Walk:
    """Walks one vocabulary, and keeps the masks it found. maker: who makes those that grammars' tables say all of."""

    def __init__(
        self, vocabulary: Vocabulary, most_bytes: int = 64 << 20, maker: MaskMaker | None = None
    ) -> None:
        self.vocabulary = vocabulary
        self._maker = maker
        self._kept: OrderedDict[tuple[str, object], Mask] = OrderedDict()
        self._room = max(1, most_bytes // (4 * words_of(vocabulary.size)))
        self._lock = Lock()
        self._lanes: OrderedDict[str, Lanes[Any]] = OrderedDict()
        self._distinct: OrderedDict[str, DistinctWalk] = OrderedDict()
        self._walking = Lock()
        self._whole = Tree(vocabulary.trie, vocabulary.node_tokens, vocabulary.node_firsts)
        self._shelf: Shelf | None = None
        self._branches: Branches | None = None

    def mask(self, grammar: Compiled[P], place: P) -> Mask:
        """The tokens that may follow; read-only. The eos ids are allowed where the text may end."""
        key = grammar.key, grammar.mask_key(place, self.vocabulary.max_bytes)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        with self._walking:
            found = self._make(grammar, place)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > self._room:
                self._kept.popitem(last=False)
        return found

    def _make(self, grammar: Compiled[P], place: P) -> Mask:
        if self._maker is not None and isinstance(grammar, Grammar):
            mask = self._maker.mask(grammar, cast(Place, place))
            mask.flags.writeable = False
            return mask
        tokens = self._tokens(grammar, place)
        if grammar.accepting(place):
            tokens = np.append(tokens, sorted(self.vocabulary.eos_ids)).astype(np.int64)
        return pack(tokens, self.vocabulary.size)

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
            front = at_node(node, lanes.enter(place))
            while front[0].size:
                front = deepen(lanes, self._whole.trie, front)
                if tokens_at(self._whole, front[0]).size:
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

    def _tokens(self, grammar: Compiled[P], place: P) -> Ints:
        if isinstance(grammar, DistinctGrammar):
            return self._distinct_of(grammar).tokens(cast(Spot, place))
        return self._allowed(self._lanes_of(grammar), place)

    def _distinct_of(self, grammar: DistinctGrammar) -> DistinctWalk:
        found = self._distinct.pop(grammar.key, None)
        found = found or DistinctWalk(grammar, self.vocabulary, self._shelve())
        self._distinct[grammar.key] = found
        while len(self._distinct) > KEPT_DISTINCT:
            self._distinct.popitem(last=False)
        return self._distinct[grammar.key]

    def _allowed(self, lanes: Lanes[P], place: P) -> Ints:
        spot = lanes.enter(place)
        if self.vocabulary.size < SMALL:
            return self._walk(lanes, self._whole, spot)
        shelf = self._shelve()
        words = shelf.fitting(lanes, spot)
        if words is None:
            if self._branches is None:
                self._branches = Branches(self.vocabulary, self._whole, shelf)
            return self._branches.tokens(lanes, spot)
        return np.concatenate([words, self._walk(lanes, shelf.rest, spot)])

    def _shelve(self) -> Shelf:
        if self._shelf is None:
            self._shelf = Shelf(self.vocabulary)
        return self._shelf

    def _walk(self, lanes: Lanes[P], tree: Tree, spot: tuple[int, int]) -> Ints:
        """The tokens of a tree that are allowed."""
        front = at_node(0, spot)
        found: list[Ints] = []
        while front[0].size:
            front = deepen(lanes, tree.trie, front)
            found.append(tokens_at(tree, front[0]))
        return np.concatenate(found)


def _open_lanes(grammar: object, longest: int) -> TableLanes | ThreadLanes:
    if isinstance(grammar, ThreadGrammar):
        return ThreadLanes(grammar)
    assert isinstance(grammar, Grammar), grammar
    return TableLanes(grammar, longest)


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
