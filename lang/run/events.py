"""Events: what a stream of a running program yields.

    for event in program.stream(question="..."):
        match event:
            case TextDelta(text=text): print(text, end="")
            case VariableSet(name=name, value=value): ...
            case Finished(run=run): ...

branch: where it happened; () is the program's own state, (0,) the first branch of a fork, (0, 1) a branch of that.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..tools.record import ToolCall
from ..values.partial import GrowingValue

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Generated text of the variable `name`. index: which of n answers. Joined, the deltas are the whole answer.

    >>> [event.text for event in ask.stream() if isinstance(event, tr.TextDelta)]
    ['Because.']
    """

    text: str
    name: str
    index: int = 0
    branch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Retried:
    """An answer was refused and is generated again: the deltas of `name` so far are void.

    >>> again = tr.function(lambda s: s.add(tr.gen("n", int, check=lambda n: n > 5, retries=1), "here"))
    >>> with tr.use(tr.Fake({"n": [3, 7]})):
    ...     [event.attempt for event in again.stream() if isinstance(event, tr.Retried)]
    [1]
    """

    name: str
    attempt: int
    reason: str
    branch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class VariableSet:
    """A variable has its value.

    >>> [(event.name, event.value) for event in ask.stream() if isinstance(event, tr.VariableSet)]
    [('x', 'Because.')]
    """

    name: str
    value: Any
    branch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """What is thought before the answer of the variable `name`; no part of it.

    >>> think = tr.function(lambda s: s.add(tr.gen("x", think=True), "here"))
    >>> [event.text for event in think.stream() if isinstance(event, tr.ThinkingDelta)]
    ['Because.']
    """

    text: str
    name: str
    branch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A model called a tool on the way to the variable `name`, and has its result.

    >>> [event.call.result for event in calculate.stream() if isinstance(event, tr.ToolCalled)]
    [3]
    """

    name: str
    call: ToolCall
    branch: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PartialValue:
    """What there is so far of the variable `name`, whose value is written as JSON. Free until `value` is read.

    >>> [e.value for e in extract.stream() if isinstance(e, tr.PartialValue)][-1]
    Person(name='Ada', age=36)
    """

    name: str
    growing: GrowingValue
    count: int
    index: int = 0
    branch: tuple[int, ...] = ()

    @property
    def value(self) -> Any:
        """A Partial of objects, a list of lists; None while there is nothing. Text that is no JSON is given as is."""
        return self.growing.view(self.count)


@dataclass(frozen=True, slots=True)
class Finished(Generic[R]):
    """The last event: the run (a Run) is over, well or with `run.error`.

    >>> [event.run.value for event in ask.stream() if isinstance(event, tr.Finished)]
    ['Because.']
    """

    run: R


Event = (
    TextDelta | Retried | VariableSet | ThinkingDelta | ToolCalled | PartialValue | Finished[Any]
)
