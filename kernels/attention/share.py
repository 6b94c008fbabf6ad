"""Keys that several rows of a step have in the same pages, and the work items that read them once.

    segments = find_segments(pages, known, page_size)          # from the rows' page tables alone
    shared = plan_shared(segments, counts, rows, limits)       # None where sharing does not pay

Rows whose pages begin alike form the tree that their prefixes are cut from: a segment is an edge of
it, some keys and the rows that have them. All query tokens of those rows, gathered, fill the tiles
of a segment's items; a query sees every key of it, so nothing is masked, or with a window those that
it reaches back to. What lies behind a row's last segment is its own, planned as ever from there on
(plan.py), and partial results meet in one merge. What no layer sees any more is in no segment's items:
a row only ever grows, so what it does not see now it never will.

Segments end where a tile of keys does, counted from the row's first key, and are cut into equal
pieces. How many depends on how many share it, since many pieces of few rows and few pieces of many
keep the device equally busy; so who else is there moves a row's result by rounding, and only where
it shares.

Plain numpy on the host, a fraction of a millisecond for hundreds of rows, to be done when rows
change and not in every step. It does not know what put the same pages into two rows, but trusts
that equal pages before a row's first new token hold keys that it sees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .shape import AttentionShape, Tile

# Fields of an item: page table row, first query token, tokens, position of the first, first key,
# end of keys, its place among the parts of its tokens (-1: write the result itself). With members
# the first token is a place in that list.
FIELDS = 8
# Segments end at multiples of it, so at the end of any tile of keys.
SEGMENT_KEYS = 128
# Keys of the smallest piece, and the most pieces of a row that come from segments.
LEAST_KEYS = 256
MOST_SHARED = 32
# Reads of this many bytes must be saved in a layer before one more launch in it pays.
LEAST_SAVED_BYTES = 32 << 20
# What pieces cost, to choose among their sizes: a tile's key and head on one multiprocessor, a
# piece's beginning and end, a byte of partial results. Measured roughly on an H200.
KEY_SECONDS = 2e-8
PIECE_SECONDS = 3e-6
BYTE_SECONDS = 1 / 3e12

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Keys begin..end, which `members`, int [..], have in the same pages: indices of a step's rows."""

    members: NDArray[np.int64]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """What a plan must fit: processors that items are spread over; the most parts, items and members."""

    shape: AttentionShape
    processors: int
    parts: int
    items: int = 4096
    members: int = 16384


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Items over segments. items: int32 [.., FIELDS]; members: int32 [..], query tokens.

    begins: int32 [rows], the first key of a row's own part. parts: int32 [rows], how many partial
    results each of its tokens has from segments; they come before the row's own.
    """

    tile: Tile
    items: Ints
    members: Ints
    begins: Ints
    parts: Ints

    def of_tokens(self, counts: Ints) -> "Shared":
        """The same for a step in which every token is a row of its own; counts: tokens of the rows so far."""
        if (counts == 1).all():
            return self
        begins, parts = np.repeat(self.begins, counts), np.repeat(self.parts, counts)
        return Shared(self.tile, self.items, self.members, begins, parts)


def find_segments(pages: Ints, known: Ints, page_size: int) -> list[Segment]:
    """Segments of rows whose page lists begin alike, a longer one's beginning before its rest.

    pages: int32 [rows, ..]. known: int32 [rows], how many of a row's pages lie wholly before its
    first new token; what follows them is not looked at.
    """
    count = len(known)
    if not known.any():
        return []
    first = np.where(known > 0, pages[:, 0], -1 - np.arange(count))
    if len(np.unique(first)) == count:
        return []
    width = int(known.max())
    order = np.array(sorted(range(count), key=lambda i: pages[i, : known[i]].tobytes()))
    lines, reach = pages[order, :width], known[order]
    same = lines[1:] == lines[:-1]
    run = np.where(same.all(1), width, same.argmin(1))
    run = np.minimum(run, np.minimum(reach[1:], reach[:-1]))
    return _edges(order, run * page_size // SEGMENT_KEYS * SEGMENT_KEYS)


def _edges(order: NDArray[np.int64], alike: NDArray[np.int64]) -> list[Segment]:
    """The edges of the tree whose leaves are in this order; alike[i] keys are common to leaf i and the next."""
    found: list[Segment] = []
    open_at = [(0, 0)]  # depth, first leaf
    for i, depth in enumerate([*alike.tolist(), 0]):
        left = i
        while open_at[-1][0] > depth:
            end, left = open_at.pop()
            found.append(Segment(order[left : i + 1], max(depth, open_at[-1][0]), end))
        if open_at[-1][0] < depth:
            open_at.append((depth, left))
    return sorted(found, key=lambda s: (s.begin, s.end))


def plan_shared(
    segments: list[Segment],
    counts: Ints,
    rows: Ints,
    limits: ShareLimits,
    oldest: Ints | None = None,
) -> Shared | None:
    """Items that read segments once for all their rows; None where that saves too little to matter.

    counts: int32 [rows], new tokens of each row, packed in this order in the queries. rows: int32
    [rows], their lines of the page table. oldest: int32 [rows], the first key that a new token of the
    row sees in any layer; None: all see all.
    """
    if not segments:
        return None
    shape = limits.shape
    tokens = np.array([counts[s.members].sum() for s in segments])
    tile = shape.tile_for(int(tokens.max()))
    oldest = np.zeros(len(counts), np.int32) if oldest is None else oldest
    kept, levels = _worth(segments, (counts, oldest), tile, limits)
    if not kept:
        return None
    pieces = _pieces(kept, counts, levels, tile, limits)
    shared = _items(kept, pieces, counts, rows, (tile, shape.group))
    fits = (
        int((counts * (shared.parts + 1)).sum()) <= limits.parts
        and len(shared.items) <= limits.items
        and len(shared.members) <= limits.members
    )
    return shared if fits else None


def _worth(
    segments: list[Segment], rows: tuple[Ints, Ints], tile: Tile, limits: ShareLimits
) -> tuple[list[Segment], int]:
    """Segments that save reads, each beginning where its rows' last one ended, and the most of any row.

    One that is too short or shared by too few is left to those below it, which begin earlier then.
    rows: new tokens of each, and the first key that they see, before which nothing begins.
    """
    shape, (counts, oldest) = limits.shape, rows
    tiles = -(-counts // shape.tiles_of(counts)[1])
    ends, levels = oldest // SEGMENT_KEYS * SEGMENT_KEYS, np.zeros(len(counts), np.int64)
    kept: list[Segment] = []
    saved = 0
    for segment in segments:
        members, begin = segment.members, int(ends[segment.members].min())
        apart, keys = int(tiles[members].sum()), segment.end - begin
        together = -(-int(counts[members].sum()) // (tile.rows // shape.group))
        deep = levels[members[0]] >= MOST_SHARED
        if keys < LEAST_KEYS or 5 * together > 3 * apart or deep:
            continue
        kept.append(Segment(members, begin, segment.end))
        ends[members] = np.maximum(ends[members], segment.end)
        levels[members] += 1
        saved += (apart - together) * keys
    return (kept if saved * shape.token_bytes >= LEAST_SAVED_BYTES else []), int(
        levels.max(initial=0)
    )


def _pieces(
    segments: list[Segment], counts: Ints, levels: int, tile: Tile, limits: ShareLimits
) -> NDArray[np.int64]:
    """Keys of the pieces of each segment, int [segments]: the size that keeps processors busy at the least cost."""
    shape = limits.shape
    keys = np.array([s.end - s.begin for s in segments])
    tokens = np.array([int(counts[s.members].sum()) for s in segments])
    tiles = -(-tokens // (tile.rows // shape.group))
    most = np.minimum(keys // LEAST_KEYS, max(1, MOST_SHARED // levels))
    best, least = keys, float("inf")
    for size in (256, 384, 512, 768, 1024, 1536, 2048, 4096, 8192, 1 << 30):
        wanted = np.clip(-(-keys // size), 1, most)
        piece = -(-keys // (wanted * SEGMENT_KEYS)) * SEGMENT_KEYS
        number = -(-keys // piece)
        # Programs take items in turn, longest first: each round lasts as long as its first item.
        order = np.argsort(-piece)
        items = (number * tiles)[order] * shape.kv_heads
        rounds = np.repeat(piece[order], items)[:: limits.processors]
        written = int((number * tokens).sum()) * shape.heads * shape.head_dim * 8
        cost = rounds.sum() * KEY_SECONDS + len(rounds) * PIECE_SECONDS + written * BYTE_SECONDS
        if cost < least:
            best, least = piece, float(cost)
    return best


def _items(
    segments: list[Segment],
    pieces: NDArray[np.int64],
    counts: Ints,
    rows: Ints,
    packing: tuple[Tile, int],
) -> Shared:
    """Items of all segments, longest first. packing: the tile, and how many heads of a token share a kv head."""
    tile, group = packing
    tile_tokens = tile.rows // group
    starts = np.cumsum(counts) - counts
    begins, parts = (np.zeros(len(counts), np.int32) for _ in "ab")
    fields: list[Ints] = []
    members: list[NDArray[np.int64]] = []
    listed = 0
    for segment, piece in zip(segments, pieces.tolist(), strict=True):
        own = segment.members
        tokens = np.repeat(starts[own], counts[own]) + _ramps(counts[own])
        first = np.arange(0, len(tokens), tile_tokens)
        begin = np.arange(segment.begin, segment.end, piece)
        block = np.zeros((len(begin), len(first), FIELDS), np.int32)
        block[..., 0] = rows[own[0]]
        block[..., 1] = listed + first
        block[..., 2] = np.minimum(len(tokens) - first, tile_tokens)
        block[..., 4] = begin[:, None]
        block[..., 5] = np.minimum(begin + piece, segment.end)[:, None]
        block[..., 6] = int(parts[own[0]]) + np.arange(len(begin))[:, None]
        fields.append(block.reshape(-1, FIELDS))
        members.append(tokens)
        listed += len(tokens)
        begins[own] = segment.end
        parts[own] += len(begin)
    items = np.concatenate(fields)
    order = np.argsort(items[:, 4] - items[:, 5], kind="stable")
    return Shared(tile, items[order], np.concatenate(members).astype(np.int32), begins, parts)


def _ramps(counts: Ints) -> NDArray[np.int64]:
    """0, 1, .., count - 1 for each count."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
