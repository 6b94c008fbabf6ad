"""Exits: with how many frames more each state of a machine can still come to the end of its rule.

    exits = connect(aligned, links, pushes, rules)          # rules: bool [rules], whose states are asked about
    levels = exits.find_levels(most_frames)                 # fewest frames by node; none for what needs more than most

Nodes are states, then links. With n frames a call can be made if the called rule can end with n - 1, and its caller go
on with n after each verdict; what can end so is followed back from the ends, for one n after the other. See needs for
what is assumed of registers. Slow: Python for each node, a microsecond for each n.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ..automata.automaton import Flags
from ..automata.reaching import run_down
from .align import Aligned, Ints, Links
from .ways import REFUSED

Variant = tuple[int, int, tuple[int, ...] | None]
Lists = dict[int, list[int]]
Reach = dict[int, int]  # the verdicts, as bits, with which each node can end


@dataclass(slots=True, eq=False)
class Bits:
    """What links do to bits of the register, by node. rules: the rule of each. seen: those that must be set; unseen:
    those of which one must not; marks: those that are set."""

    rules: dict[int, int] = field(default_factory=dict[int, int])
    seen: dict[int, int] = field(default_factory=dict[int, int])
    unseen: dict[int, int] = field(default_factory=dict[int, int])
    marks: dict[int, int] = field(default_factory=dict[int, int])


@dataclass(slots=True, eq=False)
class Exits:
    """entries: what the bytes of each state lead to, each node once. ends: the verdict with which a state may end, as a
    bit. stands: int64 [states], for each the state behind it where ways part first; alike: int64 [links], one of those
    that ask for the same. plain: (states, what plain bytes lead to). variants: of each link (0 away from the limit or
    1 at it, the node that reads its byte, where its caller goes on by verdict if it calls). others: what is tried
    beside a link, or instead. users: who is led to a node. trusts: whether bits and verdicts are taken to be as wanted.

    Only states that stand for themselves, and of links that are alike one, are nodes.
    """

    entries: Lists
    ends: Reach
    stands: Ints
    alike: Ints
    plain: tuple[Ints, Ints]
    variants: dict[int, list[Variant]] = field(default_factory=dict[int, list[Variant]])
    others: Lists = field(default_factory=dict[int, list[int]])
    users: Lists = field(default_factory=dict[int, list[int]])
    bits: Bits = field(default_factory=Bits)
    trusts: bool = False

    def find_levels(self, most: int) -> dict[int, int]:
        """The fewest frames with which each node can end, up to `most`. States of other rules need none."""
        levels: dict[int, int] = {}
        reach: Reach = {}
        wanted = self.entries.keys() | self.variants.keys()
        for level in range(most + 1):
            before, reach = reach, self._follow(reach)
            for node in reach:
                levels.setdefault(node, level)
            if wanted <= levels.keys() or reach == before:
                break
        return levels

    def must_have(self, rule: int) -> int:
        """The bits without which a rule does not end."""
        bits = self.bits
        return _join(bits.seen[n] for n in bits.seen if bits.rules[n] == rule)

    def _follow(self, before: Reach) -> Reach:
        """What can end with one frame more than what could `before`."""
        bits = self.bits
        if self.trusts:
            may = {link for link in self.variants if self._may(link, before, None)}
            return self._spread(before, may, set())
        demands = {rule: self.must_have(rule) for rule in {bits.rules[n] for n in bits.seen}}
        shut: set[int] = set()
        while True:
            reach = self._settle(before, shut)
            more: set[int] = set()
            for rule in demands.keys() - shut:
                marks = (m for n, m in bits.marks.items() if n in reach and bits.rules[n] == rule)
                if demands[rule] & ~_join(marks):
                    more.add(rule)
            if not more:
                return reach
            shut |= more

    def _settle(self, before: Reach, shut: set[int]) -> Reach:
        """The largest reach in which every caller can go on from wherever it may be led. shut: rules that cannot set
        the bits without which they do not end."""
        may = {link for link in self.variants if self._may(link, before, None)}
        reach = self._spread(before, may, shut)
        while True:
            fewer = {link for link in may if self._may(link, before, reach)}
            if len(fewer) == len(may):
                return reach
            may = fewer
            reach = self._spread(before, may, shut)

    def _may(self, link: int, before: Reach, allowed: Reach | None) -> bool:
        """Whether there is room for all that a link may lead to."""
        for _, child, after in self.variants[link]:
            if after is not None:
                if child not in before:
                    return False
                if allowed is not None and not all(s in allowed for s in after if s):
                    return False
            elif allowed is not None and child not in allowed:
                return False
        return True

    def _spread(self, before: Reach, may: set[int], shut: set[int]) -> Reach:
        """What leads to an end, by links that may be taken."""
        variants, users = self.variants, self.users
        reach = dict(self.ends)
        work = list(reach)
        while work:
            node = work.pop()
            for user in users.get(node, ()):
                if user in variants:
                    more = self._through(user, before, reach) if user in may else 0
                    for other in self.others.get(user, ()):
                        more |= reach.get(other, 0)
                elif node not in self.bits.rules or self._counts(user, node, shut):
                    more = reach[node]
                else:
                    continue
                known = reach.get(user, 0)
                if more & ~known:
                    reach[user] = known | more
                    work.append(user)
        return reach

    def _counts(self, state: int, link: int, shut: set[int]) -> bool:
        """Whether a way that tests bits is sure to be there when it is needed: where there is no other."""
        if self.trusts:
            return True
        if link in self.bits.seen:
            return self.bits.rules[link] not in shut
        if link in self.bits.unseen:
            return all(node in self.bits.unseen for node in self.entries[state])
        return True

    def _through(self, link: int, before: Reach, reach: Reach) -> int:
        """The verdicts that a link leads to."""
        found = 0
        for _, child, after in self.variants[link]:
            if after is None:
                found |= reach.get(child, 0)
                continue
            verdicts = before[child]
            for verdict, state in enumerate(after):
                if verdicts >> verdict & 1:
                    found |= reach.get(state, 0)
        return found


def _join(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def connect(aligned: Aligned, links: Links, pushes: Flags, rules: Flags) -> Exits:
    """The exits of the states of these rules. A rule that calls nothing always ends, with whatever verdict it has: of
    the bytes that it can begin with some lead to each."""
    leaf = np.diff(aligned.spans) == 0
    states = np.flatnonzero((rules & ~leaf)[aligned.owner])
    exits = _list_entries(aligned, links, states[states > 0], _find_alike(aligned, links, leaf))
    for state, nodes in exits.entries.items():
        _use(exits, state, nodes)
    _Connecting(exits, aligned, links, pushes).follow()
    inside = exits.users.keys() - exits.entries.keys() - exits.variants.keys()
    exits.ends |= _end_leaves(aligned, rules & leaf, list(inside))
    return exits


def _end_leaves(aligned: Aligned, leaves: Flags, states: list[int]) -> Reach:
    """All verdicts of the rules, which call nothing, that these states are of."""
    ending = np.flatnonzero(leaves[aligned.owner] & (aligned.ends > 0))
    most = int(aligned.ends.max()) + 1
    verdicts: Reach = {}
    for pair in np.unique(aligned.owner[ending] * most + aligned.ends[ending]).tolist():
        verdicts[pair // most] = verdicts.get(pair // most, 0) | 1 << pair % most - 1
    owners: list[int] = aligned.owner[np.array(states, np.int64)].tolist()
    return {s: verdicts.get(rule, 0) for s, rule in zip(states, owners, strict=True)}


def _use(exits: Exits, user: int, nodes: Iterable[int]) -> None:
    for node in nodes:
        exits.users.setdefault(node, []).append(user)


def _find_alike(aligned: Aligned, links: Links, leaf: Flags) -> Ints:
    """For each link one that asks for the same: of a way that calls a rule which calls nothing, any."""
    found = np.arange(len(links.ways))
    called = np.stack([links.onward, links.at_limit])
    inner = leaf[aligned.owner[np.maximum(called, 0)]] & (called >= 0)
    some = np.flatnonzero((inner | (called == 0)).all(0) & (called[0] > 0))
    keys = links.ways[some] * 2 + (called[1, some] > 0)
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    found[some] = some[first][which]
    return found


def _list_entries(aligned: Aligned, links: Links, states: Ints, alike: Ints) -> Exits:
    """What the bytes of these states lead to; links are not known yet."""
    count = len(aligned.ends)
    width: int = aligned.table.shape[1]
    rows = links.read(aligned, states[:, None], np.arange(width))
    fresh = (rows != 0) & (rows != REFUSED)
    fresh[:, 1:] &= rows[:, 1:] != rows[:, :-1]
    at, columns = np.nonzero(fresh)
    entries = rows[at, columns]
    stands = np.arange(count)
    only = np.flatnonzero((np.bincount(at, minlength=len(states)) == 1)[at] & (entries > 0))
    stands[states[at[only]]] = entries[only]
    stands[aligned.ends > 0] = np.flatnonzero(aligned.ends > 0)
    stands = run_down(stands)
    kept = states[stands[states] == states]
    found: dict[int, dict[int, None]] = {state: {} for state in kept.tolist()}
    own = stands[states[at]] == states[at]
    acting = count + np.append(alike, 0)[np.maximum(-1 - entries, 0)]
    nodes = np.where(entries < 0, acting, stands[np.maximum(entries, 0)])
    for state, node in zip(states[at[own]].tolist(), nodes[own].tolist(), strict=True):
        found[state][node] = None
    ending = kept[aligned.ends[kept] > 0]
    shown: list[int] = aligned.ends[ending].tolist()
    ends = {s: 1 << v - 1 for s, v in zip(ending.tolist(), shown, strict=True)}
    plain = entries > 0
    moves = states[at[plain]], entries[plain]
    return Exits({s: list(nodes) for s, nodes in found.items()}, ends, stands, alike, moves)


class _Connecting:
    """Adds the links that entries name, and those that these name."""

    def __init__(self, exits: Exits, aligned: Aligned, links: Links, pushes: Flags) -> None:
        self._exits, self._ways, self._count = exits, aligned.ways, len(aligned.ends)
        self._others, self._instead = links.others, links.instead
        self._owners = np.repeat(np.arange(len(aligned.starts)), np.diff(aligned.spans))
        self._rows = links.ways, links.onward, links.at_limit, pushes[:, 0], pushes[:, 1]
        self._known: dict[tuple[int, int], tuple[int, ...]] = {}

    def follow(self) -> None:
        """Adds them all."""
        todo = [n for n in self._exits.users if n >= self._count]
        while todo:
            # What is not known yet, all at once.
            fresh = [n for n in dict.fromkeys(todo) if n not in self._exits.variants]
            chosen = np.array(fresh, np.int64) - self._count
            ways = self._rows[0][chosen]
            registers = self._ways.registers[ways]
            rows = zip(fresh, *(row[chosen].tolist() for row in self._rows), strict=True)
            todo = [n for row in rows for n in self._add(row)]
            for at in np.flatnonzero(registers[:, :3].any(1)).tolist():
                self._add_bits(fresh[at], (int(ways[at]), registers[at].tolist()))

    def _add(self, row: tuple[int, ...]) -> list[int]:
        """Adds one link; returns the links that it leads to."""
        exits = self._exits
        node, way, *children, pushes, pushes_at = row
        found: list[Variant] = []
        for kind, (entry, waits) in enumerate(zip(children, (pushes, pushes_at), strict=True)):
            if entry:
                after = self._after(way, kind) if waits else None
                found.append((kind, self._node(entry), after))
        exits.variants[node] = found
        named = {child for _, child, _ in found}
        others = [self._node(e) for e in self._others.get(node - self._count, ()) if e]
        if node - self._count in self._instead:
            others.append(self._node(-1 - self._instead[node - self._count]))
        if others:
            exits.others[node] = others
            named.update(others)
        _use(exits, node, named | {s for _, _, after in found for s in after or () if s})
        return [n for n in named if n >= self._count]

    def _after(self, way: int, kind: int) -> tuple[int, ...]:
        found = self._known.get((way, kind))
        if found is None:
            targets = self._ways.at_limit if kind else self._ways.after
            states = targets.states[targets.firsts[way] : targets.firsts[way + 1]]
            found = self._known[way, kind] = tuple(self._exits.stands[states].tolist())
        return found

    def _add_bits(self, node: int, way: tuple[int, list[int]]) -> None:
        bits = self._exits.bits
        number, (unseen, seen, mark, _) = way
        bits.rules[node] = int(self._owners[number])
        for masks, mask in ((bits.unseen, unseen), (bits.seen, seen), (bits.marks, mark)):
            if mask:
                masks[node] = mask

    def _node(self, entry: int) -> int:
        exits = self._exits
        return int(exits.stands[entry] if entry > 0 else self._count + exits.alike[-1 - entry])
