"""Tally: what the answers to many cases add up to.

    tally = Tally("trellis")
    tally.add(case, answer)
    tally.rows()                                # [("schemas", "1,000"), ("handled", "98.1 %"), ...]

A schema is handled when it was compiled. One that is refused because it accepts nothing is counted apart, and judged:
its instances are all rejected. Percentiles are of at most a fixed number of values, drawn evenly, so that memory stays
constant.
"""

import random
from collections import Counter

import numpy as np

from .cases import BadLine, Case
from .judging import Answer

KEPT = 20_000


class Sampled:
    """Up to KEPT of the numbers it was given, each with equal chance; and the largest of all."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.largest = 0.0
        self._count = 0
        self._random = random.Random(0)

    def add(self, value: float) -> None:
        """One more number."""
        self._count += 1
        self.largest = max(self.largest, value)
        if len(self.values) < KEPT:
            self.values.append(value)
        elif (at := self._random.randrange(self._count)) < KEPT:
            self.values[at] = value

    def percentile(self, share: float) -> float:
        """The number that this share of them (0 to 100) does not exceed; 0 of none."""
        return float(np.percentile(self.values, share)) if self.values else 0.0


class Tally:
    """The sums over one engine's answers."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.statuses: Counter[str] = Counter()
        self.empty = 0
        self.instances = 0
        self.wrong_accepts = 0
        self.wrong_rejects = 0
        self.schemas_accepting_wrong = 0
        self.schemas_rejecting_wrong = 0
        self.faults = 0
        self.compile_ms, self.first_mask_ms = Sampled(), Sampled()
        self.mask_us, self.table_bytes = Sampled(), Sampled()

    @property
    def schemas(self) -> int:
        """How many cases there were."""
        return self.statuses.total()

    @property
    def wrong(self) -> int:
        """Instances judged otherwise than they are labelled, and contradictions of our own."""
        return self.wrong_accepts + self.wrong_rejects + self.faults

    def add(self, case: Case | BadLine, answer: Answer) -> None:
        """One more case."""
        self.statuses[answer.status] += 1
        self.faults += bool(answer.fault)
        self.empty += answer.status == "invalid" and bool(answer.tests)
        labels = [sample.valid for sample in case.samples] if isinstance(case, Case) else []
        if answer.tests:
            self._compare(labels, answer.tests)
        if answer.status == "ok":
            self.compile_ms.add(answer.compile_ms)
            self.table_bytes.add(answer.table_bytes)
        if answer.first_mask_ms is not None:
            self.first_mask_ms.add(answer.first_mask_ms)
        for microseconds in answer.mask_us:
            self.mask_us.add(microseconds)

    def _compare(self, labels: list[bool], verdicts: tuple[bool, ...]) -> None:
        pairs = list(zip(labels, verdicts, strict=True))
        accepts, rejects = pairs.count((False, True)), pairs.count((True, False))
        self.instances += len(pairs)
        self.wrong_accepts += accepts
        self.wrong_rejects += rejects
        self.schemas_accepting_wrong += accepts > 0
        self.schemas_rejecting_wrong += rejects > 0

    def rows(self) -> list[tuple[str, str]]:
        """What a reader wants to know, as (name, figure)."""
        handled = self.statuses["ok"] / max(1, self.schemas)
        others = [f"{n:,} {status}" for status, n in self.statuses.most_common() if status != "ok"]
        rows = [
            ("schemas", f"{self.schemas:,}"),
            ("handled", f"{self.statuses['ok']:,} ({handled:.1%})"),
            ("not handled", ", ".join(others) or "none"),
            ("accept nothing", f"{self.empty:,} of those that are invalid"),
            ("instances", f"{self.instances:,}"),
            (
                "wrong accepts",
                f"{self.wrong_accepts:,} in {self.schemas_accepting_wrong:,} schemas",
            ),
            (
                "wrong rejects",
                f"{self.wrong_rejects:,} in {self.schemas_rejecting_wrong:,} schemas",
            ),
            ("contradictions", f"{self.faults:,}"),
            ("compile, ms", _spread(self.compile_ms)),
        ]
        if self.first_mask_ms.values:
            rows.append(("compile to first mask, ms", _spread(self.first_mask_ms)))
            rows.append(("a mask, µs", _spread(self.mask_us)))
        if self.table_bytes.largest:
            rows.append(("tables, bytes", _spread(self.table_bytes)))
        return rows


def _spread(values: Sampled) -> str:
    p50, p99 = values.percentile(50), values.percentile(99)
    return f"p50 {_short(p50)}  p99 {_short(p99)}  most {_short(values.largest)}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
