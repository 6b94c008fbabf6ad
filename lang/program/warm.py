"""Warm: what of a Program can be computed before its first run, computed and kept.

    with warm(document, backend):            # Program.warm; async with in async code
        function(program).run_batch(items)

Its constraints are checked, which compiles them, and its constant prefix is held, so that runs that start at once find
it instead of each computing it. Only an optimised program says what these are. It refuses to know about runs.
"""

from ..backends.base import Backend, Prefix
from ..nodes.ir import Close, Open, Text
from ..nodes.params import SamplingParams
from ..optimize.prefix import constant_prefix
from ..run.ahead import Ahead
from ..state.transcript import Transcript
from .constraints import constraint_of
from .document import Document


class Beginning:
    """The constant prefix of a program, held from `begin` to `end`."""

    def __init__(self, document: Document, backend: Backend) -> None:
        self._document = document
        self._backend = backend
        self._prefix: Prefix | None = None

    async def begin(self) -> None:
        """Computes."""
        nodes = constant_prefix(self._document)
        if not nodes or "hold" not in self._backend.capabilities:
            return
        transcript = Transcript(self._backend)
        for node in nodes:
            match node:
                case Text(text=text):
                    transcript.write(text)
                case Open(role=role, fixed=fixed):
                    transcript.open(role, fixed)
                case Close():
                    transcript.close()
                case other:
                    raise AssertionError(f"{other} is no constant text")
        prompt = transcript.prompt("prefix")
        # Prefixes are shared by those that say the same of these, and computed under the same adapter.
        options = self._document.options
        same = {key: options[key] for key in ("namespace", "adapter") if key in options}
        self._prefix = await self._backend.hold(prompt, SamplingParams(keep=True, **same))

    def end(self) -> None:
        """Gives the prefix back."""
        if self._prefix is not None:
            prefix, self._prefix = self._prefix, None
            self._backend.release(prefix)


def warm(document: Document, backend: Backend) -> Ahead:
    """Keeps a program's beginning computed while the block runs. Raises constraint errors at once."""
    for constraint in document.ahead:
        backend.check(constraint_of(constraint))
    return Ahead(backend, Beginning(document, backend))
