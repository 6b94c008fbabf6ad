"""Which graph serves a step: one of its size, the next larger one, or a new one where that is worth a capture."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from trellis.kernels.attention.room import Room
from trellis.kernels.attention.shape import Tile
from trellis.runtime.step import Work
from trellis.runtime.worker import graphs
from trellis.runtime.worker.batch import lay_out
from trellis.runtime.worker.graphs import Bodies, Graphs, Kind, Size
from trellis.runtime.worker.rows import Rows
from trellis.runtime.worker.sampler import Features, Sampled
from trellis.runtime.worker.shelf import Worth

PLAIN = Kind(Features())
OFTEN = Worth().often


class Recorded:
    """Stands in for a captured graph: replays nothing and counts."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def replay(self) -> None:
        self.log.append("replayed")


def graphs_of(log: list[Any], worth: Worth | None = None) -> Graphs:
    """Graphs of 64 rows on a CPU, where a capture runs the body once; `log` tells what was captured and replayed."""

    def capture(body: Callable[[], Sampled]) -> tuple[Recorded, Sampled]:
        return Recorded(log), body()

    def decode(rows: torch.Tensor, kind: Kind) -> Sampled:
        log.append(("decode", len(rows)))
        return Sampled(rows.int())

    def flat(inputs: graphs.Inputs, kind: Kind) -> Sampled:
        log.append(("flat", len(inputs.tokens), len(inputs.sample_rows)))
        return Sampled(inputs.sample_rows)

    def ragged(inputs: graphs.Inputs, room: Room, kind: Kind) -> Sampled:
        log.append(("ragged", len(inputs.tokens), room.tokens))
        return Sampled(inputs.sample_rows)

    bodies = Bodies(decode, flat, ragged, lambda shared: None)
    return Graphs(bodies, Rows(64, 4, torch.device("cpu")), 128, capture, worth)


@pytest.fixture
def made() -> tuple[Graphs, list[Any]]:
    log: list[Any] = []
    return graphs_of(log), log


def step(*counts: int):
    return lay_out([Work(row, 0, n, [7] * n, sample=True) for row, n in enumerate(counts)])


def captures(log: list[Any]) -> list[Any]:
    return [entry for entry in log if entry != "replayed"]


def test_a_decode_takes_the_next_larger_graph_until_its_size_is_needed_often(made):
    one, log = made
    one.decode(tuple(range(16)), Features())
    for _ in range(OFTEN - 1):
        one.decode(tuple(range(11)), Features())
    one.decode(tuple(range(9)), Features())
    assert captures(log) == [("decode", 16)]
    for _ in range(3):
        one.decode(tuple(range(3)), Features())
    assert captures(log) == [("decode", 16)]  # 4 rows: twice eight is not much
    one.decode(tuple(range(40)), Features())
    for _ in range(OFTEN + 1):
        one.decode(tuple(range(24)), Features())
    assert captures(log) == [("decode", 16), ("decode", 40), ("decode", 24)]


def test_another_kind_of_sampling_has_its_own(made):
    one, log = made
    one.decode(tuple(range(16)), Features())
    one.decode(tuple(range(16)), Features(grammar=True))
    assert captures(log) == [("decode", 16)] * 2


def test_a_flat_step_is_captured_when_it_is_needed_again_and_serves_smaller_ones(made):
    one, log = made
    assert one.flat(step(3, 1, 20), Features()) is None
    sampled = one.flat(step(3, 1, 20), Features())
    assert sampled is not None
    assert captures(log) == [("flat", 24, 8)]
    assert one.flat(step(5, 9), Features()) is not None  # 16 tokens in a graph of 24
    assert one.flat(step(1, 2), Features()) is None  # 4 in 24 is too few
    assert captures(log) == [("flat", 24, 8)]


def test_what_is_replayed_is_the_step_that_was_asked_for(made):
    one, _ = made
    for _ in range(2):
        one.flat(step(2, 6, 1), Features())
    size = Size(16, 8)
    graph = one._graphs.use((size, PLAIN))  # pyright: ignore[reportPrivateUsage]
    got = size.views(graph.inputs)
    assert got.tokens.tolist()[:9] == [7] * 9
    assert got.positions.tolist()[:9] == [0, 1, 0, 1, 2, 3, 4, 5, 0]
    assert got.rows.tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 2] + [64] * 7
    assert got.sample_at.tolist()[:3] == [1, 7, 8]
    assert got.sample_rows.tolist() == [0, 1, 2] + [64] * 5


def test_flat_steps_captured_ahead_serve_all_but_the_largest(made):
    one, log = made
    one.capture_flat(PLAIN, float("inf"))
    ahead = captures(log)
    assert ahead == [
        ("flat", 8, 8),
        ("flat", 16, 16),
        ("flat", 32, 32),
        ("flat", 64, 64),
        ("flat", 128, 64),
    ]
    for counts in ((1, 2), (5, 9), (30, 30, 1), (31,) * 4):
        assert one.flat(step(*counts), Features()) is not None
    assert captures(log) == ahead
    one.capture_flat(PLAIN, 0.0)
    assert captures(log) == ahead


def test_ragged_steps_captured_ahead_have_room_for_any_tile(made):
    one, log = made
    tiles = Tile(16, 32, 4, 3, 4), Tile(64, 64, 4, 3, 2), Tile(128, 64, 8, 3)
    one.capture_ragged(tiles, PLAIN, float("inf"))
    sizes = [32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]
    assert captures(log) == [("ragged", size, size) for size in sizes]
    kept = [size for size, _ in one._graphs]  # pyright: ignore[reportPrivateUsage]
    for tokens in (16, 33, 100, 192, 700):
        for some in ((tiles[0],), tiles[:2], tiles[1:], tiles):
            wanted = Size(tokens, 40 if tokens > 32 else 16, Room(tokens, some))
            assert any(size.serves(wanted) for size in kept)


def test_a_room_serves_rooms_of_some_of_its_tiles():
    narrow, middle, wide = Tile(16, 32, 4, 3, 4), Tile(64, 64, 4, 3, 2), Tile(128, 64, 8, 3)
    large = Size(64, 16, Room(64, (narrow, wide)))
    assert large.serves(Size(40, 8, Room(40, (narrow, wide))))
    assert large.serves(Size(40, 8, Room(40, (wide,))))
    assert not large.serves(Size(40, 8, Room(40, (middle, wide))))
    assert not large.serves(Size(40, 8, Room(40, (wide,), wide)))
    assert not large.serves(Size(40, 8))
    assert not large.serves(Size(40, 32, Room(40, (narrow, wide))))
    assert not large.serves(Size(24, 8, Room(24, (narrow, wide))))


def test_padding_belongs_to_nobody():
    packed = Size(4, 2, Room(4, ())).pack(None, None, padding=9)
    views = Size(4, 2, Room(4, ())).views(torch.from_numpy(packed))
    assert views.rows.tolist() == [9] * 4
    assert views.sample_rows.tolist() == views.work_rows.tolist() == [9] * 2
    assert not np.any(views.lengths.numpy())


def test_there_are_never_more_than_so_many_and_the_one_not_used_for_longest_goes():
    log: list[Any] = []
    one = graphs_of(log, Worth(most=3))
    for count in (1, 8, 64):
        one.decode(tuple(range(count)), Features())
    one.decode((0,), Features())  # so that the one of eight rows is the one to go
    for _ in range(2):
        one.flat(step(3, 1, 20), Features())
    assert captures(log) == [("decode", 1), ("decode", 8), ("decode", 64), ("flat", 24, 8)]
    one.decode((0,), Features())
    one.decode(tuple(range(64)), Features())
    assert len(captures(log)) == 4
    one.decode(tuple(range(8)), Features())
    assert captures(log)[4:] == [("decode", 8)]
    # The flat one went meanwhile, and has to be needed again.
    assert one.flat(step(3, 1, 20), Features()) is None
