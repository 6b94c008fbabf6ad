"""Late: the passes of a machine, for who compiles for long.

    passes = LatePasses(after=8)        # of so many constraints
    passes.take()                       # for the next one: array operations, or machine code once that is there
    passes = AsidePasses(after=64)      # the same for a process that decodes as well
    passes.close()

Machine code is loaded in a thread of its own, in half a second, or made in ten to fifteen where none is kept from
before; only the end of the process waits for it. Loading stops the other threads for some 20 ms in all; making would
hold the interpreter all the time, so AsidePasses have another process do that first, of the lowest priority, and do
without where it cannot keep what it makes. The code itself lets other threads run. Where numba is not installed there
is none. It refuses to know what is compiled.
"""

import contextlib
import os
import subprocess
import sys
from threading import Lock, Thread
from weakref import finalize

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
    '{"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"type": "string"}}, "required": ["b"],'
    ' "additionalProperties": false}',
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


class AsidePasses:
    """As LatePasses, behind another process that makes the code where none is kept."""

    def __init__(self, after: int) -> None:
        self._left = after
        self._maker: subprocess.Popen[bytes] | None = None
        self._late: LatePasses | None = None
        self._lock = Lock()

    def take(self) -> Passes:
        """The passes for one more constraint; never waits."""
        with self._lock:
            self._left -= 1
            if self._left == -1:
                with contextlib.suppress(OSError):
                    self._maker = _start_maker()
                    finalize(self, _end, self._maker)
            elif self._maker is not None and self._maker.poll() is not None:
                self._late = LatePasses(0) if self._maker.returncode == 0 else None
                self._maker = None
            late = self._late
        return late.take() if late is not None else ARRAYS

    def close(self) -> None:
        """Ends the other process if it is not done."""
        with self._lock:
            maker, self._maker, self._left = self._maker, None, -1
        if maker is not None:
            _end(maker)


def _end(maker: subprocess.Popen[bytes]) -> None:
    maker.kill()
    maker.wait()


def _start_maker() -> subprocess.Popen[bytes]:
    """A process that ends well once all machine code is kept. Raises OSError where none can be started."""
    command = [sys.executable or "", "-P", "-c", f"import {__name__} as late; late.make_loops()"]
    none = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=none, stdout=none, stderr=none)


def make_loops() -> None:
    """Has the machine code made and kept; ends the process with an error where it cannot be."""
    from ..machine.compiled.native import is_kept
    from ..machine.compiled.stacking import stack

    os.nice(19)
    load_loops()
    if not is_kept(stack):
        raise SystemExit(1)
