"""What a shelf keeps, against a list in the order of use."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis.runtime.worker.shelf import NEEDS_FOR_EACH, Shelf, Worth


@given(st.integers(1, 5), st.lists(st.tuples(st.sampled_from(["use", "put"]), st.integers(0, 9))))
def test_the_latest_used_are_kept(most: int, done: list[tuple[str, int]]) -> None:
    shelf = Shelf[int, str](Worth(most=most))
    kept: list[int] = []
    for what, wanted in done:
        assert (wanted in shelf) == (wanted in kept)
        if wanted in kept:
            assert shelf.use(wanted) == str(wanted)
            kept.remove(wanted)
        elif what == "put":
            shelf.put(wanted, str(wanted))
        else:
            continue
        kept = [*kept, wanted][-most:]
        assert list(shelf) == kept and len(shelf) == len(kept)


@given(st.lists(st.booleans(), max_size=12), st.integers(1, 4), st.integers(1, 6))
def test_a_size_is_worth_it_when_it_was_needed_often_enough(
    nears: list[bool], again: int, often: int
) -> None:
    shelf = Shelf[int, str](Worth(often, again))
    for times, near in enumerate(nears, 1):
        assert shelf.need(7, near) == (times >= (often if near else again))
    shelf.put(7, "")
    assert shelf.need(7, near=False) == (again == 1), "counted anew, once it had one"


def test_what_was_needed_is_not_remembered_without_end() -> None:
    shelf = Shelf[int, str](Worth(again=2, most=1))
    for wanted in range(NEEDS_FOR_EACH):
        assert not shelf.need(wanted, near=False)
    assert not shelf.need(0, near=False), "forgotten, for room"
    assert shelf.need(0, near=False)


def test_a_shelf_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="most=0"):
        Shelf[int, str](Worth(most=0))


def test_what_is_near_is_looked_for_once_until_others_are_there():
    shelf: Shelf[int, str] = Shelf(Worth(most=2))
    asked: list[list[int]] = []

    def find(kept: Iterable[int]) -> int | None:
        asked.append(sorted(kept))
        return min((size for size in kept if size > 5), default=None)

    assert [shelf.near(5, find) for _ in range(3)] == [None] * 3
    shelf.put(9, "nine")
    assert [shelf.near(5, find) for _ in range(3)] == [9] * 3
    shelf.put(7, "seven")
    shelf.put(3, "three")  # nine goes
    assert shelf.near(5, find) == 7
    assert asked == [[], [9], [3, 7]]
