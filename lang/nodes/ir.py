"""Nodes: what a program says, as plain frozen data.

    node = "Q: " + Gen("answer", SamplingParams(), ...) + "\\n"      # strings and nodes join with +
    for leaf in leaves(node): ...                                    # flat, in the order they run

A turn of a chat is the run of leaves between an Open and its Close. Nothing here runs anything: the interpreter does.
This module refuses to know about states, backends and Python types.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ...constrained.spec import Constraint
from ..errors import InvalidProgram
from ..tools.offer import Offer
from .thinking import Thinking

Role = Literal["system", "user", "assistant", "tool"]
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
Method = Literal["mean", "sum", "greedy", "unconditional", "constrained"]


class Node:
    """Root of the nodes: they join with strings and each other by `+`."""

    __slots__ = ()

    def __add__(self, other: "Node | str") -> "Sequence":
        return Sequence((*_parts(self), *_parts(other)))

    def __radd__(self, other: "Node | str") -> "Sequence":
        return Sequence((*_parts(other), *_parts(self)))

    def __format__(self, format_spec: str) -> str:
        raise InvalidProgram(
            f"a {type(self).__name__} inside an f-string would be lost: join it with +, as in 'text' + gen('x')"
        )


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Text known beforehand. Special tokens in it are not recognised."""

    text: str


class Later(Node, ABC):
    """Text that is known only when the program runs: what a traced value is to the language."""

    __slots__ = ()

    @abstractmethod
    def written(self) -> "Later":
        """The value as text, whatever it is."""


class Awaited(Node, ABC):
    """Text that is known once something before it has run: what such a value is in a Program at work."""

    __slots__ = ()

    @abstractmethod
    async def settled(self) -> str:
        """The text, once it is known. On the backend's loop."""


@dataclass(frozen=True, slots=True)
class Gen(Node):
    """Generate. name None: unnamed. parse: from the text to the value, raising ValueError; check: refuses a value.

    options: the sampling parameters that were given, as SamplingParams fields; the run's defaults fill the rest.
    type: of a value that is written as JSON, to show it while it grows. hint: what the prompt is told of it.
    feedback: an answer that is refused is shown to the model with the reason, when it tries again.
    """

    name: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)
    constraint: Constraint | None = None
    parse: Callable[[str], Any] | None = None
    check: Callable[[Any], Any] | None = None
    retries: int = 0
    feedback: bool = False
    type: Any = None
    hint: str = ""
    thinking: Thinking | None = None
    offer: Offer | None = None


@dataclass(frozen=True, slots=True)
class Select(Node):
    """Take the likeliest of the choices by the scores that `method` makes of their tokens' log-probabilities."""

    name: str | None
    choices: tuple[str, ...]
    method: Method = "mean"


@dataclass(frozen=True, slots=True)
class Open(Node):
    """A turn begins. fixed: all of its text is known beforehand, so no answer is to be invited."""

    role: Role
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Close(Node):
    """The open turn ends."""


@dataclass(frozen=True, slots=True)
class Begin(Node):
    """From here on the text belongs to a captured variable, too."""

    name: str


@dataclass(frozen=True, slots=True)
class End(Node):
    """The captured variable is complete."""

    name: str


@dataclass(frozen=True, slots=True)
class Sequence(Node):
    """Several nodes, one after the other."""

    nodes: tuple[Node, ...]


def leaves(expression: "Node | str") -> Iterator[Node]:
    """The nodes to run, in order, sequences opened up. Raises InvalidProgram for what is neither text nor node."""
    for part in _parts(expression):
        if isinstance(part, Sequence):
            for node in part.nodes:
                yield from leaves(node)
        elif not isinstance(part, Text) or part.text:
            yield part


def plain_text(value: Any) -> Any:
    """The text, if the value is nodes that are nothing but text; any other value as it is."""
    if not isinstance(value, Node):
        return value
    texts = [node.text for node in leaves(value) if isinstance(node, Text)]
    if len(texts) < sum(1 for _ in leaves(value)):
        raise InvalidProgram("a variable is set to a value, not to nodes: append those with +=")
    return "".join(texts)


def turn(role: Role, expression: "Node | str") -> Sequence:
    """A whole turn of a chat."""
    inside = tuple(leaves(expression))
    if any(isinstance(node, Open | Close) for node in inside):
        raise InvalidProgram(
            f"a turn cannot hold another turn: put it after {role}(...), not inside"
        )
    fixed = not any(isinstance(node, Gen | Select) for node in inside)
    return Sequence((Open(role, fixed), *inside, Close()))


def _parts(expression: "Node | str") -> tuple[Node, ...]:
    if isinstance(expression, str):
        return (Text(expression),)
    if isinstance(expression, Sequence):
        return expression.nodes
    if isinstance(expression, Node):  # pyright: ignore[reportUnnecessaryIsInstance]: callers may be untyped
        return (expression,)
    raise InvalidProgram(
        f"expected text or a node such as gen(...), got {type(expression).__name__}; wrap values in str()"
    )
