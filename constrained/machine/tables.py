"""Tables: from the rules of a machine to the finished Grammar.

    grammar = build_grammar(machine)        # raises InvalidConstraint if it accepts nothing

See grammar.py for what comes out. Everything is numpy over all rules at once. Slow: 0.3 ms for a small machine, 10 ms
for 20,000 states.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Table
from ..automata.bytedfa import Classes
from ..grammar.grammar import AHEAD, CALLER, EXACT, LIMITS, MOST_PUSHED, Grammar, Place
from ..grammar.threads import ThreadGrammar, build_threads
from .align import ENDLESS, REFUSED, Aligned, Links, Way, align
from .live import cut_dead
from .rule import Machine

Ints = NDArray[np.int64]


def build_grammar(machine: Machine, most_bytes: int | None = None) -> Grammar | ThreadGrammar:
    """The grammar of a machine. Raises InvalidConstraint if it accepts nothing, ConstraintBudget for larger tables.

    It is one for the host alone where a byte can be read in several ways, or makes more rules call each other than a
    token may leave open.
    """
    aligned, links = cut_dead(align(machine, most_bytes))
    if not aligned.deterministic or _deepest_chain(aligned, links) > MOST_PUSHED:
        return build_threads(cut_dead(align(machine), joint=True)[0])
    called = _called_states(aligned)
    closed = aligned.closed & called & (aligned.ends > 0)
    matters, rows, returns, first = _lay_returns(aligned)
    actions, entries = _lay_actions(aligned, links, rows, np.flatnonzero(closed))
    edges = np.empty((len(called), AHEAD + links.table.shape[1]), np.int32)
    edges[:, 0] = np.where(closed, -aligned.ends, aligned.ends)
    edges[:, 1] = np.array(matters)[aligned.owner]
    _lay_entries(edges[:, AHEAD:], links.table, entries, (aligned.ends > 0) & called)
    numbers = first, int(aligned.ends.max()), aligned.starts[0]
    return finish(aligned.classes, edges, actions, returns, numbers)


def finish(
    classes: Classes, edges: Table, actions: Ints, returns: Table, numbers: tuple[int, int, int]
) -> Grammar:
    """The grammar with these tables; numbers: its first return, verdicts, and start."""
    first, verdicts, start = numbers
    key = hashlib.sha256(str((edges.shape, len(actions), numbers)).encode())
    for table in (classes, edges, actions, returns):
        key.update(table.tobytes())
    single = _single_bytes(classes, edges.shape[1] - AHEAD)
    return Grammar(
        key.hexdigest(), classes, edges, actions, returns, first, verdicts, Place(start),
        _find_forced(edges, single), single, classes.tobytes(),
    )  # fmt: skip


def _called_states(aligned: Aligned) -> Flags:
    """Which states are of rules that some other waits for."""
    called = np.zeros(len(aligned.starts), np.bool_)
    for way in aligned.ways:
        for rule in (way.call, way.call_at_limit):
            if rule is not None:
                called[rule] = True
    states = called[aligned.owner]
    states[0] = False
    return states


def _deepest_chain(aligned: Aligned, links: Links) -> int:
    """Most calls that one byte makes, each called rule calling the next."""
    calls = [way.call is not None or way.call_at_limit is not None for way in aligned.ways]
    depth = np.array(calls, np.int64)[links.ways] if calls else links.ways
    for _ in range(len(depth) + 1):
        deeper = depth
        for child in (links.onward, links.at_limit):
            follows = (child < 0) & (child != REFUSED)
            below = 1 + depth[np.where(follows, -1 - child, 0)]
            deeper = np.where(follows, np.maximum(deeper, below), deeper)
        if (deeper == depth).all():
            return int(depth.max(initial=0))
        depth = deeper
    raise AssertionError("rules call each other without end on one byte")


# -- returns -----------------------------------------------------------------------------------------------------------


def _lay_returns(aligned: Aligned) -> tuple[list[int], list[tuple[int, int]], Table, int]:
    """For each rule which values of its register matter; for each way its (push, push_at_limit); the table, and how
    much of it are limits."""
    pool = [0]
    matters = [_lay_limits(aligned.ways[s.start : s.stop], pool) for s in aligned.spans]
    first, verdicts = len(pool), int(aligned.ends.max(initial=0))
    known: dict[tuple[int, ...], int] = {}

    def lay(rule: int, call: int | None, after: tuple[int, ...]) -> int:
        if call is None or not any(after):
            return 0
        row = (matters[rule], *after[:verdicts], *(0,) * (verdicts - len(after)))
        found = known.get(row)
        if found is None:
            found = known[row] = len(pool) + 1
            pool.extend(row)
        return found

    rows = [
        (lay(rule, way.call, way.after), lay(rule, way.call_at_limit, way.at_limit))
        for rule, span in enumerate(aligned.spans)
        for way in aligned.ways[span.start : span.stop]
    ]
    return matters, rows, np.array(pool, np.int32), first


def _lay_limits(ways: tuple[Way, ...], pool: list[int]) -> int:
    if any(way.unseen or way.seen for way in ways):
        return EXACT
    limits = sorted({way.limit for way in ways} - {0, ENDLESS})
    if not limits:
        return 0
    if len(limits) > LIMITS or limits[-1] >= 2**31:
        return EXACT
    pool.extend(limits + limits[-1:] * (LIMITS - len(limits)))
    return len(pool) - LIMITS


# -- actions -----------------------------------------------------------------------------------------------------------


def _lay_actions(
    aligned: Aligned, links: Links, rows: list[tuple[int, int]], closed: NDArray[np.intp]
) -> tuple[Ints, Table]:
    """The actions, and the entry that stands for each link, then for each state, when an edge leads there."""
    count = len(links.ways)
    actions = np.zeros((count + len(closed), 8), np.int64)
    # A rule that has ended for good is left at once, which only actions do.
    actions[count:, 4] = closed
    states = np.arange(len(aligned.ends), dtype=np.int32)
    states[closed] = -2 - count - np.arange(len(closed))
    if not count:
        return actions, states
    fields = [(w.unseen, w.seen, w.mark, w.limit) for w in aligned.ways]
    actions[:count, :4] = np.array(fields, np.int64)[links.ways]
    actions[:count, 4] = _as_entries(links.onward)
    actions[:count, 5] = _as_entries(links.at_limit)
    actions[:count, 6:] = np.array(rows, np.int64)[links.ways]
    alive = _living(actions[:count])
    actions[:count, 4:6][~alive[_links_of(actions[:count, 4:6])]] = 0
    return actions, np.concatenate([np.where(alive[1:], -2 - np.arange(count), 0), states]).astype(
        np.int32
    )


def _as_entries(children: Table) -> Table:
    """Links' numbers as those of actions."""
    return np.where(children == REFUSED, 0, np.where(children < 0, children - 1, children))


def _links_of(entries: Ints) -> Ints:
    """1 + the link of each entry, 0 where it is none."""
    return np.where(entries < 0, -1 - entries, 0)


def _living(actions: Ints) -> Flags:
    """Which links lead anywhere, behind one for entries that are no links."""
    go = actions[:, 4:6]
    alive = np.concatenate([[True], (go != 0).any(1)])
    while True:
        after = (go != 0) & alive[_links_of(go)]
        fewer = np.concatenate([[True], after.any(1)])
        if (fewer == alive).all():
            return alive
        alive = fewer


def _lay_entries(out: Table, table: Table, entries: Table, ends: Flags) -> None:
    """Writes a table of states and links as one of states and actions."""
    count = len(entries) - len(table)
    if count == 0 and (entries == np.arange(len(table))).all():
        np.maximum(table, 0, out=out)
    else:
        chosen = np.where(table < 0, ~table, table + np.int32(count))
        chosen[table == REFUSED] = count
        out[:] = entries.take(chosen)
    if ends.any():
        rows = np.flatnonzero(ends)
        out[rows] = np.where(table[rows] == 0, CALLER, out[rows])


# -- forced ------------------------------------------------------------------------------------------------------------


def _single_bytes(classes: Classes, count: int) -> NDArray[np.int16]:
    single = np.full(count, -1, np.int16)
    alone = np.bincount(classes, minlength=count)[classes] == 1
    single[classes[alone]] = np.flatnonzero(alone)
    return single


def _find_forced(edges: Table, single: NDArray[np.int16]) -> NDArray[np.bool_]:
    follows = edges[:, AHEAD:] != 0
    only = follows.argmax(1)
    return (follows.sum(1) == 1) & (single[only] >= 0) & (edges[:, 0] == 0)
