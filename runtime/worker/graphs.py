"""Steps as CUDA graphs: captured once per padded size and kind of sampling, replayed afterwards.

    sampled = graphs.decode(rows, features, shared)    # every row computes the token it sampled last
    sampled = graphs.flat(layout, features, shared)    # a few tokens of each row; None where there is no graph for it
    sampled = graphs.ragged(layout, (room, listed), features)    # some tokens of any row, as listed; None likewise

A replay costs the host one launch instead of hundreds. Decode uploads nothing while its rows stay the same. In a flat
step each new token is a query of its own, with the length up to it, so a forced run of k tokens is k rows of one
decode-like step; its keys are read k times, which short runs can afford and chunks cannot. Those have their items
listed by the host. Rows are padded with the row that is nobody's. What is slow: a capture, some tenths of a second;
so a step is replayed with the next larger graph there is, and a size has one of its own when it was needed often, or
when there is none that is not much larger.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch

from ...kernels.attention.plan import Listed
from ...kernels.attention.room import Room
from ...kernels.attention.shape import Tile
from ...kernels.attention.share import Shared
from ...kernels.launch import power_of_two
from ..step import Ints
from .batch import Layout
from .rows import Rows, upload
from .sampler import Features, Sampled

MOST_FLAT_COUNT = 32
FEWEST_ROWS = 8
# A graph for up to so many times the tokens is near enough, until a size of its own was needed so often; where there is
# none, a size has one when it is needed again.
SLACK = 2
OFTEN = 8
AGAIN = 2
# Steps of more tokens keep the device busier than the host is with launching.
MOST_RAGGED_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs of a flat or ragged step, at fixed addresses. All int32, views of `packed`.

    tokens, positions, rows: [tokens]. sample_at, sample_rows, sample_positions: [samples]. See Layout. Of ragged steps:
    work_rows, lengths: [samples], and the plan, for the room of its size.
    """

    packed: torch.Tensor
    tokens: torch.Tensor
    positions: torch.Tensor
    rows: torch.Tensor
    sample_at: torch.Tensor
    sample_rows: torch.Tensor
    sample_positions: torch.Tensor
    work_rows: torch.Tensor
    lengths: torch.Tensor
    plan: torch.Tensor


@dataclass(frozen=True, slots=True)
class Size:
    """What a captured flat or ragged step has room for: tokens, rows that work or sample, a plan."""

    tokens: int
    rows: int
    room: Room | None = None

    def serves(self, wanted: "Size") -> bool:
        """Whether a step of that size can be replayed as this one, without much more to compute."""
        own, other = self.room, wanted.room
        alike = own == other or (
            own is not None and other is not None and own == replace(other, tokens=own.tokens)
        )
        enough = wanted.tokens <= self.tokens and wanted.rows <= self.rows
        return alike and enough and self.tokens <= SLACK * max(wanted.tokens, FEWEST_ROWS)

    @property
    def _parts(self) -> list[int]:
        listed = [0, 0, 0] if self.room is None else [self.rows, self.rows, self.room.size]
        return [self.tokens] * 3 + [self.rows] * 3 + listed

    def views(self, packed: torch.Tensor) -> Inputs:
        """The inputs that lie in packed, int32 [..]."""
        return Inputs(packed, *packed.split(self._parts))

    def pack(self, layout: Layout | None, listed: Listed | None, padding: int) -> Ints:
        """The inputs of a step, int32 [..], padded with the row that is nobody's; of no step, for a capture."""
        packed = np.zeros(sum(self._parts), np.int32)
        parts = np.split(packed, np.cumsum(self._parts)[:-1])
        for index in (2, 4, 6):
            parts[index][:] = padding
        if layout is None:
            return packed
        known = [layout.tokens, layout.positions, layout.rows]
        known += [layout.sample_at, layout.sample_rows, layout.sample_positions]
        if self.room is not None and listed is not None:
            known += [layout.work_rows, layout.lengths]
            self.room.write(listed, parts[8])
        for part, values in zip(parts, known, strict=False):
            part[: len(values)] = values
        return packed


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
    """What is captured: decode(rows int64 [rows], kind), flat(inputs, kind), ragged(inputs, room, kind).

    share puts shared keys in place.
    """

    decode: Callable[[torch.Tensor, "Kind"], Sampled]
    flat: Callable[[Inputs, "Kind"], Sampled]
    ragged: Callable[[Inputs, Room, "Kind"], Sampled]
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
        self._sized: dict[tuple[Size, Kind], _Graph] = {}
        # How often a size was needed that had no graph.
        self._needs: Counter[tuple[int | Size, Kind]] = Counter()
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
        size = self._decode_size(padded_size(len(rows)), kind)
        graph = self._graphs[size, kind]
        if graph.filled != rows:
            graph.inputs.copy_(self._padded(rows, size), non_blocking=True)
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
        size = Size(padded_size(tokens), self._rows_for(samples))
        return self._replay(size, kind, layout)

    def ragged(
        self, layout: Layout, plan: tuple[Room, Listed], features: Features
    ) -> Sampled | None:
        """A step that `takes` and whose items are listed; None if this size has no graph."""
        room, listed = plan
        kind = Kind(features, self._share(listed.shared))
        rows = max(len(layout.work_rows), len(layout.sample_at))
        size = Size(room.tokens, self._rows_for(rows), room)
        return self._replay(size, kind, layout, listed)

    def takes(self, layout: Layout) -> bool:
        """Whether there can be a graph of a ragged step like this, so that it is worth listing its items."""
        apart = len(layout.score_at) + len(layout.embed_at)
        return self._enabled and not apart and len(layout.tokens) <= MOST_RAGGED_TOKENS

    def _rows_for(self, count: int) -> int:
        """Few sizes: a row that is nobody's costs little, and every size is one more capture for each of tokens."""
        return min(power_of_two(max(count, FEWEST_ROWS)), padded_size(self._rows.padding))

    def _replay(
        self, wanted: Size, kind: Kind, layout: Layout, listed: Listed | None = None
    ) -> Sampled | None:
        size = self._size_for(wanted, kind)
        if size is None:
            return None
        graph = self._sized[size, kind]
        packed = size.pack(layout, listed, self._rows.padding)
        graph.inputs.copy_(upload(packed, self._rows.device), non_blocking=True)
        graph.graph.replay()
        return graph.sampled

    def _size_for(self, wanted: Size, kind: Kind) -> Size | None:
        """A size that has a graph and room for what is wanted; None where it is the first time and nothing is near."""
        if (wanted, kind) in self._sized:
            return wanted
        near = [size for size, other in self._sized if other == kind and size.serves(wanted)]
        self._needs[wanted, kind] += 1
        if self._needs[wanted, kind] < (OFTEN if near else AGAIN):
            return min(near, key=lambda size: (size.tokens, size.rows)) if near else None
        self._sized[wanted, kind] = self._capture_sized(wanted, kind)
        return wanted

    def _decode_size(self, wanted: int, kind: Kind) -> int:
        """A size that has a graph for so many rows; one that is much larger is not good enough."""
        if (wanted, kind) in self._graphs:
            return wanted
        most = SLACK * max(wanted, FEWEST_ROWS)
        near = [size for size, other in self._graphs if other == kind and wanted < size <= most]
        self._needs[wanted, kind] += 1
        if near and self._needs[wanted, kind] < OFTEN:
            return min(near)
        self._graphs[wanted, kind] = self._capture_decode(wanted, kind)
        return wanted

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

    def capture_flat(self, kind: Kind, until: float) -> None:
        """Captures flat steps of a few sizes, among which every step finds one that is near; likewise."""
        tokens = FEWEST_ROWS
        while self._enabled and tokens <= self._most_tokens and time.monotonic() <= until:
            size = Size(tokens, self._rows_for(tokens))
            if (size, kind) not in self._sized:
                self._sized[size, kind] = self._capture_sized(size, kind)
            tokens *= SLACK

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

    def _capture_sized(self, size: Size, kind: Kind) -> _Graph:
        packed = upload(size.pack(None, None, self._rows.padding), self._rows.device)
        inputs, room = size.views(packed), size.room
        if room is None:
            return self._capture(packed, lambda: self._bodies.flat(inputs, kind))
        return self._capture(packed, lambda: self._bodies.ragged(inputs, room, kind))

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
