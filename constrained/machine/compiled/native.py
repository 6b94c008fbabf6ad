"""Native: functions over arrays that become machine code when they run for the first time.

    @native
    def count(table: Table) -> int: ...

They are plain Python as well, as `function.py_func`. What is made is kept beside the source or, where that folder may
not be written, in the user's own; where neither may, it is made anew in each process. Other threads run meanwhile.
Slow: importing this, a tenth of a second, and as much again for the first function; a second for one that is not kept
yet. It refuses to know what is computed.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])
NUMBA: Any = import_module("numba")


def native(function: F) -> F:
    """The function as machine code."""
    try:
        return cast(F, NUMBA.njit(function, cache=True, nogil=True, error_model="numpy"))
    except RuntimeError:  # there is no folder that may be written
        return cast(F, NUMBA.njit(function, nogil=True, error_model="numpy"))


def is_kept(function: Callable[..., object]) -> bool:
    """Whether its machine code is kept for other processes."""
    return cast(Any, function).stats.cache_path is not None
