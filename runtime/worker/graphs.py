"""Steps as CUDA graphs: captured once per padded size and kind of sampling, replayed afterwards.

    sampled = graphs.decode(rows, features, shared)    # every row computes the token it sampled last
    sampled = graphs.flat(layout, features, shared)    # a few tokens of each row; None where there is no graph for it
    sampled = graphs.ragged(layout, (room, listed), features)    # some tokens of any row, as listed; None likewise

A replay costs the host one launch instead of hundreds. Decode uploads nothing while its rows stay the same. In a flat
step each new token is a query of its own, with the length up to it, so a forced run of k tokens is k rows of one
decode-like step; its keys are read k times, which short runs can afford and chunks cannot. Those have their items
listed by the host. Rows are padded with the row that is nobody's. What is slow: a capture, some tenths of a second;
so a step is replayed with the next larger graph there is, and a size has one of its own when it was needed often, or
when there is none that is not much larger; shelf.py counts, and lets go of what is not used.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...kernels.attention.plan import Listed
from ...kernels.attention.room import Room
from ...kernels.attention.shape import Tile
from ...kernels.attention.share import Shared
from ...kernels.launch import power_of_two
from ..step import Ints
from .batch import Layout
from .capture import Capture, Replayed
from .rows import Rows, upload
from .sampler import Features, Sampled
from .shelf import Shelf, Worth

MOST_FLAT_COUNT = 32
FEWEST_ROWS = 8
FEWEST_BESIDE = 32
# A graph for up to so many times the tokens is near enough.
SLACK = 2
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
        alike = own == other or (own is not None and other is not None and own.holds(other))
        enough = wanted.tokens <= self.tokens and wanted.rows <= self.rows
        return alike and enough and self.tokens <= SLACK * max(wanted.tokens, FEWEST_ROWS)

    @property
    def cost(self) -> tuple[int, int, int]:
        """What a step replayed as this one costs, to compare: tokens, rows, lists of items."""
        return self.tokens, self.rows, 0 if self.room is None else len(self.room.tiles)

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
    graph: Replayed
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


def _ladder(least: int, most: int) -> Iterator[int]:
    """Sizes among which every one finds one that is near."""
    while least <= most:
        yield least
        least *= SLACK


def captured_sizes(most: int) -> list[int]:
    """The sizes of graphs that serve up to `most` rows: powers of two first, as what most batches pass through."""
    every = sorted({padded_size(count) for count in range(1, most + 1)})
    return sorted(every, key=lambda size: (size & (size - 1) > 0, size))


class Graphs:
    """Runs steps through graphs. most_tokens: the largest flat step; capture: None where the device has no graphs."""

    def __init__(
        self,
        bodies: Bodies,
        rows: Rows,
        most_tokens: int,
        capture: Capture | None,
        worth: Worth | None = None,
    ) -> None:
        self.bodies = bodies
        self._rows = rows
        self._most_tokens = most_tokens
        self._capture = capture
        # Decode steps by their rows, others by their Size. A capture waits for the device, so when one is put here and
        # another goes, that one is not running.
        self._graphs: Shelf[tuple[int | Size, Kind], _Graph] = Shelf(worth or Worth())
        self._last: tuple[tuple[int, ...], torch.Tensor] | None = None
        self._shared: Shared | None = None

    def decode(
        self, rows: tuple[int, ...], features: Features, shared: Shared | None = None
    ) -> Sampled:
        """One decode step of these rows. The outputs have at least len(rows) entries, in this order."""
        kind = Kind(features, self._share(shared))
        if self._capture is None:
            return self.bodies.decode(self.index(rows), kind)
        size = self._decode_size(padded_size(len(rows)), kind)
        graph = self._graphs.use((size, kind))
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
        if self._capture is None or len(layout.score_at) or samples != len(layout.work_rows):
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
        few = len(layout.tokens) <= MOST_RAGGED_TOKENS
        return self._capture is not None and not apart and few

    def _rows_for(self, count: int) -> int:
        """Few sizes: a row that is nobody's costs little, and every size is one more capture for each of tokens."""
        return min(power_of_two(max(count, FEWEST_ROWS)), padded_size(self._rows.padding))

    def _replay(
        self, wanted: Size, kind: Kind, layout: Layout, listed: Listed | None = None
    ) -> Sampled | None:
        size = self._size_for(wanted, kind)
        if size is None:
            return None
        graph = self._graphs.use((size, kind))
        packed = size.pack(layout, listed, self._rows.padding)
        graph.inputs.copy_(upload(packed, self._rows.device), non_blocking=True)
        graph.graph.replay()
        return graph.sampled

    def _size_for(self, wanted: Size, kind: Kind) -> Size | None:
        """A size that has a graph and room for what is wanted; None where it is the first time and nothing is near."""
        if (wanted, kind) in self._graphs:
            return wanted

        def find(kept: Iterable[tuple[int | Size, Kind]]) -> tuple[int | Size, Kind] | None:
            sizes = [s for s, other in kept if not isinstance(s, int) and other == kind]
            near = [size for size in sizes if size.serves(wanted)]
            return (min(near, key=lambda size: size.cost), kind) if near else None

        near = self._graphs.near((wanted, kind), find)
        if not self._graphs.need((wanted, kind), near=near is not None):
            size = None if near is None else near[0]
            assert not isinstance(size, int), size
            return size
        self._graphs.put((wanted, kind), self._capture_sized(wanted, kind))
        return wanted

    def _decode_size(self, wanted: int, kind: Kind) -> int:
        """A size that has a graph for so many rows; one that is much larger is not good enough."""
        if (wanted, kind) in self._graphs:
            return wanted
        most = SLACK * max(wanted, FEWEST_ROWS)
        near = [
            size
            for size, other in self._graphs
            if isinstance(size, int) and other == kind and wanted < size <= most
        ]
        if not self._graphs.need((wanted, kind), near=bool(near)) and near:
            return min(near)
        self._graphs.put((wanted, kind), self._capture_decode(wanted, kind))
        return wanted

    def capture(self, sizes: Iterable[int], kind: Kind, until: float) -> list[int]:
        """Captures decode steps of these sizes before one is needed, as long as it is not `until` (monotonic seconds).

        Gives the sizes that have a graph now; none where there are no graphs. To be called before the first step.
        """
        done: list[int] = []
        for size in sizes if self._capture is not None else ():
            if time.monotonic() > until:
                break
            key = (padded_size(size), kind)
            if key not in self._graphs:
                self._graphs.put(key, self._capture_decode(*key))
            done.append(key[0])
        return done

    def capture_flat(self, kind: Kind, until: float) -> None:
        """Captures flat steps of a few sizes, among which every step finds one that is near; likewise."""
        tokens = _ladder(FEWEST_ROWS, self._most_tokens)
        self._capture_all([Size(count, self._rows_for(count)) for count in tokens], kind, until)

    def capture_ragged(self, tiles: Sequence[Tile], kind: Kind, until: float) -> None:
        """The same for steps of rows that decode and prompts beside them, with items for any of these tiles."""
        whole = _ladder(FEWEST_BESIDE, MOST_RAGGED_TOKENS)
        halves = _ladder(3 * FEWEST_BESIDE // 2, MOST_RAGGED_TOKENS)
        rooms = [Room(count, tuple(tiles), kind.shared) for count in sorted({*whole, *halves})]
        sizes = [Size(room.tokens, self._rows_for(room.tokens), room) for room in rooms]
        self._capture_all(sizes, kind, until)

    def _capture_all(self, sizes: Iterable[Size], kind: Kind, until: float) -> None:
        for size in sizes if self._capture is not None else ():
            if time.monotonic() > until:
                return
            if (size, kind) not in self._graphs:
                self._graphs.put((size, kind), self._capture_sized(size, kind))

    def _share(self, shared: Shared | None) -> Tile | None:
        """Puts shared keys in place, unless they are there. Before a capture too: it runs with what is there."""
        if shared is None:
            return None
        if shared is not self._shared:
            self.bodies.share(shared)
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
        return self._captured(rows, lambda: self.bodies.decode(rows, kind))

    def _capture_sized(self, size: Size, kind: Kind) -> _Graph:
        packed = upload(size.pack(None, None, self._rows.padding), self._rows.device)
        inputs, room = size.views(packed), size.room
        if room is None:
            return self._captured(packed, lambda: self.bodies.flat(inputs, kind))
        return self._captured(packed, lambda: self.bodies.ragged(inputs, room, kind))

    def _captured(self, inputs: torch.Tensor, body: Callable[[], Sampled]) -> _Graph:
        """A step of padding rows as a graph that reads these inputs."""
        assert self._capture is not None
        graph, sampled = self._capture(body)
        return _Graph(graph, inputs, sampled)
