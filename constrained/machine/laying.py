"""Laying: a machine's rules written down as the tables of a Grammar, by operations on whole arrays.

    returns = lay_returns(aligned)
    laid = lay_actions(aligned, links, returns.pushes, called)
    edges = lay_edges(aligned, links, laid, (returns.matters, called))

called: bool [rules], which of them some other waits for. See grammar.py for what comes out. It refuses to know which
frames are needed.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Table
from ..automata.bytedfa import Classes
from ..grammar.place import ACTION, AHEAD, CALLER, EXACT, LIMITS
from .align import Aligned, Ints, Links, links_of, list_owners
from .ways import ENDLESS, REFUSED

ROWS = 1024  # of a table, done at a time
FAR = 1 << 30  # below its negative, in edges that are being made, are ways


class Returns(NamedTuple):
    """matters: int64 [rules], which values of a register matter. pushes: int64 [ways, 2], what each pushes, away from
    the limit and at it. table: int32, the `returns` of a grammar; first: how much of it are limits."""

    matters: Ints
    pushes: Ints
    table: Table
    first: int


class Edges(NamedTuple):
    """table: int32, the `edges` of a grammar. has_forced: bool [states], where just one byte may follow and the text
    may not end. single: int16 [classes], the only byte of each, or -1."""

    table: Table
    has_forced: Flags
    single: NDArray[np.int16]


class Laid(NamedTuple):
    """actions: int64 [actions, 11]. of_state, of_link: int32, the entries of edges that lead to states and links."""

    actions: Ints
    of_state: Table
    of_link: Table


def find_called(aligned: Aligned) -> Flags:
    """Which rules some other waits for."""
    called = np.zeros(len(aligned.starts), np.bool_)
    for rules in (aligned.ways.call, aligned.ways.call_at_limit):
        called[rules[rules >= 0]] = True
    return called


def find_ended(aligned: Aligned, called: Flags) -> Flags:
    """The states in which a rule has ended for good, and pops at once."""
    return aligned.closed & called[aligned.owner] & (aligned.ends > 0)


def lay_returns(aligned: Aligned) -> Returns:
    """What frames hold, and where they go on."""
    ways, owner = aligned.ways, list_owners(aligned)
    matters, pool = lay_limits(ways.registers, owner, len(aligned.starts))
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
    return Returns(matters, laid, table, first)


def lay_limits(registers: Ints, owner: Ints, rules: int) -> tuple[Ints, list[int]]:
    """For each rule which values of its register matter, and the beginning of `returns`."""
    pool, matters = [0], np.zeros(rules, np.int64)
    unseen, seen, _, limit = registers.T
    limits: dict[int, set[int]] = {}
    counts = np.flatnonzero((limit > 0) & (limit != ENDLESS))
    for rule, known in zip(owner[counts].tolist(), limit[counts].tolist(), strict=True):
        limits.setdefault(rule, set()).add(known)
    for rule, known in limits.items():
        near = sorted(known)
        matters[rule] = EXACT
        if len(near) <= LIMITS and near[-1] < 2**31:
            matters[rule] = len(pool)
            pool += near + near[-1:] * (LIMITS - len(near))
    bits = np.flatnonzero(unseen | seen)
    matters[owner[bits]] = EXACT
    return matters, pool


def lay_actions(aligned: Aligned, links: Links, pushes: Ints, called: Flags) -> Laid:
    """The actions without what they need."""
    count, closed = len(links.ways), np.flatnonzero(find_ended(aligned, called))
    actions = np.zeros((count + len(closed), ACTION), np.int64)
    # A rule that has ended for good is left at once, which only actions do.
    actions[count:, 4] = closed
    states = np.arange(len(aligned.ends), dtype=np.int32)
    states[closed] = -2 - count - np.arange(len(closed))
    actions[:count, :4] = aligned.ways.registers[links.ways]
    actions[:count, 6:8] = pushes[links.ways]
    children, alive = _living(links)
    actions[:count, 4:6] = np.where(children < 0, children - 1, children)
    return Laid(actions, states, np.where(alive, -2 - np.arange(count), 0).astype(np.int32))


def _living(links: Links) -> tuple[Ints, Flags]:
    """int64 [links, 2]: what becomes of the byte, without links that lead nowhere; and which do not."""
    children = np.stack([links.onward, links.at_limit], 1)
    chained = np.flatnonzero((children < 0).any(1))
    alive = np.asarray(children.any(1))
    while chained.size:
        below = children[chained]
        gone = (below < 0) & ~alive[links_of(below) - 1]
        if not gone.any():
            break
        children[chained] = np.where(gone, 0, below)
        alive = np.asarray(children.any(1))
    return children, alive


def lay_edges(aligned: Aligned, links: Links, laid: Laid, rules: tuple[Ints, Flags]) -> Edges:
    """What each byte leads to."""
    matters, called = rules
    width: int = aligned.table.shape[1]
    edges = np.empty((len(aligned.table), AHEAD + width), np.int32)
    edges[:, 0] = np.where(find_ended(aligned, called), -aligned.ends, aligned.ends)
    edges[:, 1] = matters[aligned.owner]
    edges[0] = 0
    _lay_entries(edges, aligned, links, laid)
    rows = np.flatnonzero((aligned.ends > 0) & called[aligned.owner])
    edges[rows, AHEAD:] = np.where(aligned.table[rows] == 0, CALLER, edges[rows, AHEAD:])
    single = single_bytes(aligned.classes, width)
    return Edges(edges, find_forced(edges, single), single)


def _lay_entries(edges: Table, aligned: Aligned, links: Links, laid: Laid) -> None:
    """Writes what the rules' entries stand for as states and actions."""
    meanings, width = aligned.numbering.meanings, aligned.table.shape[1]
    states = laid.of_state[np.maximum(meanings, 0)]
    ways = np.where(meanings == REFUSED, 0, meanings - FAR)
    meant = np.where(meanings < 0, ways, states).astype(np.int32)
    middles = aligned.numbering.middles[:, None]
    # A part at a time, so that what is in between stays in the processor's cache.
    for low in range(0, len(edges), ROWS):
        part = slice(low, low + ROWS)
        edges[part, AHEAD:] = meant.take(aligned.table[part] + middles[part])
    flat = edges.reshape(-1)
    spots = np.flatnonzero(flat < -FAR)
    pairs = (np.int64(-1 - FAR) - flat[spots]) * width + spots % (AHEAD + width) - AHEAD
    flat[spots] = np.append(laid.of_link, np.int32(0))[links.which - 1].reshape(-1)[pairs]


def single_bytes(classes: Classes, count: int) -> NDArray[np.int16]:
    """The only byte of each class, or -1."""
    single = np.full(count, -1, np.int16)
    alone = np.bincount(classes, minlength=count)[classes] == 1
    single[classes[alone]] = np.flatnonzero(alone)
    return single


def find_forced(edges: Table, single: NDArray[np.int16]) -> NDArray[np.bool_]:
    """In which states just one byte may follow, and the text may not end."""
    follows = edges[:, AHEAD:] != 0
    only = follows.argmax(1)
    # Of at most 256 columns exactly one: that cannot wrap round in a byte.
    alone = np.einsum("ij->i", follows.view(np.uint8)) == 1
    return alone & (single[only] >= 0) & (edges[:, 0] == 0)
