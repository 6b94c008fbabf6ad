"""Beside: the same programs in this language and in SGLang's frontend, before the same backends, in one run.

    figures = measure(sglang_python=Path("/path/to/venv/bin/python"))

Two backends: one inside the process that answers at once, which leaves only the front end, and a server in another
process that does, which adds each one's client. In front of the server programs look at every answer before they go
on: what decides nothing, a Trellis server is sent whole. A call is one gen and the text before it. CPU time is that of
the process that runs the programs. Answers are checked in the run that is measured. It refuses to know about models.
"""

import asyncio
import gc
import json
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...lang.backends.http import Remote
from ...lang.function import Function, function
from ...lang.nodes.primitives import gen
from ...lang.state.state import State
from . import peer
from .answering import ANSWER, Counts, answering, read_counts
from .language import GENS, ROUNDS, WORDS, Instant, chain, chain_in_a_thread

THREADS = 96  # what SGLang takes by itself on a small machine
PEER_SECONDS = 600.0


@function
async def deciding(s: State) -> str:
    """Gens one after the other, each read before the next, as an async function."""
    for number in range(GENS):
        s += WORDS
        s += gen(f"x{number}")
        if await s.get(f"x{number}") != ANSWER:
            break
    return await s.get(f"x{GENS - 1}")


@dataclass(frozen=True, slots=True)
class Beside:
    """One workload of one frontend. counts: what the server saw, where there is one."""

    who: str
    how: str
    programs: int
    seconds: float
    cpu_seconds: float
    counts: Counts | None = None

    @property
    def calls(self) -> int:
        """Gens in all."""
        return self.programs * GENS

    @property
    def microseconds(self) -> float:
        """Wall time per call."""
        return self.seconds / self.calls * 1e6

    @property
    def cpu_microseconds(self) -> float:
        """CPU time of the frontend's process per call."""
        return self.cpu_seconds / self.calls * 1e6

    @property
    def programs_per_second(self) -> float:
        """How many programs come to their end."""
        return self.programs / self.seconds


def measure(sglang_python: Path | None, programs: int = 1000, remote: int = 200) -> list[Beside]:
    """All workloads, ours and SGLang's in turns; ours alone without a Python that has SGLang.

    remote: programs before the server. Raises AssertionError where an answer is wrong, RuntimeError where SGLang
    cannot be run.
    """
    figures = [
        _ours("all at once, async", programs, lambda: _together(chain, Instant(), programs)),
        _ours("96 threads", programs, lambda: _batch(chain_in_a_thread, Instant(), programs)),
    ]
    if sglang_python is not None:
        for threads in (THREADS, programs):
            figures.append(_peers(sglang_python, "", programs, threads))
    with answering() as url:
        read_counts(url)
        figures.append(_ours_before(url, remote))
        if sglang_python is not None:
            for threads in sorted({min(THREADS, remote), remote}):
                figures.append(_peers(sglang_python, url, remote, threads))
    return figures


def _ours(how: str, programs: int, work: Callable[[], int], rounds: int = ROUNDS) -> Beside:
    found: list[tuple[float, float]] = []
    for _ in range(rounds):
        gc.collect()
        began, cpu = time.perf_counter(), time.process_time()
        right = work()
        found.append((time.perf_counter() - began, time.process_time() - cpu))
        assert right == programs, f"{right} of {programs} programs came to the right answer"
    seconds, cpu_seconds = min(found)
    return Beside("trellis", f"inside: {how}", programs, seconds, cpu_seconds)


def _ours_before(url: str, programs: int) -> Beside:
    backend = Remote(url)
    try:
        assert _together(deciding, backend, min(programs, 16)) == min(programs, 16)
        read_counts(url)
        found = _ours("", programs, lambda: _together(deciding, backend, programs), 1)
    finally:
        backend.close()
    how = "server: all at once, async"
    counts = read_counts(url)
    assert counts.calls == programs * GENS, counts
    return Beside(found.who, how, programs, found.seconds, found.cpu_seconds, counts)


def _together(program: Function[..., Any], backend: Any, programs: int) -> int:
    async def work() -> int:
        runs = [program.arun(backend=backend) for _ in range(programs)]
        return sum([run.value == ANSWER for run in await asyncio.gather(*runs)])

    try:
        return asyncio.run(work())
    finally:
        if isinstance(backend, Instant):
            backend.close()


def _batch(program: Function[..., Any], backend: Instant, programs: int) -> int:
    items: list[dict[str, Any]] = [{}] * programs
    runs = program.run_batch(items, backend=backend, limit=THREADS)
    backend.close()
    return sum(run.value == ANSWER for run in runs)


def _peers(python: Path, url: str, programs: int, threads: int) -> Beside:
    """SGLang's frontend, in a process of its own."""
    if url:
        read_counts(url)
    command = [str(python), "-P", peer.__file__, url, str(programs), str(threads)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PEER_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{python} cannot run SGLang's frontend: {done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["right"] == programs, f"{found['right']} of {programs} are right"
    how = f"{'server' if url else 'inside'}: {threads} threads"
    counts = read_counts(url) if url else None
    who = f"sglang {found['version']}"
    return Beside(who, how, programs, found["seconds"], found["cpu_seconds"], counts)


def print_beside(figures: Iterable[Beside]) -> None:
    """One workload a line."""
    print(f"{'':<48}{'us per call':>12}{'CPU us':>9}{'programs/s':>12}{'bytes per call':>16}")
    for f in figures:
        sent = "" if f.counts is None else f"{f.counts.received_bytes / f.counts.calls:.0f}"
        print(
            f"{f.who + ', ' + f.how:<48}{f.microseconds:>12.1f}{f.cpu_microseconds:>9.1f}"
            f"{f.programs_per_second:>12.1f}{sent:>16}"
        )
