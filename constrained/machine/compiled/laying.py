"""Laying: the passes of machine/laying as loops over arrays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...automata.automaton import Flags, Table
from ...automata.bytedfa import Classes
from ...grammar.place import ACTION, AHEAD, CALLER
from ..align import Aligned, Ints, Links, list_owners
from ..laying import Edges, Laid, Returns, find_ended, lay_limits
from .linking import Goals, Rows, goals_of, rows_of
from .native import native


class States(NamedTuple):
    """ends: int32 [states]; owner: int64 [states]; matters: int64 [rules], see Returns; called: bool [rules]."""

    ends: Table
    owner: Ints
    matters: Ints
    called: Flags


def lay_returns(aligned: Aligned) -> Returns:
    """As laying.lay_returns."""
    ways, owners = aligned.ways, list_owners(aligned)
    matters, pool = lay_limits(ways.registers, owners, len(aligned.starts))
    width = 1 + int(aligned.ends.max(initial=0))
    pushes, rows = push_frames(goals_of(ways), matters[owners], len(pool), width)
    table = np.concatenate([np.array(pool, np.int32), rows.reshape(-1)])
    return Returns(matters, pushes, table, len(pool))


@native
def push_frames(goals: Goals, matters: Ints, first: int, width: int) -> tuple[Ints, Table]:
    """What ways push, away from the limit and at it; and the rows that they push, each kind once."""
    ways = len(matters)
    pushes, count, some = np.zeros((ways, 2), np.int64), 0, 1
    for way in range(ways):
        for kind in range(2):
            pushes[way, kind] = goals.call[kind, way] >= 0 and goals.goes_on[kind, way] > 0
            some += pushes[way, kind]
    rows = np.zeros((some, width), np.int32)
    slots = 2
    while slots < 2 * len(rows):
        slots *= 2
    heads = np.zeros(slots, np.int64) - 1
    for way in range(ways):
        for kind in range(2):
            if pushes[way, kind]:
                rows[count, 0] = matters[way]
                begin, end = goals.firsts[kind, way], goals.firsts[kind, way + 1]
                for place in range(begin, begin + width - 1):
                    rows[count, 1 + place - begin] = goals.states[place] if place < end else 0
                number = find_row(heads, rows, count)
                count = max(count, number + 1)
                pushes[way, kind] = first + 1 + number * width
    return pushes, rows[:count]


@native
def find_row(heads: Ints, rows: Table, last: int) -> int:
    """The number of a row equal to the last one, which may be that itself; kept by what is in it."""
    key = np.uint64(0)
    for column in range(rows.shape[1]):
        key = (key ^ np.uint64(rows[last, column])) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    slot = np.int64(key & np.uint64(len(heads) - 1))
    while heads[slot] >= 0:
        column = 0
        while column < rows.shape[1] and rows[heads[slot], column] == rows[last, column]:
            column += 1
        if column == rows.shape[1]:
            return heads[slot]
        slot = (slot + 1) & (len(heads) - 1)
    heads[slot] = last
    return last


def lay_actions(aligned: Aligned, links: Links, pushes: Ints, called: Flags) -> Laid:
    """As laying.lay_actions."""
    ended = np.flatnonzero(find_ended(aligned, called))
    children = np.stack([links.onward, links.at_limit])
    registers = np.ascontiguousarray(aligned.ways.registers.T)
    actions, of_link = act(links.ways, children, (registers, pushes), ended)
    of_state = np.arange(len(aligned.ends), dtype=np.int32)
    of_state[ended] = np.arange(-2 - len(links.ways), -2 - len(actions), -1)
    return Laid(actions, of_state, of_link)


@native
def act(ways: Ints, children: Ints, does: tuple[Ints, Ints], ended: Ints) -> tuple[Ints, Table]:
    """The actions of links, then of states that have ended; and the entry of each link, 0 if it leads nowhere."""
    registers, pushes = does
    actions = np.zeros((len(ways) + len(ended), ACTION), np.int64)
    alive, chained = np.zeros(len(ways), np.bool_), False
    for link in range(len(ways)):
        way, row = ways[link], actions[link]
        for register in range(4):
            row[register] = registers[register, way]
        for kind in range(2):
            child = children[kind, link]
            row[4 + kind] = child
            row[6 + kind] = pushes[way, kind]
            alive[link] |= child != 0
            chained |= child < 0
    while chained:
        chained = False
        for link in range(len(ways)):
            for kind in range(4, 6):
                child = actions[link, kind]
                if child < 0 and not alive[-1 - child]:
                    actions[link, kind], chained = 0, True
            alive[link] = actions[link, 4] != 0 or actions[link, 5] != 0
    of_link = np.zeros(len(ways), np.int32)
    for link in range(len(ways)):
        for kind in range(4, 6):
            actions[link, kind] -= actions[link, kind] < 0
        of_link[link] = -2 - link if alive[link] else 0
    for at in range(len(ended)):
        actions[len(ways) + at, 4] = ended[at]
    return actions, of_link


def lay_edges(aligned: Aligned, links: Links, laid: Laid, rules: tuple[Ints, Flags]) -> Edges:
    """As laying.lay_edges."""
    states = States(aligned.ends, aligned.owner, *rules)
    entries = laid.of_state, links.which, laid.of_link
    return Edges(*write(rows_of(aligned), states, entries, aligned.classes))


@native
def write(
    rows: Rows, states: States, entries: tuple[Table, Ints, Table], classes: Classes
) -> tuple[Table, Flags, NDArray[np.int16]]:
    """Edges, forced states, and the only byte of each class. entries: those of states, `which` of Links, of links."""
    of_state, which, of_link = entries
    single = find_single(classes, rows.table.shape[1])
    meant = mean(rows.meanings, of_state)
    edges, forced = spread(rows, states, (meant, which, of_link), single)
    return edges, forced, single


@native
def find_single(classes: Classes, count: int) -> NDArray[np.int16]:
    """As laying.single_bytes."""
    single = np.empty(count, np.int16)
    single[:] = -1
    for byte in range(256):
        single[classes[byte]] = byte if single[classes[byte]] == -1 else -2
    for kind in range(count):
        single[kind] = max(single[kind], -1)
    return single


@native
def mean(meanings: Ints, of_state: Table) -> Table:
    """What local entries stand for in edges; 0 for ways."""
    meant = np.zeros(len(meanings), np.int32)
    for at in range(len(meanings)):
        if meanings[at] > 0:
            meant[at] = of_state[meanings[at]]
    return meant


@native
def shift(meant: Table, middle: int, rule: tuple[Ints, int]) -> tuple[np.int32, np.int32, np.int32]:
    """What is added to a state's number within its rule, which begins with this one; and one that is another entry,
    with that entry. Less than 0 where that is not all."""
    owner, first = rule
    special, code, local, up = np.int32(0), np.int32(0), 1, np.int32(first - 1)
    while first - 1 + local < len(owner) and owner[first - 1 + local] == owner[first]:
        entry = meant[middle + local]
        if entry != local + up:
            if special:
                return np.int32(-1), special, code
            special, code = np.int32(local), entry
        local += 1
    return up, special, code


@native
def spread(
    rows: Rows, states: States, entries: tuple[Table, Ints, Table], single: NDArray[np.int16]
) -> tuple[Table, Flags]:
    """Edges and forced states, a row after the other."""
    meant, which, of_link = entries
    count, width = rows.table.shape
    edges, forced = np.empty((count, AHEAD + width), np.int32), np.zeros(count, np.bool_)
    edges[0] = 0
    up, special, code, known = np.int32(-1), np.int32(0), np.int32(0), -1
    relative = rows.middles[0] != rows.middles[count - 1]  # states are numbered within their rules
    for state in range(1, count):
        middle, rule, end = rows.middles[state], states.owner[state], states.ends[state]
        row, locals_ = edges[state], rows.table[state]
        every, follow = np.int32(0), np.int32(0)
        if rule != known and relative:
            up, special, code = shift(meant, middle, (states.owner, state))
            known = rule
        if up >= 0:
            for column in range(width):
                local = locals_[column]
                entry = code if local == special else local + up if local > 0 else np.int32(0)
                row[AHEAD + column] = entry
                every |= local
                follow += np.int32(entry != 0)
        else:
            for column in range(width):
                entry = meant[middle + locals_[column]]
                row[AHEAD + column] = entry
                every |= locals_[column]
                follow += np.int32(entry != 0)
        if every < 0:
            for column in range(width):
                way = -1 - rows.meanings[middle + locals_[column]]
                if locals_[column] < 0 and way < len(which):
                    row[AHEAD + column] = of_link[which[way, column] - 1]
                    follow += row[AHEAD + column] != 0
        row[0], row[1] = end, states.matters[rule]
        if end and states.called[rule]:
            row[0] = end if every else -end
            for column in range(width):
                if locals_[column] == 0:
                    row[AHEAD + column] = CALLER
        elif follow == 1 and end == 0:
            for column in range(width):
                forced[state] |= row[AHEAD + column] != 0 and single[column] >= 0
    return edges, forced
