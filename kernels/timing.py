"""How long GPU work takes when a CUDA graph replays it, as it is replayed in a decode step.

    seconds = seconds_per_call([lambda: op(weights[i]) for i in range(8)])

Every call should touch other memory, together more than the L2 cache holds: a repeated call would
find its data there, as no layer of a model does. Needs a CUDA device; knows nothing of what it
times.
"""

from collections.abc import Callable, Sequence

import torch

# More than twice the largest L2 cache around.
COLD_BYTES = 256 << 20


def copies_for(nbytes: int) -> int:
    """How many different copies of so many bytes keep the L2 cache cold."""
    return max(1, -(-COLD_BYTES // max(nbytes, 1)))


def seconds_per_call(calls: Sequence[Callable[[], object]], repeats: int = 10) -> float:
    """The median over replays of the mean time of the calls, in seconds.

    The calls are run once before, so that nothing is compiled or allocated while the clock runs.
    Their results are dropped.
    """
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for call in calls:
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for call in calls:
            call()
    for _ in range(2):
        graph.replay()
    times = sorted(_replay_seconds(graph) for _ in range(repeats))
    return times[len(times) // 2] / len(calls)


def _replay_seconds(graph: torch.cuda.CUDAGraph) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    graph.replay()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3
