"""Work on another loop reaches who reads it here, ends when they leave, and belongs to their request."""

import asyncio
import contextvars
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from trellis.lang.run.loop import Loop
from trellis.runtime.arrivals import Flow, Queue
from trellis.runtime.errors import EngineStopped
from trellis.runtime.server.crossing import Crossings
from trellis.runtime.server.errors import ClientLeft
from trellis.runtime.server.source import unless_left

Post = Callable[[Any], None]
who: contextvars.ContextVar[int] = contextvars.ContextVar("who", default=-1)


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop("work")
    yield made
    made.close()


async def count(post: Post, most: int = 3) -> None:
    for number in range(most):
        post((who.get(), number, threading.current_thread().name))
        await asyncio.sleep(0)


async def test_what_is_posted_comes_in_order_and_knows_its_request(loop: Loop) -> None:
    crossings = Crossings(loop)

    async def ask(number: int) -> list[Any]:
        who.set(number)
        queue = Queue[Any](lambda item: None)
        with crossings.begun(count, queue):
            return [item async for item in read(queue)]

    async def read(queue: Queue[Any]) -> Any:
        while (item := await queue.get()) is not None:
            yield item

    answers = await asyncio.gather(*(ask(number) for number in range(20)))
    assert answers == [[(n, i, "trellis-work") for i in range(3)] for n in range(20)]


async def test_those_of_one_turn_go_together(loop: Loop, monkeypatch) -> None:
    called: list[int] = []
    plain = loop.call
    monkeypatch.setattr(
        loop, "call", lambda f, *a: called.append(len(a[0]) if a else 0) or plain(f, *a)
    )
    crossings = Crossings(loop)

    async def ask() -> None:
        flow = Flow[Any](lambda item: None, lambda item: None)
        with crossings.begun(count, flow):
            await flow.wait()

    await asyncio.gather(*(ask() for _ in range(10)))
    await ask()
    assert called == [10, 1]


async def test_its_error_is_the_readers(loop: Loop) -> None:
    async def fail(post: Post) -> None:
        post(1)
        raise KeyError("no")

    taken: list[Any] = []
    flow = Flow[Any](taken.append, lambda item: None)
    with pytest.raises(KeyError, match="no"), Crossings(loop).begun(fail, flow):
        await flow.wait()
    assert taken == [1]


async def test_who_leaves_ends_it(loop: Loop) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def hang(post: Post) -> None:
        try:
            begun.set()
            await asyncio.sleep(60)
        finally:
            ended.set()

    with Crossings(loop).begun(hang, Queue[Any](lambda item: None)):
        await asyncio.to_thread(begun.wait, 10)
    assert await asyncio.to_thread(ended.wait, 10)


async def test_who_leaves_before_it_began_ends_it(loop: Loop) -> None:
    crossings, ran = Crossings(loop), threading.Event()

    async def late(post: Post) -> None:
        await asyncio.sleep(0.05)
        ran.set()

    with crossings.begun(late, Queue[Any](lambda item: None)):
        pass
    await asyncio.sleep(0.2)
    assert not ran.is_set()


async def test_a_closed_loop_is_told(loop: Loop) -> None:
    crossings = Crossings(loop)
    queue, begun = Queue[Any](lambda item: None), threading.Event()

    async def hang(post: Post) -> None:
        begun.set()
        await asyncio.sleep(60)

    with crossings.begun(hang, queue):
        await asyncio.to_thread(begun.wait, 10)
        await asyncio.to_thread(loop.close)
        with pytest.raises(EngineStopped, match="closed"):
            await asyncio.wait_for(queue.get(), 10)
    other = Queue[Any](lambda item: None)
    with pytest.raises(Exception, match="was closed"), crossings.begun(count, other):
        await asyncio.wait_for(other.get(), 10)


def test_a_loop_that_ends_too_soon_keeps_nobody_waiting(loop: Loop) -> None:
    crossings = Crossings(loop)

    def ask() -> Any:
        return crossings.begun(count, Queue[Any](lambda item: None))

    async def answer() -> list[Any]:
        taken: list[Any] = []
        flow = Flow[Any](taken.append, lambda item: None)
        with crossings.begun(count, flow):
            await asyncio.wait_for(flow.wait(), 10)
        return taken

    broken = asyncio.new_event_loop()
    broken.call_soon(broken.stop)
    broken.call_soon(lambda: ask().__enter__())
    broken.run_forever()
    broken.close()
    assert len(asyncio.run(answer())) == 3


class Client:
    """A receive that says when the client has left."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def test_work_ends_when_its_client_leaves() -> None:
    client, ended = Client(), asyncio.Event()

    async def work() -> None:
        try:
            client.gone.set()
            await asyncio.sleep(60)
        finally:
            ended.set()

    with pytest.raises(ClientLeft):
        await unless_left(client.receive, work())
    assert ended.is_set()
    own = asyncio.current_task()
    assert own is not None and own.cancelling() == 0
    await asyncio.sleep(0)  # is not cancelled


async def test_somebody_elses_cancelling_is_theirs() -> None:
    asking = asyncio.ensure_future(unless_left(Client().receive, asyncio.sleep(60)))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await unless_left(Client().receive, asyncio.sleep(60))


async def test_errors_and_results_pass() -> None:
    async def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await unless_left(Client().receive, fail())
    assert await unless_left(Client().receive, asyncio.sleep(0, 7)) == 7


async def leave_and_end(leaves: int, ends: int, stubborn: bool) -> None:
    """The client leaves after so many turns of the loop, the work ends after so many; some work will not be told."""
    client = Client()

    async def leave() -> None:
        for _ in range(leaves):
            await asyncio.sleep(0)
        client.gone.set()

    async def work() -> str:
        try:
            for _ in range(ends):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            if not stubborn:
                raise
        return "done"

    leaving = asyncio.ensure_future(leave())
    try:
        assert await unless_left(client.receive, work()) == "done"
    except ClientLeft:
        assert ends > leaves and not stubborn
    own = asyncio.current_task()
    assert own is not None and own.cancelling() == 0
    for _ in range(10):
        await asyncio.sleep(0)
    await leaving


async def test_leaving_at_the_end_is_one_or_the_other() -> None:
    """Whichever comes first by a turn of the loop: what follows is not cancelled by it."""
    for leaves, ends, stubborn in itertools.product(range(7), range(7), (False, True)):
        await leave_and_end(leaves, ends, stubborn)
