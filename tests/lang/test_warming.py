"""A batch computes what all its runs begin with once, before the first of them."""

import asyncio
import functools
import time

import pytest

import trellis as tr
from trellis.lang.program import warm
from trellis.lang.run.ahead import Ahead

RULES = "Answer in one word, as a careful reader would, and never guess. " * 6


@tr.function
def ask(s, question: str):
    s += tr.system(RULES)
    s += tr.user(question) + tr.assistant(tr.gen("x", max_tokens=4))
    return s["x"]


@tr.function
async def ask_async(s, question: str):
    s += tr.system(RULES)
    s += tr.user(question) + tr.assistant(tr.gen("x", max_tokens=4))
    return await s.get("x")


@tr.function
def ask_in_python(s, question: str):
    s += tr.system(RULES)
    s += tr.user(question.upper()) + tr.assistant(tr.gen("x", max_tokens=4))
    return s["x"]


ITEMS = [{"question": f"Question {number}?"} for number in range(6)]


def kinds(backend):
    return [call.kind for call in backend.calls]


def test_the_beginning_is_held_first_and_given_back(fake):
    backend = fake("yes")
    runs = ask.run_batch(ITEMS, backend=backend)
    assert [run.value for run in runs] == ["yes"] * 6
    assert kinds(backend) == ["hold"] + ["generate"] * 6
    assert RULES in backend.calls[0].text
    assert all(call.text.startswith(backend.calls[0].text) for call in backend.calls)


async def test_the_beginning_is_held_in_async_batches(fake):
    backend = fake("yes")
    runs = await ask_async.arun_batch(ITEMS, backend=backend)
    assert [run.value for run in runs] == ["yes"] * 6
    assert kinds(backend) == ["hold"] + ["generate"] * 6


def test_of_what_cannot_be_traced_nothing_is_held(fake):
    backend = fake("yes")
    assert [run.value for run in ask_in_python.run_batch(ITEMS, backend=backend)] == ["yes"] * 6
    assert kinds(backend) == ["generate"] * 6


class Broken(tr.Fake):
    """Holds nothing, and says so too late."""

    async def hold(self, prompt, params):
        raise RuntimeError("no room")


class Slow(tr.Fake):
    """Would hold for ever."""

    async def hold(self, prompt, params):
        await asyncio.Event().wait()


@pytest.mark.parametrize("kind", [Broken, Slow])
def test_a_beginning_that_cannot_be_held_costs_no_run(kind):
    began = time.monotonic()
    with kind("yes") as backend:
        runs = ask.run_batch(ITEMS, backend=backend, timeout=0.5)
        assert [run.value for run in runs] == ["yes"] * 6
    assert time.monotonic() - began < 5


def test_a_closed_backend_is_told_by_every_run(fake):
    backend = fake("yes")
    backend.close()
    runs = ask.run_batch(ITEMS, backend=backend)
    assert all(isinstance(run.error, tr.NoBackend) for run in runs)


async def test_a_cancelled_batch_gives_the_beginning_back():
    with Slow("yes") as backend:
        batch = asyncio.create_task(ask_async.arun_batch(ITEMS, backend=backend))
        await asyncio.sleep(0.05)
        batch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await batch
        assert await asyncio.wait_for(batch_of_one(backend), 5) == "yes"
        assert (backend.working, backend.held) == (0, 0)


async def batch_of_one(backend):
    return (await ask_async.arun("Why?", backend=backend)).value


@pytest.mark.parametrize(("kind", "error"), [(Broken, RuntimeError), (Slow, tr.DeadlineExceeded)])
def test_a_program_that_is_warmed_says_what_went_wrong(kind, error, monkeypatch):
    program = ask.trace().optimized()
    with kind("yes") as backend:
        monkeypatch.setattr(warm, "Ahead", functools.partial(Ahead, seconds=0.1))
        with pytest.raises(error), program.warm(backend):
            raise AssertionError("the block must not begin")


def test_a_plain_block_inside_of_the_backends_loop_is_refused(fake):
    async def work():
        with ask.trace().optimized().warm(backend):
            raise AssertionError("the block must not begin")

    backend = fake("yes")
    with pytest.raises(tr.InvalidProgram, match="async with"):
        backend.loop.submit(work()).result(5)


def test_prefill_is_saved_on_a_real_model():
    """All runs begin at once: without warming those that begin first find nothing computed."""
    computed = []
    with tr.use(tr.Engine(kv_tokens=16_384)) as backend:
        for function, namespace in ((ask_in_python, "cold"), (ask, "warm")):
            runs = function.using(namespace=namespace).run_batch(ITEMS, limit=len(ITEMS))
            assert all(run.error is None for run in runs)
            computed.append(sum(run.usage.prompt - run.usage.cached for run in runs))
        backend.close()
    cold, warm = computed
    assert warm < cold / 2, computed
