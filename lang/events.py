"""Events: what a stream of a running program yields.

    for event in program.stream(question="..."):
        match event:
            case TextDelta(text=text): print(text, end="")
            case VariableSet(name=name, value=value): ...
            case Finished(run=run): ...

branch: where it happened; () is the program's own state, (0,) the first branch of a fork, (0, 1) a branch of that.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .run import Run


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Generated text of the variable `name`. index: which of n answers. Joined, the deltas are the whole answer."""

    text: str
    name: str
    index: int = 0
    branch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Retried:
    """An answer was refused and is generated again: the deltas of `name` so far are void."""

    name: str
    attempt: int
    reason: str
    branch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class VariableSet:
    """A variable has its value."""

    name: str
    value: Any
    branch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event: the run is over, well or with `run.error`."""

    run: "Run[Any]"


Event = TextDelta | Retried | VariableSet | Finished
