"""Every run comes to an end that is told, also where it cannot begin: its backend is closed, or there is no thread."""

import asyncio
import threading

import pytest

import trellis as tr
from trellis.lang.errors import NoBackend


@tr.function
def plain(s, given=None):
    """Traced where a backend runs whole programs."""
    s += "Say: " + tr.gen("x")
    return s["x"]


@tr.function
async def waiting(s, given=None):
    """The same as a coroutine."""
    s += "Say: " + tr.gen("x")
    return await s.get("x")


def closed_fake() -> tr.Fake:
    backend = tr.Fake("yes")
    backend.close()
    return backend


def closed_remote() -> tr.Remote:
    backend = tr.Remote("http://127.0.0.1:9")
    backend.close()
    return backend


async def last_of(function, backend, **given):
    events = [event async for event in follow(function.astream(backend=backend, **given))]
    return events[-1].run


async def follow(stream):
    try:
        async for event in stream:
            yield event
    except Exception as error:
        assert error is stream.run.error


BACKENDS = [closed_fake, closed_remote]


@pytest.mark.parametrize("closed", BACKENDS)
@pytest.mark.parametrize("function", [plain, waiting], ids=["plain", "waiting"])
def test_on_a_closed_backend(closed, function):
    for begun in (function.run(backend=closed()), function.start(backend=closed())):
        begun.wait(5)
        assert isinstance(begun.error, NoBackend)


@pytest.mark.parametrize("closed", BACKENDS)
@pytest.mark.parametrize("function", [plain, waiting], ids=["plain", "waiting"])
async def test_on_a_closed_backend_in_async_code(closed, function):
    run = await asyncio.wait_for(function.arun(backend=closed()), 5)
    run.wait(5)
    assert isinstance(run.error, NoBackend)
    run = await asyncio.wait_for(last_of(function, closed()), 5)
    run.wait(5)
    assert isinstance(run.error, NoBackend)


async def test_without_a_thread(fake, monkeypatch):
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "trellis-plain":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    run = await asyncio.wait_for(last_of(plain, fake("yes")), 5)
    run.wait(5)
    assert "can't start new thread" in str(run.error)


def test_arguments_that_are_no_data_are_interpreted_here():
    circle: list = []
    circle.append(circle)
    for given in (circle, b"\xff"):
        remote = tr.Remote("http://127.0.0.1:9", retries=0)
        run = plain.start(given=given, backend=remote)
        run.wait(5)
        assert "cannot connect" in str(run.error)
        remote.close()
