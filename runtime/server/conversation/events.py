"""Events: what an answer consists of, in the order in which it is made.

    Thought*  (Said | CallBegun CallArguments* CallEnded)*  Ended

Calls are numbered from 0 within an answer and never interleave. Where a Turn asks for tokens, Generated stands before
what its tokens come to. It refuses to know any API's names.
"""

from dataclasses import dataclass
from typing import TypeAlias

from ....lang.backends.base import Finish, Token, Usage


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of the answer's text, and its tokens where they were asked for (text may then be still on its way)."""

    text: str
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Generated:
    """The next tokens of the answer, whatever they are part of: thoughts, words, calls, or marks around these."""

    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class CallBegun:
    """A tool is called; its arguments follow."""

    call: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """A piece of the JSON text of a call's arguments."""

    call: int
    text: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The arguments of a call are complete."""

    call: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is complete. called: whether it ends with calls that wait for results; thinking: tokens of it."""

    finish: Finish
    usage: Usage
    called: bool = False
    thinking: int = 0


Event: TypeAlias = Thought | Said | Generated | CallBegun | CallArguments | CallEnded | Ended
