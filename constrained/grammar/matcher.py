"""Matcher: where one request stands in its grammar.

    matcher = Matcher(grammar, vocabulary, forced)
    while not matcher.finished:
        for token in matcher.forced():              # no need to ask the model
            matcher.accept(token)
        matcher.accept(sample(logits, matcher.mask()))

Tiny, and can go back. Every token that `mask` allows is accepted, and from every state some text leads to an end.
"""

from typing import Generic, TypeVar

from ..tokens.forced import LOOK_BACK, After, Forced, continues
from ..tokens.vocabulary import Vocabulary
from ..tokens.walk import Mask, Walk, pack
from .place import Compiled

P = TypeVar("P")
MOST_KNOWN = 65_536  # for all texts of a tokenizer together, some 300 bytes each


class Matcher(Generic[P]):
    """The state of one generated text. Without `forced` nothing is ever forced, and masks are kept for itself alone."""

    def __init__(
        self, grammar: Compiled[P], vocabulary: Vocabulary, forced: Forced | None = None
    ) -> None:
        self._grammar = grammar
        self._vocabulary = vocabulary
        self._forced = forced
        # Places of the host tier are large: they hold what was read.
        self._looks_up = grammar.tier == "device"
        self._walk = Walk(vocabulary) if forced is None else forced.walk
        self._places = [grammar.start]
        self._tokens: list[int] = []
        self._open: int | None = None  # after so many tokens it is known that the text goes on

    @property
    def place(self) -> P:
        """Where the grammar stands behind the accepted tokens."""
        return self._places[-1]

    @property
    def tokens(self) -> tuple[int, ...]:
        """The accepted tokens."""
        return tuple(self._tokens)

    @property
    def accepting(self) -> bool:
        """Whether the text may end here."""
        return self._grammar.accepting(self.place)

    @property
    def finished(self) -> bool:
        """Whether the text has ended: by an eos token, or because it may end and nothing can follow."""
        if self._open == len(self._tokens):
            return False
        return self._ended or (self.accepting and self._grammar.closed(self.place))

    @property
    def _ended(self) -> bool:
        return bool(self._tokens) and self._tokens[-1] in self._vocabulary.eos_ids

    def accept(self, token: int) -> bool:
        """Moves over a token. False, and nothing has changed, if it is not allowed here."""
        if self._ended or not 0 <= token < self._vocabulary.size:
            return False
        place: P | None = self.place
        if token in self._vocabulary.eos_ids:
            if not self.accepting:
                return False
        else:
            data = self._vocabulary.token(token)
            place = self._grammar.take(self.place, data) if data else None
            if place is None:
                return False
        self._places.append(place)
        self._tokens.append(token)
        return True

    def rollback(self, count: int) -> None:
        """Takes back the last `count` tokens. Raises ValueError if fewer were accepted."""
        if not 0 <= count <= len(self._tokens):
            raise ValueError(f"cannot take back {count} of {len(self._tokens)} accepted tokens")
        keep = len(self._tokens) - count
        self._open = None
        del self._tokens[keep:]
        del self._places[keep + 1 :]

    def mask(self) -> Mask:
        """The tokens that may follow: uint32 [ceil(size / 32)], bit t % 32 of word t // 32; read-only."""
        if self._ended:
            return pack(sorted(self._vocabulary.eos_ids), self._vocabulary.size)
        return self._walk.mask(self._grammar, self.place)

    def forced(self) -> list[int]:
        """The tokens that must follow and may be appended at once; they are not accepted yet."""
        if self._forced is None or self._ended:
            return []
        return list(self._forced.tokens(self._grammar, self.place, self._tokens[-LOOK_BACK:]))

    def follow(self, token: int, most: int) -> tuple[int, ...] | None:
        """Accepts a token and what must follow it, up to `most` more, which it gives; None if the token is not allowed.

        As `accept`, `forced` and `accept` again, looked up where any text of this grammar did the same before.
        """
        forced_text = self._forced
        if forced_text is None or not self._looks_up or self._ended:
            return self.force(most) if self.accept(token) else None
        key, known = (self._grammar.key, self._places[-1], token), forced_text.known
        after: After[P] | None = known.get(key)
        if after is not None and len(after.forced) <= most:
            self._places += after.places
            self._tokens.append(token)
            self._tokens += after.forced
            self._open = len(self._tokens) if after.open else None
            return after.forced
        if not self.accept(token):
            return None
        forced = self.force(most)
        goes_on = not self.finished
        self._open = len(self._tokens) if goes_on else None
        data = self._vocabulary.token(token)
        # What follows hangs on more than this token where that begins inside a character, or where no more may follow.
        whole = len(forced) < most and data and not continues(data)
        if whole and forced_text.came_before(hash(key)):
            if len(known) >= MOST_KNOWN:
                known.clear()
            places = self._places[-1 - len(forced) :]
            known[key] = After(forced, tuple(places), goes_on)
        return forced

    def force(self, most: int) -> tuple[int, ...]:
        """Accepts the tokens that must follow, `most` at most, and gives them: as `forced` and `accept`, at once."""
        place = self._places[-1]
        # Where a text has ended it may end, so that nothing is forced.
        if self._forced is None or not self._grammar.forces_at(place):
            return ()
        run = self._forced.run(self._grammar, place, self._tokens[-LOOK_BACK:])
        if not run.tokens or most <= 0:
            return ()
        self._tokens += run.tokens[:most]
        self._places += run.places[:most]
        return run.tokens[:most]

    def copy(self) -> "Matcher[P]":
        """An independent matcher at the same place."""
        twin = Matcher(self._grammar, self._vocabulary, self._forced)
        twin._walk = self._walk
        twin._places, twin._tokens = self._places.copy(), self._tokens.copy()
        return twin
