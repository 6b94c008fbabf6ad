"""Guards: links that ask for some bit that is not set, of several, and how many frames these need; see needs."""

import numpy as np

from ..align import Ints
from .graph import Asked, Bits, Calls, Graph
from .native import native


@native
def list_guards(graph: Graph, calls: Calls, bits: Bits) -> Ints:
    """The links that ask for a bit that is not set and set none: others behind them do. In the order of states."""
    count, number = len(graph.stands), len(calls.ways)
    found, some, known = np.empty(number, np.int64), 0, np.zeros(number, np.bool_)
    for state in range(count):
        for node in graph.targets[graph.firsts[state] : graph.firsts[state + 1]]:
            link = node - count
            if link < 0 or known[link] or bits.unseen[link] == 0:
                continue
            known[link] = True
            kind = 0 if calls.children[0, link] else 1
            alone = bits.marks[link] == 0 and bits.seen[link] == 0
            if alone and calls.children[kind, link] and not calls.pushes[link, kind]:
                found[some] = link
                some += 1
    return found[:some]


@native
def weigh_bits(
    graph: Graph, asked: Asked, calls: Calls, bits: Bits, guard: tuple[Ints, int, int]
) -> tuple[Ints, int]:
    """For each bit that a guard asks for the fewest frames with which it can be set behind it, -1 for others; and those
    without which its rule does not end. guard: the levels, its link, and what stands for none."""
    levels, link, never = guard
    count, must, least = len(graph.stands), np.int64(0), np.int64(0)
    for other in range(len(bits.seen)):
        if asked.homes[other] == asked.homes[link]:
            must |= bits.seen[other]
    fewest = np.empty(63, np.int64)
    fewest[:] = never
    for other in range(len(bits.marks)):
        lower_bits(fewest, bits.marks[other], levels[count + other])
    least = max(least, levels[count + link] if levels[count + link] >= 0 else never)
    for bit in range(63):
        if must >> bit & 1:
            least = max(least, fewest[bit])
    kind = 0 if calls.children[0, link] else 1
    child = calls.children[kind, link]
    fewest[:] = never
    if child > 0:
        find_marks(graph, calls, bits, (levels, fewest), int(graph.stands[child]))
    for bit in range(63):
        if bits.unseen[link] >> bit & 1 == 0:
            fewest[bit] = -1
    return fewest, least


@native
def lower_bits(fewest: Ints, mask: int, level: int) -> None:
    """Notes with how many frames the bits of a mask can be set, unless with none."""
    for bit in range(63 if mask and level >= 0 else 0):
        if mask >> bit & 1:
            fewest[bit] = min(fewest[bit], level)


@native
def find_marks(
    graph: Graph, calls: Calls, bits: Bits, known: tuple[Ints, Ints], state: int
) -> None:
    """Notes the bits that can be set from a state on, by the byte that first sets some. known: levels, and the fewest
    frames for each bit."""
    levels, fewest = known
    count, left = len(graph.stands), 1
    work, seen = np.empty(count, np.int64), np.zeros(count, np.bool_)
    work[0], seen[state] = state, True
    while left:
        left -= 1
        at = work[left]
        for node in graph.targets[graph.firsts[at] : graph.firsts[at + 1]]:
            after, link = node, node - count
            if link >= 0:
                mask = bits.marks[link] & bits.unseen[link]
                lower_bits(fewest, int(mask), int(levels[node]))
                kind = 0 if calls.children[0, link] else 1
                after = calls.children[kind, link]
                if mask or bits.unseen[link] == 0 or after < 0:
                    continue
            after = graph.stands[after]
            if not seen[after]:
                seen[after] = True
                work[left] = after
                left += 1
