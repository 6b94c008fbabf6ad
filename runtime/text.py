"""TextStream: the text of one answer as its tokens arrive, cut at the first stop.

    stream = TextStream(decoder, stop=("\\n",), stop_regex=None)
    piece = stream.push(token_ids)      # text that is final; empty while a stop may still be forming
    if stream.stopped is not None: ...  # the stop that ended it; nothing of it is in the text
    piece = stream.flush()              # the rest, when the tokens have ended
    spelling.delta(text, tokens)        # what a caller is told; the same is made once

Text is held back only as long as it could be the beginning of a stop. It refuses to know about models and requests.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Protocol

from ..lang.backends.base import Delta, Token
from .stops import RegexSearch

KEPT = 65_536  # Deltas, some three hundred bytes each
ONCE = 262_144  # of which it is remembered that they came, each a number


class Decoder(Protocol):
    """Turns token ids into text without ever splitting a character."""

    def push(self, ids: Sequence[int]) -> str: ...
    def flush(self) -> str: ...


class Spelling:
    """Tokens as their callers are told of them, of all answers of one tokenizer. spell: the text of one token.

    Most steps of most answers are told in the same words as others before, and nothing that is told ever changes: a
    Delta that came before is looked up. For one thread.
    """

    def __init__(self, spell: Callable[[int], str]) -> None:
        self.spell = spell
        self._deltas: dict[tuple[int | None, tuple[int, ...]], Delta] = {}
        self._once: set[int] = set()

    def tokens(
        self,
        sampled: int | None,
        forced: Sequence[int],
        logprob: float | None = None,
        top: Sequence[tuple[int, float]] = (),
    ) -> tuple[Token, ...]:
        """A sampled token, if there is one, and those that are forced behind it."""
        spell = self.spell
        rest = tuple([Token(token, "forced", None, (), spell(token)) for token in forced])
        if sampled is None:
            return rest
        likeliest = tuple([(token, spell(token), p) for token, p in top])
        return (Token(sampled, "sampled", logprob, likeliest, spell(sampled)), *rest)

    def delta(self, text: str, sampled: int | None, forced: tuple[int, ...]) -> Delta:
        """The Delta of an only answer, in its middle, without log-probabilities."""
        key = sampled, forced
        known = self._deltas.get(key)
        if known is not None and known.text == text:
            return known
        made = Delta(text, 0, self.tokens(sampled, forced))
        number = hash(key)
        if (
            number not in self._once
        ):  # most come once, and what is kept of those is kept for nothing
            if len(self._once) >= ONCE:
                self._once.clear()
            self._once.add(number)
            return made
        if len(self._deltas) >= KEPT:
            self._deltas.clear()
        self._deltas[key] = made
        return made


class TextStream:
    """The text of one answer. `stopped` is the stop string or the matched text of the regex, once one came; then
    `kept` tokens lie wholly before it and `tail` is the text between them and the stop. `length` counts the
    characters given out.
    """

    def __init__(
        self, decoder: Decoder, stop: Sequence[str] = (), search: RegexSearch | None = None
    ) -> None:
        self._decoder = decoder
        self._stops = tuple(stop)
        self._search = search
        self._held = ""
        self._ends: list[int] = []
        self._decoded = ""
        self.has_stops = bool(self._stops) or search is not None
        self.length = 0
        self.stopped: str | None = None
        self.kept = 0
        self.tail = ""

    def push(self, ids: Sequence[int]) -> str:
        """The final text that these tokens add."""
        if self.stopped is not None:
            return ""
        if not self.has_stops:
            text = self._decoder.push(ids)  # nothing is ever held
            self.length += len(text)
            return text
        for token in ids:
            piece = self._decoder.push((token,))
            self._hear(piece)
            self._decoded += piece
            self._ends.append(len(self._decoded))
        if cut := self._find():
            return self._stop(*cut)
        return self._release(len(self._held) - self._hold())

    def flush(self) -> str:
        """The rest of the text; nothing once it was stopped."""
        if self.stopped is not None:
            return ""
        self._hear(self._decoder.flush())
        if cut := self._find():
            return self._stop(*cut)
        return self._release(len(self._held))

    def _hear(self, piece: str) -> None:
        self._held += piece
        if self._search is not None:
            self._search.push(piece)

    def _find(self) -> tuple[int, str] | None:
        """The earliest stop in the held text: where it starts, and what it is."""
        found = [(at, stop) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if self._search is not None and self._search.found is not None:
            start, end = (at - self.length for at in self._search.found)
            found.append((start, self._held[start:end]))
        return min(found, key=lambda f: f[0], default=None)

    def _stop(self, at: int, what: str) -> str:
        text = self._release(at)
        self.stopped = what
        self._held = ""
        at = bisect_left(self._ends, self.length)
        self.kept = at + 1 if at < len(self._ends) and self._ends[at] == self.length > 0 else at
        covered = self._ends[self.kept - 1] if self.kept else 0
        self.tail = self._decoded[covered : self.length]
        return text

    def _hold(self) -> int:
        """How many characters at the end may still become part of a stop."""
        searched = 0
        if self._search is not None:
            searched = len(self._held) - (self._search.pending - self.length)
        longest = min(max(map(len, self._stops), default=1) - 1, len(self._held))
        for size in range(longest, searched, -1):
            tail = self._held[len(self._held) - size :]
            if any(stop.startswith(tail) for stop in self._stops):
                return size
        return searched

    def _release(self, count: int) -> str:
        text, self._held = self._held[:count], self._held[count:]
        self.length += len(text)
        return text
