"""What a step's attention has to do, as lists of work items in device memory.

    space = AttentionSpace.create(shape, rows=256, context=131072, device=device)  # once
    plan = plan_decode(lengths, rows, page_table, space)           # one token a row, device only
    plan = plan_ragged(counts, lengths, rows, page_table, space)   # any mix, from the host
    out = paged_attention(q, k_pool, v_pool, plan, scale)          # in every layer

An item is (query tokens, a range of keys, one kv head); a list holds the first two, each is done
for every head. Query tokens times the heads that share a kv head fill the rows of a matrix tile: 16
for a token or a few, 64 for some, 128 for longer chunks. Long contexts are split into pieces whose
borders depend only on the row's own length and count and on how many rows there are, so that a row's
result is the same whoever else is in the batch; partial results are merged afterwards. Keys that
several rows have in the same pages may be left to items that read them once for all
(share.py): either plan takes them, and its rows begin behind them.

plan_decode runs on the device with fixed addresses and grids: a CUDA graph may capture it, and the
host waits for nothing. plan_ragged is numpy on the host and one copy. It knows nothing of requests;
pages of a row are in page_table.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..launch import power_of_two, tl, triton, uses_triton
from .gather import GatherPlan, plan_gather
from .merge import Parts
from .shape import Tile
from .share import FIELDS, MOST_SHARED, Shared
from .space import MOST_PIECES, PIECE_KEYS, AttentionSpace

# The most partial results of a row from its own keys, over all its tokens.
MOST_PARTS = 128
# Pieces that keep a device busy, over all rows and kv heads: rows that are fewer are cut finer, down
# to the smallest piece, which doubles so often before a piece is large enough for any number of rows.
SPREAD = 512
COARSER = 2

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class WorkList:
    """Items for one tile. items: int32 [.., FIELDS]; count: int32 [1], how many; most: its bound.

    members: int32 [..], where an item's query tokens are listed; None where they are adjacent.
    """

    items: torch.Tensor
    count: torch.Tensor
    most: int
    tile: Tile
    members: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """The plan of a step for the GPU: work lists, pages, where partial results go.

    split: whether some row may have several pieces, so that there is something to merge.
    """

    lists: tuple[WorkList, ...]
    page_table: torch.Tensor
    parts: Parts
    split: bool
    tokens: int


AttentionPlan = ItemPlan | GatherPlan


def piece_keys(counts: Ints, lengths: Ints, spread: int, shared: Ints | int = 0) -> Ints:
    """Keys in each piece of a row, from its own count of new tokens and length. int32 [n].

    spread: pieces that are wanted of each row, see spread_of. shared: pieces that it has before
    these keys.
    """
    least = np.full(lengths.shape, PIECE_KEYS)
    for _ in range(COARSER):
        least = np.where(lengths > least * spread, least * 2, least)
    most = np.clip(MOST_PARTS // np.maximum(counts, 1), 1, MOST_PIECES - shared)
    wanted = np.maximum(-(-lengths // (least * most)), 1)
    return (least << np.frexp(wanted - 1)[1]).astype(np.int32)


def count_pieces(lengths: Ints, keys: Ints) -> Ints:
    """Pieces of so many keys in each of these lengths; a rest of up to a quarter belongs to the last."""
    return np.maximum((lengths + keys // 4 * 3 - 1) // keys, 1)


def spread_of(rows: int, kv_heads: int) -> int:
    """Pieces wanted of each of so many rows."""
    return max(1, -(-SPREAD // (rows * kv_heads)))


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
    keys = tl.full([BLOCK], PIECE_KEYS, tl.int32)
    for _ in tl.static_range(COARSER):
        keys = tl.where(length - begins > keys * SPREAD, keys * 2, keys)
    for _ in tl.static_range(DOUBLINGS):
        keys = tl.where(length - begins > keys * (MOST_PIECES - others), keys * 2, keys)
    # A rest of up to a quarter belongs to the last piece.
    parts = tl.maximum((length - begins + keys // 4 * 3 - 1) // keys, 1)
    parts = tl.where(row < n, parts, 0)
    mine = row == me
    item = tl.sum(tl.where(row < me, parts, 0), axis=0)
    own_first = tl.sum(tl.where(row < me, parts + others, 0), axis=0)
    own_parts = tl.sum(tl.where(mine, parts, 0), axis=0)
    own_keys = tl.sum(tl.where(mine, keys, 0), axis=0)
    own_begin = tl.sum(tl.where(mine, begins, 0), axis=0)
    own_others = tl.sum(tl.where(mine, others, 0), axis=0)
    own_length = tl.sum(tl.where(mine, length, 0), axis=0)
    piece = tl.arange(0, PIECES)
    inside = piece < own_parts
    place = items + (item + piece) * FIELDS
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
        DOUBLINGS=_doublings(page_table.shape[1] * space.shape.page_size),
        PIECES=power_of_two(space.pieces),
        FIELDS=FIELDS,
        SHARES=shared is not None,
    )
    lists = [WorkList(space.items, space.count, n * space.pieces, space.shape.tiles()[0])]
    if shared is not None:
        held = space.shared
        lists.insert(0, WorkList(held.items, held.count, held.items.shape[0], shared, held.members))
    parts = Parts(space.values, space.weights, first, pieces)
    split = space.pieces > 1 or shared is not None
    return ItemPlan(tuple(lists), page_table, parts, split, n)


def _doublings(context: int) -> int:
    """How often the smallest piece must be doubled for the longest row, if others took half of the pieces."""
    return (context // (PIECE_KEYS * (MOST_PIECES - MOST_SHARED))).bit_length()


def plan_ragged(
    counts: Ints,
    lengths: Ints,
    rows: Ints,
    page_table: torch.Tensor,
    space: AttentionSpace,
    shared: Shared | None = None,
) -> AttentionPlan:
    """Plan a step from the host's integers: any number of new tokens for each row.

    counts: int32 [n], new tokens of each row, packed in this order in the queries. lengths: int32
    [n], keys of each row with its new ones. rows: int32 [n], their lines of page_table, int32 [any,
    pages]. shared: the keys that rows share, planned for the same counts and rows. ValueError where
    a row has more new tokens than keys.
    """
    counts, lengths, rows = (np.asarray(x, np.int32) for x in (counts, lengths, rows))
    if not counts.shape == lengths.shape == rows.shape or (counts > lengths).any():
        raise ValueError(
            f"plan_ragged: counts {counts.tolist()} do not fit lengths {lengths.tolist()}"
        )
    if not uses_triton(page_table):
        return plan_gather(counts, lengths, rows, page_table, space.shape, space.scratch)
    nothing = np.zeros(len(counts), np.int32)
    begins, others = (nothing, nothing) if shared is None else (shared.begins, shared.parts)
    spans = _spans((rows, counts, lengths, begins, others), space)
    tiles = space.shape.tiles()
    tile_of = np.array([tiles.index(space.shape.tile_for(int(c))) for c in counts])
    lists = [
        (tile, _items(spans[:, tile_of == i]))
        for i, tile in enumerate(tiles)
        if counts[tile_of == i].any()
    ]
    return _upload(lists, _parts_of_tokens(spans), page_table, space, shared)


def _spans(step: tuple[Ints, ...], space: AttentionSpace) -> Ints:
    """What items are made from, int32 [10, n].

    Rows of the page table, first tokens, counts, lengths, keys of a piece, parts of a token (0: it
    has one piece and is written directly), first part, tokens of a tile, and of the keys that are
    shared their end and their parts. step: rows, counts, lengths, and the last two.
    """
    rows, counts, lengths, begins, others = step
    starts = np.cumsum(counts, dtype=np.int32) - counts
    shape = space.shape
    spread = spread_of(len(counts), shape.kv_heads)
    keys = piece_keys(counts, lengths - begins, spread, others)
    pieces = count_pieces(lengths - begins, keys) + others
    stride = np.where(pieces > 1, pieces, 0)
    base = np.cumsum(counts * stride) - counts * stride
    tile_tokens = np.array([shape.tile_for(int(c)).rows // shape.group for c in counts])
    return np.stack(
        (rows, starts, counts, lengths, keys, stride, base, tile_tokens, begins, others)
    ).astype(np.int32)


def _items(spans: Ints) -> Ints:
    """Items of rows, longest rows first, a row's last tile first: what takes longest starts first.

    Tiles of one row stay together, they share its keys in the L2 cache. spans: see _spans. Gives
    int32 [items, FIELDS].
    """
    spans = spans[:, np.argsort(spans[8] - spans[3], kind="stable")]
    tiles = -(-spans[2] // spans[7])
    which = np.repeat(np.arange(spans.shape[1]), tiles)
    tile = np.repeat(np.cumsum(tiles), tiles) - 1 - np.arange(len(which))
    rows, starts, counts, lengths, keys, _, _, tile_tokens, begins, others = spans[:, which]
    skipped = tile * tile_tokens
    tokens = np.minimum(counts - skipped, tile_tokens)
    position = lengths - counts + skipped
    pieces = count_pieces(position + tokens - begins, keys)  # of what some query of the tile sees
    again = np.repeat(np.arange(len(which)), pieces)
    piece = np.arange(len(again)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = begins[again] + piece * keys[again]
    last = piece == (pieces - 1)[again]
    fields = (
        rows[again],
        (starts + skipped)[again],
        tokens[again],
        position[again],
        begin,
        np.where(last, (position + tokens)[again], begin + keys[again]),
        np.where((pieces + others > 1)[again], others[again] + piece, -1),
        np.zeros_like(again),
    )
    return np.stack(fields, axis=1).astype(np.int32)


def _parts_of_tokens(spans: Ints) -> tuple[Ints, Ints]:
    """First part and number of parts of each query token, int32 [tokens]; spans: see _spans."""
    which = np.repeat(np.arange(spans.shape[1]), spans[2])
    _, starts, counts, lengths, keys, stride, base, tile_tokens, begins, others = spans[:, which]
    index = np.arange(len(which)) - starts
    seen = lengths - counts + np.minimum((index // tile_tokens + 1) * tile_tokens, counts)
    pieces = count_pieces(seen - begins, keys) + others
    return (base + index * stride).astype(np.int32), pieces.astype(np.int32)


def _upload(
    lists: list[tuple[Tile, Ints]],
    parts_of_tokens: tuple[Ints, Ints],
    page_table: torch.Tensor,
    space: AttentionSpace,
    shared: Shared | None,
) -> ItemPlan:
    """Copy the lists to the device in one go."""
    first, pieces = parts_of_tokens
    members = np.zeros(0, np.int32)
    if shared is not None:
        lists, members = [(shared.tile, shared.items), *lists], shared.members
    sizes = np.asarray([len(items) for _, items in lists], np.int32)
    packed = np.concatenate(
        [*(items.reshape(-1) for _, items in lists), sizes, first, pieces, members]
    )
    host = torch.from_numpy(packed.astype(np.int32))
    if page_table.is_cuda:
        host = host.pin_memory()
    there = host.to(page_table.device, non_blocking=True)
    *bodies, counted, first_there, pieces_there, members_there = there.split(
        [*(sizes * FIELDS).tolist(), len(sizes), len(first), len(pieces), len(members)]
    )
    work = tuple(
        WorkList(
            body.view(-1, FIELDS),
            counted[i : i + 1],
            int(sizes[i]),
            lists[i][0],
            members_there if shared is not None and i == 0 else None,
        )
        for i, body in enumerate(bodies)
    )
    # Parts are numbered from 0 without gaps, a split token's own behind each other.
    needed = int((first + pieces)[pieces > 1].max(initial=0))
    values, weights = space.values, space.weights
    if needed > values.shape[0]:
        heads, dim = values.shape[1:]
        values = torch.empty((needed, heads, dim), device=values.device)
        weights = torch.empty((needed, heads), device=values.device)
    parts = Parts(values, weights, first_there, pieces_there)
    return ItemPlan(work, page_table, parts, needed > 0, len(first))
