"""Proving: `every_state_ends` as loops over arrays.

A node is a state, or `count` states on, a link. For each node one end of its rule is looked for: first by going
wherever its last byte leads, then by whatever other byte leads to a node that has one.
"""

from typing import NamedTuple

import numpy as np

from ...automata.automaton import Table
from ..align import Aligned, Ints, Links
from ..ways import REFUSED
from .linking import Goals, Rows, goals_of, rows_of
from .native import native


class Acting(NamedTuple):
    """See Links. children: int64 [2, links], what becomes of the byte away from the limit, and at it."""

    which: Ints
    ways: Ints
    children: Ints


def every_state_ends(aligned: Aligned, links: Links) -> bool:
    """As witness.every_state_ends; each may know of machines that the other does not."""
    ways = aligned.ways
    if ways.others or ways.instead or not aligned.starts[0]:
        return False
    acting = Acting(links.which, links.ways, np.stack([links.onward, links.at_limit]))
    return answers_and_ends(
        rows_of(aligned), acting, goals_of(ways), (aligned.ends, aligned.owner), len(aligned.starts)
    )


@native
def answers_and_ends(
    rows: Rows, acting: Acting, goals: Goals, states: tuple[Table, Ints], rules: int
) -> bool:
    """Whether every call is answered, and each state has an end. states: the ends and the rule of each."""
    ends, owner = states
    return answers_all(goals, find_most(ends, owner, rules)) and prove(rows, acting, goals, ends)


@native
def find_most(ends: Table, owner: Ints, rules: int) -> Ints:
    """How many verdicts each rule has, at most."""
    most = np.zeros(rules, np.int64)
    for state in range(len(ends)):
        most[owner[state]] = max(most[owner[state]], ends[state])
    return most


@native
def answers_all(goals: Goals, most: Ints) -> bool:
    """Whether every call that is made goes on after each of the verdicts that its rule may end with."""
    for kind in range(2):
        for way in range(goals.firsts.shape[1] - 1):
            following, answers = goals.goes_on[kind, way], goals.firsts[kind, way + 1]
            answers -= goals.firsts[kind, way]
            if goals.call[kind, way] < 0 or following == 0:
                continue
            if following < answers or answers < most[goals.call[kind, way]]:
                return False
    return True


@native
def prove(rows: Rows, acting: Acting, goals: Goals, ends: Table) -> bool:
    """Whether each state that is not only left over has an end. Nodes are in order: states, then links."""
    count = len(ends)
    found = np.zeros(count + len(acting.ways), np.int64)
    goes = np.zeros(len(found), np.int64)
    found[:count] = ends
    nodes = guess(rows, acting.which, found, goes)
    marks, turn, before = np.zeros(len(found), np.int64), 0, len(nodes) + 1
    while 0 < len(nodes) < before:
        before = fewer = len(nodes) + 1
        while 0 < len(nodes) < fewer:
            turn, fewer = turn + 1, len(nodes)
            pass_on(acting, goals, (found, goes), nodes)
            chase(found, goes, (marks, turn), nodes)
            nodes = keep_open(found, nodes)
        before -= 1
        look(rows, acting.which, found, nodes)
        nodes = keep_open(found, nodes)
    return len(nodes) == 0 or nodes[0] >= count


@native
def guess(rows: Rows, which: Ints, found: Ints, goes: Ints) -> Ints:
    """Leads each state where its last byte does that leads elsewhere; lists the nodes that have no end yet."""
    (count, width), open_nodes, left = rows.table.shape, np.empty(len(found), np.int64), 0
    for state in range(1, count):
        if found[state]:
            continue
        left_over = True
        for column in range(width - 1, -1, -1):
            if rows.table[state, column] == 0:
                continue
            left_over = False
            entry = rows.meanings[rows.middles[state] + rows.table[state, column]]
            if entry < 0 and entry != REFUSED:
                entry = count - 1 + which[-1 - entry, column]
            if entry > 0 and entry != state:
                goes[state] = entry
                break
        open_nodes[left] = state
        left += not left_over
    for node in range(count, len(found)):
        open_nodes[left] = node
        left += 1
    return open_nodes[:left]


@native
def pass_on(acting: Acting, goals: Goals, known: tuple[Ints, Ints], nodes: Ints) -> None:
    """Leads links on, behind their calls once the called rules have an end."""
    found, goes = known
    count = len(found) - len(acting.ways)
    for at in range(len(nodes) - 1, -1, -1):
        link = nodes[at] - count
        if link < 0:
            break
        way = acting.ways[link]
        for kind in range(2):
            child = acting.children[kind, link]
            child = child if child >= 0 else count - 1 - child
            if child and goals.call[kind, way] >= 0:
                verdict = found[child]
                child = goals.states[goals.firsts[kind, way] + verdict - 1] if verdict else 0
            if child and (goes[count + link] == 0 or found[child]):
                goes[count + link] = child


@native
def chase(found: Ints, goes: Ints, marked: tuple[Ints, int], nodes: Ints) -> None:
    """Follows nodes to an end, and gives it to all on the way; or to one marked in this turn, which has none."""
    marks, turn = marked
    for start in nodes:
        node = start
        while node and found[node] == 0 and marks[node] != turn:
            marks[node] = turn
            node = goes[node]
        end, node = found[node], start
        while end and found[node] == 0:
            found[node] = end
            node = goes[node]


@native
def keep_open(found: Ints, nodes: Ints) -> Ints:
    """The nodes that have no end yet."""
    left = 0
    for node in nodes:
        nodes[left] = node
        left += found[node] == 0
    return nodes[:left]


@native
def look(rows: Rows, which: Ints, found: Ints, nodes: Ints) -> None:
    """Gives states the end of whatever they lead to."""
    count, width = rows.table.shape
    for state in nodes:
        if state >= count:
            continue
        last = 0
        for column in range(width):
            local = rows.table[state, column]
            if local == last and local >= 0:
                continue
            last = local
            entry = rows.meanings[rows.middles[state] + local]
            if entry < 0 and entry != REFUSED:
                entry = count - 1 + which[-1 - entry, column]
            if entry > 0 and found[entry]:
                found[state] = found[entry]
                break
