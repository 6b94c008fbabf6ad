"""DistinctWalk: the tokens that a DistinctGrammar allows, of one vocabulary.

    walk = DistinctWalk(grammar, vocabulary)
    tokens = walk.tokens(spot)

What the tables allow is walked for many tokens at once, and kept with the state behind each token. Of these, tokens
behind which the same item goes on, in a state from which plenty of values can follow, are allowed together. Only the
others, which end an item or have few ways on, are walked one by one. Slow: what the tables take for a new place; then
some ten microseconds for each token that is walked alone: a hundred or so of 128,000 inside a free string.
"""

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..grammar.distinct import BRACKET, DistinctGrammar
from ..grammar.lanes import Ints, TableLanes
from ..grammar.place import Place
from ..grammar.trail import Spot
from .trie import spread
from .vocabulary import Vocabulary

KEPT = 16  # places of which the ends are kept, some 20 bytes for each token that is allowed there
QUOTE = 0x22


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """What the tables allow at a place: tokens; the lowest that the stack has been within each; and groups of them
    behind which the tables are in one state, as tokens sorted by group and where each begins."""

    tokens: Ints
    lowest: Ints
    group: Ints
    groups: int


class DistinctWalk:
    """Walks one vocabulary through one grammar. Not for several threads at once."""

    def __init__(self, grammar: DistinctGrammar, vocabulary: Vocabulary) -> None:
        self._grammar = grammar
        self._vocabulary = vocabulary
        self._lanes = TableLanes(grammar.tables, vocabulary.max_bytes)
        self._kept: OrderedDict[Place, Ends] = OrderedDict()
        self._brackets = _counts(vocabulary, BRACKET) > 0
        self._quotes = _counts(vocabulary, QUOTE)

    def tokens(self, spot: Spot) -> Ints:
        """The tokens that may follow."""
        ends = self._ends_of(spot.place)
        if not ends.tokens.size:
            return ends.tokens
        alone = self._acting(spot, ends)
        if spot.trail is not None:
            alone |= ~self._judge_groups(spot, ends, alone)
        tried = ends.tokens[alone].tolist()
        token = self._vocabulary.token
        kept = [t for t in tried if self._grammar.walk(spot, token(t)) is not None]
        return np.concatenate([ends.tokens[~alone], np.array(kept, np.int64)])

    def _acting(self, spot: Spot, ends: Ends) -> NDArray[np.bool_]:
        """Which tokens may begin such an array or end an item of one."""
        tokens, trail = ends.tokens, spot.trail
        brackets, quotes = self._brackets[tokens], self._quotes[tokens]
        if trail is None:
            return brackets
        opens = brackets & (quotes > 0) if trail.inside else brackets
        if trail.levels[-1].begin is not None:
            # Where the innermost array's item ends the stack comes down to that array's frame.
            return opens | (ends.lowest <= trail.levels[-1].base)
        begins = np.array([self._vocabulary.token(t)[:1] == b'"' for t in tokens.tolist()])
        return opens | ~begins | (quotes != 1)

    def _judge_groups(self, spot: Spot, ends: Ends, alone: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """For each token whether its group has plenty of ways on."""
        plenty = np.zeros(ends.groups, np.bool_)
        rest = np.flatnonzero(~alone)
        numbers, first = np.unique(ends.group[rest], return_index=True)
        for number, at in zip(numbers.tolist(), rest[first].tolist(), strict=True):
            after = self._grammar.read(spot, self._vocabulary.token(int(ends.tokens[at])))
            plenty[number] = after is not None and self._grammar.look(after) == "plenty"
        return plenty[ends.group]

    def _ends_of(self, place: Place) -> Ends:
        key = self._grammar.tables.mask_key(place, self._vocabulary.max_bytes)
        found = self._kept.pop(key, None)
        self._kept[key] = found = found or self._walk(place)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    def _walk(self, place: Place) -> Ends:
        state, context = self._lanes.enter(place)
        trie, firsts = self._vocabulary.trie, self._vocabulary.node_firsts
        front = np.array([0]), np.array([state]), np.array([context])
        found: list[tuple[Ints, Ints, Ints]] = []
        while front[0].size:
            nodes, states, contexts = front
            begins = trie.firsts[nodes]
            children, parents = spread(begins, trie.firsts[nodes + 1] - begins)
            states, contexts = self._lanes.follow(
                states[parents], contexts[parents], trie.labels[children]
            )
            alive = states != 0
            front = nodes, states, contexts = children[alive], states[alive], contexts[alive]
            at, owners = spread(firsts[nodes], firsts[nodes + 1] - firsts[nodes])
            found.append((self._vocabulary.node_tokens[at], states[owners], contexts[owners]))
        tokens, states, contexts = (np.concatenate(parts) for parts in zip(*found, strict=True))
        _, group = np.unique(np.stack([states, contexts]), axis=1, return_inverse=True)
        group = group.reshape(-1)
        lows = [self._lanes.within(c)[2] for c in range(int(contexts.max(initial=-1)) + 1)]
        lowest = np.array(lows, np.int64)[contexts]
        return Ends(tokens, lowest, group, int(group.max(initial=-1)) + 1)


def _counts(vocabulary: Vocabulary, byte: int) -> Ints:
    """How often each token has a byte."""
    total = np.concatenate([[0], np.cumsum(vocabulary.flat == byte)])
    return np.diff(total[vocabulary.offsets])
