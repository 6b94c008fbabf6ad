"""Thinking: how a gen thinks before it answers, as the program says it. It refuses to know models and marks in use."""

from dataclasses import dataclass
from typing import Any

from ..errors import InvalidProgram

BUDGET = 1024


@dataclass(frozen=True, slots=True)
class Thinking:
    """How a gen thinks. max_tokens: for the thoughts alone; begin, end: its marks, None for the model's own.

    >>> tr.gen("x", think=tr.Thinking(max_tokens=200)).thinking.max_tokens
    200
    """

    max_tokens: int = BUDGET
    begin: str | None = None
    end: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.max_tokens, int) or isinstance(self.max_tokens, bool) or self.max_tokens < 1:  # pyright: ignore[reportUnnecessaryIsInstance]: callers may be untyped  # fmt: skip
            raise InvalidProgram(
                f"Thinking(max_tokens=) must be at least 1 token, got {self.max_tokens!r}"
            )
        if (self.begin is None) != (self.end is None) or "" in (self.begin, self.end):
            raise InvalidProgram("Thinking() takes both marks, begin and end, or neither")


def make_thinking(think: Any) -> Thinking | None:
    """What gen(think=...) means: True, False, or a Thinking. Raises InvalidProgram."""
    if think is None or think is False:
        return None
    if think is True:
        return Thinking()
    if isinstance(think, Thinking):
        return think
    raise InvalidProgram(
        f"think must be True, False or Thinking(max_tokens=...), got {think!r:.80}"
    )
