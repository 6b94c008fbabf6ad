"""Profiling: some steps of a workload under torch.profiler, in a run of their own that times nothing.

    row = profile(client, load, Traces(folder))       # NAME.json.gz and NAME.txt in the folder

Recorded are STEPS tokens of the row that is behind, from when every row is being answered; where only a first token
is asked for, all of it. On a CPU the engine's thread leaves nothing in a trace.
"""

import asyncio
from typing import Any

from ..client import Client
from .asking import Heard, Question, ask, ask_all, forget
from .device.traces import Traces
from .workloads import Workload

STEPS = 24
LOOK_SECONDS = 0.001


def profile(
    client: Client, load: Workload, questions: tuple[list[Question], list[Question]], traces: Traces
) -> dict[str, Any]:
    """One recording. questions: those that are asked before, and those whose steps are recorded."""
    before, asked = questions
    forget(client)
    if before:
        ask_all(client, before)
    steps = asyncio.run(_record(client, load, asked, traces))
    return {"engine": "trellis", "workload": load.name, "profiled_steps": steps}


async def _record(client: Client, load: Workload, questions: list[Question], traces: Traces) -> int:
    """How many steps the engine did while they were recorded."""
    heard = [Heard() for _ in questions]

    def behind() -> int:
        return min(len(one.tokens) for one in heard)

    def start() -> list["asyncio.Task[Heard]"]:
        pairs = zip(questions, heard, strict=True)
        return [asyncio.create_task(ask(client, question, one)) for question, one in pairs]

    times = client.engine.times
    if load.new_tokens == 1:
        with traces.record(load.name):
            first = times.steps
            await asyncio.gather(*start())
        return times.steps - first
    tasks = start()
    await _reach(tasks, behind, 2)
    first, begin = times.steps, behind()
    with traces.record(load.name):
        await _reach(tasks, behind, begin + STEPS)
        steps = times.steps - first
    await asyncio.gather(*tasks)
    return steps


async def _reach(tasks: list["asyncio.Task[Heard]"], behind: Any, tokens: int) -> None:
    """Waits until every row has so many tokens, or some row has ended."""
    while behind() < tokens and not any(task.done() for task in tasks):
        await asyncio.sleep(LOOK_SECONDS)
