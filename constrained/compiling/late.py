"""Late: the passes of a machine, for who compiles for long.

    passes = LatePasses(after=64)       # of so many constraints
    passes.take()                       # for the next one: array operations, or machine code once that is there

Machine code is loaded in a thread of its own, in a third of a second, or made in ten to fifteen where none is kept from
before; only the end of the process waits for it. So this is for processes that do nothing else. Where numba is not
installed there is none. It refuses to know what is compiled.
"""

import contextlib
from threading import Lock, Thread

from ..limits import Limits
from ..machine.passes import ARRAYS, Passes
from ..schema.fragments import Fragments
from ..spec import JsonSchema
from .lowering import compile_constraint

# What takes every pass through all that it knows: calls, counts and bits, and rules that call themselves.
FIRST = (
    '{"type": ["object", "array", "string"]}',
    '{"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"type": "string", "maxLength": 300}},'
    ' "minProperties": 1, "additionalProperties": false}',
)


def load_loops() -> Passes:
    """The passes as machine code, all of it loaded. Raises ImportError where numba is not installed."""
    from ..machine.compiled.loops import LOOPS

    for schema in FIRST:
        constraint = JsonSchema(schema, any_order=True)
        compile_constraint(constraint, Limits(), Fragments(1 << 20), passes=LOOPS)
    return LOOPS


class LatePasses:
    """Array operations first; some time after so many constraints have been compiled, machine code."""

    def __init__(self, after: int) -> None:
        self._best = ARRAYS
        self._left = after
        self._lock = Lock()

    def take(self) -> Passes:
        """The passes for one more constraint."""
        with self._lock:
            self._left -= 1
            if self._left == -1:
                Thread(target=self._load, name="trellis-loops").start()
        return self._best

    def _load(self) -> None:
        with contextlib.suppress(ImportError):
            self._best = load_loops()
