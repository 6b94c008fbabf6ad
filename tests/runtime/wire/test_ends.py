"""What goes wrong at one end of the wire is told to whom it concerns, and to nobody else."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from trellis.lang.backends.base import Piece, Prompt
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.arrivals import Queue
from trellis.runtime.config import EngineConfig
from trellis.runtime.errors import RequestError
from trellis.runtime.launch import open_client
from trellis.runtime.mailbox import Mailbox
from trellis.runtime.server.probe import engine_probe
from trellis.runtime.wire import frames, process
from trellis.runtime.wire.backend import WireBackend, open_process
from trellis.runtime.wire.queries import ping

CONFIG = {"kv_tokens": 2048, "max_running": 4, "threads": 1}


@pytest.fixture(scope="module")
def wire() -> Iterator[WireBackend]:
    backend = open_process(EngineConfig(**CONFIG))
    yield backend
    backend.close()


def said(text: str) -> Prompt:
    return Prompt(None, (Piece(text),))


@pytest.mark.parametrize(
    ("bad", "why"),
    [("half a pair: \ud800", "surrogates"), ("long " * 1000, "bytes")],
    ids=["surrogate", "too long"],
)
def test_what_cannot_be_sent_is_its_callers_affair(
    wire: WireBackend, monkeypatch: pytest.MonkeyPatch, bad: str, why: str
) -> None:
    monkeypatch.setattr(frames, "MOST_BYTES", 4096)

    async def ask() -> None:
        """All of these are sent in one turn of the loop."""
        good = [wire.hold(said(f"{n} word"), SamplingParams()) for n in range(40)]
        work = asyncio.gather(wire.hold(said(bad), SamplingParams()), *good, return_exceptions=True)
        wrong, *kept = await asyncio.wait_for(work, 20)
        assert isinstance(wrong, RequestError) and why in str(wrong)
        for prefix in kept:
            wire.release(prefix)

    wire.loop.submit(ask()).result(30)


def test_a_prefix_that_is_released_too_often_does_not_end_the_engine(wire: WireBackend) -> None:
    async def ask() -> int | None:
        prefix = await wire.hold(said("once"), SamplingParams())
        wire.release(prefix)
        wire.release(prefix)
        await wire.ping()
        return wire.engine.restarts

    assert wire.loop.submit(ask()).result(20) == 0


def wait_until(settled: Callable[[], Any]) -> None:
    until = time.monotonic() + 60
    while not settled():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_engine_is_started_again_and_closed_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where no spare process could be started, and where the engine is still starting."""
    monkeypatch.setattr(process, "spare_seconds", lambda: 0.01)
    monkeypatch.setattr(process, "FIRST_WAIT_SECONDS", 0.01)
    begin, begun = process._Spare.start, list[asyncio.AbstractEventLoop]()

    def refuse_second() -> Any:
        loop = asyncio.get_running_loop()
        if begun and loop is not begun[0]:  # another engine's: its turn may come now, too
            return begin()
        begun.append(loop)
        if len(begun) == 2:
            raise OSError(24, "Too many open files")
        return begin()

    monkeypatch.setattr(process._Spare, "start", refuse_second)
    backend = open_process(EngineConfig(**CONFIG))
    engine = backend.engine
    try:
        wait_until(lambda: len(begun) == 2)
        monkeypatch.setattr(process, "spare_seconds", lambda: 60.0)
        kill(engine)
        wait_until(lambda: engine.restarts == 1 and engine._link is not None)
        assert backend.loop.submit(backend.ping()).result(10) is None
        kill(engine)
    finally:
        closing, starting = time.monotonic(), engine._process
        backend.close()
    assert time.monotonic() - closing < 8
    assert starting is not None and starting.returncode is not None
    assert "no spare process could be started" in caplog.text


def kill(engine: process.EngineProcess) -> None:
    """Returns once the next one is being started."""
    before = engine.pid
    os.kill(before or 0, signal.SIGKILL)
    wait_until(lambda: engine.pid != before)


def test_a_question_of_a_loop_that_has_ended_leaves_the_engine_at_work() -> None:
    client = open_client(EngineConfig(**CONFIG))
    try:
        for ask in (lambda: ping(client), engine_probe(client.engine)):
            go_on = asyncio.run(left_behind(client, ask))
            go_on.set_result(None)  # the engine answers only now, to nobody
        assert asyncio.run(asyncio.wait_for(ping(client), 10)) is None
    finally:
        client.close()


async def left_behind(client: Any, ask: Callable[[], Any]) -> Any:
    """Asks while the engine is busy, and does not wait; what lets the engine go on."""
    from concurrent.futures import Future

    busy: Future[None] = Future()
    client.engine.call(lambda: busy.result(20))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask(), 0.05)
    return busy


@pytest.mark.parametrize("posted_before", [False, True])
def test_what_comes_for_a_loop_that_has_ended_is_let_go_of(posted_before: bool) -> None:
    lost: list[int] = []
    loop = asyncio.new_event_loop()
    mailbox, queue = Mailbox(loop), Queue[int](lost.append)
    queue.close()
    if posted_before:
        mailbox.post(queue.put, 1)  # it wakes a loop that takes no further turn
    loop.close()
    mailbox.post(queue.put, 2)
    assert lost == ([1, 2] if posted_before else [2])
