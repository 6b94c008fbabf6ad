"""Garbage: how a process that only serves looks for it.

    spare_what_stays()          # once, when all that stays has been made

Its modules and its model stay for as long as it runs: to look through them again and again would stop every stream.
What is made later is little, so all of it can be looked through often; what is looked through seldom is kept long, and
looks like a leak. It refuses to know what is served.
"""

import gc

# Objects more than went, between two looks at the new ones: what a burst of requests makes and lets go of stays below.
NEW_OBJECTS = 50_000
# Looks at younger objects for each look at older ones. Python's ten are meant for a heap that is much larger than this.
YOUNGER_LOOKS = 2


def spare_what_stays() -> None:
    """From here on nothing that exists now is looked through; what comes later is, oftener than usual."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNGER_LOOKS, YOUNGER_LOOKS)
