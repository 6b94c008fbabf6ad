"""Prompts beside answers: a step computes little of each prompt while others are answered, and all come through."""

from array import array
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.lang.nodes.params import SamplingParams
from trellis.radix.tree import RadixTree
from trellis.runtime.ahead import StepSizes
from trellis.runtime.memory.cache import PrefixCache
from trellis.runtime.memory.pages import Pages
from trellis.runtime.plan import Limits
from trellis.runtime.request import Request, Status
from trellis.runtime.scheduler import Scheduler

MOST, FEW = 64, 8


class Floor:
    """A scheduler on a toy device, one step at a time; `counts` has what each request computed in the last one."""

    def __init__(self, runner: Any, **limits: Any) -> None:
        kept = {"max_running": 8, "max_waiting": 100, "max_step_tokens": MOST, "context": 4096}
        self.runner = runner
        self.steps = 0
        self.asked = 0
        cache = PrefixCache(RadixTree(16), Pages(512))
        allowed = Limits(**kept | {"beside_tokens": FEW} | limits)
        self.scheduler = Scheduler(cache, allowed, lambda: float(self.steps))

    def ask(self, length: int, new: int, **fields: Any) -> Request:
        """Adds a request with a prompt that no other begins with."""
        self.asked += 1
        tokens = array("i", [self.asked, *(i % 90 for i in range(length - 1))])
        params = SamplingParams(max_tokens=new)
        request = Request(f"r{self.asked}", tokens, params, length + new, 5, **fields)
        self.scheduler.add(request)
        return request

    def step(self) -> dict[Request, int]:
        """One step; the tokens that each request computed."""
        plan = self.scheduler.plan()
        assert plan is not None, "something can always be computed"
        self.steps += 1
        for item in self.scheduler.commit(plan, self.runner.launch(plan.step).result()):
            if item.request.finish is not None:
                self.scheduler.release(item.request)
        return {r: w.count for r, w in zip(plan.requests, plan.step.work, strict=True)}


@pytest.fixture
def floor(runner: Any) -> Floor:
    return Floor(runner)


def test_a_prompt_goes_in_small_parts_while_another_is_answered(floor):
    first = floor.ask(20, 30)
    floor.step()
    prompt = floor.ask(100, 1)
    seen = []
    while prompt.status is not Status.ENDED:
        counts = floor.step()
        assert counts[first] == 1
        seen.append(counts[prompt])
    assert seen == [FEW] * 12 + [4]


def test_a_prompt_alone_takes_all_there_is(floor):
    prompt = floor.ask(150, 4)
    assert [floor.step()[prompt] for _ in range(4)] == [MOST, MOST, 22, 1]


def test_prompts_that_nobody_waits_for_take_all_there_is(floor):
    """Neither what is only scored nor what has drawn its only token hears later for it."""
    for length in (30, 40, 50):
        floor.ask(length, 1)
        floor.ask(length + 1, 0, targets_from=length)
    assert [sum(floor.step().values()) for _ in range(4)] == [MOST, MOST, MOST, 48]


def test_every_prompt_has_its_own_part(floor):
    first = floor.ask(10, 40)
    floor.step()
    prompts = [floor.ask(40, 4) for _ in range(6)]
    assert floor.step() == {first: 1} | dict.fromkeys(prompts, FEW)


def test_many_prompts_fill_the_step_as_if_nobody_were_answered(floor):
    floor.ask(10, 40)
    floor.step()
    for _ in range(7):
        floor.ask(60, 4)
    assert sum(floor.step().values()) == 1 + 7 * FEW


def test_beside_few_answers_prompts_take_what_a_step_has_for_nothing(runner):
    floor = Floor(runner, sizes=StepSizes(flat=33, stride=8))
    first = floor.ask(10, 40)
    floor.step()
    prompts = [floor.ask(90, 4) for _ in range(2)]
    assert floor.step() == {first: 1} | dict.fromkeys(prompts, 30)  # none of them was there before
    assert floor.step() == {first: 1} | dict.fromkeys(prompts, 15)
    for _ in range(4):
        floor.ask(4, 40)
    floor.step()
    assert floor.step()[prompts[0]] == (33 - 3 * 5) // 2


def test_without_the_limit_a_prompt_takes_what_is_left(runner):
    floor = Floor(runner, beside_tokens=None)
    floor.ask(10, 40)
    floor.step()
    prompt = floor.ask(100, 1)
    assert floor.step()[prompt] == MOST - 1


def test_text_generated_before_a_preemption_is_no_prompt(floor):
    first, second = floor.ask(16, 60), floor.ask(16, 90)
    for _ in range(50):
        floor.step()
    floor.scheduler._preempt(second)
    counts = floor.step()
    assert counts[first] == 1 and second.computed - counts[second] >= 16
    while second.computed < len(second.tokens) - 1:
        assert floor.step()[second] > FEW


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(1, 120), st.integers(1, 20)),
        min_size=1,
        max_size=10,
    ),
    st.integers(1, 12),
    st.integers(1, 40),
)
def test_all_come_through_whenever_they_come(
    runner: Any, arrivals: list[tuple[int, int, int]], few: int, most: int
) -> None:
    floor = Floor(type(runner)(), beside_tokens=few, max_step_tokens=most)
    coming = sorted(arrivals)
    requests: list[Request] = []
    tokens = sum(length + new for _, length, new in arrivals)
    while coming or floor.scheduler.busy:
        while coming and (coming[0][0] <= floor.steps or not floor.scheduler.busy):
            _, length, new = coming.pop(0)
            requests.append(floor.ask(length, new))
        answered = [r for r in floor.scheduler.running if r.answered]
        before = {r: r.computed for r in requests}
        for request, count in floor.step().items():
            in_prompt = before[request] < request.prompt_length
            assert count <= (few if in_prompt and answered else most)
        assert floor.steps <= tokens  # each step does one token at least
    assert all(r.generated == r.limit - r.prompt_length for r in requests)
