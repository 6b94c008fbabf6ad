"""Batches: order, limits, progress, interrupts, many programs at once."""

import asyncio
import threading
import time
from collections import UserDict

import pytest

import trellis as tr


@tr.function
def ask(s, number):
    s += f"{number}: " + tr.gen("x")
    return s["x"]


def test_the_order_is_that_of_the_items(fake):
    runs = ask.run_batch(
        [{"number": i} for i in range(50)], backend=fake({"x": lambda c: "v" + c.text[:-2]})
    )
    assert [r.value for r in runs] == [f"v{i}" for i in range(50)]


def test_two_hundred_programs_at_once(fake):
    working: list[int] = []
    script = {"x": lambda call: working.append(backend.working) or "v"}
    backend = fake(script, delay_seconds=0.2)
    runs = ask.run_batch([{"number": i} for i in range(200)], backend=backend, limit=200)
    assert max(working) > 100
    assert [r.value for r in runs] == ["v"] * 200


async def test_two_hundred_programs_at_once_from_asyncio(fake):
    working: list[int] = []
    script = {"x": lambda call: working.append(backend.working) or "v"}
    backend = fake(script, delay_seconds=0.2)
    calls = [ask.using(backend=backend).acall(i) for i in range(200)]
    assert await asyncio.gather(*calls) == ["v"] * 200
    assert max(working) > 100


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_than_the_limit_at_a_time(fake, limit):
    most, lock, now = 0, threading.Lock(), 0

    @tr.function
    def count(s):
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        with lock:
            now -= 1

    count.run_batch([{}] * 10, backend=fake(), limit=limit)
    assert most == limit


def test_the_progress_bar_counts_and_names_failures(fake, capsys):
    backend = fake({"x": lambda c: RuntimeError("boom") if c.text.startswith("1") else "v"})
    ask.run_batch([{"number": i} for i in range(5)], backend=backend, progress=True)
    shown = capsys.readouterr()
    assert "5/5" in shown.err and "1 failed" in shown.err and shown.out == ""


def test_an_empty_batch(fake):
    assert ask.run_batch([], backend=fake()) == []
    assert asyncio.run(ask.arun_batch([], backend=fake())) == []


@pytest.mark.parametrize(("items", "limit"), [([{}, 3], 5), (["text"], 5), ([{}], 0), ([{}], "2")])
def test_mistakes_raise_before_anything_runs(fake, items, limit):
    backend = fake()
    with pytest.raises(tr.InvalidProgram):
        ask.run_batch(items, backend=backend, limit=limit)
    assert backend.calls == []


def test_an_interrupt_cancels_what_has_begun(fake):
    backend = fake({"x": tr.Stall()})

    @tr.function
    def interrupted(s, number):
        if number == 3:
            while backend.working < 3:
                time.sleep(0.001)
            raise KeyboardInterrupt
        s += tr.gen("x")
        return s["x"]

    with pytest.raises(KeyboardInterrupt):
        interrupted.run_batch([{"number": i} for i in range(4)], backend=backend, timeout=20)
    assert backend.working == 0


async def test_cancelling_an_async_batch_cancels_what_has_begun(fake):
    backend = fake({"x": tr.Stall()})
    batch = asyncio.create_task(ask.arun_batch([{"number": i} for i in range(5)], backend=backend))
    while backend.working < 5:
        await asyncio.sleep(0.001)
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    while backend.working:
        await asyncio.sleep(0.001)
    assert backend.aborted == 5


def test_programs_see_the_callers_context(fake):
    import contextvars

    user = contextvars.ContextVar("user", default="nobody")

    @tr.function
    def who(s):
        return user.get()

    user.set("ada")
    assert [r.value for r in who.run_batch([{}] * 2, backend=fake())] == ["ada"] * 2
    assert who.start(backend=fake()).value == "ada"


def test_an_item_that_begins_just_when_the_batch_is_left_is_cancelled_too(fake, tmp_path):
    left = threading.Event()

    class Late(UserDict):
        def __iter__(self):  # as a checkpoint does before the run begins
            assert left.wait(10)
            return super().__iter__()

    backend = fake({"x": lambda call: "v" if call.text == "0: " else tr.Stall()})
    options = {"backend": backend, "checkpoint": tmp_path / "runs.jsonl", "timeout": 20}
    runs = ask.iter_batch([{"number": 0}, Late(number=1)], **options)
    assert next(runs).value == "v"
    began = time.monotonic()
    threading.Timer(0.05, left.set).start()
    runs.close()
    assert time.monotonic() - began < 5
