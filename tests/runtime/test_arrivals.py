"""What comes for a call reaches its reader in order, and what comes too late is let go of, whatever comes when."""

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis.runtime.arrivals import Flow, Queue

EVENTS = st.lists(st.sampled_from(["put", "read", "close", "end"]), max_size=40)


async def play_queue(events: list[str]) -> tuple[list[int], list[int], int]:
    """What was read, what was lost, and how many there were."""
    read: list[int] = []
    lost: list[int] = []
    queue = Queue(lost.append)
    count, ended, closed = 0, False, False
    for event in events:
        if event == "put" and not ended:
            queue.put(count)
            count += 1
        elif event == "end":
            queue.end()
            ended = True
        elif event == "close":
            queue.close()
            closed = True
        elif event == "read" and not closed and len(read) < count:
            item = await queue.get()
            assert item is not None
            read.append(item)
    queue.close()
    return read, lost, count


@given(EVENTS)
def test_each_item_of_a_queue_is_read_or_lost(events: list[str]) -> None:
    read, lost, count = asyncio.run(play_queue(events))
    assert read + lost == list(range(count))


@given(EVENTS)
def test_each_item_of_a_flow_is_taken_or_lost(events: list[str]) -> None:
    async def play() -> None:
        taken: list[int] = []
        lost: list[int] = []
        flow = Flow(taken.append, lost.append)
        count, open_until = 0, None
        for event in events:
            if event == "put":
                flow.put(count)
                count += 1
            elif event in ("close", "end"):
                open_until = count if open_until is None else open_until
                flow.close() if event == "close" else flow.end()
        assert taken == list(range(count))[:open_until]
        assert taken + lost == list(range(count))

    asyncio.run(play())


async def test_a_queue_tells_its_end_and_its_error() -> None:
    queue: Queue[int] = Queue(lambda _: None)
    queue.put(1)
    queue.end()
    assert [await queue.get(), await queue.get()] == [1, None]
    queue.end(ValueError("no more"))
    with pytest.raises(ValueError, match="no more"):
        await queue.get()


async def test_a_flow_ends_with_what_its_reader_raises() -> None:
    lost: list[int] = []

    def take(item: int) -> None:
        if item == 2:
            raise ValueError("two")

    flow = Flow(take, lost.append)
    for item in (1, 2, 3):
        flow.put(item)
    with pytest.raises(ValueError, match="two"):
        await flow.wait()
    assert lost == [3]


async def test_a_reader_that_is_cancelled_takes_nothing_more() -> None:
    lost: list[int] = []
    taken: list[int] = []
    flow = Flow(taken.append, lost.append)
    waiting = asyncio.ensure_future(flow.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    flow.put(1)
    flow.end()
    assert (taken, lost) == ([], [1])


@pytest.mark.parametrize("put_first", [False, True])
async def test_a_reader_that_is_cancelled_takes_nothing_with_it(put_first: bool) -> None:
    queue = Queue[int](lambda item: None)
    reading = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    if put_first:
        queue.put(1)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    if not put_first:
        queue.put(1)
    assert await asyncio.wait_for(queue.get(), 5) == 1
    later = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.end()
    assert await asyncio.wait_for(later, 5) is None


def circular() -> Flow[int]:
    """A flow whose reader knows it."""
    flow = Flow[int](lambda item: flow.end(), lambda item: None)
    return flow


async def failed(reader: Queue[int] | Flow[int]) -> None:
    """Reads until the error that ends it."""
    with pytest.raises(KeyError):
        await (reader.get() if isinstance(reader, Queue) else reader.wait())
    reader.close()


@pytest.mark.parametrize("make", [lambda: Queue[int](lambda item: None), circular])
async def test_an_end_leaves_no_circle(make: Callable[[], Queue[int] | Flow[int]]) -> None:
    """What is left once nobody uses it is gone at once, not when garbage is looked for."""
    gc.disable()
    try:
        reader = make()
        seen = weakref.ref(reader)
        reader.end(KeyError("no"))
        await failed(reader)
        del reader
        await asyncio.sleep(0)
        assert seen() is None
    finally:
        gc.enable()
