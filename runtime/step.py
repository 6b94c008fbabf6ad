"""Step and Result: the only two things that cross between the scheduler and the device.

A Step says, in plain integers, which rows compute how many tokens, where their KV goes and what is sampled. A
Result says what came out. Chunked prefill, decode, forced runs and scoring are all the same thing here: a row that
computes `count` new tokens from `position` on. Neither side knows the other: no tensors here, no requests there.

A row is a running request's permanent index on the device. What a row needs for its whole life crosses once, in a
RowStart; afterwards only differences cross. A plain decode step carries nothing but its rows: the token that each
computes was sampled on the device and never left it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..lang.nodes.params import SamplingParams

if TYPE_CHECKING:
    from ..constrained.grammar.place import Compiled, Place
    from ..constrained.tokens.walk import Mask

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RowStart:
    """A request takes a row: everything about it that the device must know.

    tokens: prompt and, after a preemption, what had been generated; prompt_length: how many of them are prompt.
    place: where the grammar stands after the generated tokens; None where the host moves it, see Step.masks.
    """

    row: int
    params: SamplingParams
    seed: int
    tokens: Sequence[int]
    prompt_length: int
    grammar: "Compiled[Any] | None" = None
    place: "Place | None" = None


@dataclass(slots=True)
class Work:
    """What one row computes in a step. Nobody changes it; it is not frozen, as that would take thrice as long to make.

    position: index of the first new token; count: how many.
    tokens: their ids; None where the one token is what the row sampled last, known to the device alone so far.
    sample: draw the next token after the last one.
    targets: for scoring, the tokens whose log-probability is asked after the last len(targets) positions.
    embed: give the hidden state after the last new token.
    """

    row: int
    position: int
    count: int
    tokens: Sequence[int] | None
    sample: bool
    targets: Sequence[int] = ()
    embed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One iteration of the engine.

    ends: rows freed since the last step, before any start. copies: (source, destination) pages copied before anything
    is computed. pages: (row, first index in its page table, pages from there on). places: (row, grammar's place) where
    the host moved a grammar over forced tokens; forced: (row, those tokens), for penalties. masks: (row, mask of the
    token to be drawn) for the rows whose grammar the host moves.
    decode: every row computes just the token it sampled last, and samples again.
    """

    index: int
    work: Sequence[Work]
    decode: bool
    ends: Sequence[int] = ()
    starts: Sequence[RowStart] = ()
    copies: Sequence[tuple[int, int]] = ()
    pages: Sequence[tuple[int, int, Sequence[int]]] = ()
    places: "Sequence[tuple[int, Place]]" = ()
    forced: Sequence[tuple[int, Sequence[int]]] = ()
    masks: "Sequence[tuple[int, Mask]]" = ()

    @property
    def tokens(self) -> int:
        """Tokens computed in this step."""
        return sum(w.count for w in self.work)


@dataclass(frozen=True, slots=True)
class Result:
    """What a step gave, in the order of its Work.

    tokens: int32, one for each Work that samples. logprobs: float32 beside it, of the raw model distribution;
    None where no row asked. top_ids, top_logprobs: [samples, k]. scores: float32, concatenated over the Work that
    has targets. hidden: float32 [Work that embeds, hidden], after the last norm.
    """

    tokens: Ints
    logprobs: Floats | None = None
    top_ids: Ints | None = None
    top_logprobs: Floats | None = None
    scores: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    hidden: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def asked(
        self, index: int, params: SamplingParams
    ) -> tuple[float | None, tuple[tuple[int, float], ...]]:
        """Log-probability of the token at this index and the likeliest ones, as far as the request asked for them."""
        if self.logprobs is None or not (params.logprobs or params.top_logprobs):
            return None, ()
        logprob = float(self.logprobs[index])
        if not params.top_logprobs or self.top_ids is None:
            return logprob, ()
        assert self.top_logprobs is not None
        count = params.top_logprobs
        ids, values = self.top_ids[index, :count], self.top_logprobs[index, :count]
        return logprob, tuple(zip(ids.tolist(), values.tolist(), strict=True))
