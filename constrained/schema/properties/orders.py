"""Orders: names that come in any order, told from those that have been by bits of the register, or by spots.

    bits = give_bits(order)                 # one for each name
    bits = give_few(order, asked)           # one for each name that nobody asks for; None: there are too many
    lead_on(spots, goal, bits)              # the spots that lead to an end, whichever of these names have been

Bits cost nothing, but nothing is learnt from them before an object ends: which names have been is known by them alone.
Where schemas are combined, spots say which of the names have been that someone asks for, one for each set of these.
"""

from collections.abc import Container, Iterable

from ..graph import Spot
from ..site import Vector

MOST_BITS = 62
MOST_SETS = 10  # names of which every set costs a spot


def give_bits(names: Iterable[str]) -> dict[str, int]:
    """A bit for each name."""
    return {name: 1 << place for place, name in enumerate(names)}


def give_few(order: list[str], asked: Container[str]) -> dict[str, int] | None:
    """A bit for each name that is not asked for, if the others are few enough to be told apart by spots."""
    free = [name for name in order if name not in asked]
    if len(order) - len(free) > MOST_SETS or len(free) > MOST_BITS:
        return None
    return give_bits(free)


def lead_on(spots: list[Spot], goal: frozenset[Vector], bits: Container[object]) -> set[Spot]:
    """The spots from which objects can end with one of these vectors without the names that have bits."""
    before: dict[Spot, list[Spot]] = {}
    for edge in (edge for spot in spots for edge in spot.edges if edge.label not in bits):
        for target in edge.targets.values():
            before.setdefault(target, []).append(edge.source)
    stack = [spot for spot in spots if spot.end in goal]
    found = set(stack)
    while stack:
        fresh = [spot for spot in before.get(stack.pop(), ()) if spot not in found]
        found.update(fresh)
        stack += fresh
    return found
