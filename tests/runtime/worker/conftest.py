"""Small grammars and a small vocabulary for the device side, and the devices to try them on."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from trellis.kernels.masks.tables import ACTION

torch.set_num_threads(2)


@dataclass
class TinyVocabulary:
    """Single letters, some pairs, an end of text, and ids without bytes."""

    tokens: list[bytes] = field(
        default_factory=lambda: [
            b"", b"a", b"b", b"c", b"d", b"ab", b"ba", b"cd", b"abcd", b"", b"dd", b"aa",
            *([b""] * 30), b"x", b"xa",
        ]
    )  # fmt: skip
    eos_ids: frozenset[int] = frozenset({9, 40})

    @property
    def size(self) -> int:
        return len(self.tokens)

    @property
    def flat(self) -> np.ndarray:
        return np.frombuffer(b"".join(self.tokens), np.uint8)

    @property
    def offsets(self) -> np.ndarray:
        return np.cumsum([0] + [len(t) for t in self.tokens]).astype(np.int32)


@dataclass(frozen=True)
class TinyGrammar:
    """A byte automaton as the compiler gives it; state 0 is dead."""

    key: str
    classes: np.ndarray
    edges: np.ndarray
    start: int = 1
    actions: np.ndarray = field(default_factory=lambda: np.zeros((0, ACTION), np.int64))
    returns: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int32))
    first_return: int = 1
    verdicts: int = 1

    def step(self, state: int, text: bytes) -> int:
        for byte in text:
            state = int(self.edges[state, 2 + self.classes[byte]]) if state else 0
        return state

    def allowed(self, vocabulary: TinyVocabulary, state: int) -> set[int]:
        found = {t for t, b in enumerate(vocabulary.tokens) if b and self.step(state, b)}
        found -= vocabulary.eos_ids
        return found | (set(vocabulary.eos_ids) if self.edges[state, 0] else set())


def loop_grammar(key: str, states: int, letters: bytes = b"abcd") -> TinyGrammar:
    """A cycle of live states; the letter that leads on varies, any other of `letters` stays. The last accepts."""
    classes = np.zeros(256, np.uint8)
    for i, letter in enumerate(letters, 1):
        classes[letter] = i
    edges = np.zeros((states + 1, 3 + len(letters)), np.int32)
    for state in range(1, states + 1):
        edges[state, 3:] = state
        edges[state, 3 + (state * 7 + len(key)) % len(letters)] = state % states + 1
    edges[states, 0] = 1
    classes.setflags(write=False)
    edges.setflags(write=False)
    return TinyGrammar(key, classes, edges)


@pytest.fixture
def vocabulary() -> TinyVocabulary:
    return TinyVocabulary()


@pytest.fixture
def make_grammar():
    return loop_grammar


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.param)
