"""Keys: token ids packed into bytes, four to a token, so that prefixes are compared as memory and never token by token.

    key = pack(tokens)
    key.startswith(other, TOKEN_BYTES * position)     # one memcmp
    common_length(a, b, TOKEN_BYTES * position)       # only where they part

Slow: packing a list of Python ints (tens of nanoseconds a token); an int32 array or an `array("i")` is one copy.
It refuses to know what a token means.
"""

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Tokens = Sequence[int] | Ints

TOKEN_BYTES = 4
FIRST_WINDOW = 256


def pack(tokens: Tokens) -> bytes:
    """The key of token ids. Raises TypeError for an array that is not one-dimensional int32."""
    if isinstance(tokens, np.ndarray):
        if tokens.dtype != np.int32 or tokens.ndim != 1:
            raise TypeError(
                f"tokens must be one-dimensional int32, got {tokens.dtype} of shape {tokens.shape}: "
                "convert with numpy.asarray(tokens, numpy.int32)"
            )
        return tokens.tobytes()
    if isinstance(tokens, array) and tokens.typecode == "i":
        return tokens.tobytes()
    return array("i", tokens).tobytes()


def unpack(key: bytes) -> Ints:
    """The token ids of a key, int32, a read-only view."""
    return np.frombuffer(key, np.int32)


def common_length(key: bytes, other: bytes, offset: int) -> int:
    """How many tokens of `key` equal those of `other` from byte `offset` on.

    The windows double, so a long key that parts early is not compared to its end.
    """
    count = min(len(key), len(other) - offset) // TOKEN_BYTES
    done, window = 0, FIRST_WINDOW
    while done < count:
        size = min(window, count - done)
        ours = np.frombuffer(key, np.int32, size, done * TOKEN_BYTES)
        theirs = np.frombuffer(other, np.int32, size, offset + done * TOKEN_BYTES)
        different = ours != theirs
        at = int(different.argmax())
        if different[at]:
            return done + at
        done, window = done + size, window * 2
    return count
