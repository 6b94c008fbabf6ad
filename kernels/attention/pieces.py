"""Into how many pieces the keys of a row are cut: pure arithmetic, the same on the host and on the device.

    keys = piece_keys(counts, lengths, spread_of(rows, kv_heads))   # of each piece of each row
    pieces = count_pieces(lengths, keys)

Borders depend only on the row's own length and count and on how many rows and, for more than a few
tokens of a row, how many tokens and tiles there are: so a row's result is the same whoever else
decodes. It knows nothing of items.
"""

import numpy as np
from numpy.typing import NDArray

from ..launch import power_of_two
from .share import MOST_SHARED

Ints = NDArray[np.int32]

# Keys of the smallest piece of a row's own, and the most pieces of a row.
PIECE_KEYS = 256
MOST_PIECES = 64
# The most partial results of a row from its own keys, over all its tokens; or of all tokens of a step
# where that is more: a chunk of a few tiles behind a long context would keep few processors busy.
MOST_PARTS = 128
STEP_PARTS = 2048
# Half of these for a row of so many tokens, whose tiles are busy processors already.
FULL_TOKENS = 256
# Pieces that keep a device busy, over all rows and kv heads: rows that are fewer are cut finer, down
# to the smallest piece, which doubles so often before a piece is large enough for any number of rows.
SPREAD = 512
COARSER = 2
# Rows of so many tokens fill a larger tile, which computes longer on a piece: where so many tiles of up
# to so many tokens keep a device busy, it may double more often before what it costs to write partial
# results and merge them is small beside that.
MANY_TOKENS = 8
TILE_TOKENS = 32
MANY_TILES = 32
MUCH_COARSER = 4


def piece_keys(counts: Ints, lengths: Ints, spread: int, shared: Ints | int = 0) -> Ints:
    """Keys in each piece of a row, from its own count of new tokens and length, and from all counts. int32 [n].

    spread: pieces that are wanted of each row, see spread_of. shared: pieces that it has before
    these keys.
    """
    least = np.full(lengths.shape, PIECE_KEYS)
    many = counts >= MANY_TOKENS
    many &= (-(-counts[many] // TILE_TOKENS)).sum() >= MANY_TILES
    for doubling in range(MUCH_COARSER):
        doubles = many | (doubling < COARSER)
        least = np.where(doubles & (lengths > least * spread), least * 2, least)
    of_all = STEP_PARTS // power_of_two(max(int(counts.sum()), 1)) // (1 + (counts >= FULL_TOKENS))
    most = np.maximum(MOST_PARTS // np.maximum(counts, 1), of_all)
    most = np.clip(most, 1, MOST_PIECES - shared)
    wanted = np.maximum(-(-lengths // (least * most)), 1)
    return (least << np.frexp(wanted - 1)[1]).astype(np.int32)


def count_pieces(lengths: Ints, keys: Ints) -> Ints:
    """Pieces of so many keys in each of these lengths; a rest of up to a quarter belongs to the last."""
    return np.maximum((lengths + keys // 4 * 3 - 1) // keys, 1)


def spread_of(rows: int, kv_heads: int) -> int:
    """Pieces wanted of each of so many rows."""
    return max(1, -(-SPREAD // (rows * kv_heads)))


def doublings(context: int) -> int:
    """How often the smallest piece must be doubled for the longest row, if others took half of the pieces."""
    return (context // (PIECE_KEYS * (MOST_PIECES - MOST_SHARED))).bit_length()
