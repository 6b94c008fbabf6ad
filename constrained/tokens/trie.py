"""Tries of byte strings as flat arrays, built a level at a time.

    trie = build_trie([b"a", b"ab", b"b"])          # sorted, distinct
    part = words([b"red", b"green"], budget)        # the automaton that accepts exactly these

Nodes are numbered by depth, then in order, so the children of node n are those from firsts[n] to before firsts[n + 1].
The vocabulary is walked along such a trie, and large enums are compiled from one. Slow: about ten array operations per
byte of the longest string.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Dfa
from ..automata.bytedfa import ByteDfa, Classes, join_classes
from ..limits import Budget

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Trie:
    """labels: uint8 [nodes], the byte that leads to each node; firsts: int64 [nodes + 1]; ends: int64 [strings], the
    node of each string; levels: where each depth's nodes begin, and the number of nodes."""

    labels: NDArray[np.uint8]
    firsts: Numbers
    ends: Numbers
    levels: tuple[int, ...]

    def child(self, node: int, label: int) -> int | None:
        """The node that a byte leads to."""
        low, high = int(self.firsts[node]), int(self.firsts[node + 1])
        at = low + int(np.searchsorted(self.labels[low:high], label))
        return at if at < high and self.labels[at] == label else None


def build_trie(strings: Sequence[bytes]) -> Trie:
    """The trie of distinct strings in ascending order."""
    lengths = np.array([len(s) for s in strings], np.int64)
    offsets = np.cumsum(lengths) - lengths
    flat = np.frombuffer(b"".join(strings), np.uint8)
    ends = np.zeros(len(strings), np.int64)
    labels, parents, levels = [np.zeros(1, np.uint8)], [np.zeros(0, np.int64)], [0, 1]
    active = np.arange(len(strings))
    for depth in range(int(lengths.max(initial=0))):
        active = active[lengths[active] > depth]
        label, parent = flat[offsets[active] + depth], ends[active]
        fresh = np.ones(len(active), np.bool_)
        fresh[1:] = (label[1:] != label[:-1]) | (parent[1:] != parent[:-1])
        ends[active] = levels[-1] + np.cumsum(fresh) - 1
        labels.append(label[fresh])
        parents.append(parent[fresh])
        levels.append(levels[-1] + int(fresh.sum()))
    counts = np.bincount(np.concatenate(parents), minlength=levels[-1])
    firsts = np.concatenate([[1], 1 + np.cumsum(counts)])
    return Trie(np.concatenate(labels), firsts, ends, tuple(levels))


def spread(firsts: Numbers, counts: Numbers) -> tuple[Numbers, Numbers]:
    """All numbers of the ranges that begin at firsts, and for each the index of its range."""
    owners = np.repeat(np.arange(len(counts)), counts)
    offsets = np.cumsum(counts) - counts
    return np.arange(len(owners)) + (firsts - offsets)[owners], owners


def words(texts: Sequence[bytes], budget: Budget) -> ByteDfa:
    """Accepts exactly these texts, of which there is at least one. Equal ends are shared."""
    trie = build_trie(sorted(set(texts)))
    states = _share_ends(trie, budget)
    used = np.unique(trie.labels[1:])
    classes: Classes = join_classes([])
    classes[used] = np.arange(1, len(used) + 1) if len(used) < 256 else np.arange(256)
    shown = np.zeros(int(states.max()) + 1, np.int64)  # one node for each state
    shown[states[::-1]] = np.arange(len(states))[::-1]
    budget.check_table(len(shown), int(classes.max()) + 1)
    table = np.zeros((len(shown), int(classes.max()) + 1), np.int32)
    nodes = np.arange(1, len(states))
    parents = np.repeat(np.arange(len(states)), np.diff(trie.firsts))
    first = shown[states[parents]] == parents  # equal nodes have equal rows: one of them writes it
    table[states[parents[first]], classes[trie.labels[nodes[first]]]] = states[nodes[first]]
    accepting = np.zeros(len(shown), np.bool_)
    accepting[states[trie.ends]] = True
    accepting[0] = False
    return ByteDfa(classes, Dfa(table, accepting, int(states[0])))


def _share_ends(trie: Trie, budget: Budget) -> Numbers:
    """A state for each node. Nodes that end alike through single children share theirs; the last nodes all do."""
    counts = np.diff(trie.firsts)
    final = np.zeros(len(counts), np.bool_)
    final[trie.ends] = True
    states = np.ones(len(counts), np.int64)  # state 1: nothing follows
    known: dict[int, int] = {}
    count = 2
    for low, high in zip(trie.levels[-2::-1], trie.levels[:0:-1], strict=True):
        nodes = np.arange(low, high)
        many = nodes[counts[low:high] > 1]
        states[many] = np.arange(count, count + len(many))
        count += len(many)
        single = nodes[counts[low:high] == 1]
        child = trie.firsts[single]
        keys = (states[child] * 256 + trie.labels[child]) * 2 + final[single]
        distinct, which = np.unique(keys, return_inverse=True)
        numbers = np.empty(len(distinct), np.int64)
        for i, key in enumerate(distinct.tolist()):
            numbers[i] = found = known.setdefault(key, count)
            count += found == count
        states[single] = numbers[which]
        budget.spend(len(distinct) + len(many))
    return states
