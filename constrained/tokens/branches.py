"""Branches: a vocabulary's trie walked a depth at a time, where whole branches are taken at once if they can be.

    branches = Branches(vocabulary, whole, shelf)
    tokens = branches.tokens(lanes, spot)

Where some characters lead elsewhere than others, as within the names of an object, all tokens have to be walked, but
only as far as they differ: behind that, in a free string, every plain word below a node of the trie is allowed, and
only what is no plain word is walked on. Slow: a tenth of a second to number the words of 128,000 tokens, once per
tokenizer; then some milliseconds for a mask. It refuses to know masks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..grammar.lanes import Ints, Lanes
from .shelf import Shelf, Spot, Tree
from .trie import Trie, spread
from .vocabulary import Vocabulary

Front = tuple[
    Ints, Ints, Ints
]  # nodes of a trie, and where the grammar stands there: states and contexts
MANY = 512  # words below a place that make it worth asking whether all are allowed


class Branches:
    """The words below each node of the whole trie, and the nodes of the trie without words."""

    def __init__(self, vocabulary: Vocabulary, whole: Tree, shelf: Shelf) -> None:
        self._whole, self._shelf = whole, shelf
        trie, count = whole.trie, len(whole.trie.labels)
        nodes = np.repeat(np.arange(count), np.diff(whole.firsts))
        tokens = whole.tokens[len(whole.tokens) - len(nodes) :]
        is_word = np.zeros(vocabulary.size, np.bool_)
        is_word[shelf.words] = True
        own = np.bincount(nodes[is_word[tokens]], minlength=count)
        parents = _parents(trie)
        below = own.copy()
        for low, high in zip(trie.levels[-2:0:-1], trie.levels[:1:-1], strict=True):
            np.add.at(below, parents[low:high], below[low:high])
        # Words in the order of their bytes: those below a node are next to each other.
        begins = np.zeros(count, np.int64)
        for low, high in zip(trie.levels[1:-1], trie.levels[2:], strict=True):
            before = np.cumsum(below[low:high]) - below[low:high]
            parent = parents[low:high]
            begins[low:high] = (
                begins[parent] + own[parent] + before - before[trie.firsts[parent] - low]
            )
        at = begins[nodes[is_word[tokens]]]
        self._words = tokens[is_word[tokens]][np.argsort(at, kind="stable")]
        self._begins, self._counts = begins + own, below - own
        self._rest_of = _match(shelf.rest.trie, trie)

    def tokens(self, lanes: Lanes[Any], spot: Spot) -> Ints:
        """The tokens that are allowed here."""
        rest: Front = _none()
        front: Front = at_node(0, spot)
        found: list[Ints] = []
        while front[0].size or rest[0].size:
            if rest[0].size:
                rest = deepen(lanes, self._shelf.rest.trie, rest)
                found.append(tokens_at(self._shelf.rest, rest[0]))
            if front[0].size:
                front = deepen(lanes, self._whole.trie, front)
                found.append(tokens_at(self._whole, front[0]))
                front, freed = self._part(lanes, front)
                found.append(self._words_below(freed[0]))
                rest = _join(rest, self._without_words(freed))
        return np.concatenate(found)

    def _part(self, lanes: Lanes[Any], front: Front) -> tuple[Front, Front]:
        """Where what follows matters, and where any plain character may follow and changes nothing."""
        nodes, states, contexts = front
        counts = self._counts[nodes]
        if counts.sum() < MANY:
            return front, _none()
        free = np.zeros(len(nodes), np.bool_)
        for state in np.flatnonzero(np.bincount(states, counts) >= MANY).tolist():
            here = states == state
            spot = state, int(contexts[here.argmax()])
            if self._shelf.after_any(lanes, spot) == spot:
                free |= here & (contexts == spot[1])
        return _pick(front, ~free), _pick(front, free)

    def _words_below(self, nodes: Ints) -> Ints:
        return self._words[spread(self._begins[nodes], self._counts[nodes])[0]]

    def _without_words(self, front: Front) -> Front:
        """The same in the trie without words, as far as it goes on there."""
        nodes = self._rest_of[front[0]]
        return _pick((nodes, front[1], front[2]), nodes > 0)


def at_node(node: int, spot: Spot) -> Front:
    """A single lane at a node of a trie."""
    return np.array([node]), np.array([spot[0]]), np.array([spot[1]])


def deepen(lanes: Lanes[Any], trie: Trie, front: Front) -> Front:
    """The children of these nodes that the grammar allows, and where it stands there."""
    nodes, states, contexts = front
    firsts, ends = trie.firsts[nodes], trie.firsts[nodes + 1]
    children, parents = spread(firsts, ends - firsts)
    states, contexts = lanes.follow(states[parents], contexts[parents], trie.labels[children])
    alive = states != 0
    return children[alive], states[alive], contexts[alive]


def tokens_at(tree: Tree, nodes: Ints) -> Ints:
    """The tokens that end at these nodes."""
    firsts = tree.firsts[nodes]
    return tree.tokens[spread(firsts, tree.firsts[nodes + 1] - firsts)[0]]


def _none() -> Front:
    return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)


def _pick(front: Front, which: NDArray[np.bool_]) -> Front:
    nodes, states, contexts = front
    return nodes[which], states[which], contexts[which]


def _join(one: Front, other: Front) -> Front:
    nodes, states, contexts = (np.concatenate(pair) for pair in zip(one, other, strict=True))
    return nodes, states, contexts


def _parents(trie: Trie) -> Ints:
    """The parent of each node; 0 for the root."""
    return np.concatenate([[0], np.repeat(np.arange(len(trie.labels)), np.diff(trie.firsts))])


def _match(part: Trie, whole: Trie) -> Ints:
    """For each node of a trie that of another, which has some of its strings; 0 where it has none."""
    keys = (
        _parents(whole)[1:] * 256 + whole.labels[1:]
    )  # ascending: nodes are in the order of their parents
    parents, same = _parents(part), np.zeros(len(part.labels), np.int64)
    for low, high in zip(part.levels[1:-1], part.levels[2:], strict=True):
        same[low:high] = 1 + np.searchsorted(
            keys, same[parents[low:high]] * 256 + part.labels[low:high]
        )
    found = np.zeros(len(whole.labels), np.int64)
    found[same[1:]] = np.arange(1, len(same))
    return found
