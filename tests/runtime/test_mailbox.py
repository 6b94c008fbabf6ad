"""Items reach their loop's queues in order, however they were posted; what is posted together wakes it once."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from trellis.runtime.mailbox import Mailbox, Mailboxes

BELL = "trellis-bell"


@pytest.fixture
async def mailboxes() -> AsyncIterator[Mailboxes]:
    yield Mailboxes()


async def elsewhere(action: Callable[[], None]) -> None:
    """Runs the action on another thread, while this loop goes on."""
    await asyncio.to_thread(action)


async def receive(queue: "asyncio.Queue[int]", count: int) -> list[int]:
    return [await asyncio.wait_for(queue.get(), 10) for _ in range(count)]


async def test_posted_one_by_one(mailboxes: Mailboxes) -> None:
    mailbox, queue = mailboxes.here(), asyncio.Queue[int]()

    def post() -> None:
        for i in range(100):
            mailbox.post(queue.put_nowait, i)

    await elsewhere(post)
    assert await receive(queue, 100) == list(range(100))


async def test_posted_together_wakes_once(
    mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, queues = mailboxes.here(), [asyncio.Queue[int]() for _ in range(3)]
    woken: list[int] = []
    plain = Mailbox.wake

    def counted(self: Mailbox) -> None:
        woken.append(1)
        plain(self)

    monkeypatch.setattr(Mailbox, "wake", counted)

    def post() -> None:
        for step in range(5):
            with mailboxes.together():
                for queue in queues:
                    mailbox.post(queue.put_nowait, step)

    await elsewhere(post)
    for queue in queues:
        assert await receive(queue, 5) == list(range(5))
    assert 1 <= len(woken) <= 5


async def test_an_error_inside_still_wakes(mailboxes: Mailboxes) -> None:
    mailbox, queue = mailboxes.here(), asyncio.Queue[int]()

    def post() -> None:
        with pytest.raises(ValueError, match="halfway"), mailboxes.together():
            mailbox.post(queue.put_nowait, 1)
            raise ValueError("halfway")
        mailbox.post(queue.put_nowait, 2)

    await elsewhere(post)
    assert await receive(queue, 2) == [1, 2]


async def test_several_loops_and_a_closed_one(mailboxes: Mailboxes) -> None:
    mailbox, queue = mailboxes.here(), asyncio.Queue[int]()

    async def open_another() -> tuple[Mailbox, "asyncio.Queue[int]"]:
        return mailboxes.here(), asyncio.Queue[int]()

    def post() -> None:
        other, lost = asyncio.run(open_another())
        with mailboxes.together():
            other.post(lost.put_nowait, 1)
            mailbox.post(queue.put_nowait, 2)

    await elsewhere(post)
    assert await receive(queue, 1) == [2]


async def test_the_bell_ends_with_its_mailboxes() -> None:
    def bells() -> set[threading.Thread]:
        return {t for t in threading.enumerate() if t.name == BELL}

    before = bells()
    mailboxes = Mailboxes()
    mailbox, queue = mailboxes.here(), asyncio.Queue[int]()
    with mailboxes.together():
        pass
    assert bells() == before, "nothing was posted"
    with mailboxes.together():
        mailbox.post(queue.put_nowait, 1)
    begun = bells() - before
    assert await receive(queue, 1) == [1] and len(begun) == 1
    del mailboxes, mailbox
    for thread in begun:
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()
