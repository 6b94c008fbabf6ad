"""Which tile is whose: for all rows of a step at once as for one."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from trellis.kernels.attention.shape import AttentionShape, Tile

TILES = st.none() | st.builds(
    Tile, st.sampled_from([16, 32, 64, 128]), st.just(32), st.just(4), st.just(2)
)


@given(
    st.sampled_from([(8, 8), (32, 8), (28, 4), (64, 1)]),
    st.sampled_from([64, 128, 256]),
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.tuples(TILES, TILES, TILES),
    st.lists(st.integers(1, 300), min_size=1, max_size=20),
)
def test_tiles_of_many_rows(heads, head_dim, dtype, given_tiles, counts) -> None:
    shape = AttentionShape(*heads, head_dim, dtype, 16, None, *given_tiles)
    which, held = shape.tiles_of(np.array(counts, np.int32))
    tiles = shape.tiles()
    assert which.tolist() == [tiles.index(shape.tile_for(count)) for count in counts]
    assert held.tolist() == [shape.tile_for(count).rows // shape.group for count in counts]
