"""TokenTrie: a vocabulary's tokens as a trie that is walked from front to back.

    trie = plant(flat, offsets, tokens)         # tokens in the order of their bytes
    trie.skips[node]                            # the first node behind all that begin as this one does

Nodes are in the order of their bytes, so a walk reads them one after the other and jumps where a byte is refused.

A plain word is a token of whole characters, none of them a quote, a backslash or a control. Within free text all words
are allowed, up to a number of characters where these are counted: then those below a node are taken from a list, and
the walk goes on with the nodes that lead to other tokens as well. Slow: a tenth of a second for 128,000 tokens. It
refuses to know grammars.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
WORD_CHARACTERS = 32  # a longer token is no word
MANY = 64  # words below a node that make it worth asking whether all are allowed
# Bits of a node's number: whether there are many words below, whether several tokens end there, and the depth.
WIDE, SEVERAL, DEPTH = 8, 9, 10
UNSAFE = bytes([*range(0x20), ord('"'), ord("\\"), 0x7F])


@dataclass(frozen=True, slots=True, eq=False)
class TokenTrie:
    """N nodes; node 0 is the root, and N what is behind all.

    nodes: int32 [N], label | many words << WIDE | several tokens << SEVERAL | depth << DEPTH. skips: int32 [N], the end
    of each node's subtree. node_ends: int32 [N], the token that ends at a node, or ~ of the next that ends behind it.
    firsts: int32 [N + 1], where in `tokens`, int32, those that end at a node begin. heads: uint8 [N], characters that
    begin on the way to a node. onward: int32 [N + 1], the first node from there on that leads to a token that is no
    word. word_firsts: int32 [N + 1], where in `words` those of a node begin; words: int32, token; lengths: uint8, its
    characters. longest: bytes of a token.
    """

    nodes: NDArray[np.int32]
    skips: NDArray[np.int32]
    node_ends: NDArray[np.int32]
    firsts: NDArray[np.int32]
    tokens: NDArray[np.int32]
    heads: NDArray[np.uint8]
    onward: NDArray[np.int32]
    word_firsts: NDArray[np.int32]
    words: NDArray[np.int32]
    lengths: NDArray[np.uint8]
    longest: int


def sort_tokens(
    flat: NDArray[np.uint8], offsets: NDArray[np.int32]
) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32]]:
    """Bytes and offsets of the tokens that have bytes, in the order of their bytes, and which these are."""
    data, bounds = flat.tobytes(), offsets.tolist()
    tokens = [data[a:b] for a, b in zip(bounds, bounds[1:], strict=False)]
    order = sorted((t for t, token in enumerate(tokens) if token), key=tokens.__getitem__)
    joined = np.frombuffer(b"".join(tokens[t] for t in order), np.uint8)
    ends = np.cumsum([0, *(len(tokens[t]) for t in order)])
    return joined, ends.astype(np.int32), np.array(order, np.int32)


def plant(
    flat: NDArray[np.uint8], offsets: NDArray[np.int32], tokens: NDArray[np.int32]
) -> TokenTrie:
    """The trie of tokens, none of them empty, that are in the order of their bytes; equal ones share a node.

    flat: uint8, their bytes. offsets: int32 [tokens + 1]. tokens: int32, their ids.
    """
    starts, lengths = offsets[:-1].astype(np.int64), np.diff(offsets).astype(np.int64)
    shared = _shared_with_previous(flat, starts, lengths)
    fresh = lengths - shared
    ends = np.cumsum(fresh)  # the node of each token
    count = 1 + int(fresh.sum())
    owner = np.repeat(np.arange(len(tokens)), fresh)
    within = np.arange(count - 1) - (ends - fresh)[owner] + shared[owner]
    labels = np.concatenate([[0], flat[starts[owner] + within]]).astype(np.int64)
    depths = np.concatenate([[0], within + 1])
    sizes, heads, left = _climb(labels, depths)
    skips = np.arange(count) + sizes
    firsts = np.searchsorted(ends, np.arange(count + 1))
    lengths = _word_lengths(flat, starts, lengths)
    is_word = lengths > 0
    following = np.append(tokens, 0)[firsts[:-1]]
    node_ends = np.where(np.diff(firsts) > 0, following, ~following)
    word_firsts = np.searchsorted(ends[is_word], np.arange(count + 1))
    below = word_firsts[skips] - word_firsts[:-1]
    others = firsts[skips] - firsts[:-1] > below
    onward = np.append(np.where(others, np.arange(count), count), count)
    onward = np.minimum.accumulate(onward[::-1])[::-1]
    wide = (below >= MANY) & (left == 0)  # within a character no word goes on with a whole one
    several = np.diff(firsts) > 1
    marks = wide.astype(np.int64) << WIDE | several.astype(np.int64) << SEVERAL
    return TokenTrie(
        (labels | marks | depths << DEPTH).astype(np.int32), skips.astype(np.int32),
        node_ends.astype(np.int32), firsts.astype(np.int32), tokens.astype(np.int32),
        np.minimum(heads, 255).astype(np.uint8), onward.astype(np.int32),
        word_firsts.astype(np.int32), tokens[is_word].astype(np.int32),
        lengths[is_word].astype(np.uint8), int(depths.max()),
    )  # fmt: skip


def _shared_with_previous(flat: NDArray[np.uint8], starts: Numbers, lengths: Numbers) -> Numbers:
    """How many bytes each token has in common with the one before it."""
    shared = np.zeros(len(starts), np.int64)
    alike, depth = np.arange(1, len(starts)), 0
    while alike.size:
        alike = alike[np.minimum(lengths[alike], lengths[alike - 1]) > depth]
        same = flat[starts[alike] + depth] == flat[starts[alike - 1] + depth]
        alike, depth = alike[same], depth + 1
        shared[alike] = depth
    return shared


def _climb(labels: Numbers, depths: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """For each node: nodes of its subtree; characters that begin on the way to it; bytes that the last one lacks."""
    order = np.argsort(depths, kind="stable")
    bounds = np.searchsorted(depths[order], np.arange(int(depths.max()) + 2))
    levels = [order[low:high] for low, high in zip(bounds[:-1], bounds[1:], strict=True)]
    sizes, heads, left = np.ones(len(labels), np.int64), np.zeros_like(labels), labels * 0
    begins = (labels & 0xC0) != 0x80
    lacks = (labels >= 0xC0).astype(np.int64) + (labels >= 0xE0) + (labels >= 0xF0)
    parents = np.zeros_like(labels)
    for above, level in zip(levels, levels[1:], strict=False):
        parents[level] = parent = above[np.searchsorted(above, level) - 1]
        heads[level] = heads[parent] + begins[level]
        left[level] = np.where(begins[level], lacks[level], np.maximum(left[parent] - 1, 0))
    for level in levels[:0:-1]:
        np.add.at(sizes, parents[level], sizes[level])
    return sizes, heads, left


def _word_lengths(flat: NDArray[np.uint8], starts: Numbers, lengths: Numbers) -> Numbers:
    """The characters of each token that is a plain word; 0 of others."""

    def count(which: NDArray[np.bool_]) -> Numbers:
        total = np.concatenate([[0], np.cumsum(which)])
        return total[starts + lengths] - total[starts]

    unsafe = np.isin(flat, np.frombuffer(UNSAFE, np.uint8))
    found = np.where(count(unsafe) > 0, 0, count((flat & 0xC0) != 0x80))
    found[found > WORD_CHARACTERS] = 0
    for token in np.flatnonzero((found > 0) & (count(flat >= 0x80) > 0)).tolist():
        at = int(starts[token])
        try:
            flat[at : at + int(lengths[token])].tobytes().decode()
        except UnicodeDecodeError:
            found[token] = 0
    return found
