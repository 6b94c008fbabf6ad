"""Loops: the passes of a machine as machine code.

    grammar = build_grammar(machine, passes=LOOPS)

Slow: importing this, a tenth of a second; then the first machine, as much again, or ten seconds where the code has not
been kept from before.
"""

from ..passes import Passes
from .calling import find_chain, find_depths, find_pushes
from .laying import lay_actions, lay_edges, lay_returns
from .linking import find_links
from .measuring import measure
from .proving import every_state_ends
from .stacking import align

LOOPS = Passes(
    align, find_links, every_state_ends, find_pushes, find_chain, find_depths, measure, lay_returns, lay_actions,
    lay_edges,
)  # fmt: skip
