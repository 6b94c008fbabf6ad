"""Liveness: from which states some text leads to an end, over calls and their verdicts; the rest is cut off.

    aligned, links = cut_dead(aligned)      # raises InvalidConstraint if nothing is left

What a state can still reach is a set of verdicts of its rule. A caller may go on only after some of them: then the
called rule is copied for that caller, without the ways that lead only to others. Most machines need no copy and come
back as they are. Counters and tested bits are taken as if every comparison could fall either way, and what follows a
call as if the called rule ended at once: that those leave no dead end is the front end's promise.

First the pass `every_state_ends` looks for a proof that there is nothing to cut; there is one for nearly every machine
that a front end makes. Slow: otherwise, Python for each state where ways part, half a microsecond each; runs of states
with one way on cost nothing.
"""

from dataclasses import replace

import numpy as np

from ..automata.automaton import Flags, Table
from ..automata.reaching import run_down
from ..errors import InvalidConstraint
from .align import Aligned, Ints, Links, align_again
from .copies import Copies
from .passes import ARRAYS, Passes
from .ways import REFUSED

WIDEST = 62  # verdicts that fit into an int64


def cut_dead(
    aligned: Aligned, passes: Passes = ARRAYS, joint: bool = False
) -> tuple[Aligned, Links]:
    """The machine without dead ends, and its links. Raises InvalidConstraint if no text is accepted.

    joint: a way calls one and the same copy at its limit and away from it, as a rule.Move does; then what only the
    other of the two can end with may stay, and be a dead end.
    """
    links = passes.find_links(aligned)
    if passes.every_state_ends(aligned, links):
        return aligned, links
    reach = _find_verdicts(aligned, links)
    start = int(aligned.starts[0])
    if not start or not reach[start]:
        raise InvalidConstraint("no text can satisfy this constraint")
    if _has_unwanted(aligned, links, reach):
        wide = int(aligned.ends.max()) > WIDEST
        verdicts = np.array(reach[: len(aligned.ends)], object if wide else np.int64)
        aligned = Copies(aligned, verdicts, joint).build()
        return aligned, passes.find_links(aligned)
    dead = np.array([not found for found in reach[: len(aligned.ends)]])
    dead[0] = False
    if not dead.any():
        return aligned, links
    # Often nothing leads there: then they are only left over.
    entries = links.spell(aligned)
    entered = dead[np.maximum(entries, 0)].any() or any(
        dead[np.maximum(children, 0)].any() for children in (links.onward, links.at_limit)
    )
    return _prune(aligned, dead, passes) if entered else (aligned, links)


def _prune(aligned: Aligned, dead: Flags, passes: Passes) -> tuple[Aligned, Links]:
    """Refuses the bytes that lead to dead states; no rule needs a copy for that."""
    entries = aligned.spell()
    entries[dead[np.maximum(entries, 0)] & (entries > 0)] = REFUSED
    entries[dead] = 0
    aligned = align_again(aligned, entries)
    links = passes.find_links(aligned)

    def alive(children: Ints) -> Ints:
        return np.where(dead[np.maximum(children, 0)] & (children > 0), 0, children)

    return aligned, replace(links, onward=alive(links.onward), at_limit=alive(links.at_limit))


def _find_verdicts(aligned: Aligned, links: Links) -> list[int]:
    """For each state, then each link, the verdicts of its rule that can be reached from it, as bits."""
    table = links.spell(aligned)
    stands, clear = _skip_chains(aligned, table)
    count = len(aligned.ends)
    reach = [0] * (count + len(links.ways))
    users: list[list[int]] = [[] for _ in reach]
    places: list[int] = stands.tolist()
    for source, entry in _partings(table, stands, clear):
        users[places[entry] if entry > 0 else count - 1 - entry].append(source)
    calls = _connect(aligned, links, places, users)
    for state, verdict in zip(
        np.flatnonzero(clear).tolist(), clear[clear > 0].tolist(), strict=True
    ):
        reach[state] = 1 << verdict - 1
    ending = np.flatnonzero(aligned.ends)
    for state, verdict in zip(ending.tolist(), aligned.ends[ending].tolist(), strict=True):
        reach[state] |= 1 << verdict - 1
    work = [node for node, found in enumerate(reach) if found and users[node]]
    while work:
        node = work.pop()
        found = reach[node]
        for user in users[node]:
            more = _through(calls[user - count], reach) if user >= count else found
            if more & ~reach[user]:
                reach[user] |= more
                work.append(user)
    return [reach[place] for place in places] + reach[count:]


def _skip_chains(aligned: Aligned, table: Table) -> tuple[Ints, Ints]:
    """For each state the first state behind it where ways part, a link is taken, or the rule may end; and, where that
    is all that can be reached, the verdict, or 0.

    In a rule with one verdict it is enough that one way on ends: tried is the one to the highest state each time.
    """
    ends, top, states = aligned.ends, table.max(1), np.arange(len(table))
    single = (table.min(1) >= 0) & (top > 0) & (ends == 0)
    rows = np.flatnonzero(single)
    single[rows] = ((table[rows] == top[rows, None]) | (table[rows] == 0)).all(1)
    low, high = np.full(len(aligned.starts), 1 << 30), np.zeros(len(aligned.starts), np.int64)
    ending = np.flatnonzero(ends)
    np.minimum.at(low, aligned.owner[ending], ends[ending])
    np.maximum.at(high, aligned.owner[ending], ends[ending])
    highest = run_down(np.where((ends == 0) & (top > 0), top, states))
    clear = np.where((ends[highest] > 0) & (low == high)[aligned.owner], ends[highest], 0)
    return run_down(np.where(single, top, states)), clear


def _partings(table: Table, stands: Ints, clear: Ints) -> list[tuple[int, int]]:
    """(state, entry) of the states that stand for themselves and are not clear; most repetitions left out."""
    rows = np.flatnonzero((stands == np.arange(len(stands))) & (clear == 0))
    entries = table[rows]
    fresh = (entries != 0) & (entries != REFUSED)
    fresh[:, 1:] &= entries[:, 1:] != entries[:, :-1]
    at, columns = np.nonzero(fresh)
    return list(zip(rows[at].tolist(), entries[at, columns].tolist(), strict=True))


Call = list[
    tuple[int, list[tuple[int, int]]]
]  # (node of the byte read, [(verdicts, node they lead to)])


def _connect(
    aligned: Aligned, links: Links, stands: list[int], users: list[list[int]]
) -> list[Call]:
    """What each link leads to, by which verdicts; adds the links to the users of those nodes."""
    count = len(stands)

    def node(entry: int) -> int:
        return stands[entry] if entry > 0 else count - 1 - entry

    calls: list[Call] = []
    ways = aligned.ways.listed()
    for link, (number, onward, at_limit) in enumerate(_rows(links)):
        way = ways[number]
        call: Call = []
        for child, after in ((onward, way.after), (at_limit, way.at_limit)):
            if child:
                targets = [(1 << v, stands[s]) for v, s in enumerate(after) if s]
                call.append((node(child), targets if way.call is not None else [(-1, node(child))]))
        call += [(node(o), [(-1, node(o))]) for o in links.others.get(link, ()) if o]
        for child, targets in call:
            for user in {child, *(target for _, target in targets)}:
                users[user].append(count + link)
        calls.append(call)
    return calls


def _rows(links: Links) -> list[tuple[int, int, int]]:
    """Each link's way, and what becomes of the byte away from the limit and at it."""
    columns = links.ways.tolist(), links.onward.tolist(), links.at_limit.tolist()
    return list(zip(*columns, strict=True))


def _through(call: Call, reach: list[int]) -> int:
    """The verdicts reached by a call: what its caller reaches after those that the called rule does."""
    found = 0
    for child, targets in call:
        for bit, target in targets:
            if reach[child] & bit:
                found |= reach[target]
    return found


def _has_unwanted(aligned: Aligned, links: Links, reach: list[int]) -> bool:
    """Whether some rule can end, where it is called, with a verdict after which its caller cannot go on."""
    count = len(aligned.ends)
    ways = aligned.ways.listed()
    for number, onward, at_limit in _rows(links):
        way = ways[number]
        for child, after in ((onward, way.after), (at_limit, way.at_limit)):
            if way.call is None or not child:
                continue
            reached = reach[child] if child > 0 else reach[count - 1 - child]
            if any(reached >> v & 1 and not reach[s] for v, s in enumerate(after)):
                return True
            if reached >> len(after):
                return True
    return False
