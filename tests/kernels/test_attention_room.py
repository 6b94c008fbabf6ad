"""A plan written into a room of fixed size gives what the plan itself gives, for one step after the other."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from trellis.kernels.attention import share
from trellis.kernels.attention.paged import paged_attention
from trellis.kernels.attention.plan import list_items, plan_ragged
from trellis.kernels.attention.room import MOST_NARROW, Room
from trellis.kernels.attention.shape import AttentionShape
from trellis.kernels.attention.space import AttentionSpace
from trellis.kernels.layer_pool import LayerPool

sys.path.insert(0, str(Path(__file__).parent))
from scene import Scene, make_scene, share_of, shared_scene

F16 = torch.float16
SHAPE = AttentionShape(4, 1, 32, F16)


def through(room: Room, scene: Scene, space: AttentionSpace, there: torch.Tensor, shared=None):
    """Attention by a plan that is written into the room, over one more query than the step has."""
    listed = list_items(scene.counts, scene.lengths, scene.rows, space, shared)
    packed = np.zeros(room.size, np.int32)
    room.write(listed, packed)
    there.copy_(torch.from_numpy(packed))
    plan = room.plan(there, scene.page_table, space)
    q = torch.full((room.tokens, *scene.q.shape[1:]), float("nan"), dtype=F16, device=there.device)
    q[: len(scene.q)] = scene.q
    return paged_attention(q, LayerPool(scene.k_pool, scene.v_pool), plan, 0.125)


@pytest.mark.parametrize("counts", [[1, 1, 40, 1], [12, 1], [1, 3, 1]])
def test_the_plan_in_a_room_is_the_plan(device, counts):
    space = AttentionSpace.create(SHAPE, 64, 1024, device)
    rooms, there = set(), None
    for seed, longer in enumerate((0, 300)):
        lengths = [count + 7 + longer for count in counts]
        scene = make_scene(counts, lengths, SHAPE, device, seed)
        parts = (scene.counts, scene.lengths, scene.rows)
        plan = plan_ragged(*parts, scene.page_table, space)
        want = paged_attention(scene.q, LayerPool(scene.k_pool, scene.v_pool), plan, 0.125)
        room = Room.of(list_items(*parts, space), sum(counts) + 1, space)
        assert room is not None
        rooms.add(room)
        if there is None:
            there = torch.zeros(room.size, dtype=torch.int32, device=device)
        got = through(room, scene, space, there)
        assert torch.equal(got[: len(want)], want)
        assert not got[len(want) :].any()
    assert len(rooms) == 1


@pytest.mark.parametrize("counts", [[1, 1, 40, 1], [12, 1], [1, 3, 1]])
def test_a_room_for_more_tiles_holds_the_plan(device, counts):
    space = AttentionSpace.create(SHAPE, 64, 1024, device)
    scene = make_scene(counts, [count + 300 for count in counts], SHAPE, device, 3)
    parts = (scene.counts, scene.lengths, scene.rows)
    plan = plan_ragged(*parts, scene.page_table, space)
    want = paged_attention(scene.q, LayerPool(scene.k_pool, scene.v_pool), plan, 0.125)
    room = Room(64, tuple(dict.fromkeys(SHAPE.tiles())))
    own = Room.of(list_items(*parts, space), 64, space)
    assert own is not None and room.holds(own)
    there = torch.zeros(room.size, dtype=torch.int32, device=device)
    got = through(room, scene, space, there)
    assert torch.equal(got[: len(want)], want)
    assert not got[len(want) :].any()


def test_rows_that_share_keys(device, monkeypatch):
    monkeypatch.setattr(share, "LEAST_SAVED_BYTES", 1)
    scene = shared_scene([(3, 512)], [1, 1, 20], SHAPE, device)
    space = AttentionSpace.create(SHAPE, 300, int(scene.lengths.max()), device)
    shared = share_of(scene, space)
    assert shared is not None
    parts = (scene.counts, scene.lengths, scene.rows)
    plan = plan_ragged(*parts, scene.page_table, space, shared)
    want = paged_attention(scene.q, LayerPool(scene.k_pool, scene.v_pool), plan, 0.125)
    room = Room.of(list_items(*parts, space, shared), 24, space)
    assert room is not None
    assert room.shared == shared.tile
    space.shared.fill(shared)
    there = torch.zeros(room.size, dtype=torch.int32, device=device)
    got = through(room, scene, space, there, shared)
    assert torch.equal(got[: len(want)], want)


def test_a_plan_too_large_has_no_room(device):
    space = AttentionSpace.create(SHAPE, 4, 1024, device)
    counts = np.ones(MOST_NARROW + 1, np.int32)
    listed = list_items(counts, counts + 5, np.arange(len(counts), dtype=np.int32), space)
    assert Room.of(listed, 2048, space) is None


def test_a_plan_of_another_kind_is_refused(device):
    space = AttentionSpace.create(SHAPE, 4, 1024, device)

    def listed(*counts: int):
        new = np.array(counts, np.int32)
        return list_items(new, new + 5, np.arange(len(new), dtype=np.int32), space)

    room = Room.of(listed(1, 1), 4, space)
    assert room is not None
    for other in (listed(1, 1, 1, 1, 1), listed(1, 40)):
        with pytest.raises(ValueError, match="does not fit"):
            room.write(other, np.zeros(room.size, np.int32))
