"""First fit with coalescing, against a plain array of flags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis.runtime.worker.ranges import FreeRanges


def test_first_fit_and_joining() -> None:
    ranges = FreeRanges(4, 34)
    assert [ranges.take(10) for _ in range(3)] == [4, 14, 24]
    assert ranges.take(1) is None
    ranges.give(4, 10)
    ranges.give(24, 10)
    assert ranges.take(11) is None
    ranges.give(14, 10)
    assert repr(ranges) == "FreeRanges([(4, 34)])"
    assert ranges.take(30) == 4


@pytest.mark.parametrize("begin,length", [(0, 1), (9, 1), (4, 8), (0, 20), (15, 9)])
def test_freeing_twice_is_our_mistake(begin: int, length: int) -> None:
    ranges = FreeRanges(0, 20)
    ranges.take(20)
    ranges.give(0, 5)
    ranges.give(8, 10)
    with pytest.raises(AssertionError, match="free already"):
        ranges.give(begin, length)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=60))
def test_against_flags(operations: list[tuple[bool, int]]) -> None:
    ranges, taken = FreeRanges(0, 50), [False] * 50
    held: list[tuple[int, int]] = []
    for takes, number in operations:
        if takes:
            fits = [i for i in range(51 - number) if not any(taken[i : i + number])]
            begin = ranges.take(number)
            assert begin == (fits[0] if fits else None)
            if begin is not None:
                taken[begin : begin + number] = [True] * number
                held.append((begin, number))
        elif held:
            begin, length = held.pop(number % len(held))
            ranges.give(begin, length)
            taken[begin : begin + length] = [False] * length
        assert ranges.free == taken.count(False)
