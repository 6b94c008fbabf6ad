"""What goes wrong goes wrong for its own request or step: nothing that was not computed is ever taken for computed,
nothing is kept for a caller who got an error, and nobody else hears of it."""

import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.lang.backends.base import Finish
from trellis.runtime.engine import Ticket
from trellis.runtime.errors import EngineStopped, Overloaded, RequestError

sys.path.insert(0, str(Path(__file__).parent))
from world import ForcingMatcher, Grammar, World, alone, forced_alone, prompt


def refusing(runner: Any) -> Any:
    """A device like this one, on which grammars find no room while it says so."""

    class Refusing(type(runner)):
        refuses = False

        def place(self, step: Any) -> dict[int, Exception]:
            refused = [start.row for start in step.starts] if self.refuses else []
            return {row: RequestError("no room for its grammar") for row in refused}

    return Refusing()


def test_what_a_failed_step_was_to_compute_is_computed_again(runner: Any) -> None:
    for fails in range(1, 6):
        device = type(runner)()
        device.fail_at = fails
        world = World(device)
        ticket = world.ticket(prompt(100), 40)
        world.run(ticket)
        assert isinstance(world.errors[ticket.request], EngineStopped)
        tokens = prompt(100) + [1, 2, 3]
        assert world.run(world.ticket(tokens)) == [alone(runner, tokens)]


def test_a_prompt_whose_grammar_found_no_room_is_computed_by_the_next(runner: Any) -> None:
    world = World(refusing(runner))
    world.runner.refuses = True
    ticket = world.ticket(prompt(60), keep=True)
    world.run(ticket)
    assert isinstance(world.errors[ticket.request], RequestError)
    world.runner.refuses = False
    tokens = prompt(60) + [1]
    assert world.run(world.ticket(tokens)) == [alone(runner, tokens)]


def test_nothing_is_kept_for_a_caller_who_got_an_error(runner: Any) -> None:
    runner.fail_at = 4
    world = World(runner)
    world.run(world.ticket(prompt(100), 40, keep=True), world.ticket(prompt(9, 1), 3, keep=True))
    assert len(world.errors) == 2
    assert world.cache.tree.evictable_pages == world.cache.tree.cached_pages


def test_who_leaves_when_the_queue_crowds_them_out_leaves_alone(runner: Any) -> None:
    world = World(runner, max_running=1, max_waiting=3)
    many = [world.ticket(prompt(10, i), namespace="many") for i in range(4)]
    one = world.ticket(prompt(10, 9), namespace="one")
    world.engine.add_requests(many[:1])
    world.engine.turn()
    world.engine.add_requests([*many[1:], one])
    world.engine.abort(many[3:], Finish("abort", None))
    world.engine.drain()
    assert not world.errors
    assert [world.output(t) for t in (*many[:3], one)] == [
        alone(runner, prompt(10, i)) for i in (0, 1, 2, 9)
    ]


class Life:
    """A world in which anything may happen, and what has to hold in it."""

    def __init__(self, runner: Any, pages: int, limits: dict[str, Any]) -> None:
        self.world = World(refusing(runner), pages=pages, **limits)
        self.tickets: list[Ticket] = []

    def ask(self, length: int, stem: int, new: int, forced: bool, options: dict[str, Any]) -> None:
        # Prompts of one stem begin alike, so that they share pages.
        ticket = self.world.ticket(prompt(length, stem), new, **options)
        if forced:
            ticket.request.constrain(Grammar(), ForcingMatcher())
        self.tickets.append(ticket)
        self.world.engine.add_requests([ticket])

    def follow(self, which: int, new: int) -> None:
        """A request behind what an ended one kept, and holds until this has ended, too."""
        if kept := self.kept():
            before = kept[which % len(kept)].request
            options = {"base": before.node, "namespace": before.params.namespace}
            ticket = self.world.ticket([*before.tokens, 7], new, **options)
            self.tickets.append(ticket)
            self.world.engine.add_requests([ticket])

    def turn(self, times: int) -> None:
        for _ in range(times):
            self.world.engine.turn()

    def leave(self, which: int) -> None:
        if self.tickets:
            left = self.tickets[which % len(self.tickets)]
            self.world.engine.abort([left], Finish("abort", None))

    def let_go(self, which: int) -> None:
        used = [t.request.base for t in self.tickets if not self.heard(t)]
        if free := [ticket for ticket in self.kept() if ticket.request.node not in used]:
            request = free[which % len(free)].request
            self.world.engine.release(request.node)
            request.node = None

    def fail(self) -> None:
        self.world.runner.fail_at = len(self.world.runner.steps) + 1

    def refuse(self) -> None:
        self.world.runner.refuses = not self.world.runner.refuses

    def wait(self, seconds: float) -> None:
        self.world.clock.now += seconds

    def heard(self, ticket: Ticket) -> bool:
        """Whether the caller knows that it ended."""
        said = self.world.deltas.get(ticket.request, [])
        return ticket.request in self.world.errors or any(delta.finish for delta in said)

    def kept(self) -> list[Ticket]:
        """Those whose callers hold what they came to."""
        return [t for t in self.tickets if self.heard(t) and t.request.node is not None]

    def end(self) -> None:
        self.world.runner.refuses = False
        self.world.engine.drain()
        self.world.cache.check()
        for ticket in self.tickets:
            self.judge(ticket)
        for ticket in self.kept():
            self.world.cache.release(ticket.request.node)
        tree, scheduler = self.world.cache.tree, self.world.scheduler
        assert self.world.cache.counts.private == 0
        assert tree.evictable_pages == tree.cached_pages
        assert len(scheduler._rows) == scheduler.limits.max_running

    def judge(self, ticket: Ticket) -> None:
        """An answer is the one it would get alone, as far as it went; an error is one of those that were made."""
        request, said = ticket.request, self.world.output(ticket)
        given = list(request.tokens[: request.prompt_length])
        new = request.params.max_tokens
        if request.matcher is None:
            lone = alone(self.world.runner, given, new)
        else:
            lone = forced_alone(self.world.runner, given, new, request.seed)
        error = self.world.errors.get(request)
        if error is not None:
            assert isinstance(error, EngineStopped | RequestError | Overloaded)
            assert "on fire" in str(error) or not isinstance(error, EngineStopped), error
            assert request.node is None
        elif self.world.last(ticket).finish == Finish("length", None):
            assert len(said) == len(lone) or len(given) + len(said) == request.limit
        assert said == lone[: len(said)]


requests = st.tuples(
    st.just("ask"),
    st.integers(1, 90),
    st.integers(0, 2),
    st.integers(1, 30),
    st.booleans(),
    st.fixed_dictionaries(
        {
            "frequency_penalty": st.sampled_from([0.0, 0.5]),
            "keep": st.booleans(),
            "priority": st.integers(0, 1),
            "namespace": st.sampled_from(["", "other"]),
            "timeout": st.sampled_from([None, 5.0]),
        }
    ),
)
events = st.one_of(
    requests,
    requests,
    st.tuples(st.just("turn"), st.integers(1, 6)),
    st.tuples(st.just("follow"), st.integers(0, 9), st.integers(1, 20)),
    st.tuples(st.just("leave"), st.integers(0, 9)),
    st.tuples(st.just("let_go"), st.integers(0, 9)),
    st.tuples(st.just("fail")),
    st.tuples(st.just("refuse")),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 6.0])),
)
bounds = st.fixed_dictionaries(
    {
        "max_step_tokens": st.integers(1, 60),
        "max_running": st.integers(1, 4),
        "max_waiting": st.integers(1, 5),
        "beside_tokens": st.none() | st.integers(1, 20),
    }
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(events, max_size=40), st.integers(8, 30), bounds)
def test_whatever_happens_answers_are_right_and_nothing_is_lost(
    runner: Any, happened: list[tuple[Any, ...]], pages: int, limits: dict[str, Any]
) -> None:
    life = Life(runner, pages, limits)
    for what, *details in happened:
        getattr(life, what)(*details)
    life.end()
