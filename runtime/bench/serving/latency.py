"""Latency: what the times of answers say, by the field's definitions.

    summary = summarize(timings, seconds, Objectives(ttft_ms=500, tpot_ms=50))

    TTFT      time to first token: from sending a request to the first piece of its answer
    E2E       end to end: from sending a request to the last piece of its answer
    TPOT      time per output token: (E2E - TTFT) / (tokens - 1), one figure an answer; none for one token
    ITL       inter-token latency: each gap between two pieces of one answer, all answers pooled
    goodput   answers a second that meet every objective

Percentiles interpolate between neighbours, as numpy's do. A request that failed has no latency and is no goodput. It
refuses to know how answers come.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Timing:
    """One request. sent: when, in seconds; pieces: when each piece of its answer came; tokens: of the answer.

    error: why there is no answer.
    """

    sent: float
    pieces: tuple[float, ...]
    tokens: int
    error: str | None = None

    @property
    def ttft(self) -> float:
        return self.pieces[0] - self.sent

    @property
    def whole(self) -> float:
        return self.pieces[-1] - self.sent

    @property
    def tpot(self) -> float | None:
        return (self.whole - self.ttft) / (self.tokens - 1) if self.tokens > 1 else None

    @property
    def gaps(self) -> list[float]:
        return [b - a for a, b in zip(self.pieces, self.pieces[1:], strict=False)]


@dataclass(frozen=True, slots=True)
class Objectives:
    """What an answer must keep to, to be good, in milliseconds; None: no such limit."""

    ttft_ms: float | None = None
    tpot_ms: float | None = None
    e2e_ms: float | None = None

    def met(self, timing: Timing) -> bool:
        """Whether an answer keeps to all of them."""
        if timing.error is not None:
            return False
        measured = ((timing.ttft, self.ttft_ms), (timing.tpot, self.tpot_ms))
        return all(
            limit is None or value is None or value * 1e3 <= limit
            for value, limit in (*measured, (timing.whole, self.e2e_ms))
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """A run. Latencies are milliseconds at SHARES; rates are per second; goodput counts answers."""

    ttft: tuple[float, ...]
    tpot: tuple[float, ...]
    itl: tuple[float, ...]
    e2e: tuple[float, ...]
    answers: float
    tokens: float
    goodput: float
    failed: int


def percentile(values: Iterable[float], share: float) -> float:
    """The value that this share of values is at most; not a number where there are none."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def summarize(timings: Sequence[Timing], seconds: float, objectives: Objectives) -> Summary:
    """What a run of so many seconds came to."""
    done = [timing for timing in timings if timing.error is None]

    def at_shares(values: Iterable[float]) -> tuple[float, ...]:
        ordered = sorted(values)
        return tuple(1e3 * percentile(ordered, share) for share in SHARES)

    return Summary(
        at_shares(t.ttft for t in done),
        at_shares(t.tpot for t in done if t.tpot is not None),
        at_shares(gap for t in done for gap in t.gaps),
        at_shares(t.whole for t in done),
        len(done) / seconds,
        sum(t.tokens for t in done) / seconds,
        sum(objectives.met(t) for t in done) / seconds,
        len(timings) - len(done),
    )
