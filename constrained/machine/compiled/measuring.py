"""Measuring: `measure` as loops over arrays. It refuses to trust: where that is asked for, needs does it."""

import numpy as np

from ...automata.automaton import Flags
from .. import needs
from ..align import Aligned, Ints, Links, list_owners
from ..needs import Needs, Pair
from .graph import (
    CALLING,
    LEAF,
    NOT_ASKED,
    Asked,
    Bits,
    Calls,
    Graph,
    connect,
    list_bits,
    list_raising,
)
from .guards import list_guards, weigh_bits
from .levels import find_levels, weigh
from .linking import goals_of, rows_of

WIDEST = 62  # verdicts that fit into an int64


def measure(aligned: Aligned, links: Links, asked: tuple[Flags, Flags], most_frames: int) -> Needs:
    """As needs.measure."""
    pushes, rules = asked
    ways, owners = aligned.ways, list_owners(aligned)
    if ways.others or ways.instead or aligned.ends.max() > WIDEST:
        return needs.measure(aligned, links, asked, most_frames)
    kinds = np.where(rules, np.where(np.diff(aligned.spans) > 0, CALLING, LEAF), NOT_ASKED)
    of_rules = Asked(aligned.ends, aligned.owner, kinds, owners[links.ways])
    goals, children = goals_of(ways), np.stack([links.onward, links.at_limit])
    calls = Calls(links.ways, children, pushes, goals.states, goals.firsts)
    graph = connect(rows_of(aligned), links.which, of_rules, calls)
    bits = list_bits(graph, of_rules, np.ascontiguousarray(ways.registers.T), links.ways)
    levels = find_levels(graph, of_rules, calls, bits)
    never = most_frames + 1
    states, found, whole = weigh(graph, of_rules, calls, (levels.copy(), never))
    if not whole:  # verdicts are to be trusted, see exits
        return needs.measure(aligned, links, asked, most_frames)
    raising = _pair(list_raising(graph, states))
    instead: dict[int, list[Pair]] = {}
    for link in list_guards(graph, calls, bits).tolist():
        (most, _), *fewer = _weigh_bits((graph, of_rules, calls, bits), levels, link, never)
        found[link] = np.maximum(found[link], most)
        if fewer:
            instead[link] = fewer
    return Needs(states, np.minimum(found, never), raising, instead)


def _pair(columns: tuple[Ints, Ints]) -> list[Pair]:
    """The pairs, each once."""
    return list(dict.fromkeys(zip(columns[0].tolist(), columns[1].tolist(), strict=True)))


def _weigh_bits(
    parts: tuple[Graph, Asked, Calls, Bits], levels: Ints, link: int, never: int
) -> list[Pair]:
    """As needs does: how many frames are enough for how many of the bits that a guard asks for."""
    graph, asked, calls, bits = parts
    needed, least = weigh_bits(graph, asked, calls, bits, (levels, link, never))
    known = {1 << bit: int(need) for bit, need in enumerate(needed.tolist()) if need >= 0}
    steps = sorted({max(least, need) for need in known.values()}, reverse=True)
    return [(step, sum(b for b, need in known.items() if need <= step)) for step in steps]
