"""Levels: with how many frames more each node can still come to an end, see exits.

What can with one frame more than before is followed back from the ends.
"""

import numpy as np

from ...automata.automaton import Flags
from ..align import Ints
from ..rule import MOST_FRAMES
from .graph import CALLING, LEAF, NOT_ASKED, Asked, Bits, Calls, Graph
from .native import native


@native
def find_levels(graph: Graph, asked: Asked, calls: Calls, bits: Bits) -> Ints:
    """The fewest frames with which each node can end; -1 for none."""
    nodes = len(graph.begins) - 1
    levels, before = np.zeros(nodes, np.int64) - 1, np.zeros(nodes, np.int64)
    ending, every = open_ends(graph, asked, nodes)
    for level in range(MOST_FRAMES + 1):
        shut, reach = np.zeros(len(asked.kinds), np.bool_), before
        while True:
            may = find_room(graph, asked, calls, before)
            reach = spread(graph, calls, bits, (before, ending, every), (may, shut))
            while forbid(graph, calls, reach, may):
                reach = spread(graph, calls, bits, (before, ending, every), (may, shut))
            if not shut_rules(asked, bits, reach, shut):
                break
        more = False
        for node in range(nodes):
            more |= reach[node] != before[node]
            if reach[node] and levels[node] < 0:
                levels[node] = level
        if not more:
            break
        before = reach
    return levels


@native
def shut_rules(asked: Asked, bits: Bits, reach: Ints, shut: Flags) -> bool:
    """Shuts rules that cannot set the bits without which they do not end; whether there were more of these."""
    must, marks = np.zeros(len(shut), np.int64), np.zeros(len(shut), np.int64)
    first = len(reach) - len(bits.seen)
    for link in range(len(bits.seen)):
        must[asked.homes[link]] |= bits.seen[link]
        if reach[first + link]:
            marks[asked.homes[link]] |= bits.marks[link]
    more = False
    for rule in range(len(shut)):
        if must[rule] & ~marks[rule] and not shut[rule]:
            shut[rule] = more = True
    return more


@native
def open_ends(graph: Graph, asked: Asked, nodes: int) -> tuple[Ints, Ints]:
    """The verdicts, as bits, with which nodes end by themselves, and with which they can end at all. A rule that calls
    nothing always ends, with whatever verdict it has."""
    reach, every = np.zeros(nodes, np.int64), np.zeros(len(asked.kinds), np.int64)
    for state in range(1, len(graph.stands)):
        if asked.ends[state] and asked.kinds[asked.owner[state]] != NOT_ASKED:
            reach[state] = np.int64(1) << np.int64(asked.ends[state] - 1)
            every[asked.owner[state]] |= reach[state]
    most, count = np.zeros(nodes, np.int64), len(graph.stands)
    for state in range(1, count):
        most[state] = every[asked.owner[state]]
        if asked.kinds[asked.owner[state]] == LEAF:
            reach[state] = most[state]
    for link in range(nodes - count):
        most[count + link] = every[asked.homes[link]]
    return reach, most


@native
def find_room(graph: Graph, asked: Asked, calls: Calls, before: Ints) -> Flags:
    """Which links call only what can end with one frame less."""
    may, count = np.zeros(len(calls.ways), np.bool_), len(asked.ends)
    for link in range(len(may)):
        may[link] = asked.kinds[asked.homes[link]] == CALLING
        for kind in range(2):
            child = calls.children[kind, link]
            if child and calls.pushes[link, kind]:
                may[link] &= before[graph.stands[child] if child > 0 else count - 1 - child] != 0
    return may


@native
def forbid(graph: Graph, calls: Calls, reach: Ints, may: Flags) -> bool:
    """Takes away links behind which some caller could not go on; whether there were any."""
    stands, fewer = graph.stands, False
    for link in range(len(may)):
        for kind in range(2):
            child, way = calls.children[kind, link], calls.ways[link]
            if child == 0 or not may[link]:
                continue
            if not calls.pushes[link, kind]:
                may[link] = reach[stands[child] if child > 0 else len(stands) - 1 - child] != 0
            else:
                for place in range(calls.firsts[kind, way], calls.firsts[kind, way + 1]):
                    state = calls.after[place]
                    may[link] &= state == 0 or reach[stands[state]] != 0
            fewer |= not may[link]
    return fewer


@native
def spread(
    graph: Graph,
    calls: Calls,
    bits: Bits,
    known: tuple[Ints, Ints, Ints],
    flags: tuple[Flags, Flags],
) -> Ints:
    """What leads to an end. known: what could with one frame less; what ends by itself; all that nodes can end with.
    flags: links that may be taken, and rules that are shut."""
    (before, ending, every), (may, shut) = known, flags
    reach, stands, count = ending.copy(), graph.stands, len(graph.stands)
    work, waits, left = np.empty(len(reach), np.int64), np.zeros(len(reach), np.bool_), 0
    for node in range(len(reach)):
        if ending[node]:
            work[left], waits[node] = node, True
            left += 1
    while left:
        left -= 1
        node = work[left]
        waits[node] = False
        for at in range(graph.begins[node], graph.begins[node + 1]):
            user, more = graph.users[at], np.int64(0)
            if reach[user] == every[user]:
                continue
            if user < count and (node < count or counts(bits, shut, user, node - count)):
                more = reach[node]
            for kind in range(0 if user >= count and may[user - count] else 2, 2):
                link = user - count
                child, way = calls.children[kind, link], calls.ways[link]
                below = stands[child] if child > 0 else count - 1 - child
                if child and not calls.pushes[link, kind]:
                    more |= reach[below]
                elif child:
                    first = calls.firsts[kind, way]
                    for place in range(first, calls.firsts[kind, way + 1]):
                        if before[below] >> (place - first) & 1:
                            more |= reach[stands[calls.after[place]]]
            if more & ~reach[user]:
                reach[user] |= more
                if not waits[user]:
                    work[left], waits[user] = user, True
                    left += 1
    return reach


@native
def counts(bits: Bits, shut: Flags, state: int, link: int) -> bool:
    """Whether a way that tests bits is sure to be there when it is needed: where there is no other."""
    if bits.seen[link]:
        return not shut[bits.homes[link]]
    return bits.unseen[link] == 0 or bits.guarded[state]


@native
def weigh(
    graph: Graph, asked: Asked, calls: Calls, known: tuple[Ints, int]
) -> tuple[Ints, Ints, bool]:
    """What states and links need, and whether that is known of all states. known: the levels; what stands for none."""
    levels, never = known
    count, stands, lost = len(graph.stands), graph.stands, 0
    states, found = np.zeros(count, np.int64), np.zeros((len(calls.ways), 2), np.int64)
    for node in range(len(levels)):
        if levels[node] < 0:
            levels[node] = never
            lost += (
                node < count
                and stands[node] == node
                and graph.firsts[node] < graph.firsts[node + 1]
            )
    for state in range(1, count):
        if asked.kinds[asked.owner[state]] == CALLING:
            states[state] = min(levels[stands[state]], never)
    for link in range(len(calls.ways)):
        for kind in range(2):
            child, way = calls.children[kind, link], calls.ways[link]
            found[link, kind] = calls.pushes[link, kind]
            if child == 0 or asked.kinds[asked.homes[link]] != CALLING:
                continue
            need = levels[stands[child] if child > 0 else count - 1 - child]
            if calls.pushes[link, kind]:
                need += 1
                for place in range(calls.firsts[kind, way], calls.firsts[kind, way + 1]):
                    state = calls.after[place]
                    need = max(need, levels[stands[state]] if state else 0)
            found[link, kind] = need
    return states, found, bool(lost == 0)
