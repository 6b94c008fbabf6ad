"""An engine on a toy device, for tests of what becomes of requests."""

import random
from array import array
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from trellis.lang.backends.base import Delta
from trellis.lang.nodes.params import SamplingParams
from trellis.radix.tree import RadixTree
from trellis.runtime.engine import Engine, Ticket
from trellis.runtime.memory.cache import PrefixCache
from trellis.runtime.memory.pages import Pages
from trellis.runtime.plan import Limits
from trellis.runtime.request import Request
from trellis.runtime.scheduler import Scheduler
from trellis.runtime.text import Spelling, TextStream

SPELLING = Spelling(lambda token: chr(33 + token))


class Letters:
    def push(self, ids: Sequence[int]) -> str:
        return "".join(chr(33 + i) for i in ids)

    def flush(self) -> str:
        return ""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """An engine on a toy device, and what came out of it."""

    def __init__(self, runner: Any, pages: int = 64, **limits: Any) -> None:
        self.runner = runner
        self.clock = Clock()
        self.cache = PrefixCache(RadixTree(16), Pages(pages))
        kept = {
            "max_running": 8,
            "max_waiting": 100,
            "max_step_tokens": 64,
            "context": 4096,
        } | limits
        self.scheduler = Scheduler(self.cache, Limits(**kept), self.clock)
        self.engine = Engine(self.scheduler, runner)
        self.deltas: dict[Request, list[Delta]] = {}
        self.errors: dict[Request, Exception] = {}

    def ticket(self, tokens: Sequence[int], new: int = 8, **options: Any) -> Ticket:
        fields = {k: options.pop(k) for k in ("base", "keep", "targets_from") if k in options}
        seed = options.pop("seed", 5)
        eos = options.pop("eos_ids", frozenset())
        params = SamplingParams(max_tokens=new, seed=seed, **options)
        request = Request(
            "r",
            array("i", tokens),
            params,
            limit=len(tokens) + new,
            seed=seed,
            eos_ids=eos,
            **fields,
        )
        text = TextStream(Letters(), params.stop)
        return Ticket(request, text, self.hear, SPELLING)

    def hear(self, ticket: Ticket, item: Delta | Exception) -> None:
        if isinstance(item, Exception):
            self.errors[ticket.request] = item
        else:
            self.deltas.setdefault(ticket.request, []).append(item)

    def run(self, *tickets: Ticket) -> list[list[int]]:
        self.engine.add_requests(tickets)
        self.engine.drain()
        self.cache.check()
        return [self.output(t) for t in tickets]

    def output(self, ticket: Ticket) -> list[int]:
        return [token.id for delta in self.deltas.get(ticket.request, []) for token in delta.tokens]

    def last(self, ticket: Ticket) -> Delta:
        return self.deltas[ticket.request][-1]


def alone(runner: Any, tokens: Sequence[int], new: int = 8, seed: int = 5) -> list[int]:
    """What the toy model says to this prompt, without any engine."""
    from_conftest = type(runner).launch.__globals__["next_token"]
    context = list(tokens)
    for _ in range(new):
        context.append(from_conftest(context, seed))
    return context[len(tokens) :]


def prompt(length: int, seed: int = 0) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(97) for _ in range(length)]


class Grammar:
    tier = "device"
    forces = True


class ForcingMatcher:
    """After a token that divides by 3 the text 1, 2, 4 is forced; any token is allowed."""

    finished = False
    accepting = True

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.left: list[int] = []

    @property
    def place(self) -> int:
        return len(self.tokens)

    def follow(self, token: int, most: int) -> tuple[int, ...]:
        self.tokens.append(token)
        self.left = [1, 2, 4] if token % 3 == 0 else []
        return self.force(most)

    def force(self, most: int) -> tuple[int, ...]:
        forced = tuple(self.left[:most])
        self.tokens += forced
        return forced


def forced_alone(runner: Any, tokens: Sequence[int], new: int, seed: int) -> list[int]:
    step = type(runner).launch.__globals__["next_token"]
    context = list(tokens)
    while len(context) < len(tokens) + new:
        context.append(step(context, seed))
        if context[-1] % 3 == 0:
            context += [1, 2, 4]
    return context[len(tokens) : len(tokens) + new]


Asked = Sequence[tuple[int, bool, bool, int]]
some_asked = st.lists(
    st.tuples(st.integers(1, 50), st.booleans(), st.booleans(), st.integers(1, 30)),
    min_size=1,
    max_size=8,
)


def check_answers(world: World, runner: Any, asked: Asked) -> None:
    """Asks all together: tokens of the prompt, whether text is forced, whether there are penalties, new tokens. Each
    must get what it would get alone."""
    tickets: list[Ticket] = []
    for i, (length, constrained, penalised, new) in enumerate(asked):
        options = {"frequency_penalty": 0.5} if penalised else {}
        ticket = world.ticket(prompt(length, i % 3), new, seed=i, **options)
        if constrained:
            ticket.request.constrain(Grammar(), ForcingMatcher())
        tickets.append(ticket)
    answers = world.run(*tickets)
    for i, (length, constrained, _, new) in enumerate(asked):
        expected = forced_alone if constrained else alone
        assert answers[i] == expected(runner, prompt(length, i % 3), new, i)
    assert world.cache.counts.private == 0
