"""Limits: how much one constraint may cost; Budget: what is left of it during one compilation.

    budget = Budget(Limits())
    budget.spend(states)        # raises ConstraintBudget once too many states were built, or too much time went by

Every loop whose length the caller decides spends from the budget. It refuses to know what is being built.
"""

import time
from dataclasses import dataclass

from .errors import ConstraintBudget


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one constraint, and for the cache that keeps compiled ones.

    states: of the automata built on the way, all together. table_bytes: of the largest single table.
    pattern_chars, nesting, schema_chars, choices: of the text given. cache_bytes: of all cached grammars.
    """

    seconds: float = 1.0
    states: int = 400_000
    table_bytes: int = 64 << 20
    pattern_chars: int = 8192
    nesting: int = 64
    schema_chars: int = 1 << 20
    choices: int = 100_000
    cache_bytes: int = 256 << 20


LOOK_EVERY = 256  # states; asking the clock costs as much as building several


class Budget:
    """What one compilation may still use."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._states = 0
        self._look = 0  # how many states there are when the clock is asked again
        self._deadline = time.thread_time() + limits.seconds

    def spend(self, states: int) -> None:
        """Takes `states` from the budget and looks at the clock, with a few states now and then. Raises
        ConstraintBudget."""
        self._states += states
        if states and self._states < self._look:
            return
        self._look = min(self._states + LOOK_EVERY, self.limits.states)
        if self._states > self.limits.states:
            raise ConstraintBudget(
                f"needs more than {self.limits.states} automaton states; shorten its repeats, lengths and lists"
            )
        if time.thread_time() > self._deadline:
            raise ConstraintBudget(
                f"took longer than {self.limits.seconds} s to compile; simplify it"
            )

    def check_table(self, states: int, columns: int) -> None:
        """Refuses a table of int32 before it is allocated. Raises ConstraintBudget."""
        if states * columns * 4 > self.limits.table_bytes:
            raise ConstraintBudget(
                f"needs a table of {states} states and {columns} byte classes, above {self.limits.table_bytes} bytes"
            )
