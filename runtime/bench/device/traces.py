"""Traces: what runs on the device, kernel by kernel, written to a folder.

    traces = Traces(Path("traces"))
    with traces.record("decode_bs64"):
        ...                             # decode_bs64.json.gz for a viewer of traces, decode_bs64.txt with its kernels
    seconds = traces.time("decode 8 x 16k", calls)

Recording slows the host: what runs meanwhile is looked at, not timed. The seconds of `time` are those that kernels
themselves took, without what lies between them.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

KERNELS = 40


class Traces:
    """A folder of traces; see the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def record(self, name: str) -> Iterator[profile]:
        """Records what runs inside, of all threads on the device, and writes it when it ends."""
        with profile(activities=_activities()) as seen:
            yield seen
            _wait()
        place = self.folder / re.sub(r"[^\w.]+", "_", name).strip("_")
        seen.export_chrome_trace(f"{place}.json.gz")
        order = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
        table = seen.key_averages().table(order, KERNELS, max_name_column_width=90)
        Path(f"{place}.txt").write_text(table)

    def time(self, name: str, calls: Sequence[Callable[[], object]]) -> float:
        """The mean seconds that the kernels of a call take, each called once before."""
        for call in calls:
            call()
        _wait()
        with self.record(name) as seen:
            for call in calls:
                call()
        on_device = torch.cuda.is_available()
        events = seen.key_averages()
        total = sum(
            event.self_device_time_total if on_device else event.self_cpu_time_total
            for event in events
        )
        return total / 1e6 / len(calls)


def _activities() -> list[ProfilerActivity]:
    every = [ProfilerActivity.CPU]
    return [*every, ProfilerActivity.CUDA] if torch.cuda.is_available() else every


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
