"""Decode steps as CUDA graphs: captured once per padded batch size and kind of sampling, replayed afterwards.

    decoded = graphs.decode(rows, features)

A replay costs the host one launch instead of hundreds. Rows are padded with the row that is nobody's. On a device
without graphs the same function runs directly. What is slow: a capture, some tenths of a second.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .rows import Rows, upload
from .sampler import Features, Sampled

Decode = Callable[[torch.Tensor, Features], Sampled]


@dataclass(slots=True)
class _Graph:
    graph: torch.cuda.CUDAGraph
    rows: torch.Tensor
    sampled: Sampled
    filled: tuple[int, ...] = ()


def padded_size(count: int) -> int:
    """The batch size whose graph serves `count` rows: powers of two up to 8, multiples of 8 to 64, of 32 above."""
    if count <= 8:
        return 1 << (count - 1).bit_length()
    step = 8 if count <= 64 else 32
    return -(-count // step) * step


class Graphs:
    """Runs `decode` over rows, through graphs where the device has them."""

    def __init__(self, decode: Decode, rows: Rows, enabled: bool) -> None:
        self._decode = decode
        self._rows = rows
        self._enabled = enabled and rows.device.type == "cuda"
        self._graphs: dict[tuple[int, Features], _Graph] = {}
        self._memory = None
        self._last: tuple[tuple[int, ...], torch.Tensor] | None = None

    def decode(self, rows: Sequence[int], features: Features) -> Sampled:
        """One decode step of these rows. The outputs have at least len(rows) entries, in this order."""
        wanted = tuple(rows)
        if not self._enabled:
            return self._decode(self._index(wanted), features)
        key = (padded_size(len(wanted)), features)
        graph = self._graphs.get(key)
        if graph is None:
            graph = self._graphs[key] = self._capture(*key)
        if graph.filled != wanted:
            graph.rows.copy_(self._padded(wanted, key[0]), non_blocking=True)
            graph.filled = wanted
        graph.graph.replay()
        return graph.sampled

    def _index(self, rows: tuple[int, ...]) -> torch.Tensor:
        if self._last is None or self._last[0] != rows:
            self._last = (rows, upload(np.array(rows, np.int64), self._rows.device))
        return self._last[1]

    def _padded(self, rows: tuple[int, ...], size: int) -> torch.Tensor:
        packed = np.full(size, self._rows.padding, np.int64)
        packed[: len(rows)] = rows
        return upload(packed, self._rows.device)

    def _capture(self, size: int, features: Features) -> _Graph:
        """Captures a step of padding rows, after two plain runs that compile and tune what it launches."""
        rows = torch.full((size,), self._rows.padding, dtype=torch.int64, device=self._rows.device)
        stream = torch.cuda.Stream(self._rows.device)
        stream.wait_stream(torch.cuda.current_stream(self._rows.device))
        with torch.cuda.stream(stream):
            for _ in range(2):
                self._decode(rows, features)
        torch.cuda.current_stream(self._rows.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._memory):
            sampled = self._decode(rows, features)
        self._memory = graph.pool()
        return _Graph(graph, rows, sampled)
