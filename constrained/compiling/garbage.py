"""Garbage: none is looked for while a constraint is compiled.

    with without_collection():
        machine = lower(constraint, budget, fragments)

What a compilation makes is used until its end, and there is a lot of it: the collector would look through all of it,
and now and then through all objects of the process, several times, and find nothing. What is made in between is bounded
by the budget. Of several threads that compile at once the last to end may compile with the collector running: slower,
and nothing worse. It refuses to collect.
"""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Generator[None]:
    """Within it the cyclic collector does not run; behind it, it runs if it did before."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
