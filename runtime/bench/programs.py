"""`trellis bench programs`: whole programs a second, with and without sharing prefixes, in one run.

    trellis bench programs --runs 16 --documents 256

The programs are those of shapes.py. Both ways run on one engine in this process; the one without sharing computes every
prompt anew (see apart.py). Both must give the same answers, but for rounding. It refuses to know the peers, which have
no such programs.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ...lang.backends.base import Backend, Usage
from ..config import EngineConfig
from .apart import Apart
from .shapes import Shape, shapes
from .table import Row

AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Batch:
    """All runs of one program, one way."""

    values: list[Any]
    usage: Usage
    seconds: float

    @property
    def rate(self) -> float:
        """Programs a second."""
        return len(self.values) / self.seconds


def _batch(shape: Shape, items: list[dict[str, Any]], backend: Backend) -> Batch:
    begun = time.perf_counter()
    runs = shape.program.run_batch(items, backend=backend, limit=AT_ONCE, ordered=True)
    seconds = time.perf_counter() - begun
    usage = sum((run.usage for run in runs), Usage())
    return Batch([run.value for run in runs], usage, seconds)


def compare(shape: Shape, engine: Backend, forget: Callable[[], None]) -> tuple[Batch, Batch]:
    """The runs with sharing and without. forget: empties the engine's cache. Raises SystemExit when answers differ."""
    # Constraints are compiled once for both.
    _batch(shape, shape.items[:1], engine)
    forget()
    shared = _batch(shape, shape.items, engine)
    forget()
    apart = _batch(shape, shape.items, Apart(engine))
    same = sum(a == b for a, b in zip(shared.values, apart.values, strict=True))
    # Where a model computes in bfloat16, a prompt in other steps rounds differently and ties fall otherwise.
    if same < len(shape.items) / 2:
        raise SystemExit(f"{shape.name}: {same} of {len(shape.items)} answers agree with sharing")
    return shared, apart


def rows_of(name: str, shared: Batch, apart: Batch) -> Iterable[Row]:
    """The figures of one program; the aim of the rate is the rate without sharing."""
    usage = shared.usage
    same = sum(a == b for a, b in zip(shared.values, apart.values, strict=True))
    yield Row(f"{name}: programs", shared.rate, "/s", apart.rate, "high")
    anew = [batch.usage.prompt - batch.usage.cached for batch in (shared, apart)]
    yield Row(f"{name}: prompt tokens computed", anew[0], "", anew[1])
    yield Row(f"{name}: cached share of prompts", usage.cached / max(usage.prompt, 1))
    yield Row(f"{name}: forced share of answers", usage.forced / max(usage.generated, 1))
    yield Row(f"{name}: same answers, of all", same, "", len(shared.values), "equal")


def run(config: EngineConfig, runs: int, documents: int) -> list[Row]:
    """All programs, on one engine."""
    from .serving.inside import inside

    with inside(config) as own:
        rows: list[Row] = []
        for shape in shapes(runs, documents):
            rows += rows_of(shape.name, *compare(shape, own.backend, own.flush))
        return rows
