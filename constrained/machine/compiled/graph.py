"""Graph: what leads where in the rules that needs are asked of, states and links alike.

A node is a state, or `count` states on, a link.
"""

from typing import NamedTuple

import numpy as np

from ...automata.automaton import Flags, Table
from ..align import Ints
from ..ways import REFUSED
from .linking import Rows
from .native import native

NOT_ASKED, LEAF, CALLING = range(3)


class Calls(NamedTuple):
    """What links do. ways: see Links. children: int64 [2, links], what becomes of the byte, away from the limit and at
    it. pushes: bool [links, 2], which leave a frame behind. after, firsts: where they go on, see Goals."""

    ways: Ints
    children: Ints
    pushes: Flags
    after: Ints
    firsts: Ints


class Asked(NamedTuple):
    """ends, owner: see Aligned. kinds: int64 [rules], NOT_ASKED, LEAF where it calls nothing, else CALLING. homes:
    int64 [links], the rule of each."""

    ends: Table
    owner: Ints
    kinds: Ints
    homes: Ints


class Graph(NamedTuple):
    """firsts, targets: the nodes that each state leads to. stands: for each state the one behind it where ways part
    first; only these are followed. begins, users: who is led to each node."""

    firsts: Ints
    targets: Ints
    stands: Ints
    begins: Ints
    users: Ints


class Bits(NamedTuple):
    """What links do to bits: those of which one must not be set, those that must, and those that are set. guarded: bool
    [states], where every way asks for one that is not set. homes: the rule of each link."""

    unseen: Ints
    seen: Ints
    marks: Ints
    guarded: Flags
    homes: Ints


@native
def connect(rows: Rows, which: Ints, asked: Asked, calls: Calls) -> Graph:
    """What leads where."""
    count = len(rows.table)
    buffer, firsts = np.empty(rows.table.shape[1], np.int64), np.zeros(count + 1, np.int64)
    for state in range(count):
        some = 0
        if state and asked.kinds[asked.owner[state]] == CALLING:
            some = list_row(rows, which, state, buffer)
        firsts[state + 1] = firsts[state] + some
    targets, stands = np.empty(firsts[-1], np.int64), np.arange(count)
    for state in range(count):
        begin, end = firsts[state], firsts[state + 1]
        if begin < end:
            list_row(rows, which, state, targets[begin:end])
        if end == begin + 1 and targets[begin] < count and asked.ends[state] == 0:
            stands[state] = targets[begin]
    run_down(stands)
    begins, users = list_users((firsts, targets), stands, asked, calls)
    return Graph(firsts, targets, stands, begins, users)


@native
def list_row(rows: Rows, which: Ints, state: int, found: Ints) -> int:
    """The nodes that bytes lead to from a state, most repetitions left out; how many there are."""
    last, some, count = 0, 0, len(rows.table)
    for column in range(rows.table.shape[1]):
        local = rows.table[state, column]
        if local == last and local >= 0:
            continue
        last = local
        node = rows.meanings[rows.middles[state] + local]
        if node < 0 and node != REFUSED:
            node = count - 1 + which[-1 - node, column]
        if node > 0 and (some == 0 or found[some - 1] != node):
            found[some] = node
            some += 1
    return some


@native
def run_down(stands: Ints) -> None:
    """Leads each state to where it comes to at last; somewhere on a circle if it comes to one."""
    for state in range(len(stands)):
        last, steps = state, 0
        while stands[last] != last and steps < len(stands):
            last, steps = stands[last], steps + 1
        node = state
        while stands[node] != last and stands[node] != node and steps:
            stands[node], node, steps = last, stands[node], steps - 1


@native
def list_users(
    edges: tuple[Ints, Ints], stands: Ints, asked: Asked, calls: Calls
) -> tuple[Ints, Ints]:
    """By node, who is led to it: states that stand for themselves, and links."""
    (firsts, targets), count = edges, len(stands)
    most = len(targets) + 2 * len(calls.ways)
    for link in range(len(calls.ways)):
        for kind in range(2):
            way = calls.ways[link]
            most += calls.firsts[kind, way + 1] - calls.firsts[kind, way]
    pairs, total = np.empty((most, 2), np.int64), 0
    for state in range(count):
        if stands[state] == state:
            for at in range(firsts[state], firsts[state + 1]):
                pairs[total, 0], pairs[total, 1] = targets[at], state
                total += 1
    for link in range(len(calls.ways)):
        if asked.kinds[asked.homes[link]] != CALLING:
            continue
        for kind in range(2):
            child, way = calls.children[kind, link], calls.ways[link]
            first, last = calls.firsts[kind, way], calls.firsts[kind, way + 1]
            if child and not calls.pushes[link, kind]:
                pairs[total, 0] = child if child > 0 else count - 1 - child
                pairs[total, 1] = count + link
                total += 1
            elif child:
                for place in range(first, last):
                    pairs[total, 0], pairs[total, 1] = calls.after[place], count + link
                    total += 1
    return sort_users(pairs[:total], stands, count + len(calls.ways))


@native
def sort_users(pairs: Ints, stands: Ints, nodes: int) -> tuple[Ints, Ints]:
    """The users of each node, one behind the other, and where they begin."""
    begins = np.zeros(nodes + 2, np.int64)
    for at in range(len(pairs)):
        if pairs[at, 0] < len(stands):
            pairs[at, 0] = stands[pairs[at, 0]]
        begins[pairs[at, 0] + 2] += 1
    for node in range(nodes):
        begins[node + 2] += begins[node + 1]
    users = np.empty(len(pairs), np.int64)
    for at in range(len(pairs)):
        node = pairs[at, 0]
        users[begins[node + 1]] = pairs[at, 1]
        begins[node + 1] += 1
    return begins[: nodes + 1], users


@native
def list_bits(graph: Graph, asked: Asked, registers: Ints, ways: Ints) -> Bits:
    """The bits of links of rules that are asked about."""
    masks, count = np.zeros((3, len(ways)), np.int64), len(graph.stands)
    for link in range(len(ways)):
        if asked.kinds[asked.homes[link]] == CALLING:
            for kind in range(3):
                masks[kind, link] = registers[kind, ways[link]]
    guarded = np.ones(count, np.bool_)
    for state in range(count):
        for node in graph.targets[graph.firsts[state] : graph.firsts[state + 1]]:
            guarded[state] &= node >= count and masks[0, node - count] != 0
    return Bits(masks[0], masks[1], masks[2], guarded, asked.homes)


@native
def list_raising(graph: Graph, states: Ints) -> tuple[Ints, Ints]:
    """Where plain bytes lead from one state to another that needs more."""
    sources, following = (
        np.empty(len(graph.targets), np.int64),
        np.empty(len(graph.targets), np.int64),
    )
    some = 0
    for state in range(len(states)):
        for target in graph.targets[graph.firsts[state] : graph.firsts[state + 1]]:
            if target < len(states) and states[target] > states[state]:
                sources[some], following[some] = state, target
                some += 1
    return sources[:some], following[:some]
