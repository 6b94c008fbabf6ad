"""The tables for masks on one device, all places free, with a vocabulary's bytes in two orders.

    tables = allocate_tables(device, vocabulary, (edges, actions, returns, slots, rows, bank_rows))

Slow: some tenths of a second to sort 128,000 tokens, once per engine. It refuses to know grammars.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from ...kernels.cpu.masks.trie import sort_tokens
from ...kernels.launch import power_of_two
from ...kernels.masks.find import ACTION, FRAMES, FREE, NONE, MaskTables
from ...kernels.masks.given import TokenBytes, mask_of_ends
from ...kernels.masks.layout import LANES


def allocate_tables(
    device: torch.device, vocabulary: TokenBytes, sizes: tuple[int, int, int, int, int, int]
) -> MaskTables:
    """Empty tables. sizes: entries of edges, actions and returns; grammars; rows with the padding one; shared masks."""
    edges, actions, returns, slots, rows, bank_rows = sizes
    ends = mask_of_ends(vocabulary)
    lanes, blocks, ranks = lay_lanes(vocabulary)
    keys = power_of_two(max(64, 4 * (bank_rows + rows)))

    def integers(*shape: int, value: int = 0, dtype: torch.dtype = torch.int32) -> torch.Tensor:
        return torch.full(shape, value, dtype=dtype, device=device)

    def uploaded(array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, device=device)

    cursor = integers(rows, 3)
    cursor[:, 0] = FREE
    return MaskTables(
        arena=integers(edges),
        actions=integers(max(1, actions), ACTION, dtype=torch.int64),
        returns=integers(returns + 8),
        classes=torch.zeros((slots, 256), dtype=torch.uint8, device=device),
        serials=integers(slots),
        cursor=cursor,
        frames=integers(rows, FRAMES),
        registers=integers(rows, FRAMES + 1, dtype=torch.int64),
        keys=integers(keys, dtype=torch.int64),
        bank_of=integers(keys, value=NONE),
        bank=integers(bank_rows + rows, len(ends)),
        used=integers(1),
        flat=uploaded(np.append(vocabulary.flat, np.uint8(0))),
        offsets=uploaded(np.asarray(vocabulary.offsets, np.int32)),
        ends=uploaded(ends.view(np.int32)),
        lanes=uploaded(lanes),
        blocks=uploaded(blocks),
        ranks=uploaded(ranks),
        draft=integers(rows, len(blocks) * LANES // 32),
        longest=int(np.diff(vocabulary.offsets).max()),
    )


def lay_lanes(
    vocabulary: TokenBytes,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """`lanes`, `blocks` and `ranks` of MaskTables: tokens of one length side by side, in the order of their bytes."""
    flat, offsets, order = sort_tokens(vocabulary.flat, vocabulary.offsets)
    lengths = np.diff(offsets)
    ranks = np.full(vocabulary.size, -1, np.int32)
    blocks: list[tuple[int, int]] = []
    parts: list[NDArray[np.int32]] = []
    begin = 0
    for length in np.unique(lengths).tolist():
        chosen = np.flatnonzero(lengths == length)
        ranks[order[chosen]] = len(blocks) * LANES + np.arange(len(chosen))
        count, words = -(-len(chosen) // LANES), -(-length // 4)
        spelled = np.zeros((count * LANES, words * 4), np.uint8)
        spelled[: len(chosen), :length] = flat[offsets[chosen][:, None] + np.arange(length)]
        side_by_side = spelled.view("<i4").reshape(count, LANES, words).transpose(0, 2, 1)
        parts.append(side_by_side.reshape(-1).astype(np.int32))
        blocks += [(begin + i * words * LANES, length) for i in range(count)]
        begin += count * words * LANES
    return np.concatenate(parts), np.array(blocks, np.int32), ranks
