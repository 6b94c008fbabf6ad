"""The engine's loop and scheduler over a toy device that checks every KV access: any way to schedule the work gives
the answer that each request would get alone."""

import random
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.lang.backends.base import Finish
from trellis.runtime.errors import EngineStopped, Overloaded, RequestError

sys.path.insert(0, str(Path(__file__).parent))
from world import Grammar, World, alone, check_answers, prompt, some_asked


def test_one_request(runner: Any) -> None:
    world = World(runner)
    ticket = world.ticket(prompt(20))
    assert world.run(ticket) == [alone(runner, prompt(20))]
    last = world.last(ticket)
    assert last.finish == Finish("length", None)
    assert last.usage is not None
    assert (last.usage.prompt, last.usage.generated, last.usage.cached) == (20, 8, 0)
    assert world.cache.counts.private == 0


def test_chunked_equals_whole(runner: Any) -> None:
    whole = World(runner, max_step_tokens=512).run(World(runner).ticket(prompt(200)))
    assert whole == [alone(runner, prompt(200))] or whole == [[]]
    for budget in (1, 7, 16, 33):
        world = World(type(runner)(), max_step_tokens=budget)
        assert world.run(world.ticket(prompt(200))) == [alone(runner, prompt(200))]


def test_many_share_a_prefix_and_report_cached_tokens(runner: Any) -> None:
    world = World(runner, pages=256)
    shared = prompt(100)
    world.run(world.ticket(shared, 1))
    tickets = [world.ticket(shared + prompt(10, i + 1)) for i in range(6)]
    answers = world.run(*tickets)
    assert answers == [alone(runner, t.request.tokens[:110]) for t in tickets]
    assert all(world.last(t).usage.cached == 100 for t in tickets)


def test_a_shared_prompt_is_computed_once_even_when_all_arrive_together(runner: Any) -> None:
    world = World(runner, pages=256)
    tickets = [world.ticket(prompt(128), seed=i) for i in range(6)]
    assert world.run(*tickets) == [alone(runner, prompt(128), seed=i) for i in range(6)]
    computed = sum(step.tokens for step in runner.steps)
    assert computed < 128 + 6 * (16 + 9)


def test_follow_up_on_a_kept_prefix(runner: Any) -> None:
    world = World(runner)
    first = world.ticket(prompt(21), keep=True)
    (answer,) = world.run(first)
    tokens = prompt(21) + answer + prompt(5, 9)
    second = world.ticket(tokens, base=first.request.node)
    assert world.run(second) == [alone(runner, tokens)]
    assert world.last(second).usage.cached >= 28
    world.cache.release(first.request.node)
    world.cache.check()


def test_preempted_requests_resume_and_give_the_same_answer(runner: Any) -> None:
    world = World(runner, pages=12)
    tickets = [world.ticket(prompt(30, i), 40, seed=i) for i in range(5)]
    answers = world.run(*tickets)
    assert world.scheduler.preemptions > 0
    assert answers == [alone(runner, prompt(30, i), 40, seed=i) for i in range(5)]


def test_scores_come_from_one_forward_over_the_branches(runner: Any) -> None:
    world = World(runner)
    shared = prompt(40)
    world.run(world.ticket(shared, 1))
    runner.steps.clear()
    branches = [world.ticket(shared + [i, i + 1], 0, targets_from=40) for i in range(4)]
    world.run(*branches)
    assert len(runner.steps) == 1
    assert all(len(b.request.scores) == 2 for b in branches)
    lone = World(type(runner)())
    again = lone.ticket(shared + [2, 3], 0, targets_from=40)
    lone.run(again)
    assert again.request.scores == branches[2].request.scores


def test_stop_string_cuts_the_text_and_the_kept_tokens(runner: Any) -> None:
    expected = alone(runner, prompt(9), 30)
    stop = chr(33 + expected[6])
    first = expected.index(expected[6])
    world = World(runner)
    ticket = world.ticket(prompt(9), 30, stop=(stop,), keep=True)
    world.run(ticket)
    text = "".join(d.text for d in world.deltas[ticket.request])
    assert text == "".join(chr(33 + t) for t in expected[:first])
    assert world.last(ticket).finish == Finish("stop", stop)
    assert list(ticket.request.tokens) == prompt(9) + expected[:first]
    world.cache.release(ticket.request.node)


def test_end_of_text_and_stop_ids(runner: Any) -> None:
    expected = alone(runner, prompt(9), 30)
    for options in ({"eos_ids": frozenset({expected[4]})}, {"stop_token_ids": (expected[4],)}):
        world = World(type(runner)())
        ticket = world.ticket(prompt(9), 30, **options)
        assert world.run(ticket) == [expected[: expected.index(expected[4])]]
        assert world.last(ticket).finish == Finish("stop", expected[4])


def test_abort_frees_pages_within_a_step(runner: Any) -> None:
    world = World(runner)
    ticket = world.ticket(prompt(20), 1000)
    world.engine.add_requests([ticket])
    world.engine._receive()
    for _ in range(3):
        world.engine.step()
    assert world.cache.counts.private > 0
    world.engine.abort([ticket], Finish("abort", None))
    world.engine._receive()
    assert world.cache.counts.private == 0
    world.engine.drain()
    assert world.last(ticket).finish == Finish("abort", None)


def test_timeout_ends_waiting_and_running_requests(runner: Any) -> None:
    world = World(runner, max_running=1)
    running, waiting = (world.ticket(prompt(20), 1000, timeout=2.0) for _ in range(2))
    world.engine.add_requests([running, waiting])
    world.engine._receive()
    world.engine.step()
    world.clock.now = 3.0
    world.engine._receive()
    assert world.last(running).finish == world.last(waiting).finish == Finish("timeout", None)
    world.engine.drain()


def test_queue_limit_and_impossible_prompts_are_errors_of_their_request(runner: Any) -> None:
    world = World(runner, max_waiting=2, context=100)
    good = [world.ticket(prompt(10)) for _ in range(2)]
    late, long, empty = world.ticket(prompt(10)), world.ticket(prompt(101)), world.ticket([])
    world.engine.add_requests([long, empty, *good, late])
    world.engine.drain()
    assert isinstance(world.errors[late.request], Overloaded)
    assert isinstance(world.errors[long.request], RequestError)
    assert isinstance(world.errors[empty.request], RequestError)
    assert [world.output(t) for t in good] == [alone(runner, prompt(10))] * 2


def test_a_failing_step_ends_its_requests_and_the_engine_goes_on(runner: Any) -> None:
    runner.fail_at = 3
    world = World(runner)
    ticket = world.ticket(prompt(20), 100)
    world.run(ticket)
    assert isinstance(world.errors[ticket.request], EngineStopped)
    again = world.ticket(prompt(20))
    assert world.run(again) == [alone(runner, prompt(20))]


def test_a_failing_message_ends_all_requests_and_the_engine_goes_on(runner: Any) -> None:
    world, told = World(runner), []
    ticket = world.ticket(prompt(20), 100)
    world.engine.add_requests([ticket])
    world.engine.call(lambda: 1 // 0)
    world.engine.call(lambda: told.append("the next message"))
    world.engine.drain()
    assert isinstance(world.errors[ticket.request], EngineStopped)
    assert told == ["the next message"]
    again = world.ticket(prompt(20))
    assert world.run(again) == [alone(runner, prompt(20))]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_engine_that_cannot_go_on_tells_everybody_who_waits(runner: Any) -> None:
    """Pages were lost, so nothing may be computed any more."""
    world, told = World(runner), threading.Event()
    ticket = world.ticket(prompt(20), 100)
    node: Any = object()  # of a closed engine nothing is looked at
    world.cache.check = lambda: 1 // 0
    world.engine.add_requests([ticket])
    world.engine.call(lambda: 1 // 0)
    world.engine.call(told.set)
    world.engine.start()
    assert told.wait(10)
    world.engine.close()
    assert isinstance(world.errors[ticket.request], EngineStopped)
    with pytest.raises(EngineStopped):
        world.engine.add_requests([world.ticket(prompt(20))])
    world.engine.abort([ticket], Finish("abort", None))
    world.engine.release(node)


def test_a_step_of_before_a_preemption_says_nothing_about_the_row_after_it(runner: Any) -> None:
    """Long prompts in small chunks, overlapped, in a pool that never suffices: chunks of old rows come in late."""
    for seed in range(12):
        world = World(type(runner)(), pages=16, max_step_tokens=24, max_running=4)
        rng = random.Random(seed)
        tickets = []
        for i in range(8):
            length = rng.randrange(30, 120)
            if i % 3:
                tickets.append(world.ticket(prompt(length, i % 4), rng.randrange(1, 60), seed=i))
            else:
                tickets.append(world.ticket(prompt(length, i % 4), 0, targets_from=length // 2))
        world.run(*tickets)
        for i, ticket in enumerate(tickets):
            tokens = list(ticket.request.tokens[: ticket.request.prompt_length])
            if ticket.request.targets_from is None:
                new = len(world.output(ticket))
                assert world.output(ticket) == alone(runner, tokens, new, seed=i)
                assert new == ticket.request.params.max_tokens
            else:
                assert len(ticket.request.scores) == len(tokens) - ticket.request.targets_from


class RefusingMatcher:
    """Refuses what the mask allowed: our own mistake."""

    finished = accepting = False
    place = 0

    def follow(self, token: int, most: int) -> None:
        return None

    def force(self, most: int) -> tuple[int, ...]:
        return ()


def test_our_own_mistake_ends_requests_and_not_the_engine(runner: Any) -> None:
    world = World(runner)
    bad, good = world.ticket(prompt(20)), world.ticket(prompt(20))
    bad.request.constrain(Grammar(), RefusingMatcher())
    world.run(bad)
    assert "grammar refuses" in str(world.errors[bad.request])
    assert world.run(good) == [alone(runner, prompt(20))]
    assert world.cache.counts.private == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_engine_that_cannot_go_on_says_so_and_nothing_hangs(runner: Any) -> None:
    world = World(runner)

    def lose_a_page() -> None:
        world.cache.pages.take(1)
        runner.fail_at = len(runner.steps) + 1

    world.engine.start()
    world.engine.call(lose_a_page)
    ticket = world.ticket(prompt(20), 100)
    world.engine.add_requests([ticket])
    world.engine._thread.join(5)
    assert isinstance(world.errors[ticket.request], EngineStopped)
    assert world.engine.closed
    with pytest.raises(EngineStopped):
        world.engine.add_requests([ticket])


def test_ageing_bounds_the_wait(runner: Any) -> None:
    """A stream of requests with a long cached prefix must not starve one without."""
    world = World(runner, pages=256, max_running=1, max_wait_seconds=5.0)
    shared = prompt(64)
    world.run(world.ticket(shared, 1))
    cold = world.ticket(prompt(64, 1), 2)
    world.engine.add_requests([cold])
    world.engine.add_requests([world.ticket(shared, 2)])
    for _ in range(40):
        world.engine._receive()
        world.engine.step()
        world.clock.now += 1.0
        world.engine.add_requests([world.ticket(shared, 2)])
    assert world.output(cold) == alone(runner, prompt(64, 1), 2)


def test_priority_goes_first(runner: Any) -> None:
    world = World(runner, max_running=1)
    low, high = world.ticket(prompt(10), 3), world.ticket(prompt(10, 1), 3, priority=5)
    world.engine.add_requests([low, high])
    world.engine._receive()
    world.engine.step()
    assert high.request.row is not None
    assert low.request.row is None
    world.engine.drain()


def test_closing_ends_everything(runner: Any) -> None:
    world = World(runner)
    world.engine.start()
    ticket = world.ticket(prompt(10), 4000)
    world.engine.add_requests([ticket])
    world.engine.close()
    assert isinstance(world.errors[ticket.request], EngineStopped)
    with pytest.raises(EngineStopped):
        world.engine.add_requests([ticket])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.integers(1, 70), st.integers(0, 3), st.integers(1, 30)),
        min_size=1,
        max_size=12,
    ),
    st.integers(14, 40),
    st.fixed_dictionaries(
        {
            "max_step_tokens": st.integers(1, 50),
            "max_running": st.integers(1, 6),
            "beside_tokens": st.none() | st.integers(1, 20),
        }
    ),
)
def test_any_schedule_gives_the_lone_answers(
    runner: Any, asked: list[tuple[int, int, int]], pages: int, limits: dict[str, Any]
) -> None:
    world = World(type(runner)(), pages=pages, **limits)
    tickets = [world.ticket(prompt(n, s), new, seed=s) for n, s, new in asked]
    expected = [alone(runner, prompt(n, s), new, seed=s) for n, s, new in asked]
    assert world.run(*tickets) == expected
    assert world.cache.counts.private == 0


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    some_asked,
    st.integers(12, 40),
    st.integers(1, 30),
)
def test_forced_runs_amid_other_rows_and_preemption(
    runner: Any, asked: list[tuple[int, bool, bool, int]], pages: int, budget: int
) -> None:
    """Overlapped, a step launched before the forced text was known is void; with penalties the engine waits."""
    world = World(type(runner)(), pages=pages, max_step_tokens=budget, max_running=4)
    check_answers(world, runner, asked)
