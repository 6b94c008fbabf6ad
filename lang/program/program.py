"""Program: a function as data: traced, checked, sent elsewhere, run on any backend.

    program = extract.trace()
    text = program.to_json()
    program = Program.from_json(text)            # raises UnreadableProgram for anything that is not exactly one
    function(program).run(text="Ada, 36").value  # a Function like any other: stream, arun, run_batch, ...
    program.optimized()                          # the same answers, sooner

A Program from JSON knows no Python types: its values are plain data, as JSON has them. One that was just traced
restores the function's types. The heavy parts, pydantic among them, are imported with the first use.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from ..backends.base import Backend
    from ..nodes.ir import Gen
    from ..run.ahead import Ahead
    from .document import Document


@dataclass(frozen=True, slots=True)
class Program:
    """A traced function. document: all that its JSON holds; nodes: the gens with their Python types, by id.

    >>> program = ask.trace()
    >>> tr.function(tr.Program.from_json(program.to_json())).run().value
    'Because.'
    """

    document: "Document"
    nodes: "Mapping[str, Gen]" = field(default_factory=dict[str, "Gen"], compare=False, repr=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The program that `to_json` wrote. Raises UnreadableProgram, naming the path, for anything else."""
        from .codec import read

        return cls(read(text))

    def to_json(self) -> str:
        """All of it as JSON text, of the version that `program_schema()` describes."""
        from .codec import write

        return write(self.document)

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.document.name

    def __str__(self) -> str:
        """The instructions, one a line, as people read them."""
        from .show import lines

        return "\n".join(lines(self.document))

    def changed(self, document: "Document") -> "Program":
        """The same types with another document."""
        return replace(self, document=document)

    def warm(self, backend: "Backend") -> "Ahead":
        """`with program.warm(backend):` keeps what every run begins with computed; of an optimised program.

        Raises constraint errors.
        """
        from .warm import warm

        return warm(self.document, backend)

    def optimized(self) -> "Program":
        """The same answers, sooner: every pass of `lang.optimize`."""
        from ..optimize.passes import optimize

        return self.changed(optimize(self.document))


def program_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a Program's JSON.

    >>> tr.program_schema()["type"]
    'object'
    """
    from .codec import schema

    return schema()
