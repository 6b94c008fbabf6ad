"""Tenants beside each other: who is given little goes first, who holds much gives way, and everybody's work ends."""

import random
from array import array
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.lang.backends.base import Finish
from trellis.lang.nodes.params import SamplingParams
from trellis.radix.tree import RadixTree
from trellis.runtime.errors import Overloaded
from trellis.runtime.memory.cache import PrefixCache
from trellis.runtime.memory.pages import Pages
from trellis.runtime.plan import Limits
from trellis.runtime.policy import LOOKUPS, MOST_ACCOUNTS, Holdings, Waiting
from trellis.runtime.request import Request, Status
from trellis.runtime.scheduler import Scheduler
from trellis.runtime.step import Result


class Floor:
    """A scheduler over a device that always draws token 1. seen: the step of each request's first token."""

    def __init__(self, pages: int = 400, **limits: int) -> None:
        kept = {"max_running": 8, "max_waiting": 200, "max_step_tokens": 64, "context": 2048}
        self.cache = PrefixCache(RadixTree(16), Pages(pages))
        self.scheduler = Scheduler(self.cache, Limits(**kept | limits), lambda: float(self.steps))
        self.steps = 0
        self.seen: dict[Request, int] = {}
        self.given: Counter[str] = Counter()
        self.refused: list[Request] = []

    def add(self, tenant: str, length: int, new: int, priority: int = 0) -> Request:
        rng = random.Random(f"{tenant} {length} {new} {self.scheduler._turns}")
        tokens = array("i", (rng.randrange(90) for _ in range(length)))
        params = SamplingParams(max_tokens=new, namespace=tenant, priority=priority)
        request = Request(tenant, tokens, params, limit=length + new, seed=0)
        self.scheduler.add(request)
        return request

    def step(self) -> None:
        self.steps += 1
        plan = self.scheduler.plan()
        self.refused += [request for request, _ in self.scheduler.refused]
        self.scheduler.refused.clear()
        if plan is None:
            return
        for request, work in zip(plan.requests, plan.step.work, strict=True):
            self.given[request.params.namespace] += work.count
        samples = sum(work.sample for work in plan.step.work)
        for item in self.scheduler.commit(plan, Result(np.ones(samples, np.int32))):
            self.seen.setdefault(item.request, self.steps)
            if item.request.finish is not None:
                self.scheduler.release(item.request)

    def finish(self, most: int = 5000) -> None:
        until = self.steps + most
        while self.scheduler.busy:
            self.step()
            assert self.steps < until, "the work does not end"
        self.cache.check()
        assert self.cache.counts.private == 0


LENGTHS, ANSWERS = st.integers(1, 150), st.integers(1, 60)


@settings(max_examples=40)
@given(
    flood=st.lists(st.tuples(LENGTHS, ANSWERS), min_size=10, max_size=60),
    quiet=st.lists(st.tuples(LENGTHS, ANSWERS), min_size=1, max_size=3),
    wait=st.integers(0, 20),
    rows=st.integers(2, 8),
    budget=st.integers(16, 100),
    pages=st.integers(60, 200),
)
def test_a_quiet_tenant_waits_for_no_flood(flood, quiet, wait, rows, budget, pages) -> None:
    floor = Floor(pages, max_running=rows, max_step_tokens=budget)
    for length, new in flood:
        floor.add("flood", length, new)
    for _ in range(wait):
        floor.step()
    had = 0
    for length, new in quiet:
        begun = floor.steps
        request = floor.add("quiet", length, new)
        while request not in floor.seen:
            floor.step()
            assert floor.steps < begun + 400, "the quiet tenant starves"
        # Its own prompt and two that were begun, beside rows that decode; and as much for others as it had before,
        # at the cost of the one row that decodes at least.
        bound = (length + 2 * 150) / max(budget - rows, 1) + had / 3 + 3
        assert floor.steps - begun <= bound, (floor.steps - begun, bound)
        had = length + 3 * new
        while request.status is not Status.ENDED:
            floor.step()
    floor.finish()


@settings(max_examples=40)
@given(st.integers(0, 10**9))
def test_the_work_of_all_tenants_ends_whatever_happens(seed: int) -> None:
    rng = random.Random(seed)
    floor = Floor(
        rng.randint(20, 120), max_running=rng.randint(1, 6), max_waiting=rng.randint(3, 40)
    )
    live: list[Request] = []
    for _ in range(120):
        act = rng.random()
        if act < 0.5:
            tenant = rng.choice("aaaabc")
            try:
                live.append(
                    floor.add(tenant, rng.randint(1, 200), rng.randint(1, 40), rng.randrange(2))
                )
            except Overloaded:
                assert len(floor.scheduler.waiting) >= floor.scheduler.limits.max_waiting
        elif act < 0.55 and live:
            floor.scheduler.abort(rng.choice(live), Finish("abort", None))
        else:
            floor.step()
        if rng.random() < 0.1:
            floor.cache.check()
        assert len(floor.scheduler.waiting) == sum(1 for _ in floor.scheduler.waiting)
    floor.finish()
    assert all(request.status is Status.ENDED for request in live)
    assert floor.scheduler.preemptions < 40 * len(live) + 40


def test_two_tenants_with_much_to_do_are_given_the_same() -> None:
    floor = Floor(max_running=4)
    for _ in range(80):
        floor.add("many", 40, 10)
    for _ in range(20):
        floor.add("long", 150, 30)
    for _ in range(60):
        floor.step()
    assert floor.given["long"] == pytest.approx(floor.given["many"], rel=0.25)
    floor.finish()


def test_a_tenant_alone_has_everything() -> None:
    floor = Floor()
    for _ in range(8):
        floor.add("one", 10, 20)
    floor.step()
    floor.step()
    assert len(floor.scheduler.running) >= 6
    floor.finish()
    assert floor.scheduler.preemptions == 0


def test_a_full_queue_makes_room_for_who_has_less_in_it() -> None:
    floor = Floor(max_running=1, max_waiting=10)
    mine = [floor.add("flood", 10, 5) for _ in range(10)]
    with pytest.raises(Overloaded):
        floor.add("flood", 10, 5)
    quiet = floor.add("quiet", 10, 5)
    assert mine[-1].status is Status.ENDED and quiet.status is Status.WAITING
    floor.finish()
    assert floor.refused == [mine[-1]] and quiet in floor.seen


def test_more_urgent_work_keeps_its_row() -> None:
    floor = Floor(max_running=2)
    urgent = [floor.add("flood", 10, 50, priority=1) for _ in range(2)]
    floor.step()
    late = floor.add("quiet", 10, 5)
    for _ in range(10):
        floor.step()
    assert late not in floor.seen and floor.scheduler.preemptions == 0
    assert all(request.status is Status.RUNNING for request in urgent)
    floor.finish()


def test_who_was_away_has_saved_up_nothing() -> None:
    floor = Floor(max_running=2)
    floor.add("late", 5, 1)
    for _ in range(40):
        floor.add("busy", 60, 20)
    for _ in range(100):
        floor.step()
    before = Counter(floor.given)
    for _ in range(40):
        floor.add("late", 60, 20)
    for _ in range(60):
        floor.step()
    late, busy = (floor.given[name] - before[name] for name in ("late", "busy"))
    assert late < 1.5 * busy, (late, busy)
    floor.finish()


def test_who_has_gone_contests_nothing() -> None:
    floor = Floor(max_running=2)
    for tenant, priority in (("a", 0), ("b", 0), ("a", 1)):
        floor.add(tenant, 20, 3, priority)
        assert floor.scheduler.waiting.contested == (tenant == "b" or priority == 1)
    floor.finish()
    assert not floor.scheduler.waiting.contested
    alone = floor.add("a", 5, 30)
    for _ in range(3):
        floor.step()
    assert alone.status is Status.RUNNING and not floor.scheduler.waiting.contested
    other = floor.add("b", 5, 30)
    assert floor.scheduler.waiting.contested
    floor.step()
    assert other.status is Status.RUNNING and floor.scheduler.waiting.contested
    floor.scheduler.abort(alone, Finish("abort", None))
    assert not floor.scheduler.waiting.contested
    floor.finish()


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    waiting = Waiting()
    for turn in range(MOST_ACCOUNTS + 50):
        params = SamplingParams(namespace=str(turn), priority=turn)
        request = Request("r", array("i", [1]), params, limit=9, seed=0)
        request.turn = turn
        waiting.add(request)
        waiting.take(request)
        waiting.leave(request)
    assert not waiting and not waiting.contested
    assert len(waiting._given) == len(waiting._now) == MOST_ACCOUNTS


@settings(max_examples=50)
@given(st.data())
def test_one_tenant_is_served_by_prefix_and_age(data: st.DataObject) -> None:
    waiting, kept = Waiting(), list[Request]()
    cached: dict[Request, int] = {}
    for turn in range(data.draw(st.integers(1, 30))):
        params = SamplingParams(priority=data.draw(st.integers(0, 1)))
        request = Request("r", array("i", [1]), params, limit=9, seed=0)
        request.turn, request.arrival = turn, float(turn)
        cached[request] = data.draw(st.integers(0, 3))
        waiting.add(request)
        kept.append(request)
        if data.draw(st.booleans()):
            waiting.remove(kept.pop(data.draw(st.integers(0, len(kept) - 1))))

    def rank(request: Request) -> tuple[int, bool, int, int]:
        aged = request.arrival <= 5
        return -request.params.priority, not aged, 0 if aged else -cached[request], request.turn

    assert list(waiting.order(10.0, 5.0, cached.__getitem__)) == sorted(kept, key=rank)
    assert len(waiting) == len(kept) and set(waiting) == set(kept)


def test_few_are_looked_up_however_many_tenants_wait() -> None:
    waiting, looked = Waiting(), list[Request]()
    for turn in range(5000):
        params = SamplingParams(namespace=str(turn % 500))
        request = Request("r", array("i", [1]), params, limit=9, seed=0)
        request.turn = turn
        waiting.add(request)
    order = waiting.order(0.0, 5.0, lambda request: looked.append(request) or 0)
    assert len({next(order).params.namespace for _ in range(10)}) == 1
    assert len(looked) < LOOKUPS


def test_holdings_only_come_closer() -> None:
    def request(tenant: str, turn: int) -> Request:
        made = Request("r", array("i", [1]), SamplingParams(namespace=tenant), limit=9, seed=0)
        made.turn = turn
        return made

    running = [request("a", turn) for turn in range(4)]
    asking = [request("b", turn) for turn in range(4, 8)]
    for number in range(2):
        giver = Holdings(running, lambda _: 0.25).giver(asking[number])
        assert giver is running[3 - number]
        running[3 - number] = asking[number]
    assert Holdings(running, lambda _: 0.25).giver(asking[2]) is None
    assert Holdings(running, lambda _: 0.25).giver(request("a", 9)) is None
