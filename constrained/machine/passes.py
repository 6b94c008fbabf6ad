"""Passes: the steps from rules to tables that go through all states, in one of two ways.

    grammar = build_grammar(machine, passes=ARRAYS)     # operations on whole arrays, at once
    from .compiled.loops import LOOPS                   # machine code: three times as fast, a while to load

Both write the same tables, bit for bit. It refuses to know in which order they are taken.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..automata.automaton import Flags
from .align import Aligned, Ints, Links, align, find_chain, find_links, find_pushes
from .laying import Edges, Laid, Returns, lay_actions, lay_edges, lay_returns
from .needs import Needs, find_depths, measure
from .rule import Machine
from .witness import every_state_ends


@dataclass(frozen=True, slots=True)
class Passes:
    """See align, witness, needs and laying."""

    align: Callable[[Machine, int | None], Aligned]
    find_links: Callable[[Aligned], Links]
    every_state_ends: Callable[[Aligned, Links], bool]
    find_pushes: Callable[[Aligned, Links], Flags]
    find_chain: Callable[[Aligned, Links], int]
    find_depths: Callable[[Aligned], Ints]
    measure: Callable[[Aligned, Links, tuple[Flags, Flags], int], Needs]
    lay_returns: Callable[[Aligned], Returns]
    lay_actions: Callable[[Aligned, Links, Ints, Flags], Laid]
    lay_edges: Callable[[Aligned, Links, Laid, tuple[Ints, Flags]], Edges]


ARRAYS = Passes(
    align, find_links, every_state_ends, find_pushes, find_chain, find_depths, measure, lay_returns, lay_actions,
    lay_edges,
)  # fmt: skip
