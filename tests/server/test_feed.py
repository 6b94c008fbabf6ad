"""Feeds say all they are given, in order; a client that reads slowly, leaves or breaks disturbs no other."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis.runtime.server.errors import BadRequest
from trellis.runtime.server.feed import Feed, GrowingFeed, Rounds, Write

SCOPE = {"type": "http", "path": "/generate", "headers": []}


class Client:
    """What reads a feed. pause: how many turns of the loop each part takes; it is open at the end unless it left."""

    def __init__(self, pause: int = 0) -> None:
        self.pause = pause
        self.parts: list[dict[str, Any]] = []
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        for _ in range(self.pause):
            await asyncio.sleep(0)
        self.parts.append(dict(message))

    @property
    def text(self) -> str:
        return b"".join(part.get("body", b"") for part in self.parts).decode()

    @property
    def events(self) -> list[Any]:
        assert self.text.endswith("data: [DONE]\n\n"), self.text
        return [json.loads(line[6:]) for line in self.text.split("\n\n")[:-2]]

    async def read(self, feed: Feed) -> None:
        await feed(dict(SCOPE), self.receive, self.send)


def counting(many: int, beat: Callable[[], Awaitable[None]]) -> Callable[[Write], Awaitable[None]]:
    async def work(write: Write) -> None:
        for number in range(many):
            write({"number": number})
            await beat()

    return work


async def tick() -> None:
    await asyncio.sleep(0)


STREAMS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=6
)


@given(STREAMS)
def test_every_stream_is_whole_however_slowly_it_is_read(streams: Any) -> None:
    async def play() -> None:
        rounds = Rounds()

        async def one(many: int, pause: int, rest: int) -> Client:
            async def beat() -> None:
                for _ in range(rest):
                    await asyncio.sleep(0)

            client = Client(pause)
            await client.read(Feed(rounds, counting(many, beat)))
            return client

        clients = await asyncio.wait_for(asyncio.gather(*(one(*s) for s in streams)), 10)
        for client, (many, _, _) in zip(clients, streams, strict=True):
            assert client.events == [{"number": n} for n in range(many)]
            assert [p["type"] for p in client.parts].count("http.response.start") == 1
            more = [p["more_body"] for p in client.parts[1:]]
            assert more == [True] * (len(more) - 1) + [False]

    asyncio.run(play())


async def test_what_comes_together_leaves_together() -> None:
    client = Client()

    async def nothing() -> None:
        pass

    await client.read(Feed(Rounds(), counting(50, nothing)))
    assert len(client.events) == 50
    assert len(client.parts) <= 3


async def test_one_that_does_not_read_keeps_nobody_waiting() -> None:
    rounds = Rounds()
    stuck, quick = Client(), Client()

    async def forever(message: Any) -> None:
        await asyncio.Event().wait()

    stuck.send = forever  # type: ignore[method-assign]
    reading = asyncio.ensure_future(stuck.read(Feed(rounds, counting(3, tick))))
    await asyncio.sleep(0)
    await asyncio.wait_for(quick.read(Feed(rounds, counting(20, tick))), 5)
    assert len(quick.events) == 20 and not reading.done()
    stuck.left.set()
    await asyncio.wait_for(reading, 5)


async def test_an_error_before_the_first_event_has_its_status() -> None:
    async def work(write: Write) -> None:
        raise BadRequest("not like this", "text")

    client = Client()
    await client.read(Feed(Rounds(), work))
    assert client.parts[0]["status"] == 400
    assert json.loads(client.text)["error"]["param"] == "text"


async def test_a_later_error_is_the_last_event() -> None:
    async def work(write: Write) -> None:
        write({"number": 0})
        await asyncio.sleep(0.01)
        raise BadRequest("not like this", "text")

    client = Client()
    await client.read(Feed(Rounds(), work))
    assert client.parts[0]["status"] == 200
    assert client.events[0] == {"number": 0} and client.events[1]["error"]["param"] == "text"


async def test_a_client_that_leaves_ends_the_work() -> None:
    ended: list[bool] = []
    client = Client()

    async def work(write: Write) -> None:
        try:
            while True:
                write({"number": 1})
                await asyncio.sleep(0.001)
        finally:
            ended.append(True)

    reading = asyncio.ensure_future(client.read(Feed(Rounds(), work)))
    while not client.parts:
        await asyncio.sleep(0.001)
    client.left.set()
    await asyncio.wait_for(reading, 5)
    assert ended == [True]


@pytest.mark.parametrize("kind", [OSError, RuntimeError])
async def test_a_connection_that_breaks_is_its_own_trouble(kind: type[Exception]) -> None:
    rounds = Rounds()
    broken, fine = Client(), Client()

    async def fail(message: Any) -> None:
        raise kind("broken")

    broken.send = fail  # type: ignore[method-assign]
    first = asyncio.ensure_future(broken.read(Feed(rounds, counting(5, tick))))
    await asyncio.wait_for(fine.read(Feed(rounds, counting(5, tick))), 5)
    assert len(fine.events) == 5
    found = (await asyncio.gather(first, return_exceptions=True))[0]
    # A client that has left is nobody's mistake; anything else is told.
    assert found is None if kind is OSError else isinstance(found, kind)


@pytest.mark.parametrize("pause", [0, 50])
async def test_a_slow_client_of_what_grows_gets_the_last_and_nothing_waits(pause: int) -> None:
    """1,000 steps of two answers: all that waits at any time is what was said last."""
    sizes, waiting = [0, 0], list[int]()
    client = Client(pause)

    async def work(grow: Callable[[int], None]) -> None:
        for step in range(1000):
            sizes[step % 2] += 1
            grow(step % 2)
            waiting.append(sum(map(len, feed._pieces)))
            await tick()

    def tell(index: int) -> dict[str, Any]:
        return {"index": index, "said": "x" * sizes[index]}

    feed = GrowingFeed(Rounds(), work, tell)
    await asyncio.wait_for(client.read(feed), 10)
    said: list[list[int]] = [[], []]
    for event in client.events:
        said[event["index"]].append(len(event["said"]))
    assert all(sizes == sorted(set(sizes)) and sizes[-1] == 500 for sizes in said)
    assert max(waiting) == 0
    assert (len(said[0]) > 100) == (pause == 0)


async def test_an_error_comes_after_what_has_grown() -> None:
    client = Client()

    async def work(grow: Callable[[int], None]) -> None:
        grow(0)
        raise BadRequest("no more", "text")

    await client.read(GrowingFeed(Rounds(), work, lambda index: {"index": index}))
    first, last = client.events
    assert first == {"index": 0} and last["error"]["message"] == "no more"
