"""The plan of a step in which every row computes one token, made on the device.

    plan = plan_decode(lengths, rows, page_table, space)

Addresses and grids are fixed: a CUDA graph may capture it, and the host waits for nothing. One program
a row, each of which counts the pieces of all. The items are those that plan_ragged would make (plan.py),
the longest first.
"""

import numpy as np
import torch

from ..launch import power_of_two, tl, triton, uses_triton
from .gather import plan_gather
from .merge import Parts
from .pieces import COARSER, MOST_PIECES, PIECE_KEYS, doublings, spread_of
from .plan import AttentionPlan, ItemPlan, WorkList, shared_list
from .shape import Tile
from .share import FIELDS, SEGMENT_KEYS
from .space import AttentionSpace


@triton.jit(
    do_not_specialize=["n"], do_not_specialize_on_alignment=["lengths", "rows", "first", "pieces"]
)
def _plan_decode_kernel(
    lengths,
    rows,
    shared_ends,
    shared_parts,
    items,
    count,
    first,
    pieces,
    n,
    BLOCK: tl.constexpr,
    PIECE_KEYS: tl.constexpr,
    MOST_PIECES: tl.constexpr,
    SPREAD: tl.constexpr,
    COARSER: tl.constexpr,
    DOUBLINGS: tl.constexpr,
    PIECES: tl.constexpr,
    FIELDS: tl.constexpr,
    SHARES: tl.constexpr,
    WINDOW: tl.constexpr,
    BORDER: tl.constexpr,
):
    # One program a row; each counts the pieces of all rows, to know where its own begin.
    me = tl.program_id(0)
    row = tl.arange(0, BLOCK)
    length = tl.load(lengths + row, mask=row < n, other=0)
    begins = tl.zeros([BLOCK], tl.int32)
    others = tl.zeros([BLOCK], tl.int32)
    if SHARES:
        begins = tl.load(shared_ends + row, mask=row < n, other=0)
        others = tl.load(shared_parts + row, mask=row < n, other=0)
    if WINDOW > 0:
        begins = tl.maximum(begins, tl.maximum(length - WINDOW, 0) // BORDER * BORDER)
    keys = tl.full([BLOCK], PIECE_KEYS, tl.int32)
    for _ in tl.static_range(COARSER):
        keys = tl.where(length - begins > keys * SPREAD, keys * 2, keys)
    for _ in tl.static_range(DOUBLINGS):
        keys = tl.where(length - begins > keys * (MOST_PIECES - others), keys * 2, keys)
    # A rest of up to a quarter belongs to the last piece.
    parts = tl.maximum((length - begins + keys // 4 * 3 - 1) // keys, 1)
    parts = tl.where(row < n, parts, 0)
    mine = row == me
    own_first = tl.sum(tl.where(row < me, parts + others, 0), axis=0)
    own_parts = tl.sum(tl.where(mine, parts, 0), axis=0)
    own_keys = tl.sum(tl.where(mine, keys, 0), axis=0)
    own_begin = tl.sum(tl.where(mine, begins, 0), axis=0)
    own_others = tl.sum(tl.where(mine, others, 0), axis=0)
    own_length = tl.sum(tl.where(mine, length, 0), axis=0)
    # Longest first: how many pieces come before a row's even ones, and before its last, which is of another length.
    even = tl.maximum(parts - 1, 0)
    last = tl.where(row < n, length - begins - even * keys, -1)
    own_last = tl.sum(tl.where(mine, last, 0), axis=0)
    longer = (keys > own_keys) | ((keys == own_keys) & (row < me))
    evens_from = tl.sum(tl.where(longer, even, 0) + (last > own_keys).to(tl.int32), axis=0)
    longer = (last > own_last) | ((last == own_last) & (row < me))
    last_at = tl.sum(tl.where(keys >= own_last, even, 0) + longer.to(tl.int32), axis=0)
    piece = tl.arange(0, PIECES)
    inside = piece < own_parts
    item = tl.where(piece == own_parts - 1, last_at, evens_from + piece)
    place = items + item * FIELDS
    zero = tl.zeros([PIECES], tl.int32)
    end = tl.where(piece == own_parts - 1, own_length, own_begin + (piece + 1) * own_keys)
    tl.store(place, zero + tl.load(rows + me).to(tl.int32), mask=inside)
    tl.store(place + 1, zero + me, mask=inside)
    tl.store(place + 2, zero + 1, mask=inside)
    tl.store(place + 3, zero + (own_length - 1), mask=inside)
    tl.store(place + 4, own_begin + piece * own_keys, mask=inside)
    tl.store(place + 5, end, mask=inside)
    whole = own_parts + own_others == 1
    tl.store(place + 6, tl.where(whole, -1, own_others + piece), mask=inside)
    tl.store(first + me, own_first)
    tl.store(pieces + me, own_parts + own_others)
    if me == 0:
        tl.store(count, tl.sum(parts, axis=0))


def plan_decode(
    lengths: torch.Tensor,
    rows: torch.Tensor,
    page_table: torch.Tensor,
    space: AttentionSpace,
    shared: Tile | None = None,
) -> AttentionPlan:
    """Plan a step in which every row computes one token; on a GPU the host needs no length.

    lengths: int32 [n], keys of each row with its new one; 0 for a padding row, whose result is
    zero. rows: int32 or int64 [n], their lines of page_table, int32 [any, pages]. Lengths must not
    exceed the context of the space. shared: the tile of the shared keys that space.shared holds when
    the plan is used; None: nothing is shared. Captured in a graph it plans for whatever the tensors
    hold at replay. ValueError for more rows than space was made for.
    """
    n = lengths.shape[0]
    if rows.shape != (n,):
        raise ValueError(f"plan_decode: {n} lengths but rows {tuple(rows.shape)}")
    if not uses_triton(lengths):
        ones = np.ones(n, np.int32)
        return plan_gather(
            ones, lengths.numpy(), rows.numpy(), page_table, space.shape, space.scratch
        )
    if n > space.rows:
        raise ValueError(f"plan_decode: {n} rows, the space holds {space.rows}")
    first, pieces = torch.empty((2, n), dtype=torch.int32, device=lengths.device)
    _plan_decode_kernel[(n,)](
        lengths,
        rows,
        space.shared.begins,
        space.shared.parts,
        space.items,
        space.count,
        first,
        pieces,
        n,
        BLOCK=power_of_two(n),
        PIECE_KEYS=PIECE_KEYS,
        MOST_PIECES=MOST_PIECES,
        SPREAD=spread_of(n, space.shape.kv_heads),
        COARSER=COARSER,
        DOUBLINGS=doublings(page_table.shape[1] * space.shape.page_size),
        PIECES=power_of_two(space.pieces),
        FIELDS=FIELDS,
        SHARES=shared is not None,
        WINDOW=space.window or 0,
        BORDER=SEGMENT_KEYS,
    )
    lists = [WorkList(space.items, space.count, n * space.pieces, space.shape.tiles()[0])]
    if shared is not None:
        lists.insert(0, shared_list(space, shared))
    parts = Parts(space.values, space.weights, first, pieces)
    split = space.pieces > 1 or shared is not None
    ends = lengths if shared else None
    return ItemPlan(tuple(lists), page_table, parts, split, n, ends, space.window)
