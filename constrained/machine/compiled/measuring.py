"""Measuring: `measure` as loops over arrays. It refuses to trust: where that is asked for, needs does it."""

from typing import NamedTuple

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
from .linking import Rows, goals_of, rows_of
from .native import native

WIDEST = 62  # verdicts that fit into an int64


class Surveyed(NamedTuple):
    """levels: see find_levels. states, links, whole: see weigh. raising: see list_raising; guards: see list_guards."""

    graph: Graph
    bits: Bits
    levels: Ints
    states: Ints
    links: Ints
    whole: bool
    raising: tuple[Ints, Ints]
    guards: Ints


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
    never, registers = most_frames + 1, np.ascontiguousarray(ways.registers.T)
    found = survey(rows_of(aligned), (links.which, registers), of_rules, calls, never)
    if not found.whole:  # verdicts are to be trusted, see exits
        return needs.measure(aligned, links, asked, most_frames)
    instead: dict[int, list[Pair]] = {}
    for link in found.guards.tolist():
        (most, _), *fewer = _weigh_bits((found, of_rules, calls), link, never)
        found.links[link] = np.maximum(found.links[link], most)
        if fewer:
            instead[link] = fewer
    return Needs(found.states, np.minimum(found.links, never), _pair(found.raising), instead)


@native
def survey(
    rows: Rows, links: tuple[Ints, Ints], asked: Asked, calls: Calls, never: int
) -> Surveyed:
    """All but what guards need. links: see Links.which, and int64 [4, ways], the registers of ways."""
    graph = connect(rows, links[0], asked, calls)
    bits = list_bits(graph, asked, links[1], calls.ways)
    levels = find_levels(graph, asked, calls, bits)
    states, found, whole = weigh(graph, asked, calls, (levels.copy(), never))
    guards = list_guards(graph, calls, bits)
    raising = list_raising(graph, states)
    return Surveyed(graph, bits, levels, states, found, whole, raising, guards)


def _pair(columns: tuple[Ints, Ints]) -> list[Pair]:
    """The pairs, each once."""
    return list(dict.fromkeys(zip(columns[0].tolist(), columns[1].tolist(), strict=True)))


def _weigh_bits(parts: tuple[Surveyed, Asked, Calls], link: int, never: int) -> list[Pair]:
    """As needs does: how many frames are enough for how many of the bits that a guard asks for."""
    found, asked, calls = parts
    guard = found.levels, link, never
    needed, least = weigh_bits(found.graph, asked, calls, found.bits, guard)
    known = {1 << bit: int(need) for bit, need in enumerate(needed.tolist()) if need >= 0}
    steps = sorted({max(least, need) for need in known.values()}, reverse=True)
    return [(step, sum(b for b, need in known.items() if need <= step)) for step in steps]
