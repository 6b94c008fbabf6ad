"""Streams: every event in order, joined deltas are the whole answer, leaving one ends the run."""

import gc
import time

import pytest

import trellis as tr


@tr.function
def ask(s, question):
    s += question + tr.gen("a") + " and " + tr.gen("b", int)
    return s["b"]


def eventually(condition, seconds=2.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.002)


def test_events_come_in_order_and_add_up(fake):
    events = list(ask.stream("Q: ", backend=fake({"a": "one two three", "b": "4"})))
    assert [type(e).__name__ for e in events] == [
        *["TextDelta"] * 3,
        "VariableSet",
        "TextDelta",
        "VariableSet",
        "Finished",
    ]
    deltas = [e for e in events if isinstance(e, tr.TextDelta)]
    assert "".join(e.text for e in deltas if e.name == "a") == "one two three"
    assert [(e.name, e.value) for e in events if isinstance(e, tr.VariableSet)] == [
        ("a", "one two three"),
        ("b", 4),
    ]
    assert events[-1].run.value == 4


def test_answers_of_n_carry_their_index(fake):
    @tr.function
    def several(s):
        s += tr.gen("x", n=2)

    events = [
        e for e in several.stream(backend=fake({"x": ["a", "b"]})) if isinstance(e, tr.TextDelta)
    ]
    assert [(e.text, e.index) for e in events] == [("a", 0), ("b", 1)]


def test_a_refused_answer_is_announced(fake):
    @tr.function
    def retry(s):
        s += tr.gen("x", int, check=lambda v: v > 1, retries=1)

    kinds = [type(e) for e in retry.stream(backend=fake({"x": ["1", "2"]}))]
    assert kinds == [tr.TextDelta, tr.Retried, tr.TextDelta, tr.VariableSet, tr.Finished]


def test_a_failed_run_is_finished_and_then_raised(fake):
    stream = ask.stream("Q", backend=fake({"a": "x", "b": RuntimeError("boom")}))
    seen = []
    with pytest.raises(tr.GenError, match="boom"):
        for event in stream:
            seen.append(event)
    assert isinstance(seen[-1], tr.Finished) and seen[-1].run.error is stream.run.error


def test_leaving_a_stream_ends_the_run(fake):
    backend = fake({"a": tr.Stall("one two"), "b": "1"})

    def leave_by_break():
        for event in ask.stream("Q", backend=backend):
            assert event.text == "one"
            break

    def leave_by_block():
        with ask.stream("Q", backend=backend) as stream:
            next(stream)

    def leave_by_cancel():
        stream = ask.stream("Q", backend=backend)
        next(stream)
        stream.run.cancel()
        with pytest.raises(tr.Cancelled):
            list(stream)

    for count, leave in enumerate((leave_by_break, leave_by_block, leave_by_cancel), 1):
        leave()
        gc.collect()
        eventually(lambda count=count: backend.aborted == count and backend.working == 0)


async def test_leaving_an_async_stream_ends_the_run(fake):
    backend = fake({"a": tr.Stall("one two"), "b": "1"})
    async with ask.astream("Q", backend=backend) as stream:
        async for event in stream:
            assert event.text == "one"
            break
    assert stream.run.done and (backend.working, backend.aborted) == (0, 1)
    with pytest.raises(tr.Cancelled):
        _ = stream.run.value


async def test_an_async_stream_of_an_async_function(fake):
    @tr.function
    async def later(s):
        s += tr.gen("a")
        return await s.get("a")

    events = [e async for e in later.astream(backend=fake({"a": "x y"}))]
    assert [type(e) for e in events] == [tr.TextDelta, tr.TextDelta, tr.VariableSet, tr.Finished]
    stream = later.astream(backend=fake({"a": RuntimeError("boom")}))
    with pytest.raises(tr.GenError):
        [e async for e in stream]


def test_streaming_is_linear(fake):
    """Ten times the words cost about ten times the time: nothing is copied again with each delta."""

    @tr.function
    def long(s):
        s += tr.gen("x", max_tokens=None)

    def seconds(words):
        backend = fake({"x": "word" + " word" * (words - 1)})
        began = time.perf_counter()
        count = sum(isinstance(e, tr.TextDelta) for e in long.stream(backend=backend))
        assert count == words
        return time.perf_counter() - began

    seconds(500)
    short, tall = seconds(1_000), seconds(10_000)
    assert tall < 30 * short + 0.05
