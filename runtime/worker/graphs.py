"""Steps as CUDA graphs: captured once per padded size and kind of sampling, replayed afterwards.

    sampled = graphs.decode(rows, features, shared)    # every row computes the token it sampled last
    sampled = graphs.flat(layout, features, shared)    # a few tokens of each row; None where that does not pay

A replay costs the host one launch instead of hundreds. Decode uploads nothing while its rows stay the same. In a flat
step each new token is a query of its own, with the length up to it, so a forced run of k tokens is k rows of one
decode-like step; its keys are read k times, which short runs can afford and long chunks cannot. Rows are padded with
the row that is nobody's. What is slow: a capture, some tenths of a second.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from ...kernels.attention.shape import Tile
from ...kernels.attention.share import Shared
from ..step import Ints
from .batch import Layout
from .rows import Rows, upload
from .sampler import Features, Sampled

MOST_FLAT_COUNT = 32


@dataclass(frozen=True, slots=True)
class FlatInputs:
    """Inputs of a flat step, at fixed addresses: tokens, positions, rows int32 [tokens]; sample_at, sample_rows,
    sample_positions int32 [samples]. See Layout."""

    packed: torch.Tensor
    tokens: torch.Tensor
    positions: torch.Tensor
    rows: torch.Tensor
    sample_at: torch.Tensor
    sample_rows: torch.Tensor
    sample_positions: torch.Tensor

    @classmethod
    def of(cls, packed: torch.Tensor, tokens: int, samples: int) -> "FlatInputs":
        """Views of one packed int32 tensor."""
        return cls(packed, *torch.split(packed, [tokens] * 3 + [samples] * 3))


@dataclass(slots=True)
class _Graph:
    graph: torch.cuda.CUDAGraph
    inputs: torch.Tensor
    sampled: Sampled
    filled: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """What a captured step does beside its size. shared: the tile of keys that rows share; None: they share none."""

    features: Features
    shared: Tile | None = None


@dataclass(frozen=True, slots=True)
class Bodies:
    """What is captured: decode(rows int64 [rows], kind), flat(inputs, kind). share puts shared keys in place."""

    decode: Callable[[torch.Tensor, "Kind"], Sampled]
    flat: Callable[[FlatInputs, "Kind"], Sampled]
    share: Callable[[Shared], None]


def padded_size(count: int) -> int:
    """The size whose graph serves `count`: powers of two up to 8, multiples of 8 to 64, of 32 to 256, of 64 above."""
    if count <= 8:
        return 1 << (count - 1).bit_length()
    step = 8 if count <= 64 else 32 if count <= 256 else 64
    return -(-count // step) * step


def captured_sizes(most: int) -> list[int]:
    """The sizes of graphs that serve up to `most` rows: powers of two first, as what most batches pass through."""
    every = sorted({padded_size(count) for count in range(1, most + 1)})
    return sorted(every, key=lambda size: (size & (size - 1) > 0, size))


class Graphs:
    """Runs steps through graphs where the device has them; most_tokens: the largest flat step."""

    def __init__(self, bodies: Bodies, rows: Rows, most_tokens: int, enabled: bool) -> None:
        self._bodies = bodies
        self._rows = rows
        self._most_tokens = most_tokens
        self._enabled = enabled and rows.device.type == "cuda"
        self._graphs: dict[tuple[int, Kind], _Graph] = {}
        self._flats: dict[tuple[int, int, Kind], _Graph] = {}
        self._memory = None
        self._last: tuple[tuple[int, ...], torch.Tensor] | None = None
        self._shared: Shared | None = None

    def decode(
        self, rows: tuple[int, ...], features: Features, shared: Shared | None = None
    ) -> Sampled:
        """One decode step of these rows. The outputs have at least len(rows) entries, in this order."""
        kind = Kind(features, self._share(shared))
        if not self._enabled:
            return self._bodies.decode(self.index(rows), kind)
        key = (padded_size(len(rows)), kind)
        graph = self._graphs.get(key)
        if graph is None:
            graph = self._graphs[key] = self._capture_decode(*key)
        if graph.filled != rows:
            graph.inputs.copy_(self._padded(rows, key[0]), non_blocking=True)
            graph.filled = rows
        graph.graph.replay()
        return graph.sampled

    def flat(
        self, layout: Layout, features: Features, shared: Shared | None = None
    ) -> Sampled | None:
        """A step in which every row computes a few tokens and samples; None if this is not one, or has no graph."""
        tokens, samples = len(layout.tokens), len(layout.sample_at)
        if not self._enabled or len(layout.score_at) or samples != len(layout.work_rows):
            return None
        if padded_size(tokens) > self._most_tokens or layout.counts.max() > MOST_FLAT_COUNT:
            return None
        kind = Kind(features, self._share(shared and shared.of_tokens(layout.counts)))
        key = (padded_size(tokens), padded_size(samples), kind)
        graph = self._flats.get(key)
        if graph is None:
            graph = self._flats[key] = self._capture_flat(*key)
        packed = _pack_flat(layout, key[0], key[1], self._rows.padding)
        graph.inputs.copy_(upload(packed, self._rows.device), non_blocking=True)
        graph.graph.replay()
        return graph.sampled

    def capture(self, sizes: Iterable[int], kind: Kind, until: float) -> list[int]:
        """Captures decode steps of these sizes before one is needed, as long as it is not `until` (monotonic seconds).

        Gives the sizes that have a graph now; none where there are no graphs. To be called before the first step.
        """
        done: list[int] = []
        for size in sizes if self._enabled else ():
            if time.monotonic() > until:
                break
            key = (padded_size(size), kind)
            if key not in self._graphs:
                self._graphs[key] = self._capture_decode(*key)
            done.append(key[0])
        return done

    def _share(self, shared: Shared | None) -> Tile | None:
        """Puts shared keys in place, unless they are there. Before a capture too: it runs with what is there."""
        if shared is None:
            return None
        if shared is not self._shared:
            self._bodies.share(shared)
            self._shared = shared
        return shared.tile

    def index(self, rows: tuple[int, ...]) -> torch.Tensor:
        """The rows on the device, int64; uploaded when they change."""
        if self._last is None or self._last[0] != rows:
            self._last = (rows, upload(np.array(rows, np.int64), self._rows.device))
        return self._last[1]

    def _padded(self, rows: tuple[int, ...], size: int) -> torch.Tensor:
        packed = np.full(size, self._rows.padding, np.int64)
        packed[: len(rows)] = rows
        return upload(packed, self._rows.device)

    def _capture_decode(self, size: int, kind: Kind) -> _Graph:
        rows = torch.full((size,), self._rows.padding, dtype=torch.int64, device=self._rows.device)
        return self._capture(rows, lambda: self._bodies.decode(rows, kind))

    def _capture_flat(self, tokens: int, samples: int, kind: Kind) -> _Graph:
        nothing = np.zeros((3 * tokens + 3 * samples,), np.int32)
        nothing[2 * tokens : 3 * tokens] = self._rows.padding
        nothing[3 * tokens + samples : 3 * tokens + 2 * samples] = self._rows.padding
        packed = torch.from_numpy(nothing).to(self._rows.device)
        inputs = FlatInputs.of(packed, tokens, samples)
        return self._capture(packed, lambda: self._bodies.flat(inputs, kind))

    def _capture(self, inputs: torch.Tensor, body: Callable[[], Sampled]) -> _Graph:
        """Captures a step of padding rows, after two plain runs that compile and tune what it launches."""
        stream = torch.cuda.Stream(self._rows.device)
        stream.wait_stream(torch.cuda.current_stream(self._rows.device))
        with torch.cuda.stream(stream):
            for _ in range(2):
                body()
        torch.cuda.current_stream(self._rows.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._memory):
            sampled = body()
        self._memory = graph.pool()
        return _Graph(graph, inputs, sampled)


def _pack_flat(layout: Layout, tokens: int, samples: int, padding: int) -> Ints:
    """The layout as the packed inputs of a graph, padded to its sizes."""
    packed = np.zeros(3 * tokens + 3 * samples, np.int32)
    packed[2 * tokens : 3 * tokens] = padding
    packed[3 * tokens + samples : 3 * tokens + 2 * samples] = padding
    flat = (layout.tokens, layout.positions, layout.rows)
    sampled = (layout.sample_at, layout.sample_rows, layout.sample_positions)
    for index, part in enumerate(flat):
        packed[index * tokens : index * tokens + len(part)] = part
    for index, part in enumerate(sampled):
        begin = 3 * tokens + index * samples
        packed[begin : begin + len(part)] = part
    return packed
