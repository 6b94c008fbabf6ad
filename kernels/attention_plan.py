"""What a step's attention has to do, as one list of work items in device memory.

    space = AttentionSpace.create(shape, rows=256, context=131072, device=device)       # once
    plan = plan_decode(lengths, rows, page_table, space)         # every row computes one token; device only
    plan = plan_ragged(counts, lengths, rows, page_table, space)  # any mix; from the host's integers
    out = paged_attention(q, k_pool, v_pool, plan, scale)          # in every layer

An item is (query tokens of one row, a range of that row's keys, one kv head); the list holds the first two, each is done for
every head. Query tokens times the heads that share a kv head fill the rows of a matrix tile: 16 for a token or a few,
128 for longer chunks. Long contexts are split into pieces whose borders depend only on the row's own length and count, so
that a row's result is the same whoever else is in the batch; partial results are merged afterwards.

plan_decode runs on the device with fixed addresses and grids: a CUDA graph may capture it, and the host waits for
nothing. plan_ragged is numpy on the host and one copy. It knows nothing of requests; pages of a row are in page_table.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .attention_gather import GatherPlan, plan_gather
from .attention_shape import AttentionShape, Tile
from .launch import power_of_two, tl, triton, uses_triton
from .merge_attention import Parts

# Keys of the smallest piece, the most pieces of a row, and the most partial results of a row.
PIECE_KEYS = 256
MOST_PIECES = 64
MOST_PARTS = 256
# Fields of an item: page table row, first query token, tokens, position of the first, first key, end of keys,
# part of the first token (-1: write the result itself), parts from one token to the next.
FIELDS = 8

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class WorkList:
    """Items for one tile. items: int32 [most or more, 8]; count: int32 [1], how many there are; most: its bound."""

    items: torch.Tensor
    count: torch.Tensor
    most: int
    tile: Tile


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """The plan of a step for the GPU: work lists, the rows' pages, where partial results go (None: there are none)."""

    lists: tuple[WorkList, ...]
    page_table: torch.Tensor
    parts: Parts | None
    tokens: int


AttentionPlan = ItemPlan | GatherPlan


@dataclass(frozen=True, slots=True)
class AttentionSpace:
    """Device memory of fixed addresses for the plans of one engine, shared by all layers.

    items: int32 [.., 8]; count: int32 [1]; values: float32 [parts, heads, dim]; weights: float32 [parts, heads].
    """

    shape: AttentionShape
    pieces: int
    items: torch.Tensor
    count: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor

    @classmethod
    def create(
        cls, shape: AttentionShape, rows: int, context: int, device: torch.device | str
    ) -> "AttentionSpace":
        """Space for decode steps of up to `rows` rows of up to `context` tokens each."""
        pieces = min(MOST_PIECES, -(-context // PIECE_KEYS))
        # The CPU path gathers and needs none of it; the test device is whatever uses_triton says.
        parts = rows * pieces if uses_triton(torch.empty(0, device=device)) else 0
        return cls(
            shape,
            pieces,
            torch.zeros((parts, FIELDS), dtype=torch.int32, device=device),
            torch.zeros(1, dtype=torch.int32, device=device),
            torch.zeros((parts, shape.heads, shape.head_dim), device=device),
            torch.zeros((parts, shape.heads), device=device),
        )


def piece_keys(counts: Ints, lengths: Ints) -> Ints:
    """Keys in each piece of a row, from its own count of new tokens and its length alone. int32 [n]."""
    most = np.clip(MOST_PARTS // np.maximum(counts, 1), 1, MOST_PIECES)
    wanted = np.maximum(-(-lengths // (PIECE_KEYS * most)), 1)
    return (PIECE_KEYS << np.ceil(np.log2(wanted)).astype(np.int32)).astype(np.int32)
