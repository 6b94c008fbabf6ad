"""Answers that are lost, wrong or doubled are called so; and so is a server that leaks or stays away."""

import json
import random
from collections import Counter

import pytest

from trellis.runtime.bench.serving.chaos import GROWTH_FROM, Seen
from trellis.runtime.bench.serving.exchange import Address, Reply
from trellis.runtime.bench.serving.mischief import Scene, judge_stream, judge_whole, streamed

KNOWN = list(range(100, 110))


def event(ids: list[int], end: str | None = None) -> dict:
    finish = None if end is None else {"type": end}
    return {"text": "", "output_ids": ids, "meta_info": {"finish_reason": finish}}


def stream_of(*events: dict, done: bool = True, status: int = 200) -> Reply:
    body = b"".join(b"data: " + json.dumps(e).encode() + b"\n\n" for e in events)
    body += b"data: [DONE]\n\n" if done else b""
    return Reply(status, body, done, ((len(body), 0.0),))


STREAMS = {
    "answered": stream_of(event([100]), event([101, 102], "length")),
    "aborted": stream_of(event([100]), event([], "abort")),
    "timeout": stream_of(event([100, 101], "timeout")),
    "told": stream_of(event([100]), {"error": {"message": "the engine ended"}}),
    "wrong": stream_of(event([100]), event([7, 102], "length")),
    "doubled": stream_of(event([100, 101, 102], "length"), event([100, 101, 102], "length")),
    "lost": stream_of(event([100]), done=False),
}


@pytest.mark.parametrize("outcome", STREAMS)
def test_streams_are_judged(outcome):
    assert judge_stream(STREAMS[outcome], KNOWN, 3) == outcome


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([event([100, 101, 102])], "lost"),  # it never says that it ended
        ([event([100, 101, 102, 103], "length")], "doubled"),  # more than was asked for
        ([event([100], "length")], "wrong"),  # less
        ([event([101], "abort")], "wrong"),  # not how the answer begins
    ],
)
def test_streams_with_a_flaw_are_breaches(events, outcome):
    assert judge_stream(stream_of(*events), KNOWN, 3) == outcome


@pytest.mark.parametrize(("status", "outcome"), [(503, "told"), (504, "timeout"), (500, "wrong")])
def test_statuses_are_judged(status, outcome):
    assert judge_stream(stream_of(status=status), KNOWN, 3) == outcome


def test_whole_answers_are_judged():
    def reply(ids: list[int], whole: bool = True) -> Reply:
        return Reply(200, json.dumps({"output_ids": ids}).encode(), whole, ())

    assert judge_whole(reply([100, 101]), KNOWN, 2) == "answered"
    assert judge_whole(reply([100]), KNOWN, 2) == "wrong"
    assert judge_whole(reply([100, 101, 102]), KNOWN, 2) == "doubled"
    assert judge_whole(reply([100, 101], whole=False), KNOWN, 2) == "lost"


def good_day() -> Seen:
    seen = Seen(ready_seconds=2.0, resident=[(1 << 20, 1 << 20)] * 4, requests=3)
    seen.outcomes.update({"answered": 2, "left": 1, "told": 5})
    return seen


def test_a_day_without_breaches():
    assert not good_day().breached
    long = good_day()
    long.requests, long.outcomes = GROWTH_FROM, Counter({"answered": GROWTH_FROM})
    assert not long.breached


@pytest.mark.parametrize("breach", ["lost", "wrong", "doubled"])
def test_an_answer_that_is_not_as_promised_is_a_breach(breach):
    seen = good_day()
    seen.outcomes.update({breach: 1, "left": -1})
    assert seen.breached


@pytest.mark.parametrize(
    "change",
    [
        {"ready_seconds": 10.5},
        {"ready_seconds": float("inf")},
        {"lost_pages": 1},
        {"busy_waves": 1},
        {"requests": 4},
        {
            "resident": [(1 << 20, 1 << 20)] * 3 + [(1 << 20, 40 << 20)],
            "requests": GROWTH_FROM,
            "outcomes": Counter({"answered": GROWTH_FROM}),
        },
    ],
)
def test_a_server_that_leaks_or_stays_away_is_a_breach(change):
    seen = good_day()
    for name, value in change.items():
        setattr(seen, name, value)
    assert seen.breached


async def test_a_server_with_other_answers_is_found_out(serving):
    scene = Scene(Address.of(serving), [([5, 6, 7], [1] * 200)], random.Random(0))
    assert await streamed(scene) == "wrong"
