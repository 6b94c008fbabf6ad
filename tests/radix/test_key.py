"""Packing and comparing keys."""

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis.radix.key import FIRST_WINDOW, TOKEN_BYTES, common_length, pack, unpack

TOKENS = st.lists(st.integers(0, 2**31 - 1), max_size=40)


@given(TOKENS)
def test_every_form_of_the_same_tokens_has_the_same_key(tokens: list[int]) -> None:
    key = pack(tokens)
    assert len(key) == TOKEN_BYTES * len(tokens)
    assert (
        pack(array("i", tokens)) == pack(np.array(tokens, np.int32)) == pack(tuple(tokens)) == key
    )
    assert unpack(key).tolist() == tokens


def test_strided_arrays_are_packed_in_order() -> None:
    assert pack(np.arange(10, dtype=np.int32)[::3]) == pack([0, 3, 6, 9])


@pytest.mark.parametrize("tokens", [np.zeros(3, np.int64), np.zeros(3), np.zeros((2, 2), np.int32)])
def test_other_arrays_are_refused(tokens: np.ndarray) -> None:
    with pytest.raises(TypeError, match="one-dimensional int32"):
        pack(tokens)


def test_tokens_beyond_32_bits_are_refused() -> None:
    with pytest.raises(OverflowError):
        pack([2**31])


@given(
    st.integers(0, 5 * FIRST_WINDOW), st.integers(0, 5 * FIRST_WINDOW), st.integers(0, 3), st.data()
)
def test_common_length_is_what_a_loop_finds(
    ours: int, theirs: int, skip: int, data: st.DataObject
) -> None:
    a, b = list(range(ours)), [7] * skip + list(range(theirs))
    if a and data.draw(st.booleans()):
        a[data.draw(st.integers(0, len(a) - 1))] = 2**20
    wanted = next(
        (i for i, (x, y) in enumerate(zip(a, b[skip:], strict=False)) if x != y), min(ours, theirs)
    )
    assert common_length(pack(a), pack(b), TOKEN_BYTES * skip) == wanted
