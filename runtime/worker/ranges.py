"""FreeRanges: which parts of one long array are free.

    begin = ranges.take(length)        # None where no free range is long enough
    ranges.give(begin, length)

First fit, and neighbouring free ranges become one again. What is slow: linear in the number of free ranges, of which
there is at most one more than there are taken ones. It refuses to know what lies in them.
"""

from bisect import bisect_left


class FreeRanges:
    """The free ranges of [begin, end), in order."""

    def __init__(self, begin: int, end: int) -> None:
        assert 0 <= begin <= end, f"not a range: {begin} to {end}"
        self._begins = [begin] if end > begin else []
        self._ends = [end] if end > begin else []

    @property
    def free(self) -> int:
        """Places that are free."""
        return sum(self._ends) - sum(self._begins)

    def take(self, length: int) -> int | None:
        """The begin of a range of this length, taken from the first free one that can hold it; None if none can."""
        assert length > 0, f"nothing to take: {length}"
        for i, (begin, end) in enumerate(zip(self._begins, self._ends, strict=True)):
            if end - begin == length:
                del self._begins[i], self._ends[i]
                return begin
            if end - begin > length:
                self._begins[i] = begin + length
                return begin
        return None

    def give(self, begin: int, length: int) -> None:
        """Frees a range that was taken."""
        end = begin + length
        i = bisect_left(self._begins, begin)
        before, after = i > 0, i < len(self._begins)
        assert not (before and self._ends[i - 1] > begin), f"{begin} is free already"
        assert not (after and self._begins[i] < end), f"{end - 1} is free already"
        joins_before = before and self._ends[i - 1] == begin
        joins_after = after and self._begins[i] == end
        if joins_before and joins_after:
            self._ends[i - 1] = self._ends[i]
            del self._begins[i], self._ends[i]
        elif joins_before:
            self._ends[i - 1] = end
        elif joins_after:
            self._begins[i] = begin
        else:
            self._begins.insert(i, begin)
            self._ends.insert(i, end)

    def __repr__(self) -> str:
        return f"FreeRanges({list(zip(self._begins, self._ends, strict=True))})"
