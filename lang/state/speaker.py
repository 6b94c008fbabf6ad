"""Speaker: the state at work, as far as answers, thinking and tools need it; an Interpreter is one."""

from typing import Protocol

from ..answers.generation import Generation
from ..errors import ProgramError
from ..run.scope import Scope
from .cell import Cell, Meta
from .transcript import Transcript


class Speaker(Protocol):
    """Whoever has a transcript that answers go into, and can say where in the program it is."""

    scope: Scope
    branch: tuple[int, ...]
    transcript: Transcript
    generation: Generation | None

    def failure(self, kind: type[ProgramError], reason: str) -> ProgramError: ...

    def answer(self, cell: Cell, value: object, meta: Meta) -> None: ...
