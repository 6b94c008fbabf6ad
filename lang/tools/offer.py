"""Offer: the tools that a gen may call, and how: chosen freely or not, one or many at a time, how often.

    offer = make_offer([get_weather, add], choice="auto", parallel=True, max_rounds=8)

Everything is checked here, before anything runs. It refuses to know formats and models.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from ..errors import InvalidProgram
from .tool import Tool, make_tool

CHOICES = ("auto", "required", "none")
MAX_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Offer:
    """tools: at least one, no name twice; choice: "auto", "required", "none" or the name of one.

    parallel: whether one turn may hold several calls. max_rounds: turns with calls, before an answer must come.
    """

    tools: tuple[Tool, ...]
    choice: str = "auto"
    parallel: bool = True
    max_rounds: int = MAX_ROUNDS

    def callable_at(self, round: int) -> tuple[Tool, ...]:
        """The tools that may be called in a round, from 1: the one that is named is for the first."""
        if round == 1 and self.choice not in CHOICES:
            return tuple(tool for tool in self.tools if tool.name == self.choice)
        return self.tools

    def must_call(self, round: int) -> bool:
        """Whether a round has no choice but to call."""
        return round == 1 and self.choice not in ("auto", "none")


def make_offer(
    tools: Any, choice: str = "auto", parallel: bool = True, max_rounds: int = MAX_ROUNDS
) -> Offer:
    """An offer of Tools, functions and collections of them. Raises InvalidProgram."""
    found = tuple(_tools_of(tools))
    names = [tool.name for tool in found]
    if not found:
        raise InvalidProgram("tools must hold at least one tool: leave it out for none")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidProgram(
            f"two tools are called {twice!r}: give one a name, as in tool(name=...)"
        )
    if choice not in (*CHOICES, *names):
        raise InvalidProgram(
            f"tool_choice must be {', '.join(map(repr, CHOICES))} or one of {', '.join(names)}, got {choice!r}"
        )
    if not isinstance(max_rounds, int) or isinstance(max_rounds, bool) or max_rounds < 1:  # pyright: ignore[reportUnnecessaryIsInstance]: callers may be untyped
        raise InvalidProgram(f"max_rounds must be an integer from 1 up, got {max_rounds!r}")
    return Offer(found, choice, bool(parallel), max_rounds)


def _tools_of(given: Any) -> Iterable[Tool]:
    if isinstance(given, Tool):
        yield given
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes):
        for item in cast(Iterable[Any], given):
            yield from _tools_of(item)
    elif callable(given):
        yield make_tool(cast(Callable[..., Any], given))
    else:
        raise InvalidProgram(f"tools holds functions and tools, got {given!r:.80}")
