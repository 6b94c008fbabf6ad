"""Cores: how many processors this process may use."""

import os
import sys


def count_cores() -> int:
    """Those it is kept to where the system tells, else all that there are."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
