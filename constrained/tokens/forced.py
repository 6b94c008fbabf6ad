"""Forced: the tokens of the text that a grammar leaves no choice about.

    forced = Forced(vocabulary, encode)
    tokens = forced.tokens(grammar, place, recent)          # may be appended without asking the model

Forced bytes are certain; how they fall into tokens is not, near their end: a token that the grammar allows may begin
inside them and reach beyond. So the run is encoded once for each place where such a token could begin, and once whole,
and only the tokens that all of these agree on are given. What is held back stays enforced by the mask.

Tokens that the model sampled are never taken back: the run is encoded together with the latest of them, and unless
that one comes out as it was sampled, nothing is forced. One is enough: where an encoding has a border between tokens,
what follows is the encoding of what follows. Slow: some tenths of a millisecond for a new state, a
sixth of that for a new latest token; both are kept.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

from ..grammar.place import Compiled
from .vocabulary import Vocabulary
from .walk import MaskMaker, Walk

# A window begins with a whole character, and a character has at most 4 bytes.
LOOK_BACK = 4
# Text put in front, for tokenizers that write a text's first token in a form of its own.
ANCHORS = ("", "\n", "a", "0", ".")
# Places of which what must follow is remembered: some hundred for each of 256 grammars, a few hundred bytes each.
KEPT = 65_536
ONCE = 262_144  # keys of which it is remembered that they came, each a number

Encode = Callable[[str], list[int]]
P = TypeVar("P")


class Run(NamedTuple, Generic[P]):
    """Tokens that must follow, and the place behind each."""

    tokens: tuple[int, ...] = ()
    places: tuple[P, ...] = ()


class After(NamedTuple, Generic[P]):
    """What comes of a token: those that are forced behind it, the places behind it and them, and whether the text goes
    on."""

    forced: tuple[int, ...]
    places: tuple[P, ...]
    open: bool


class Forced:
    """Forced tokens for one tokenizer. `encode` gives the plain tokens of a text, without special ones; maker as Walk
    has it."""

    def __init__(
        self, vocabulary: Vocabulary, encode: Encode, maker: MaskMaker | None = None
    ) -> None:
        self.walk = Walk(vocabulary, maker=maker)
        self._vocabulary = vocabulary
        self._encode = encode
        self._kept: OrderedDict[tuple[str, object, tuple[int, ...]], Run[Any]] = OrderedDict()
        self._runs: OrderedDict[tuple[str, object], tuple[bytes, list[int]]] = OrderedDict()
        # (grammar, place, token) -> what comes of it: what matchers know of each other.
        self.known: dict[tuple[str, Any, int], After[Any]] = {}
        self._once: set[int] = set()
        self._lock = Lock()

    def came_before(self, key: int) -> bool:
        """Whether a key, any number, was asked for before, as far as is remembered: most come once, and what is kept
        for those is made for nothing. For one thread."""
        if key in self._once:
            return True
        if len(self._once) >= ONCE:
            self._once.clear()
        self._once.add(key)
        return False

    def tokens(self, grammar: Compiled[P], place: P, recent: Sequence[int]) -> tuple[int, ...]:
        """The tokens that are certain to follow. recent: all generated ones, or at least the last 4."""
        return self.run(grammar, place, recent).tokens

    def run(self, grammar: Compiled[P], place: P, recent: Sequence[int]) -> "Run[P]":
        """The same tokens, and the places behind each of them."""
        if not grammar.forces_at(place):
            return Run()
        window = self._window(recent)
        key = (grammar.key, place, window)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        run, cuts = self._run(grammar, place)
        found = self._take(grammar, place, self._agree(window, run, cuts))
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def _take(self, grammar: Compiled[P], place: P, tokens: tuple[int, ...]) -> "Run[P]":
        """The tokens up to the first that the grammar does not take as one."""
        places: list[P] = []
        for token in tokens:
            after = grammar.take(place, self._vocabulary.token(token))
            if after is None:
                break
            places.append(after)
            place = after
        return Run(tokens[: len(places)], tuple(places))

    def _run(self, grammar: Compiled[P], place: P) -> tuple[bytes, list[int]]:
        """The forced bytes from here and where they may be cut; kept, whatever token came before."""
        key = (grammar.key, place)
        with self._lock:
            if key in self._runs:
                self._runs.move_to_end(key)
                return self._runs[key]
        run = grammar.forced_bytes(place)
        found = run, self._cuts(grammar, place, run)
        with self._lock:
            self._runs[key] = found
            while len(self._runs) > KEPT:
                self._runs.popitem(last=False)
        return found

    def _window(self, recent: Sequence[int]) -> tuple[int, ...]:
        """The latest token, with those before it that its first character begins in."""
        length = 1
        while length < LOOK_BACK and continues(self._vocabulary.text(recent[-length:])):
            length += 1
        return tuple(recent[-length:])

    def _cuts(self, grammar: Compiled[P], place: P, run: bytes) -> list[int]:
        """Where in the run the token that reaches beyond its end may begin; its end is one such place."""
        end = grammar.walk(place, run)
        assert end is not None, (grammar.key, place, run)
        earliest = max(0, len(run) - self._vocabulary.max_bytes + 1)
        inside = [
            at for at in range(earliest, len(run)) if self.walk.crosses(grammar, end, run[at:])
        ]
        return sorted({_whole_characters(run, at) for at in (*inside, len(run))})

    def _agree(self, window: tuple[int, ...], run: bytes, cuts: list[int]) -> tuple[int, ...]:
        """The tokens behind the window that the run has wherever it is cut; none if the window is not."""
        before = self._vocabulary.text(window)
        common: list[int] | None = None
        for cut in cuts:
            tokens = self._tokenise(before + run[:cut])
            if tokens is None or tuple(tokens[: len(window)]) != window:
                return ()
            common = tokens if common is None else _common_prefix(common, tokens)
        assert common is not None, cuts
        return tuple(common[len(window) :])

    def _tokenise(self, data: bytes) -> list[int] | None:
        """The tokens of a text that stands somewhere in a longer one; None if they do not spell exactly this text."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return None
        for anchor in ANCHORS:
            front = self._encode(anchor) if anchor else []
            tokens = self._encode(anchor + text)
            rest = tokens[len(front) :]
            if tokens[: len(front)] == front and self._vocabulary.text(rest) == data:
                return rest
        return None


def continues(data: bytes) -> bool:
    """Whether these bytes begin inside a UTF-8 character."""
    return bool(data) and data[0] & 0xC0 == 0x80


def _common_prefix(a: list[int], b: list[int]) -> list[int]:
    same = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        same += 1
    return a[:same]


def _whole_characters(data: bytes, at: int) -> int:
    """The largest position up to `at` that is no continuation of a UTF-8 character."""
    while at < len(data) and at > 0 and data[at] & 0xC0 == 0x80:
        at -= 1
    tail = data[max(0, at - 3) : at]
    for back in range(1, len(tail) + 1):
        byte = tail[-back]
        if byte & 0xC0 == 0xC0:
            needed = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return at - back if needed > back else at
        if byte < 0x80:
            break
    return at
