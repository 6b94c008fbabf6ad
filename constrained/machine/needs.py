"""Needs: how many frames more a text must be able to open, from each state of a machine, to come to an end.

    needs = measure(aligned, links, (pushes, rules), most_frames)
    needs.links                 # int64 [links, 2]: the frames there must be room for before a byte that calls
    needs.raising               # bytes that call nothing, and lead to where more frames are needed

A machine holds few frames. Where d are in use, what needs n more is allowed while d + n is at most what it holds: then
every text that is begun can be finished, however deep it is. A byte that calls needs room for its frame with what the
called rule needs at least, and for what its caller needs afterwards, whatever the verdict. A state needs what the way
out of it does that needs least.

Registers are not known. Of two ways that a count decides between, both must have room. Where bits say which names have
been, a way that asks for one that has not counts only if there is no other way; of the names that it is asked for, near
the limit, only those count for which there is room (see `instead`); and a rule that ends with some names only must have
room for these. So a text may be refused, in the last few frames, that could have been finished; none is begun that
cannot.

Rules that no recursion leads to are mostly not too deep, and nothing need be asked of their states. Slow: a microsecond
for each different move of the other rules and each number of frames that some state needs. It refuses to know tables.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from ..automata.automaton import Flags
from .align import Aligned, Ints, Links, list_owners
from .exits import Exits, connect
from .rule import MOST_FRAMES

Pair = tuple[int, int]
RECURSIVE = -1  # as the most frames below a rule: there is no most


@dataclass(frozen=True, slots=True, eq=False)
class Needs:
    """states: int64 [states]. links: int64 [links, 2], away from the limit and at it. raising: (state, following) where
    a byte leads from one state to another that needs more than the first.

    instead: for links that ask for some bit that is not set, of several: how many frames are enough if only some of
    these bits count, and which, most frames first. hopes: whether no number is known to be enough for some states,
    so that all this is what they would need if verdicts and bits were always such as are wanted.
    """

    states: Ints
    links: Ints
    raising: list[Pair]
    instead: dict[int, list[Pair]] = field(default_factory=dict[int, list[Pair]])
    hopes: bool = False


def find_depths(aligned: Aligned) -> Ints:
    """int64 [rules]: the most frames that ever wait below each, or RECURSIVE."""
    count = len(aligned.starts)
    call = np.concatenate([aligned.ways.call, aligned.ways.call_at_limit])
    owners = np.tile(list_owners(aligned), 2)
    called: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    pairs: list[int] = np.unique((owners * count + call)[call >= 0]).tolist()
    for pair in pairs:
        called[pair // count].append(pair % count)
        waiting[pair % count] += 1
    deepest = [0] * count
    order = [rule for rule, callers in enumerate(waiting) if not callers]
    for rule in order:  # grows as callers are done
        for callee in called[rule]:
            deepest[callee] = max(deepest[callee], deepest[rule] + 1)
            waiting[callee] -= 1
            if not waiting[callee]:
                order.append(callee)
    return np.where(np.array(waiting) > 0, RECURSIVE, np.array(deepest, np.int64))


def measure(aligned: Aligned, links: Links, asked: tuple[Flags, Flags], most_frames: int) -> Needs:
    """The needs of the states of some rules, as if the others needed nothing. asked: bool [links, 2], which leave a
    frame behind, away from the limit and at it; bool [rules], of which the states are."""
    pushes, rules = asked
    exits = connect(aligned, links, pushes, rules)
    levels = exits.find_levels(MOST_FRAMES)
    if not exits.entries.keys() <= levels.keys():
        trusting = replace(exits, trusts=True)
        bounds = trusting.find_levels(MOST_FRAMES)
        if not exits.entries.keys() & bounds.keys() <= levels.keys():
            exits, levels = trusting, bounds
    never, states = most_frames + 1, np.zeros(len(aligned.ends), np.int64)
    states[list(exits.entries)] = [levels.get(state, never) for state in exits.entries]
    states = np.minimum(states[exits.stands], never)
    found = _weigh_links(exits, levels, pushes, never)
    instead: dict[int, list[Pair]] = {}
    for node in [] if exits.trusts else _find_guards(exits):
        (most, _), *fewer = _weigh_bits(exits, levels, node, never)
        link = node - len(states)
        found[link] = np.maximum(found[link], most)
        if fewer:
            instead[link] = fewer
    sources, following = exits.plain
    raises = states[following] > states[sources]
    pairs = zip(sources[raises].tolist(), following[raises].tolist(), strict=True)
    found, raising = np.minimum(found, never), list(dict.fromkeys(pairs))
    return Needs(states, found, raising, instead, exits.trusts)


def _weigh_links(exits: Exits, levels: dict[int, int], pushes: Flags, never: int) -> Ints:
    """int64 [links, 2]: what links need, away from the limit and at it."""
    found = pushes.astype(np.int64)
    count = len(exits.stands)
    for node, variants in exits.variants.items():
        for kind, child, after in variants:
            need = levels.get(child, never)
            if after is not None:
                waits = [levels.get(state, never) for state in after if state]
                need = max(1 + need, min(waits) if exits.trusts else max(waits))
            found[node - count, kind] = need
    return found[exits.alike]


def _find_guards(exits: Exits) -> list[int]:
    """The links that ask for a bit that is not set and set none: others behind them do."""
    bits = exits.bits
    asking = [node for node in bits.unseen if node not in bits.marks and node not in bits.seen]
    return [node for node in asking if exits.variants[node] and exits.variants[node][0][2] is None]


def _weigh_bits(exits: Exits, levels: dict[int, int], guard: int, never: int) -> list[Pair]:
    """How many frames are enough for how many of the bits that a guard asks for, most first; the fewest are those with
    which the rule can end."""
    bits = exits.bits
    asked = bits.unseen[guard]
    fewest = _find_marks(exits, levels, exits.variants[guard][0][1])
    known = {bit: fewest.get(bit, never) for bit in _split(asked)}
    must = _split(exits.must_have(bits.rules[guard]))
    least = max(levels.get(guard, never), *(_least(exits, levels, b, never) for b in must), 0)
    steps = sorted({max(least, need) for need in known.values()}, reverse=True)
    return [(step, sum(b for b, need in known.items() if need <= step)) for step in steps]


def _split(mask: int) -> list[int]:
    """The bits of a mask."""
    return [1 << i for i in range(mask.bit_length()) if mask >> i & 1]


def _least(exits: Exits, levels: dict[int, int], bit: int, never: int) -> int:
    """The fewest frames with which a bit can be set."""
    found = (levels.get(node, never) for node, mark in exits.bits.marks.items() if mark & bit)
    return min(found, default=never)


def _find_marks(exits: Exits, levels: dict[int, int], state: int) -> dict[int, int]:
    """The bits that can be set from a state on, by the byte that first sets some, and the fewest frames for each."""
    found: dict[int, int] = {}
    todo, seen = [state], {state}
    while todo:
        for node in exits.entries.get(todo.pop(), ()):
            mark = exits.bits.marks.get(node, 0) & exits.bits.unseen.get(node, 0)
            if mark and node in levels:
                for bit in _split(mark):
                    found[bit] = min(found.get(bit, levels[node]), levels[node])
            if mark or (node in exits.variants and node not in exits.bits.unseen):
                continue
            variants = exits.variants.get(node, [(0, node, None)])
            after = variants[0][1] if variants else node  # some links lead nowhere
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return found
