"""Coming: native code for an engine's masks, made beside the first steps that need it.

    coming = ComingRows(lambda: tables)
    coming.begin()                              # in a thread of its own
    coming.rows                                 # None until it is there

What is slow: making it, some tenths of a second, llvmlite's import included; nobody waits for it. It refuses to know
what is done until then.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...masks.tables import MaskTables
    from .native import NativeRows


class ComingRows:
    """NativeRows on their way, for the tables that `open_tables` gives."""

    def __init__(self, open_tables: "Callable[[], MaskTables]") -> None:
        self._open_tables = open_tables
        self._made: Future[NativeRows] = Future()
        self._begun = False

    @property
    def rows(self) -> "NativeRows | None":
        """They, or None while they are in the making. Raises what went wrong with that."""
        return self._made.result() if self._made.done() else None

    def begin(self) -> None:
        """Starts making them, at the first call."""
        if self._begun:
            return
        self._begun = True
        # No daemon: an interpreter that ends while LLVM is at work would take its ground away.
        threading.Thread(target=self._make, name="trellis-mask-compiler").start()

    def wait(self) -> "NativeRows":
        """They, once they are made."""
        self.begin()
        return self._made.result()

    def _make(self) -> None:
        try:
            from .native import open_rows

            self._made.set_result(open_rows(self._open_tables()))
        except Exception as error:  # whoever asks for them gets it
            self._made.set_exception(error)
