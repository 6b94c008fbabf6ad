"""What is passed between processes arrives whole."""

import threading
from collections.abc import Iterator
from socket import socket, socketpair

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from trellis.constrained.compiling import passing
from trellis.constrained.compiling.passing import receive, send, set_patience

Ends = tuple[socket, socket]
ARRAYS = arrays(
    st.sampled_from([np.uint8, np.int16, np.int64]), array_shapes(min_side=0, max_dims=2)
)


@pytest.fixture(name="ends")
def open_ends() -> Iterator[Ends]:
    ours, theirs = socketpair()
    with ours, theirs:
        yield ours, theirs


@settings(max_examples=100, deadline=None)
@given(st.lists(ARRAYS, max_size=9), st.text(max_size=99))
def test_answers_arrive_as_they_were(tables: list, text: str) -> None:
    ours, theirs = socketpair()
    with ours, theirs:
        send(theirs, (text, tables))
        found, copies = receive(ours)
    assert found == text
    for table, copy in zip(tables, copies, strict=True):
        assert copy.dtype == table.dtype and copy.shape == table.shape
        assert (copy == table).all() and not (copy.size and copy.flags.writeable)


def test_large_messages_are_read_whole_and_answers_stay_apart(ends: Ends) -> None:
    ours, theirs = ends
    message = "x" * 5_000_000
    sender = threading.Thread(target=send, args=(ours, message))
    sender.start()
    assert receive(theirs) == message
    sender.join()
    for number in range(3):
        send(theirs, [number, np.full(number, 7)])
    for number in range(3):
        found, table = receive(ours)
        assert found == number and table.tolist() == [7] * number


def test_more_tables_than_one_call_takes(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passing, "MOST_PARTS", 2)
    tables = [np.full(number, number) for number in range(40)]
    send(ends[1], tables)
    for table, copy in zip(tables, receive(ends[0]), strict=True):
        assert (table == copy).all()


def test_who_waits_for_nothing_is_told(ends: Ends) -> None:
    ours, theirs = ends
    set_patience(ours, 0.01)
    with pytest.raises(BlockingIOError):
        receive(ours)
    theirs.close()
    with pytest.raises(EOFError):
        receive(ours)
    with pytest.raises(OSError, match="[Bb]roken|[Rr]eset"):
        send(ours, "x" * 9_999_999)
