"""Request: one generation (or scoring, or embedding) in the engine, from its arrival to its last token.

    request = Request(id, tokens, params, ...)
    request.ready()                 # how many tokens could be computed now
    request.append(token)           # a sampled token, and the forced ones that follow from it
    request.finish                  # why it ended, once it has

A request knows its tokens, what of them is computed, and its constraint's Matcher. It refuses to know about time,
memory, other requests and text.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..lang.backends.base import Finish
from ..lang.nodes.params import SamplingParams

if TYPE_CHECKING:
    from ..constrained.grammar.matcher import Matcher
    from ..constrained.grammar.place import Compiled
    from ..constrained.tokens.walk import Mask
    from ..radix.node import Node


class Status(Enum):
    """Where a request stands."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """What a request starts with. node: locked for it. cached: tokens that need no computing.

    pages: its row's pages so far. copies: (source, destination) to be copied before anything is computed; the
    sources are not reused before `settle`.
    """

    node: "Node"
    cached: int
    pages: list[int]
    copies: tuple[tuple[int, int], ...]


@dataclass(slots=True, eq=False, repr=False)
class Request:
    """One request. `tokens` are all known ones, prompt first; `computed` of them have KV, or will once every
    launched step has run; `pending` samples are launched and not yet known. The first `void` of these do not count:
    they were launched before it was known that the text there is forced.

    limit: length at which generation ends. targets_from: index of the first token to score; None: generate.
    embeds: the hidden state after the last token is wanted, and nothing is generated; `hidden` has it in the end.
    committed: tokens whose full pages the radix tree holds already. base: locked node of an earlier request of the
    same namespace, whose whole path begins these tokens. turn: place in the order of arrival. starts: how often it took
    a row. untold: first forced token that the device has not been told of. ahead: tokens that forced runs have put it
    ahead of one a step. eos_ids: empty to ignore them. ends: these and the stop ids. mask: of the next token, where the
    grammar is of the host tier and the device moves nothing by itself.
    """

    id: str
    tokens: "array[int]"
    params: SamplingParams
    limit: int
    seed: int
    eos_ids: frozenset[int] = frozenset()
    matcher: "Matcher[Any] | None" = None
    grammar: "Compiled[Any] | None" = None
    mask: "Mask | None" = None
    base: "Node | None" = None
    targets_from: int | None = None
    embeds: bool = False
    keep: bool = False
    arrival: float = 0.0
    turn: int = 0
    starts: int = 0
    deadline: float | None = None

    status: Status = Status.WAITING
    finish: Finish | None = None
    prompt_length: int = 0
    row: int | None = None
    node: "Node | None" = None
    pages: list[int] = field(default_factory=list[int])
    reservation: Reservation | None = None
    cached: int | None = None
    computed: int = 0
    committed: int = 0
    pending: int = 0
    void: int = 0
    forced: int = 0
    on_device: bool = False
    untold: int | None = None
    ahead: int = 0
    watchful: bool = False
    scores: list[float] = field(default_factory=list[float])
    hidden: NDArray[np.float32] | None = None
    ends: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        self.prompt_length = len(self.tokens)
        self.ends = self.eos_ids.union(self.params.stop_token_ids)

    def __repr__(self) -> str:
        # Without its tokens: a message that holds this may reach other callers.
        return f"<request {self.id}, {len(self.tokens)} tokens, {self.status.value}>"

    def constrain(self, grammar: "Compiled[Any]", matcher: "Matcher[Any]") -> None:
        """Puts the answer under a grammar, before the request is added."""
        self.grammar, self.matcher = grammar, matcher
        if grammar.tier == "host":
            # Each mask is made here, once the token before it is known.
            self.mask, self.watchful = matcher.mask(), True
            return
        # The device counts a void sample for penalties: such a request waits for each result instead.
        p = self.params
        counts = p.repetition_penalty != 1 or p.frequency_penalty != 0 or p.presence_penalty != 0
        self.watchful = counts and grammar.forces

    @property
    def goal(self) -> int:
        """How many of the known tokens must be computed: scoring does not need the last one's own output."""
        return len(self.tokens) - (1 if self.targets_from is not None else 0)

    @property
    def live(self) -> int:
        """Samples launched, not yet known, and not void."""
        return self.pending - self.void

    @property
    def generated(self) -> int:
        """Tokens generated so far, forced ones included."""
        return len(self.tokens) - self.prompt_length

    @property
    def generates(self) -> bool:
        """Whether another token would be sampled after all known and launched ones."""
        return self.targets_from is None and len(self.tokens) + self.live < self.limit

    @property
    def answered(self) -> bool:
        """Whether its prompt is computed and more of its answer is to come."""
        return self.computed >= self.prompt_length and self.finish is None and self.generates

    @property
    def matchable(self) -> int:
        """Most tokens that may come from the cache: one at least must be computed, and every scored one."""
        most = self.goal - 1
        return most if self.targets_from is None else min(most, self.targets_from - 1)

    def ready(self) -> int:
        """Tokens that could be computed in the next step."""
        if self.live == 0:
            return self.goal - self.computed
        if self.watchful or not self.generates:
            return 0
        return 1

    def flows(self, page_size: int) -> bool:
        """Whether its next token is on its way to the device, with a page for it: nearly always, while it decodes."""
        return (
            self.pending > self.void
            and not self.watchful
            and self.untold is None
            and self.computed < len(self.pages) * page_size
        )

    def append(self, token: int) -> tuple[int, ...] | None:
        """Takes a sampled token and all that the constraint forces after it, which it gives; sets `finish` when that
        ends it. None: the token ended the text, and is not in it."""
        if token in self.ends:
            self.finish = Finish("stop", token)
            return None
        self.tokens.append(token)
        self.on_device = True
        forced = () if self.matcher is None else self._follow(token)
        if len(self.tokens) >= self.limit and self.finish is None:
            complete = self.matcher is not None and self.matcher.accepting
            self.finish = Finish("length", None, complete)
        return forced

    def _follow(self, token: int) -> tuple[int, ...]:
        assert self.matcher is not None
        forced = self.matcher.follow(token, self.limit - len(self.tokens))
        assert forced is not None, (
            f"request {self.id}: the mask allowed token {token} that the grammar refuses"
        )
        if forced:
            self._join(forced)
        if self.finish is None and self.matcher.finished:
            self.finish = Finish("stop", None)
        if self.mask is not None:
            self.mask = self.matcher.mask()
        return forced

    def force(self) -> tuple[int, ...]:
        """Appends the tokens that the constraint leaves no choice about, and ends when nothing may follow."""
        if self.matcher is None:
            return ()
        forced = self.matcher.force(self.limit - len(self.tokens))
        if forced:
            self._join(forced)
        if self.finish is None and self.matcher.finished:
            self.finish = Finish("stop", None)
        return forced

    def tell(self) -> Sequence[int]:
        """The forced tokens that the device has not been told of, and is told now."""
        run = self.tokens[self.untold :]
        self.untold, self.ahead = None, self.ahead + len(run) - 1
        return run

    def _join(self, forced: tuple[int, ...]) -> None:
        self.untold = len(self.tokens) if self.untold is None else self.untold
        self.tokens.extend(forced)
        self.forced += len(forced)
        self.on_device = False
        # What was launched meanwhile drew the first of this text by itself; the canonical tokens take its place.
        self.void = self.pending


def computing(params: SamplingParams) -> SamplingParams:
    """The options of a request that computes its prompt and generates nothing."""
    return SamplingParams(
        max_tokens=0,
        namespace=params.namespace,
        priority=params.priority,
        timeout=params.timeout,
    )
