"""Capture: a body of launches as a CUDA graph.

    capture = CudaCapture(device)
    graph, sampled = capture(body)      # what it gives lies at addresses that stay
    graph.replay()                      # writes there again, from what lies at the addresses that the body reads

What is slow: a capture, some tenths of a second, after which the device has nothing left to do. It refuses to know
what is captured, and for how long it is kept.
"""

from collections.abc import Callable
from typing import Protocol

import torch

from .sampler import Sampled


class Replayed(Protocol):
    """A captured body."""

    def replay(self) -> None: ...


Capture = Callable[[Callable[[], Sampled]], tuple[Replayed, Sampled]]


class CudaCapture:
    """Captures on one device, into memory that all its graphs share: one runs at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._memory = None

    def __call__(self, body: Callable[[], Sampled]) -> tuple[torch.cuda.CUDAGraph, Sampled]:
        """The graph, and what it gives, after two plain runs that compile and tune what is launched."""
        stream = torch.cuda.Stream(self._device)
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):
            for _ in range(2):
                body()
        torch.cuda.current_stream(self._device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._memory):
            sampled = body()
        self._memory = graph.pool()
        return graph, sampled
