"""Linking: `find_links` as loops over arrays."""

from typing import NamedTuple

import numpy as np

from ...automata.automaton import Table
from .. import align
from ..align import Aligned, Ints, Links
from ..ways import REFUSED, Ways
from .native import native


class Rows(NamedTuple):
    """A machine's table with what its entries stand for, see Aligned and Numbering."""

    table: Table
    meanings: Ints
    middles: Ints


class Goals(NamedTuple):
    """Where ways lead, see Ways and Targets; the first of each pair is for away from the limit, the second for at it.
    call, goes_on: int64 [2, ways], the rule that is called, and after how many verdicts a way goes on. states: those of
    way w begin at firsts[k, w], int64 [2, ways + 1]."""

    call: Ints
    goes_on: Ints
    states: Ints
    firsts: Ints


class Starts(NamedTuple):
    """For each way the start of the rule that it calls, away from the limit and at it, or 0; and, of ways that call
    none, the state that they lead to."""

    away: Ints
    at: Ints
    after: Ints
    after_at: Ints


Pair = tuple[Ints, Ints]  # away from the limit, and at it
# Which rule ways call, after how many verdicts they go on, and the state after the first of these.
Does = tuple[tuple[Pair, Pair], Pair]


class Linked(NamedTuple):
    """See Links."""

    which: Ints
    ways: Ints
    columns: Ints
    onward: Ints
    at_limit: Ints


def find_links(aligned: Aligned) -> Links:
    """As align.find_links."""
    ways = aligned.ways
    if ways.others or ways.instead:
        return align.find_links(aligned)
    after, at_limit = ways.after, ways.at_limit
    does = (ways.call, ways.call_at_limit), (after.open, at_limit.open)
    rows, firsts = rows_of(aligned), (after.first, at_limit.first)
    return Links(*link_all(rows, (does, firsts), aligned.starts, aligned.spans, aligned.owner), {})


def rows_of(aligned: Aligned) -> Rows:
    """The parts of a machine that loops read."""
    return Rows(aligned.table, aligned.numbering.meanings, aligned.numbering.middles)


def goals_of(ways: Ways) -> Goals:
    """Where ways lead."""
    after, at_limit = ways.after, ways.at_limit
    return join_goals(
        (ways.call, ways.call_at_limit), (after.open, at_limit.open),
        (after.states, at_limit.states), (after.firsts, at_limit.firsts),
    )  # fmt: skip


@native
def join_goals(
    call: tuple[Ints, Ints],
    goes_on: tuple[Ints, Ints],
    states: tuple[Ints, Ints],
    firsts: tuple[Ints, Ints],
) -> Goals:
    """Both kinds as one."""
    ways, middle = len(call[0]), len(states[0])
    joint = np.zeros((3, 2, ways + 1), np.int64)
    for way in range(ways):
        joint[0, 0, way], joint[0, 1, way] = call[0][way], call[1][way]
        joint[1, 0, way], joint[1, 1, way] = goes_on[0][way], goes_on[1][way]
    for way in range(ways + 1):
        joint[2, 0, way], joint[2, 1, way] = firsts[0][way], firsts[1][way] + middle
    both = np.empty(middle + len(states[1]), np.int64)
    both[:middle] = states[0]
    both[middle:] = states[1]
    return Goals(joint[0], joint[1], both, joint[2])


@native
def link_all(rows: Rows, ways: Does, starts: Ints, spans: Ints, owner: Ints) -> Linked:
    """All links of these ways."""
    ((call, call_at), (goes_on, goes_on_at)), (after, after_at) = ways
    begin = find_starts(call, goes_on, starts), find_starts(call_at, goes_on_at, starts)
    plain = find_plain(call, call_at, after, after_at)
    return link(rows, Starts(begin[0], begin[1], plain[0], plain[1]), spans, owner)


@native
def find_starts(call: Ints, goes_on: Ints, starts: Ints) -> Ints:
    """Where the called rule begins, of ways that go on behind it."""
    found = np.zeros(len(call), np.int64)
    for way in range(len(call)):
        if call[way] >= 0 and goes_on[way] > 0:
            found[way] = starts[call[way]]
    return found


@native
def find_plain(call: Ints, call_at_limit: Ints, after: Ints, at_limit: Ints) -> tuple[Ints, Ints]:
    """Where ways lead that call nothing."""
    found, found_at = np.zeros(len(call), np.int64), np.zeros(len(call), np.int64)
    for way in range(len(call)):
        if call[way] < 0 and call_at_limit[way] < 0:
            found[way], found_at[way] = after[way], at_limit[way]
    return found, found_at


@native
def link(rows: Rows, starts: Starts, spans: Ints, owner: Ints) -> Linked:
    """All links. Few ways on few classes make up most entries: these pairs are told apart."""
    which = find_taken(rows, spans, owner)
    ways, columns = tell_apart(rows, starts, which)
    onward, at_limit = np.empty(len(ways), np.int64), np.empty(len(ways), np.int64)
    for number in range(len(ways)):
        column = columns[number]
        onward[number], at_limit[number] = starts.after[ways[number]], starts.after_at[ways[number]]
        for kind in range(2):
            first = starts.at[ways[number]] if kind else starts.away[ways[number]]
            entry = rows.meanings[rows.middles[first] + rows.table[first, column]]
            if entry < 0 and entry != REFUSED:
                entry = -which[-1 - entry, column]
            if first and kind:
                at_limit[number] = entry if entry != REFUSED else 0
            elif first:
                onward[number] = entry if entry != REFUSED else 0
    return Linked(which, ways, columns, onward, at_limit)


@native
def find_taken(rows: Rows, spans: Ints, owner: Ints) -> Ints:
    """1 for each way on each class where some state goes it."""
    (count, width), ways = rows.table.shape, spans[-1]
    which = np.zeros((ways, width), np.int64)
    for state in range(1, count):
        if spans[owner[state]] == spans[owner[state] + 1]:
            continue
        middle = rows.middles[state]
        for column in range(width):
            if rows.table[state, column] < 0:
                way = -1 - rows.meanings[middle + rows.table[state, column]]
                if way < ways:
                    which[way, column] = 1
    return which


@native
def tell_apart(rows: Rows, starts: Starts, which: Ints) -> tuple[Ints, Ints]:
    """The way of each link and the first class that it stands for; `which` becomes 1 + the link."""
    width, count = rows.table.shape[1], 0
    ways, columns = np.empty(which.size, np.int64), np.empty(which.size, np.int64)
    kinds, ordered = np.empty(width, np.int64), np.empty(width, np.int64)
    ranks = np.empty(len(rows.table) + width + 1, np.int64)
    for way in range(len(which)):
        some = 0
        for column in range(width):
            if which[way, column]:
                kinds[column] = tell(rows, starts, way, column)
                some = insert(ordered, some, kinds[column])
        for place in range(some):
            ranks[ordered[place]] = count + place
            ways[count + place], columns[count + place] = way, width
        for column in range(width):
            if which[way, column]:
                link = ranks[kinds[column]]
                columns[link] = min(columns[link], column if kinds[column] else 0)
                which[way, column] = 1 + link
        count += some
    return ways[:count], columns[:count]


@native
def tell(rows: Rows, starts: Starts, way: int, column: int) -> int:
    """A number that is equal where a way does the same on two classes of bytes."""
    away, at = starts.away[way], starts.at[way]
    if away + at == 0:
        return 0
    child = rows.meanings[rows.middles[away] + rows.table[away, column]]
    other = rows.meanings[rows.middles[at] + rows.table[at, column]]
    if child > 0 and (at == 0 or other == child):
        return rows.table.shape[1] + child + 1
    return column + 1


@native
def insert(values: Ints, count: int, value: int) -> int:
    """Adds a value to so many ascending ones unless it is there; how many there are then."""
    place = count
    while place > 0 and values[place - 1] >= value:
        place -= 1
    if place < count and values[place] == value:
        return count
    for later in range(count, place, -1):
        values[later] = values[later - 1]
    values[place] = value
    return count + 1
