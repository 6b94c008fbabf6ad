"""What masks are made from, as those who have it give it: a vocabulary's bytes, and a grammar's tables. No torch."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class TokenBytes(Protocol):
    """What is read of a vocabulary: see constrained/tokens/vocabulary.py."""

    @property
    def size(self) -> int: ...
    @property
    def flat(self) -> NDArray[np.uint8]: ...
    @property
    def offsets(self) -> NDArray[np.int32]: ...
    @property
    def eos_ids(self) -> frozenset[int]: ...


class GrammarTables(Protocol):
    """What is read of a grammar: see constrained/grammar/grammar.py."""

    @property
    def key(self) -> str: ...
    @property
    def classes(self) -> NDArray[np.uint8]: ...
    @property
    def edges(self) -> NDArray[np.int32]: ...
    @property
    def actions(self) -> NDArray[np.int64]: ...
    @property
    def returns(self) -> NDArray[np.int32]: ...


def mask_of_ends(vocabulary: TokenBytes) -> NDArray[np.uint32]:
    """The tokens that end a text, a bit for each, uint32 [ceil(size / 32)]."""
    ends = np.zeros(-(-vocabulary.size // 32), np.uint32)
    for token in vocabulary.eos_ids:
        ends[token // 32] |= np.uint32(1 << token % 32)
    return ends
