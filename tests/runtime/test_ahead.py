"""Who sits a step out: the answers stay what they are, steps stay small, and nobody falls behind one token a step."""

import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.runtime.ahead import StepSizes

sys.path.insert(0, str(Path(__file__).parent))
from world import ForcingMatcher, Grammar, World, alone, check_answers, prompt, some_asked

NEW = 60


def run(runner: Any, sizes: StepSizes | None, rows: int = 8) -> tuple[World, list[list[int]]]:
    """Rows of short prompts, half of them under a grammar that forces text, all to as many tokens."""
    world = World(type(runner)(), pages=256, max_running=rows, sizes=sizes)
    tickets = [world.ticket(prompt(4, i), NEW, seed=i) for i in range(rows)]
    for ticket in tickets[::2]:
        ticket.request.constrain(Grammar(), ForcingMatcher())
    return world, world.run(*tickets)


def test_steps_are_as_large_as_the_size_below_where_some_are_ahead(runner: Any) -> None:
    free, expected = run(runner, None)
    kept, answers = run(runner, StepSizes(flat=8, stride=8))
    assert answers == expected

    def full(world: World) -> list[int]:
        """Tokens of the steps in which all rows run, prompts apart."""
        return [s.tokens for s in world.runner.steps[1:] if len({w.row for w in s.work}) >= 4]

    above = [sum(8 < tokens <= 12 for tokens in full(world)) for world in (free, kept)]
    assert above[0] >= 5 and above[1] <= above[0] / 2, above
    assert sum(full(kept)) <= sum(full(free)), "tokens were computed that were not before"


def test_nobody_is_slower_than_one_token_a_step(runner: Any) -> None:
    world, _ = run(runner, StepSizes(flat=8, stride=8))
    # A prompt's step, a step for each token, and the ones that wait for the device.
    assert len(world.runner.steps) <= NEW + 3


def test_with_prompts_in_the_step_nobody_waits(runner: Any) -> None:
    world = World(type(runner)(), pages=256, max_step_tokens=16, sizes=StepSizes(flat=2, stride=4))
    tickets = [world.ticket(prompt(3, i), 200, seed=i) for i in range(3)]
    for ticket in tickets:
        ticket.request.constrain(Grammar(), ForcingMatcher())
    tickets.append(world.ticket(prompt(400, 9), 4, seed=9))
    answers = world.run(*tickets)
    assert answers[3] == alone(runner, prompt(400, 9), 4, 9)
    during = [s for s in world.runner.steps if any(w.count >= 8 for w in s.work)]
    assert all(len(s.work) == 4 for s in during[1:-1]), "a row waited beside a prompt"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    some_asked,
    st.integers(12, 40),
    st.integers(1, 30),
    st.integers(1, 6),
    st.integers(2, 6),
)
def test_answers_do_not_depend_on_sizes(
    runner: Any,
    asked: list[tuple[int, bool, bool, int]],
    pages: int,
    budget: int,
    flat: int,
    stride: int,
) -> None:
    limits = {"max_step_tokens": budget, "max_running": 5, "sizes": StepSizes(flat, stride)}
    world = World(type(runner)(), pages=pages, **limits)
    check_answers(world, runner, asked)
