"""What a step's attention has to do, as one list of work items in device memory.

    space = AttentionSpace.create(shape, rows=256, context=131072, device=device)  # once
    plan = plan_decode(lengths, rows, page_table, space)           # one token a row, device only
    plan = plan_ragged(counts, lengths, rows, page_table, space)   # any mix, from the host
    out = paged_attention(q, k_pool, v_pool, plan, scale)          # in every layer

An item is (query tokens of one row, a range of that row's keys, one kv head); the list holds the
first two, each is done for every head. Query tokens times the heads that share a kv head fill the
rows of a matrix tile: 16 for a token or a few, 128 for longer chunks. Long contexts are split into
pieces whose borders depend only on the row's own length and count, so that a row's result is the
same whoever else is in the batch; partial results are merged afterwards.

plan_decode runs on the device with fixed addresses and grids: a CUDA graph may capture it, and the
host waits for nothing. plan_ragged is numpy on the host and one copy. It knows nothing of requests;
pages of a row are in page_table.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .attention_gather import GatherPlan, make_scratch, plan_gather
from .attention_shape import AttentionShape, Tile
from .launch import power_of_two, tl, triton, uses_triton
from .merge_attention import Parts

# Keys of the smallest piece, the most pieces of a row, and the most partial results of a row.
PIECE_KEYS = 256
MOST_PIECES = 64
MOST_PARTS = 128
# Fields of an item: page table row, first query token, tokens, position of the first, first key,
# end of keys, part of the first token (-1: write the result itself), parts between two tokens.
FIELDS = 8

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class WorkList:
    """Items for one tile. items: int32 [.., 8]; count: int32 [1], how many; most: its bound."""

    items: torch.Tensor
    count: torch.Tensor
    most: int
    tile: Tile


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


@dataclass(frozen=True, slots=True)
class AttentionSpace:
    """Device memory of fixed addresses for the plans of one engine, shared by all layers.

    items: int32 [.., 8]; count: int32 [1]; values: float32 [parts, heads, dim]; weights: float32
    [parts, heads]; scratch: [2, blocks, page_size * dim]. On a CPU there is only scratch, on a GPU there is none.
    """

    shape: AttentionShape
    pieces: int
    items: torch.Tensor
    count: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor
    scratch: torch.Tensor

    @classmethod
    def create(
        cls, shape: AttentionShape, rows: int, context: int, device: torch.device | str
    ) -> "AttentionSpace":
        """Space for decode steps of up to `rows` rows of up to `context` tokens each."""
        pieces = min(MOST_PIECES, -(-context // PIECE_KEYS))
        on_gpu = uses_triton(torch.empty(0, device=device))
        parts = rows * pieces if on_gpu else 0
        return cls(
            shape,
            pieces,
            torch.zeros((parts, FIELDS), dtype=torch.int32, device=device),
            torch.zeros(1, dtype=torch.int32, device=device),
            torch.zeros((parts, shape.heads, shape.head_dim), device=device),
            torch.zeros((parts, shape.heads), device=device),
            make_scratch(shape, 0 if on_gpu else rows, context),
        )


def piece_keys(counts: Ints, lengths: Ints) -> Ints:
    """Keys in each piece of a row, from its own count of new tokens and length alone. int32 [n]."""
    most = np.clip(MOST_PARTS // np.maximum(counts, 1), 1, MOST_PIECES)
    wanted = np.maximum(-(-lengths // (PIECE_KEYS * most)), 1)
    return (PIECE_KEYS << np.frexp(wanted - 1)[1]).astype(np.int32)


@triton.jit(
    do_not_specialize=["n"], do_not_specialize_on_alignment=["lengths", "rows", "first", "pieces"]
)
def _plan_decode_kernel(
    lengths,
    rows,
    items,
    count,
    first,
    pieces,
    n,
    BLOCK: tl.constexpr,
    PIECE_KEYS: tl.constexpr,
    MOST_PIECES: tl.constexpr,
    DOUBLINGS: tl.constexpr,
    PIECES: tl.constexpr,
    FIELDS: tl.constexpr,
):
    # One program a row; each counts the pieces of all rows, to know where its own begin.
    me = tl.program_id(0)
    row = tl.arange(0, BLOCK)
    length = tl.load(lengths + row, mask=row < n, other=0)
    keys = tl.full([BLOCK], PIECE_KEYS, tl.int32)
    for _ in tl.static_range(DOUBLINGS):
        keys = tl.where(length > keys * MOST_PIECES, keys * 2, keys)
    parts = tl.maximum((length + keys - 1) // keys, 1)
    parts = tl.where(row < n, parts, 0)
    mine = row == me
    begin = tl.sum(tl.where(row < me, parts, 0), axis=0)
    own_parts = tl.sum(tl.where(mine, parts, 0), axis=0)
    own_keys = tl.sum(tl.where(mine, keys, 0), axis=0)
    own_length = tl.sum(tl.where(mine, length, 0), axis=0)
    piece = tl.arange(0, PIECES)
    inside = piece < own_parts
    place = items + (begin + piece) * FIELDS
    zero = tl.zeros([PIECES], tl.int32)
    tl.store(place, zero + tl.load(rows + me).to(tl.int32), mask=inside)
    tl.store(place + 1, zero + me, mask=inside)
    tl.store(place + 2, zero + 1, mask=inside)
    tl.store(place + 3, zero + (own_length - 1), mask=inside)
    tl.store(place + 4, piece * own_keys, mask=inside)
    tl.store(place + 5, tl.minimum((piece + 1) * own_keys, own_length), mask=inside)
    tl.store(place + 6, tl.where(own_parts > 1, begin + piece, -1), mask=inside)
    tl.store(place + 7, zero, mask=inside)
    tl.store(first + me, begin)
    tl.store(pieces + me, own_parts)
    if me == 0:
        tl.store(count, tl.sum(parts, axis=0))


def plan_decode(
    lengths: torch.Tensor, rows: torch.Tensor, page_table: torch.Tensor, space: AttentionSpace
) -> AttentionPlan:
    """Plan a step in which every row computes one token; on a GPU the host needs no length.

    lengths: int32 [n], keys of each row with its new one; 0 for a padding row, whose result is
    zero. rows: int32 or int64 [n], their lines of page_table, int32 [any, pages]. Lengths must not
    exceed the context of the space. Captured in a graph it plans for whatever the tensors hold at
    replay. ValueError for more rows than space was made for.
    """
    n = lengths.shape[0]
    if rows.shape != (n,):
        raise ValueError(f"plan_decode: {n} lengths but rows {tuple(rows.shape)}")
    if not uses_triton(lengths):
        ones = np.ones(n, np.int32)
        return plan_gather(
            ones, lengths.numpy(), rows.numpy(), page_table, space.shape, space.scratch
        )
    most = n * space.pieces
    if most > space.items.shape[0]:
        held = space.items.shape[0] // space.pieces
        raise ValueError(f"plan_decode: {n} rows, the space holds {held}")
    first, pieces = torch.empty((2, n), dtype=torch.int32, device=lengths.device)
    _plan_decode_kernel[(n,)](
        lengths,
        rows,
        space.items,
        space.count,
        first,
        pieces,
        n,
        BLOCK=power_of_two(n),
        PIECE_KEYS=PIECE_KEYS,
        MOST_PIECES=MOST_PIECES,
        DOUBLINGS=(
            page_table.shape[1] * space.shape.page_size // (PIECE_KEYS * MOST_PIECES)
        ).bit_length(),
        PIECES=power_of_two(space.pieces),
        FIELDS=FIELDS,
    )
    work = WorkList(space.items, space.count, most, space.shape.tiles()[0])
    parts = Parts(space.values, space.weights, first, pieces)
    return ItemPlan((work,), page_table, parts, space.pieces > 1, n)


def plan_ragged(
    counts: Ints, lengths: Ints, rows: Ints, page_table: torch.Tensor, space: AttentionSpace
) -> AttentionPlan:
    """Plan a step from the host's integers: any number of new tokens for each row.

    counts: int32 [n], new tokens of each row, packed in this order in the queries. lengths: int32
    [n], keys of each row with its new ones. rows: int32 [n], their lines of page_table, int32 [any,
    pages]. ValueError where a row has more new tokens than keys.
    """
    counts, lengths, rows = (np.asarray(x, np.int32) for x in (counts, lengths, rows))
    if not counts.shape == lengths.shape == rows.shape or (counts > lengths).any():
        raise ValueError(
            f"plan_ragged: counts {counts.tolist()} do not fit lengths {lengths.tolist()}"
        )
    if not uses_triton(page_table):
        return plan_gather(counts, lengths, rows, page_table, space.shape, space.scratch)
    starts = np.cumsum(counts, dtype=np.int32) - counts
    keys = piece_keys(counts, lengths)
    pieces_of_row = np.maximum(-(-lengths // keys), 1)
    stride = np.where(pieces_of_row > 1, pieces_of_row, 0)
    base = np.cumsum(counts * stride) - counts * stride
    group = space.shape.group
    narrow, wide = space.shape.tiles()
    is_narrow = counts * group <= narrow.rows
    tile_tokens = np.where(is_narrow, narrow.rows // group, wide.rows // group)
    spans = np.stack((rows, starts, counts, lengths, keys, stride, base, tile_tokens))
    lists = [
        (tile, _items(spans[:, chosen]))
        for tile, chosen in ((narrow, is_narrow), (wide, ~is_narrow))
        if counts[chosen].any()
    ]
    return _upload(lists, _parts_of_tokens(spans), page_table, space)


def _items(spans: Ints) -> Ints:
    """Items of rows, longest rows first, a row's last tile first: what takes longest starts first.

    Tiles of one row stay together, they share its keys in the L2 cache. spans: int [8, n], see
    plan_ragged. Gives int32 [items, 8].
    """
    spans = spans[:, np.argsort(-spans[3], kind="stable")]
    tiles = -(-spans[2] // spans[7])
    which = np.repeat(np.arange(spans.shape[1]), tiles)
    tile = np.repeat(np.cumsum(tiles), tiles) - 1 - np.arange(len(which))
    rows, starts, counts, lengths, keys, stride, base, tile_tokens = spans[:, which]
    skipped = tile * tile_tokens
    tokens = np.minimum(counts - skipped, tile_tokens)
    position = lengths - counts + skipped
    pieces = -(-(position + tokens) // keys)  # those that some query of the tile sees
    again = np.repeat(np.arange(len(which)), pieces)
    piece = np.arange(len(again)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    end = np.minimum((piece + 1) * keys[again], (position + tokens)[again])
    part = np.where(pieces > 1, base + skipped * stride, -1)[again]
    fields = (
        rows[again],
        (starts + skipped)[again],
        tokens[again],
        position[again],
        piece * keys[again],
        end,
        np.where(part >= 0, part + piece, -1),
        stride[again],
    )
    return np.stack(fields, axis=1).astype(np.int32)


def _parts_of_tokens(spans: Ints) -> tuple[Ints, Ints]:
    """First part and number of pieces of each query token, int32 [tokens]; spans: see plan_ragged."""
    which = np.repeat(np.arange(spans.shape[1]), spans[2])
    _, starts, counts, lengths, keys, stride, base, tile_tokens = spans[:, which]
    index = np.arange(len(which)) - starts
    seen = lengths - counts + np.minimum((index // tile_tokens + 1) * tile_tokens, counts)
    return (base + index * stride).astype(np.int32), (-(-seen // keys)).astype(np.int32)


def _upload(
    lists: list[tuple[Tile, Ints]],
    parts_of_tokens: tuple[Ints, Ints],
    page_table: torch.Tensor,
    space: AttentionSpace,
) -> ItemPlan:
    """Copy the lists to the device in one go."""
    first, pieces = parts_of_tokens
    sizes = np.asarray([len(items) for _, items in lists], np.int32)
    packed = np.concatenate([*(items.reshape(-1) for _, items in lists), sizes, first, pieces])
    host = torch.from_numpy(packed.astype(np.int32))
    if page_table.is_cuda:
        host = host.pin_memory()
    there = host.to(page_table.device, non_blocking=True)
    *bodies, counted, first_there, pieces_there = there.split(
        [*(sizes * FIELDS).tolist(), len(sizes), len(first), len(pieces)]
    )
    work = tuple(
        WorkList(body.view(-1, FIELDS), counted[i : i + 1], int(sizes[i]), lists[i][0])
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
