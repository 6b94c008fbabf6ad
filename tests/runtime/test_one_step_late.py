"""What a step does not wait for and does not compute: the host's reading of the step before, logits that nobody draws
from, and uploads while the same rows decode."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from trellis.constrained.spec import Choices
from trellis.lang.backends.base import Piece, Prompt
from trellis.lang.nodes.params import SamplingParams
from trellis.runtime.bench.host import Bench, Load
from trellis.runtime.config import EngineConfig
from trellis.runtime.launch import open_client
from trellis.runtime.worker import batch, grammars, graphs, rows, sampler, sharing
from trellis.runtime.worker import runner as runners

sys.path.insert(0, str(Path(__file__).parent))
from world import ForcingMatcher, Grammar, World, prompt


def watch(runner: Any) -> list[tuple[str, int]]:
    """What is asked of the device from now on: ("launch", n) and ("result", n) of step n, in order."""
    events: list[tuple[str, int]] = []
    launch = runner.launch

    class Told:
        def __init__(self, number: int, pending: Any) -> None:
            self.number, self.pending = number, pending

        def result(self) -> Any:
            events.append(("result", self.number))
            return self.pending.result()

    def watched(step: Any) -> Told:
        number = sum(kind == "launch" for kind, _ in events)
        events.append(("launch", number))
        return Told(number, launch(step))

    runner.launch = watched
    return events


def test_a_step_is_launched_before_the_one_before_it_is_read(runner: Any) -> None:
    events = watch(runner)
    world = World(runner)
    world.run(*(world.ticket(prompt(20, seed), 12) for seed in range(3)))
    steps = [number for kind, number in events if kind == "launch"]
    assert len(steps) >= 12
    for number in steps[:-1]:
        assert events.index(("launch", number + 1)) < events.index(("result", number))


@pytest.mark.parametrize(("penalty", "waits"), [(0.0, False), (0.5, True)])
def test_forced_text_is_waited_for_only_where_tokens_are_counted(runner: Any, penalty, waits):
    events = watch(runner)
    world = World(runner)
    ticket = world.ticket(prompt(20), 30, presence_penalty=penalty)
    ticket.request.constrain(Grammar(), ForcingMatcher())
    world.run(ticket)
    steps = [number for kind, number in events if kind == "launch"]
    early = [
        events.index(("launch", number + 1)) < events.index(("result", number))
        for number in steps[:-1]
    ]
    assert not any(early) if waits else all(early)


def test_logits_are_of_what_is_drawn_and_of_nothing_else(tiny_folder: Path, monkeypatch) -> None:
    options = {"max_step_tokens": 17, "native": False, "threads": 1, "device": "cpu"}
    client = open_client(EngineConfig(model=str(tiny_folder), kv_tokens=4096, **options))
    runner = client.engine.runner
    assert isinstance(runner, runners.Runner)
    model, seen, drawn = runner.parts.model, [], []
    logits, launch = model.logits, runner.launch

    def counted(hidden: torch.Tensor) -> torch.Tensor:
        seen.append(len(hidden))
        return logits(hidden)

    def watched(step: Any) -> Any:
        drawn.append((sum(w.sample for w in step.work), step.tokens))
        return launch(step)

    monkeypatch.setattr(model, "logits", counted)
    monkeypatch.setattr(runner, "launch", watched)
    long = "one of two texts that have most of what they say in common: "
    constraint = Choices((long + "this", long + "that"))

    async def ask(text: str) -> None:
        piece = Prompt(None, (Piece(text),))
        async for _ in client.generate(piece, SamplingParams(max_tokens=64), constraint):
            pass

    async def together() -> None:
        await asyncio.gather(*(ask("why is the sky blue? " * count) for count in (1, 5, 9)))

    try:
        asyncio.run(together())
        times = client.engine.times
        assert sum(seen) == sum(count for count, _ in drawn)
        assert any(count == 0 and tokens == 17 for count, tokens in drawn)  # a part of a prompt
        # One more may be on its way to each request when its text turns out to be forced, or over.
        assert times.forced > 30 and sum(seen) <= times.sampled + 2 * 3
    finally:
        client.close()


def test_steady_decoding_uploads_nothing_and_plans_nothing(monkeypatch) -> None:
    count = {"uploads": 0, "looks": 0}
    upload, find = rows.upload, sharing.find_segments

    def uploading(*given: Any) -> Any:
        count["uploads"] += 1
        return upload(*given)

    def finding(*given: Any) -> Any:
        count["looks"] += 1
        return find(*given)

    for module in (batch, grammars, graphs, rows, runners, sampler):
        monkeypatch.setattr(module, "upload", uploading)
    monkeypatch.setattr(sharing, "find_segments", finding)
    steps: list[tuple[bool, int, int]] = []
    launch, before = runners.Runner.launch, {"rows": ()}

    def watched(self: Any, step: Any) -> Any:
        uploads, looks = count["uploads"], count["looks"]
        out = launch(self, step)
        told: Sequence[Any] = (*step.starts, *step.pages, *step.ends, *step.places, *step.forced)
        # The first step that decodes these rows tells the device which they are.
        now = tuple(w.row for w in step.work) if step.decode else ()
        steady = now == before["rows"] != () and not told
        before["rows"] = now
        steps.append((steady, count["uploads"] - uploads, count["looks"] - looks))
        return out

    monkeypatch.setattr(runners.Runner, "launch", watched)
    bench = Bench(3)
    try:
        bench.measure(Load("plain text", 96))
    finally:
        bench.close()
    steady = [step for step in steps if step[0]]
    assert len(steady) > 60 and sum(uploads for _, uploads, _ in steps) > 0
    assert all(uploads == looks == 0 for _, uploads, looks in steady)
