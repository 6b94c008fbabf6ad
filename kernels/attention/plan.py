"""What a step's attention has to do, as lists of work items in device memory.

    space = AttentionSpace.create(shape, rows=256, context=131072, device=device)  # once
    plan = plan_ragged(counts, lengths, rows, page_table, space)   # any mix, from the host
    plan = plan_decode(lengths, rows, page_table, space)           # one token a row: decode.py
    out = paged_attention(q, pool, plan, scale)                    # in every layer

An item is (query tokens, a range of keys, one kv head); a list holds the first two, each is done
for every head. Query tokens times the heads that share a kv head fill the rows of a matrix tile: 16
for a token or a few, 64 for some, 128 for longer chunks. Long contexts are split into pieces
(pieces.py), and partial results are merged afterwards. Keys that several rows have in the same pages
may be left to items that read them once for all (share.py): either plan takes them, and its rows
begin behind them. Where every layer sees a window, rows begin with the first key that one sees.

plan_ragged is numpy on the host and one copy. It knows nothing of requests; pages of a row are in
page_table.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..launch import uses_triton
from .gather import GatherPlan, plan_gather
from .merge import Parts
from .pieces import count_pieces, piece_keys, spread_of
from .shape import Tile
from .share import FIELDS, SEGMENT_KEYS, Shared
from .space import AttentionSpace

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

    split: whether some row may have several pieces, so that there is something to merge. ends: int32
    [tokens], the keys up to and with each token's own, where keys are shared; else None. window: of the
    space it was made for, the widest it is good for.
    """

    lists: tuple[WorkList, ...]
    page_table: torch.Tensor
    parts: Parts
    split: bool
    tokens: int
    ends: torch.Tensor | None = None
    window: int | None = None


AttentionPlan = ItemPlan | GatherPlan


def shared_list(space: AttentionSpace, tile: Tile) -> WorkList:
    """The list of the shared keys that the space holds when the plan is used, with this tile."""
    held = space.shared
    return WorkList(held.items, held.count, held.items.shape[0], tile, held.members)


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
    return plan_listed(list_items(counts, lengths, rows, space, shared), page_table, space)


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """Items of a step on the host. lists: a tile and its items, int32 [.., FIELDS], without those of shared keys.

    first, pieces: int32 [tokens], see Parts. ends: int32 [tokens], the keys up to and with each token's own; empty
    where nothing is shared.
    """

    lists: list[tuple[Tile, Ints]]
    first: Ints
    pieces: Ints
    ends: Ints
    shared: Shared | None

    @property
    def parts(self) -> int:
        """Partial results that there will be. They are numbered from 0 without gaps, a token's behind each other."""
        return int((self.first + self.pieces)[self.pieces > 1].max(initial=0))


def list_items(
    counts: Ints, lengths: Ints, rows: Ints, space: AttentionSpace, shared: Shared | None = None
) -> Listed:
    """The items of such a step, on the host; see plan_ragged. room.py has a place for them."""
    nothing = np.zeros(len(counts), np.int32)
    begins, others = (nothing, nothing) if shared is None else (shared.begins, shared.parts)
    begins = np.maximum(begins, space.oldest(lengths - counts) // SEGMENT_KEYS * SEGMENT_KEYS)
    spans = _spans((rows, counts, lengths, begins, others), space)
    tiles = space.shape.tiles()
    tile_of, _ = space.shape.tiles_of(counts)
    lists = [
        (tile, _items(spans[:, tile_of == i]))
        for i, tile in enumerate(tiles)
        if counts[tile_of == i].any()
    ]
    ends = np.zeros(0, np.int32) if shared is None else _ends(counts, lengths)
    return Listed(lists, *_parts_of_tokens(spans), ends, shared)


def _ends(counts: Ints, lengths: Ints) -> Ints:
    """The keys up to and with each query token's own, int32 [tokens]."""
    until = np.cumsum(counts, dtype=np.int32)
    return np.arange(1, counts.sum() + 1, dtype=np.int32) + np.repeat(lengths - until, counts)


def _spans(step: tuple[Ints, ...], space: AttentionSpace) -> Ints:
    """What items are made from, int32 [10, n].

    Rows of the page table, first tokens, counts, lengths, keys of a piece, parts of a token (0: it
    has one piece and is written directly), first part, tokens of a tile, the first key of the row's
    own, and the parts of those before it. step: rows, counts, lengths, and the last two.
    """
    rows, counts, lengths, begins, others = step
    starts = np.cumsum(counts, dtype=np.int32) - counts
    shape = space.shape
    spread = spread_of(len(counts), shape.kv_heads)
    keys = piece_keys(counts, lengths - begins, spread, others)
    pieces = count_pieces(lengths - begins, keys) + others
    stride = np.where(pieces > 1, pieces, 0)
    base = np.cumsum(counts * stride) - counts * stride
    _, tile_tokens = shape.tiles_of(counts)
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


def plan_listed(listed: Listed, page_table: torch.Tensor, space: AttentionSpace) -> ItemPlan:
    """The plan of items that are listed: copies the lists to the device in one go."""
    lists, members, shared = listed.lists, np.zeros(0, np.int32), listed.shared
    if shared is not None:
        lists, members = [(shared.tile, shared.items), *lists], shared.members
    sizes = np.asarray([len(items) for _, items in lists], np.int32)
    of_tokens = (listed.first, listed.pieces, listed.ends)
    packed = np.concatenate(
        [*(items.reshape(-1) for _, items in lists), sizes, *of_tokens, members]
    )
    host = torch.from_numpy(packed.astype(np.int32))
    if page_table.is_cuda:
        host = host.pin_memory()
    there = host.to(page_table.device, non_blocking=True)
    *bodies, counted, first, pieces, ends, members_there = there.split(
        [*(sizes * FIELDS).tolist(), len(sizes), *(len(x) for x in of_tokens), len(members)]
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
    needed = listed.parts
    values, weights = space.values, space.weights
    if needed > values.shape[0]:
        heads, dim = values.shape[1:]
        values = torch.empty((needed, heads, dim), device=values.device)
        weights = torch.empty((needed, heads), device=values.device)
    parts = Parts(values, weights, first, pieces)
    seen = None if shared is None else ends
    return ItemPlan(work, page_table, parts, needed > 0, len(listed.first), seen, space.window)
