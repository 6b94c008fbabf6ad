"""Liveness: from which states some text leads to an end, over calls and their verdicts; the rest is cut off.

    aligned, links = cut_dead(aligned)      # raises InvalidConstraint if nothing is left

What a state can still reach is a set of verdicts of its rule. A caller may go on only after some of them: then the
called rule is copied for that caller, without the ways that lead only to others. Most machines need no copy and come
back as they are. Counters and tested bits are taken as if every comparison could fall either way, and what follows a
call as if the called rule ended at once: that those leave no dead end is the front end's promise.

Slow: Python for each state where ways part, half a microsecond each; runs of states with one way on cost nothing.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Flags, Table
from ..errors import InvalidConstraint
from .align import REFUSED, Aligned, Ints, Links, Way, find_links

WIDEST = 62  # verdicts that fit into an int64


def cut_dead(aligned: Aligned, joint: bool = False) -> tuple[Aligned, Links]:
    """The machine without dead ends, and its links. Raises InvalidConstraint if no text is accepted.

    joint: a way calls one and the same copy at its limit and away from it, as a rule.Move does; then what only the
    other of the two can end with may stay, and be a dead end.
    """
    links = find_links(aligned)
    reach = _find_verdicts(aligned, links)
    start = aligned.starts[0]
    if not start or not reach[start]:
        raise InvalidConstraint("no text can satisfy this constraint")
    if _has_unwanted(aligned, links, reach):
        wide = int(aligned.ends.max()) > WIDEST
        verdicts = np.array(reach[: len(aligned.ends)], object if wide else np.int64)
        aligned = _Copies(aligned, verdicts, joint).build()
        return aligned, find_links(aligned)
    dead = np.array([not found for found in reach[: len(aligned.ends)]])
    dead[0] = False
    if not dead.any():
        return aligned, links
    # Often nothing leads there: then they are only left over.
    entered = dead.take(np.maximum(links.table, 0)).any() or any(
        dead[np.maximum(children, 0)].any() for children in (links.onward, links.at_limit)
    )
    return _prune(aligned, links, dead) if entered else (aligned, links)


def _prune(aligned: Aligned, links: Links, dead: Flags) -> tuple[Aligned, Links]:
    """Refuses the bytes that lead to dead states; no rule needs a copy for that."""

    def pruned(table: Table) -> Table:
        kept = np.where(dead[np.maximum(table, 0)] & (table > 0), REFUSED, table)
        kept[dead] = 0
        return kept

    def alive(children: Table) -> Table:
        return np.where(dead[np.maximum(children, 0)] & (children > 0), 0, children)

    return replace(aligned, table=pruned(aligned.table)), replace(
        links,
        table=pruned(links.table),
        onward=alive(links.onward),
        at_limit=alive(links.at_limit),
    )


def _find_verdicts(aligned: Aligned, links: Links) -> list[int]:
    """For each state, then each link, the verdicts of its rule that can be reached from it, as bits."""
    stands, clear = _skip_chains(aligned, links.table)
    count = len(aligned.ends)
    reach = [0] * (count + len(links.ways))
    users: list[list[int]] = [[] for _ in reach]
    places: list[int] = stands.tolist()
    for source, entry in _partings(links.table, stands, clear):
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
    highest = _follow(np.where((ends == 0) & (top > 0), top, states))
    clear = np.where((ends[highest] > 0) & (low == high)[aligned.owner], ends[highest], 0)
    return _follow(np.where(single, top, states)), clear


def _follow(following: Ints) -> Ints:
    """Where each state comes to at last; somewhere on a circle if it comes to one."""
    for _ in range(len(following).bit_length()):
        further = following[following]
        if (further == following).all():
            break
        following = further
    return following


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
    for link, (number, onward, at_limit) in enumerate(_rows(links)):
        way = aligned.ways[number]
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
    for number, onward, at_limit in _rows(links):
        way = aligned.ways[number]
        for child, after in ((onward, way.after), (at_limit, way.at_limit)):
            if way.call is None or not child:
                continue
            reached = reach[child] if child > 0 else reach[count - 1 - child]
            if any(reached >> v & 1 and not reach[s] for v, s in enumerate(after)):
                return True
            if reached >> len(after):
                return True
    return False


class _Copies:
    """Copies of rules, each for a goal: the verdicts, as bits, after which its callers can go on."""

    def __init__(self, aligned: Aligned, verdicts: NDArray[np.int64], joint: bool) -> None:
        self._joint = joint
        self._aligned = aligned
        self._verdicts = verdicts
        self._numbers: dict[tuple[int, int], int] = {}
        self._order: list[tuple[int, int]] = []
        self._bases: list[int] = []
        self._states = 1
        self._members = [np.flatnonzero(aligned.owner == r) for r in range(len(aligned.starts))]
        self._members[0] = self._members[0][1:]  # without the dead state

    def build(self) -> Aligned:
        self._number(0, -1)
        tables: list[Table] = [np.zeros((1, self._aligned.table.shape[1]), np.int32)]
        ends: list[Table] = [np.zeros(1, np.int32)]
        closed: list[Flags] = [np.ones(1, np.bool_)]
        ways: list[Way] = []
        spans: list[range] = []
        lingers: set[int] = set()
        for rule, goal in self._order:  # grows as calls are found
            members = self._members[rule]
            base = self._bases[self._numbers[rule, goal]]
            tables.append(self._copy(rule, goal, len(ways)))
            first = len(ways)
            ways += self._copy_ways(rule, goal, first)
            spans.append(range(first, len(ways)))
            kept = self._aligned.ends[members]
            allowed = np.array([0, *(goal >> v & 1 for v in range(int(kept.max(initial=0))))])
            ends.append(np.where(allowed[kept], kept, 0).astype(np.int32))
            closed.append(self._aligned.closed[members])
            lingers |= {
                base + s - int(members[0]) for s in self._aligned.lingers & set(members.tolist())
            }
        sizes = [len(part) - (i == 0) for i, part in enumerate(tables)]
        starts = tuple(self._place(r, g, self._aligned.starts[r]) for r, g in self._order)
        return replace(
            self._aligned, table=np.concatenate(tables), ends=np.concatenate(ends).astype(np.int32),
            owner=np.concatenate([[0], np.repeat(np.arange(len(self._order)), sizes[1:])]),
            closed=np.concatenate(closed), starts=starts, ways=tuple(ways),
            spans=tuple(spans), lingers=frozenset(lingers),
        )  # fmt: skip

    def _number(self, rule: int, goal: int) -> int:
        found = self._numbers.get((rule, goal))
        if found is None:
            found = self._numbers[rule, goal] = len(self._order)
            self._order.append((rule, goal))
            self._bases.append(self._states)
            self._states += len(self._members[rule])
        return found

    def _place(self, rule: int, goal: int, state: int) -> int:
        """A state's number in a copy, 0 if it is dead there."""
        if not state or not self._verdicts[state] & goal:
            return 0
        return self._bases[self._numbers[rule, goal]] + state - int(self._members[rule][0])

    def _copy(self, rule: int, goal: int, first_way: int) -> Table:
        members = self._members[rule]
        table = self._aligned.table[members]
        base = self._bases[self._numbers[rule, goal]]
        lives = (self._verdicts & goal).astype(np.bool_)
        shifted = np.where(lives[np.maximum(table, 0)], table + (base - int(members[0])), REFUSED)
        moved = table + (self._aligned.spans[rule].start - first_way)
        found = np.where(table > 0, shifted, np.where(table < 0, moved, 0))
        found[table == REFUSED] = REFUSED
        found[~lives[members]] = 0
        return found.astype(np.int32)

    def _copy_ways(self, rule: int, goal: int, first_way: int) -> list[Way]:
        span = self._aligned.spans[rule]
        return [
            self._copy_way(way, rule, goal, first_way - span.start)
            for way in self._aligned.ways[span.start : span.stop]
        ]

    def _copy_way(self, way: Way, rule: int, goal: int, shift: int) -> Way:
        after = tuple(self._place(rule, goal, s) for s in way.after)
        at_limit = tuple(self._place(rule, goal, s) for s in way.at_limit)
        wanted, wanted_at = _verdicts_of(after), _verdicts_of(at_limit)
        if self._joint:
            wanted = wanted_at = wanted | wanted_at
        call = self._call(way.call, wanted)
        call_at_limit = self._call(way.call_at_limit, wanted_at)
        if way.call is not None and call is None and call_at_limit is None:
            after = at_limit = (0,)
        return way._replace(
            after=after, at_limit=at_limit, call=call, call_at_limit=call_at_limit,
            others=tuple(
                (self._place(rule, goal, o) if o > 0 else o - shift if o else 0) for o in way.others
            ),
        )  # fmt: skip

    def _call(self, rule: int | None, wanted: int) -> int | None:
        """The copy of a rule that is called for some verdicts."""
        if rule is None or not wanted:
            return None
        return self._number(rule, self._goal(rule, wanted))

    def _goal(self, rule: int, wanted: int) -> int:
        """The goal of a call; -1, every verdict, where the rule has no other than the wanted ones."""
        ends = self._aligned.ends[self._members[rule]]
        every = sum(1 << v - 1 for v in set(ends[ends > 0].tolist()))
        return -1 if not every & ~wanted else wanted & every


def _verdicts_of(after: tuple[int, ...]) -> int:
    """The verdicts, as bits, after which something follows."""
    return sum(1 << verdict for verdict, state in enumerate(after) if state)
