"""Warming: what all runs of a batch begin with is computed once, before the first of them.

    with warming_of(function, backend, seconds): ...          # async with, where the batch is async

Runs that begin together would each compute it, as none is done when the next begins. Only a function that can be
traced says what its runs have in common, which calls its body once with symbols; of any other, and on a backend that
holds nothing, nothing is computed. What goes wrong here goes wrong in the runs, too, and is told there. It refuses to
know about items.
"""

import contextlib
from typing import Protocol

from ..backends.base import Backend
from ..errors import Untraceable
from ..program.program import Program
from ..run.ahead import Ahead

Warming = Ahead | contextlib.nullcontext[None]


class Traced(Protocol):
    """A function, as far as it is traced."""

    def traced(self) -> Program: ...


def warming_of(function: Traced, backend: Backend, seconds: float) -> Warming:
    """What is computed before a batch of a function, for so many seconds at most."""
    if "hold" not in backend.capabilities:
        return contextlib.nullcontext()
    try:
        program = function.traced().optimized()
    except Untraceable:
        return contextlib.nullcontext()
    from ..program.warm import Beginning  # it needs pydantic, as programs do; running does not

    beginning = Beginning(program.document, backend)
    return Ahead(backend, beginning, seconds, forgiven=(Exception,))
