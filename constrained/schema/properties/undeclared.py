"""Undeclared: which kinds of names there are besides the declared ones.

    places = find_undeclared(automaton, declared, limits)       # (stretch of lengths, label) of some undeclared name
    begins = list_begins(automaton)                             # what the first character may lead to, for has_every
    has_every(automaton, begins, declared)                      # whether some undeclared name has each label

Of a pattern that fits declared names only there are no other names: who waits for one waits for ever. Slow: some ten
microseconds where each label is seen from the first character on; else as much for each character of declared names.
"""

from bisect import bisect_right

import numpy as np

from ...automata.automaton import Flags
from ...automata.reaching import find_reached
from ...regex.charset import LAST
from ..leaves.labels import Labelled

# Characters behind the longest declared name, within which sets of up to 16 states repeat: they go through no more
# than so many before they do, and no period is longer than 140 (Landau's function of 16).
STEADY = 16 + 140


def list_begins(found: Labelled) -> tuple[frozenset[int], ...]:
    """For each class of characters the labels of texts that begin with one."""
    begins: dict[int, frozenset[int]] = {}
    for state in dict.fromkeys(found.table[found.start].tolist()):
        reached = find_reached(found.table, [state] if state else [])
        begins[state] = frozenset(found.labels[reached].tolist())
    return tuple([begins[state] for state in found.table[found.start].tolist()])


def has_every(
    found: Labelled, begins: tuple[frozenset[int], ...], declared: frozenset[str]
) -> bool:
    """Whether undeclared names of each label are there, as far as that can be seen from their first characters: those
    with which no declared name begins."""
    alphabet = found.alphabet
    taken = {alphabet.ids[bisect_right(alphabet.starts, ord(n[0])) - 1] for n in declared if n}
    seen = frozenset[int]().union(*(b for kind, b in enumerate(begins) if kind not in taken))
    return seen.issuperset(found.labels[1:].tolist())


def find_undeclared(
    found: Labelled, declared: frozenset[str], limits: tuple[int, ...]
) -> set[tuple[int, int]]:
    """The stretches and labels of undeclared names, as far as stretches begin within the length of declared ones.
    limits: where stretches begin; with some, the automaton has no more than 16 states."""
    longest = max(map(len, declared), default=0)
    sizes = _count_members(found)
    places: set[tuple[int, int]] = set()
    away = np.zeros(
        len(found.labels), np.bool_
    )  # where undeclared names lead that are none of their prefixes
    nodes = {"": found.start}
    for length in range(longest + 1 + (STEADY if limits else 0)):
        at = away.copy()
        at[[state for prefix, state in nodes.items() if prefix not in declared]] = True
        stretch = bisect_right(limits, length)
        places.update((stretch, label) for label in np.unique(found.labels[at]).tolist())
        away, nodes = _step(found, sizes, (away, nodes), declared)
    if bisect_right(limits, longest + 1) == len(limits):
        places |= _list_beyond(found, away, len(limits))
    return places


def _list_beyond(found: Labelled, away: Flags, stretch: int) -> set[tuple[int, int]]:
    """The labels of all that is led to from these states."""
    reached = find_reached(found.table, np.flatnonzero(away).tolist())
    return {(stretch, label) for label in np.unique(found.labels[reached]).tolist()}


def _step(
    found: Labelled,
    sizes: list[int],
    before: tuple[Flags, dict[str, int]],
    declared: frozenset[str],
) -> tuple[Flags, dict[str, int]]:
    """Both one character further."""
    away, nodes = before
    following = np.zeros(len(away), np.bool_)
    following[found.table[away].ravel()] = True
    length = len(next(iter(nodes), ""))
    below: dict[str, int] = {}
    left = {prefix: sizes.copy() for prefix in nodes}
    for prefix in dict.fromkeys(n[: length + 1] for n in declared if len(n) > length and nodes):
        kind = found.alphabet.ids[bisect_right(found.alphabet.starts, ord(prefix[-1])) - 1]
        left[prefix[:-1]][kind] -= 1
        below[prefix] = int(found.table[nodes[prefix[:-1]], kind])
    for prefix, counts in left.items():
        row = found.table[nodes[prefix]]
        following[row[np.array(counts) > 0]] = True
    following[0] = False
    return following, below


def _count_members(found: Labelled) -> list[int]:
    """How many characters each class has."""
    starts = found.alphabet.starts
    sizes = [0] * found.alphabet.size
    for kind, low, high in zip(found.alphabet.ids, starts, (*starts[1:], LAST + 1), strict=True):
        sizes[kind] += high - low
    return sizes
