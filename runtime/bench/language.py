"""Bench of the language: what a program costs before and after its backend works.

    python -P -m trellis.runtime.bench.language

A backend that answers at once leaves only the front end to be measured: microseconds per call, a call being one gen and
the text before it, in the best of three rounds (the batch in its only one): others on the machine only add to it. Every
workload's answers are checked in the run that is measured. It refuses to know about models.
"""

import argparse
import asyncio
import gc
import resource
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...constrained.spec import Constraint
from ...lang.backends.base import ChoiceScore, Delta, Finish, Prefix, Prompt, Token, Usage
from ...lang.function import Function, function
from ...lang.nodes.params import SamplingParams
from ...lang.nodes.primitives import gen
from ...lang.run.loop import Loop
from ...lang.state.state import State

GENS = 8
WORDS = "Some text of a usual length goes before each of the answers, as it does in programs. "
TARGET_MICROSECONDS = 100.0
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Held:
    """A prefix that holds nothing."""

    length: int = 1


class Instant:
    """A backend that answers `ok` at once. calls: how many so far."""

    name = "instant"
    capabilities = frozenset({"hold", "n"})

    def __init__(self) -> None:
        self.loop = Loop("instant")
        self.calls = 0

    def check(self, constraint: Constraint) -> None:
        """Every constraint will do."""

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        open_assistant: bool,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str | None:
        """No template."""
        return None

    async def generate(
        self, prompt: Prompt, params: SamplingParams, constraint: Constraint | None = None
    ) -> AsyncGenerator[Delta, None]:
        """One delta that is all of the answer."""
        self.calls += 1
        await asyncio.sleep(0)
        yield Delta("ok", 0, (Token(1),), Finish("stop"), Usage(8, 0, 1), Held())

    async def score(
        self, prompt: Prompt, choices: tuple[str, ...], params: SamplingParams
    ) -> tuple[ChoiceScore, ...]:
        """The first is the likeliest."""
        return tuple(ChoiceScore((1,), (-float(i),)) for i in range(len(choices)))

    async def hold(self, prompt: Prompt, params: SamplingParams) -> Prefix:
        """Nothing is held."""
        return Held()

    def retain(self, prefix: Prefix) -> None:
        """Nothing is held."""

    def release(self, prefix: Prefix) -> None:
        """Nothing is held."""

    async def aclose(self) -> None:
        """There is nothing to end."""

    def close(self) -> None:
        """Ends the loop."""
        self.loop.close()


@function
async def chain(s: State) -> str:
    """Gens one after the other, read at the end."""
    for number in range(GENS):
        s += WORDS
        s += gen(f"x{number}")
    return await s.get(f"x{GENS - 1}")


@function
def chain_in_a_thread(s: State) -> str:
    """The same, in plain Python."""
    for number in range(GENS):
        s += WORDS
        s += gen(f"x{number}")
    return s[f"x{GENS - 1}"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One workload: programs, gens in all, seconds."""

    name: str
    programs: int
    calls: int
    seconds: float

    @property
    def microseconds(self) -> float:
        """Per call."""
        return self.seconds / self.calls * 1e6


def measure(programs: int = 1000, batch: int = 10_000) -> list[Figure]:
    """The workloads, one after the other. Raises AssertionError where an answer is wrong."""
    again: Function[..., Any] = function(chain.trace().optimized())
    return [
        _timed(f"{programs} async programs at once", programs, lambda b: _together(chain, b, programs)),
        _timed(f"{programs} traced programs at once", programs, lambda b: _together(again, b, programs)),
        _timed("programs in threads, 64 at a time", programs, lambda b: _batch(chain_in_a_thread, b, programs)),
        _timed(f"batch of {batch}, 256 at a time", batch, lambda b: _async_batch(chain, b, batch), 1),
    ]  # fmt: skip


def _timed(
    name: str, programs: int, work: Callable[[Instant], int], rounds: int = ROUNDS
) -> Figure:
    seconds: list[float] = []
    for _ in range(rounds):
        backend = Instant()
        gc.collect()
        began = time.perf_counter()
        finished = work(backend)
        seconds.append(time.perf_counter() - began)
        backend.close()
        assert finished == programs and backend.calls == programs * GENS, (name, finished)
    return Figure(name, programs, programs * GENS, min(seconds))


def _together(program: Function[..., Any], backend: Instant, programs: int) -> int:
    async def work() -> int:
        runs = [program.arun(backend=backend) for _ in range(programs)]
        return sum(run.value == "ok" for run in await asyncio.gather(*runs))

    return asyncio.run(work())


def _batch(program: Function[..., Any], backend: Instant, programs: int) -> int:
    items: list[dict[str, Any]] = [{}] * programs
    return sum(run.value == "ok" for run in program.iter_batch(items, backend=backend, limit=64))


def _async_batch(program: Function[..., Any], backend: Instant, programs: int) -> int:
    async def work() -> int:
        items: Any = ({} for _ in range(programs))
        runs = program.aiter_batch(items, backend=backend, limit=256)
        return sum([run.value == "ok" async for run in runs])

    return asyncio.run(work())


def print_figures(figures: Sequence[Figure]) -> None:
    """One workload a line, and the memory that the process came to."""
    for figure in figures:
        print(f"{figure.name:<40}{figure.calls:>8} calls{figure.microseconds:>10.1f} us per call")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the process {peak_mib:.0f} MiB")


def main() -> None:
    """Prints the figures; fails if the first, 1,000 programs at once, is above the target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=10_000)
    given = parser.parse_args()
    figures = measure(given.programs, given.batch)
    print_figures(figures)
    if figures[0].microseconds > TARGET_MICROSECONDS:
        sys.exit(f"above the target of {TARGET_MICROSECONDS:g} us")


if __name__ == "__main__":
    main()
