"""Tables: from the rules of a machine to the finished Grammar.

    grammar = build_grammar(machine)        # raises InvalidConstraint if it accepts nothing

See grammar.py for what comes out. Everything is numpy over all rules at once. Slow: 0.3 ms for a small machine, 1.5 ms
for one of 2,500 states and 80 classes, 10 ms for 20,000 states.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Table
from ..automata.bytedfa import Classes
from ..errors import UnsupportedConstraint
from ..grammar.grammar import Grammar
from ..grammar.place import ACTION, AHEAD, CALLER, EXACT, LIMITS, MOST_PUSHED, Place
from ..grammar.threads import ThreadGrammar, build_threads
from .align import Aligned, Ints, Links, align
from .live import cut_dead
from .narrow import fit
from .needs import Needs, find_needs
from .rule import MOST_FRAMES, Machine
from .ways import ENDLESS

ROWS = 1024  # of a table, done at a time


def build_grammar(
    machine: Machine, most_bytes: int | None = None, most_frames: int = MOST_FRAMES
) -> Grammar | ThreadGrammar:
    """The grammar of a machine, whose texts have at most so many frames open. Raises InvalidConstraint if it accepts
    nothing, UnsupportedConstraint if nothing fits, ConstraintBudget for larger tables.

    It is one for the host alone where a byte can be read in several ways, or makes more rules call each other than a
    token may leave open.
    """
    assert 0 <= most_frames <= MOST_FRAMES, most_frames
    aligned, links = cut_dead(align(machine, most_bytes))
    if not aligned.deterministic or _deepest_chain(aligned, links) > MOST_PUSHED:
        aligned, links = cut_dead(align(machine), joint=True)
        needs = find_needs(aligned, links, most_frames)
        _check_fit(aligned, needs, most_frames)
        return build_threads(aligned, needs.states + (MOST_FRAMES - most_frames))
    aligned, links, needs = fit(aligned, links, most_frames)
    _check_fit(aligned, needs, most_frames)
    called = _called_states(aligned)
    closed = aligned.closed & called & (aligned.ends > 0)
    matters, pushes, returns, first = _lay_returns(aligned)
    actions, entries = _lay_actions(aligned, links, pushes, np.flatnonzero(closed))
    for link, following in links.instead.items():
        actions[link, 10] = entries[1][following]
    actions, raising = _lay_needs(actions, needs, MOST_FRAMES - most_frames)
    edges = np.empty((len(called), AHEAD + aligned.table.shape[1]), np.int32)
    edges[:, 0] = np.where(closed, -aligned.ends, aligned.ends)
    edges[:, 1] = matters[aligned.owner]
    edges[0] = 0
    _lay_entries(edges, aligned, links, entries)
    for state, following in needs.raising:
        row = edges[state, AHEAD:]
        row[row == following] = raising[following]
    rows = np.flatnonzero((aligned.ends > 0) & called)
    edges[rows, AHEAD:] = np.where(aligned.table[rows] == 0, CALLER, edges[rows, AHEAD:])
    numbers = first, int(aligned.ends.max()), int(aligned.starts[0])
    return finish(aligned.classes, edges, actions, returns, numbers)


def _check_fit(aligned: Aligned, needs: Needs, most_frames: int) -> None:
    if needs.states[aligned.starts[0]] > most_frames:
        raise UnsupportedConstraint(f"every text is nested more than {most_frames} deep")


def finish(
    classes: Classes, edges: Table, actions: Ints, returns: Table, numbers: tuple[int, int, int]
) -> Grammar:
    """The grammar with these tables; numbers: its first return, verdicts, and start."""
    first, verdicts, start = numbers
    single = _single_bytes(classes, edges.shape[1] - AHEAD)
    return Grammar(
        _digest(classes, edges, actions, returns, numbers), classes, edges, actions, returns,
        first, verdicts, Place(start), _find_forced(edges, single), single, classes.tobytes(),
    )  # fmt: skip


def _digest(
    classes: Classes, edges: Table, actions: Ints, returns: Table, numbers: tuple[int, int, int]
) -> str:
    key = hashlib.sha256(str((edges.shape, len(actions), numbers)).encode())
    # Half the bytes to read where they hold all that is in `edges`: states, actions, places of limits.
    small = max(len(edges), 2 + len(actions), numbers[0]) < 1 << 15
    for table in (classes, edges.astype(np.int16) if small else edges, actions, returns):
        key.update(table.tobytes())
    return key.hexdigest()


def _called_states(aligned: Aligned) -> Flags:
    """Which states are of rules that some other waits for."""
    called = np.zeros(len(aligned.starts), np.bool_)
    for rules in (aligned.ways.call, aligned.ways.call_at_limit):
        called[rules[rules >= 0]] = True
    states = called[aligned.owner]
    states[0] = False
    return states


def _deepest_chain(aligned: Aligned, links: Links) -> int:
    """Most calls that one byte makes, each called rule calling the next."""
    calls = (aligned.ways.call >= 0) | (aligned.ways.call_at_limit >= 0)
    depth = calls.astype(np.int64)[links.ways]
    below = [_links_of(child) for child in (links.onward, links.at_limit)]
    follows = [which > 0 for which in below]
    if not any(some.any() for some in follows):
        return int(depth.max(initial=0))
    for _ in range(len(depth) + 1):
        deeper = depth
        for some, which in zip(follows, below, strict=True):
            deeper = np.where(some, np.maximum(deeper, 1 + depth[which - 1]), deeper)
        if (deeper == depth).all():
            return int(depth.max())
        depth = deeper
    raise AssertionError("rules call each other without end on one byte")


# -- returns -----------------------------------------------------------------------------------------------------------


def _lay_returns(aligned: Aligned) -> tuple[Ints, Ints, Table, int]:
    """For each rule which values of its register matter; int64 [ways, 2], what each pushes, away from the limit and at
    it; the table, and how much of it are limits."""
    ways, rules = aligned.ways, len(aligned.starts)
    owner = np.repeat(np.arange(rules), aligned.spans[1:] - aligned.spans[:-1])
    matters, pool = _lay_limits(ways.registers, owner, rules)
    first, verdicts = len(pool), int(aligned.ends.max(initial=0))
    both = (ways.call, ways.after), (ways.call_at_limit, ways.at_limit)
    pushes = np.stack([(call >= 0) & (targets.open > 0) for call, targets in both], 1)
    rows = np.zeros((len(ways), 2, 1 + verdicts), np.int32)
    rows[:, :, 0] = matters[owner][:, None]
    for way, (_, targets) in enumerate(both):
        rows[:, way, 1:] = targets.rows(verdicts)
    data, size = rows[pushes].tobytes(), 4 * (1 + verdicts)
    keys = [data[at : at + size] for at in range(0, len(data), size)]
    known = {
        key: first + 1 + number * (1 + verdicts) for number, key in enumerate(dict.fromkeys(keys))
    }
    laid = pushes.astype(np.int64)
    laid[pushes] = [known[key] for key in keys]
    table = np.concatenate([np.array(pool, np.int32), np.frombuffer(b"".join(known), np.int32)])
    return matters, laid, table, first


def _lay_limits(registers: Ints, owner: Ints, rules: int) -> tuple[Ints, list[int]]:
    """For each rule which values of its register matter, and the beginning of `returns`."""
    pool, matters = [0], np.zeros(rules, np.int64)
    unseen, seen, _, limit = registers.T
    counts = (limit > 0) & (limit != ENDLESS)
    for rule in dict.fromkeys(owner[counts].tolist()):
        limits: list[int] = np.unique(limit[counts & (owner == rule)]).tolist()
        matters[rule] = EXACT
        if len(limits) <= LIMITS and limits[-1] < 2**31:
            matters[rule] = len(pool)
            pool += limits + limits[-1:] * (LIMITS - len(limits))
    matters[owner[(unseen | seen) != 0]] = EXACT
    return matters, pool


# -- actions -----------------------------------------------------------------------------------------------------------


def _lay_actions(
    aligned: Aligned, links: Links, pushes: Ints, closed: NDArray[np.intp]
) -> tuple[Ints, tuple[Table, Table]]:
    """The actions, and the entries that stand for states and for links when an edge leads there."""
    count = len(links.ways)
    actions = np.zeros((count + len(closed), ACTION), np.int64)
    # A rule that has ended for good is left at once, which only actions do.
    actions[count:, 4] = closed
    states = np.arange(len(aligned.ends), dtype=np.int32)
    states[closed] = -2 - count - np.arange(len(closed))
    actions[:count, :4] = aligned.ways.registers[links.ways]
    actions[:count, 6:8] = pushes[links.ways]
    children, alive = _living(links)
    actions[:count, 4:6] = np.where(children < 0, children - 1, children)
    return actions, (states, np.where(alive, -2 - np.arange(count), 0).astype(np.int32))


def _lay_needs(actions: Ints, needs: Needs, unused: int) -> tuple[Ints, dict[int, int]]:
    """The actions with what they need, and more of them: those that stand in for others, and those for plain bytes that
    raise what is needed, with the entry of each by the state that it leads to. unused: frames that are never used."""
    actions[: len(needs.links), 8:10] = needs.links
    rows: list[Ints] = []
    for link, fewer in needs.instead.items():
        row = actions[link]
        for need, mask in fewer:
            row[10] = -2 - len(actions) - len(rows)
            row = row.copy()
            row[[0, 8, 9, 10]] = mask, need, need, 0
            rows.append(row)
    raising: dict[int, int] = {}
    for following in {state for _, state in needs.raising}:
        raising[following] = -2 - len(actions) - len(rows)
        rows.append(np.zeros(ACTION, np.int64))
        rows[-1][[4, 8]] = following, needs.states[following]
    laid = np.concatenate([actions, np.array(rows, np.int64).reshape(-1, ACTION)])
    laid[:, 8:10] += np.where(laid[:, 8:10] > 0, unused, 0)
    return laid, raising


def _living(links: Links) -> tuple[Ints, Flags]:
    """int64 [links, 2]: what becomes of the byte, without links that lead nowhere; and which do not."""
    children = np.stack([links.onward, links.at_limit], 1)
    chained = np.flatnonzero((children < 0).any(1))
    alive = np.asarray(children.any(1))
    while chained.size:
        below = children[chained]
        gone = (below < 0) & ~alive[_links_of(below) - 1]
        if not gone.any():
            break
        children[chained] = np.where(gone, 0, below)
        alive = np.asarray(children.any(1))
    return children, alive


def _links_of(children: Ints) -> Ints:
    """1 + the link of each entry, 0 where it is none."""
    return np.maximum(-children, 0)


def _lay_entries(
    edges: Table, aligned: Aligned, links: Links, entries: tuple[Table, Table]
) -> None:
    """Writes what the rules' entries stand for as states and actions."""
    of_state, of_link = entries
    meant = of_state[np.maximum(aligned.numbering.meanings, 0)]
    middles = aligned.numbering.middles[:, None]
    # A part at a time, so that what is in between stays in the processor's cache.
    for low in range(0, len(edges), ROWS):
        part = slice(low, low + ROWS)
        edges[part, AHEAD:] = meant.take(aligned.table[part] + middles[part])
    rows = links.spots // aligned.table.shape[1]
    edges.reshape(-1)[links.spots + AHEAD * (rows + 1)] = of_link[links.numbers]


# -- forced ------------------------------------------------------------------------------------------------------------


def _single_bytes(classes: Classes, count: int) -> NDArray[np.int16]:
    single = np.full(count, -1, np.int16)
    alone = np.bincount(classes, minlength=count)[classes] == 1
    single[classes[alone]] = np.flatnonzero(alone)
    return single


def _find_forced(edges: Table, single: NDArray[np.int16]) -> NDArray[np.bool_]:
    follows = edges[:, AHEAD:] != 0
    only = follows.argmax(1)
    # Of at most 256 columns exactly one: that cannot wrap round in a byte.
    alone = np.einsum("ij->i", follows.view(np.uint8)) == 1
    return alone & (single[only] >= 0) & (edges[:, 0] == 0)
