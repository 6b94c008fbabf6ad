"""RegexSearch: the first match of a regex in a text that arrives piece by piece, in linear time.

    search = RegexSearch(grammar)             # the regex, compiled as any constraint is
    search.push("some text")
    search.found                              # (start, end) of the match that ended first; None so far
    search.pending                            # where the earliest match that may still come begins

An attempt begins at every character; attempts that reach the same state of the automaton become one, the earliest, so
there are never more than the automaton has states. Nothing is ever searched twice and no pattern can make it slow. An
empty match is none. It refuses to know what happens at a match.
"""

from typing import Generic, Protocol, TypeVar

P = TypeVar("P")


class Automaton(Protocol[P]):
    """A compiled regex; constrained.grammar.Grammar is one. Equal places go on alike."""

    @property
    def start(self) -> P: ...
    def walk(self, place: P, data: bytes) -> P | None: ...
    def accepting(self, place: P) -> bool: ...


class RegexSearch(Generic[P]):
    """Finds the match that ends first; among those the one that begins first. Positions count characters."""

    def __init__(self, automaton: Automaton[P]) -> None:
        self._automaton = automaton
        self._attempts: dict[P, int] = {}  # place -> where the earliest attempt in it began
        self._at = 0
        self.found: tuple[int, int] | None = None

    @property
    def pending(self) -> int:
        """Text before this is in no match that may still come."""
        return min(self._attempts.values(), default=self._at)

    def push(self, text: str) -> None:
        """Goes on with more text; stops at a match."""
        for character in text:
            if self.found is not None:
                return
            self._step(character.encode())

    def _step(self, data: bytes) -> None:
        self._attempts.setdefault(self._automaton.start, self._at)
        self._at += 1
        following: dict[P, int] = {}
        for place, began in sorted(self._attempts.items(), key=lambda attempt: attempt[1]):
            after = self._automaton.walk(place, data)
            if after is not None and after not in following:
                following[after] = began
                if self._automaton.accepting(after) and self.found is None:
                    self.found = began, self._at
        self._attempts = following
