"""Peer: the bench's programs in SGLang's frontend, run by a Python that has SGLang, as a script of its own.

    PYTHON peer.py URL PROGRAMS THREADS

Prints a line of JSON for each workload: its name, seconds, CPU seconds of this process, answers that were right. With
an empty URL it measures behind a backend that answers at once, which is SGLang's own base class for backends; with a
URL, its `RuntimeEndpoint` before that server. Nothing of SGLang is changed. It imports nothing of this package.
"""

import importlib
import json
import sys
import time
from typing import Any

GENS = 8
ROUNDS = 3
WORDS = "Some text of a usual length goes before each of the answers, as it does in programs. "
ANSWER = "ok"


def programs(sgl: Any) -> tuple[Any, Any]:
    """Gens one after the other: without looking at them, and looking at each before it goes on."""

    @sgl.function
    def chain(s: Any) -> None:
        for number in range(GENS):
            s += WORDS
            s += sgl.gen(f"x{number}")

    @sgl.function
    def deciding(s: Any) -> None:
        for number in range(GENS):
            s += WORDS
            s += sgl.gen(f"x{number}")
            if s[f"x{number}"] != ANSWER:
                break

    return chain, deciding


def instant_backend() -> Any:
    """A backend that answers at once."""
    base: Any = importlib.import_module("sglang.lang.backend.base_backend").BaseBackend

    class Instant(base):
        def get_model_name(self) -> str:
            return "instant"

        def generate(self, s: Any, sampling_params: Any) -> tuple[str, dict[str, Any]]:
            return ANSWER, {"prompt_tokens": 8, "completion_tokens": 1}

    return Instant()


def measure(program: Any, backend: Any, count: int, threads: int) -> dict[str, Any]:
    """One batch of programs, read to the end."""
    began, cpu = time.perf_counter(), time.process_time()
    states: list[Any] = program.run_batch([{}] * count, backend=backend, num_threads=threads)
    last = f"x{GENS - 1}"
    right = sum(state[last] == ANSWER for state in states)
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "right": right,
    }


def run() -> None:
    """Measures what the arguments say: the best of a few rounds."""
    url, count, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sgl: Any = importlib.import_module("sglang")
    chain, deciding = programs(sgl)
    program = deciding if url else chain
    backend = sgl.RuntimeEndpoint(url) if url else instant_backend()
    measure(program, backend, min(count, 16), threads)
    found = [measure(program, backend, count, threads) for _ in range(1 if url else ROUNDS)]
    best = min(found, key=lambda one: one["seconds"])
    best["right"] = min(one["right"] for one in found)
    print(json.dumps(best | {"version": sgl.__version__}))


if __name__ == "__main__":
    run()
