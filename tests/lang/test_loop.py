"""The background loop: starts late, ends with its owner, leaves no thread and no warning behind."""

import asyncio
import gc
import subprocess
import sys
import threading
import time

import pytest

import trellis as tr
from trellis.lang.backends.local import LocalBackend
from trellis.lang.run.loop import Loop
from trellis.lang.state.cell import Cell


def threads(name):
    return [t for t in threading.enumerate() if t.name == f"trellis-{name}"]


async def answer():
    return 42


async def sleep(ended):
    try:
        await asyncio.sleep(60)
    finally:
        ended.append(True)


def test_it_starts_with_its_first_use_and_ends_with_close():
    loop = Loop("late")
    assert not threads("late")
    assert loop.submit(answer()).result(5) == 42
    assert len(threads("late")) == 1
    loop.close()
    loop.close()
    assert not threads("late")
    with pytest.raises(tr.NoBackend, match="closed"):
        loop.submit(answer())
    with pytest.raises(tr.NoBackend, match="closed"):
        loop.call(print)


def test_closing_cancels_and_waits():
    loop, ended = Loop("busy"), []
    future = loop.submit(sleep(ended))
    time.sleep(0.01)
    loop.close()
    assert ended == [True] and future.cancelled()


def test_a_forgotten_loop_ends_itself():
    loop = Loop("forgotten")
    assert loop.submit(answer()).result(5) == 42
    del loop
    gc.collect()
    deadline = time.monotonic() + 5
    while threads("forgotten") and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not threads("forgotten")


def test_it_may_be_closed_from_its_own_thread():
    loop = Loop("own")
    loop.submit(answer()).result(5)
    loop.call(loop.close)
    deadline = time.monotonic() + 5
    while threads("own") and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not threads("own")


def test_here():
    loop = Loop("here")
    assert not loop.here()

    async def inside():
        return loop.here()

    assert loop.submit(inside()).result(5)
    loop.close()


def test_many_runs_leave_no_threads_behind():
    @tr.function
    def ask(s):
        s += tr.gen("x")

    before = threading.active_count()
    with tr.Fake("v") as backend:
        for _ in range(5):
            assert ask.start(backend=backend).error is None
        ask.run_batch([{}] * 20, backend=backend)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.005)
    assert threading.active_count() == before


def test_a_forgotten_local_backend_closes_its_client():
    class Client:
        closed = 0

        def close(self):
            type(self).closed += 1

    backend = LocalBackend(Client())
    del backend
    gc.collect()
    assert Client.closed == 1


@pytest.mark.parametrize("ending", ["", "run.cancel()", "backend.close()", "raise SystemExit(0)"])
def test_an_interpreter_ends_in_time_and_without_a_warning(ending):
    code = (
        "import trellis as tr, time\n"
        "@tr.function\n"
        "def ask(s):\n"
        "    s += tr.gen('x')\n"
        "    return s['x']\n"
        "backend = tr.Fake(tr.Stall())\n"
        "run = ask.start(backend=backend)\n"
        "while not backend.working: time.sleep(0.001)\n"
        f"{ending}\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=20
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_a_cell_may_fail_while_the_same_thread_is_busy_with_another():
    """As when the garbage collector ends a forgotten stream in the middle of it."""
    first, second = Cell("first"), Cell("second")

    class Last:
        def __del__(self):
            second.fail(tr.Cancelled("forgotten"))

    def work():
        with Cell._lock:
            del kept[0]
            first.set(1)

    kept = [Last()]
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(5)
    assert first.read() == 1 and isinstance(second.error, tr.Cancelled)
