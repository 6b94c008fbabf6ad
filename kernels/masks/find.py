"""Token masks of grammars: made, cached and advanced on the device.

    masks = find_masks(tables, rows)          # int32 [S]: the bank row of each row's mask, -1 where all is allowed
    advance(tables, rows, tokens)             # each grammar moves over the token that was sampled

A grammar is a pushdown automaton over bytes with a register per frame, see mask_tables. A token is allowed where all
its bytes lead somewhere:

    allowed(p, t) = length(t) > 0  and  step(... step(step(p, t[0]), t[1]) ...) is a place
    allowed(p, end of text) = the text may end at p

A mask is W = ceil(V / 32) words, bit t % 32 of word t // 32. It is made once per place by walking the whole vocabulary
(mask_walk), kept in the bank, and found again by a key (mask_claim). Rows of one step in the same place share one walk.
When the bank is full a row uses a place of its own behind it. Nothing here waits for the host and all shapes are fixed,
so it can be captured in a graph.

What is slow: the walk. It refuses to know where grammars come from and when the bank is emptied.
"""

import torch

from ..launch import tl, triton, uses_triton
from .claim import claim_masks, claim_masks_reference
from .step import Walkers, resolve, resolve_reference
from .tables import ACTION, FRAMES, FREE, HOSTED, NONE, PUSHED, MaskTables, forget_masks
from .walk import walk, walk_reference

__all__ = [
    "ACTION", "FRAMES", "FREE", "HOSTED", "NONE", "MaskTables", "advance", "advance_reference",
    "find_masks", "find_masks_reference", "forget_masks",
]  # fmt: skip

ADVANCE_ROWS = 32


def find_masks(tables: MaskTables, rows: torch.Tensor) -> torch.Tensor:
    """The bank row of the mask of each of `rows` (int64 [S]): int32 [S], -1 for an unconstrained row.

    Masks that are not in the bank are made. Rows may repeat only where unconstrained.
    """
    if not uses_triton(rows):
        return _find_on_cpu(tables, rows)
    masks, missing = claim_masks(tables, rows)
    walk(tables, rows, masks, missing)
    return masks


def _find_on_cpu(tables: MaskTables, rows: torch.Tensor) -> torch.Tensor:
    native = None if tables.native is None else tables.native.rows
    if native is None:
        return find_masks_reference(tables, rows)
    masks = torch.empty(rows.shape[0], dtype=torch.int32)
    native.find(rows, masks)
    return masks


def find_masks_reference(tables: MaskTables, rows: torch.Tensor) -> torch.Tensor:
    """As find_masks, in torch; one walk of the vocabulary per place that has no mask."""
    masks, missing = claim_masks_reference(tables, rows)
    for i in missing.tolist():
        tables.bank[masks[i]] = walk_reference(tables, int(rows[i]))
    return masks


def advance(tables: MaskTables, rows: torch.Tensor, tokens: torch.Tensor) -> None:
    """Moves the grammars of `rows` (int64 [S]) over one token each (int32 [S]), in place.

    The end of text leaves a grammar where it is; a token that its grammar does not allow leaves it dead (address 0).
    Rows that the host moves stay as they are.
    """
    if not uses_triton(rows):
        native = None if tables.native is None else tables.native.rows
        if native is not None:
            return native.advance(rows, tokens)
        return advance_reference(tables, rows, tokens)
    count = rows.shape[0]
    _advance_kernel[(-(-count // ADVANCE_ROWS),)](
        rows, tokens, tables.cursor, tables.arena, tables.actions, tables.returns, tables.classes,
        tables.frames, tables.registers, tables.flat, tables.offsets, tables.ends, tables.size,
        count, FRAMES=FRAMES, PUSHED=PUSHED, ACTION=ACTION, BLOCK=ADVANCE_ROWS, num_warps=1,
    )  # fmt: skip


def advance_reference(tables: MaskTables, rows: torch.Tensor, tokens: torch.Tensor) -> None:
    """As advance, in torch; as many rounds as the longest token has bytes."""
    token = tokens.long()
    known = token.clamp(max=tables.size - 1)
    ends = (tables.ends[known // 32] >> (known % 32) & 1).bool() & (token < tables.size)
    moves = ((tables.cursor[rows, 0] >= 0) & ~ends).nonzero()[:, 0]
    rows, token, known = rows[moves], token[moves], known[moves]
    grammar = tables.cursor[rows, 0].long()
    at = tables.offsets[known].long()
    length = torch.where(token < tables.size, tables.offsets[known + 1].long() - at, 0)
    lanes = Walkers.at(tables, rows)
    lanes.state = torch.where(length > 0, lanes.state, 0)
    for j in range(int(length.max()) if len(length) else 0):
        walking = ((j < length) & (lanes.state != 0)).nonzero()[:, 0]
        part = lanes.keep(walking)
        column = tables.classes[grammar[walking], tables.flat[at[walking] + j].long()].long()
        entry = tables.arena[part.state + 2 + column].long()
        part.state = torch.where(entry >= 0, entry, part.state)
        special = (entry < 0).nonzero()[:, 0]
        inner = part.keep(special)
        resolve_reference(tables, inner, entry[special], column[special])
        part.put(special, inner)
        lanes.put(walking, part)
    _settle_rows(tables, rows, lanes)


def _settle_rows(tables: MaskTables, rows: torch.Tensor, lanes: Walkers) -> None:
    """Writes where the lanes have come to into their rows."""
    depth = lanes.base + lanes.level
    for level in range(int(lanes.level.max()) if len(rows) else 0):
        pushing = (level < lanes.level).nonzero()[:, 0]
        place = lanes.base[pushing] + level
        tables.frames[rows[pushing], place] = lanes.pushed[lanes.slot[pushing], level].int()
        tables.registers[rows[pushing], place] = lanes.kept[lanes.slot[pushing], level]
    tables.registers[rows, depth] = lanes.register
    tables.cursor[rows, 1] = lanes.state.int()
    tables.cursor[rows, 2] = depth.int()


@triton.jit
def _advance_kernel(
    rows_ptr, tokens_ptr, cursor_ptr, arena_ptr, actions_ptr, returns_ptr, classes_ptr, frames_ptr,
    registers_ptr, flat_ptr, offsets_ptr, ends_ptr, size, count, FRAMES: tl.constexpr,
    PUSHED: tl.constexpr, ACTION: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    lane = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = lane < count
    row = tl.load(rows_ptr + lane, mask=inside, other=0)
    token = tl.load(tokens_ptr + lane, mask=inside, other=0)
    grammar = tl.load(cursor_ptr + row * 3, mask=inside, other=-1)
    known = inside & (token < size)
    ends = (tl.load(ends_ptr + (token >> 5), mask=known, other=0) >> (token & 31)) & 1
    moves = inside & (grammar >= 0) & (ends == 0)
    at = tl.load(offsets_ptr + token, mask=known & moves, other=0)
    end = tl.load(offsets_ptr + token + 1, mask=known & moves, other=0)
    state = tl.load(cursor_ptr + row * 3 + 1, mask=moves, other=0)
    base = tl.load(cursor_ptr + row * 3 + 2, mask=moves, other=0)
    level = tl.zeros_like(base)
    frames_ptr += row * FRAMES
    registers_ptr += row * (FRAMES + 1)
    register = tl.load(registers_ptr + base, mask=moves, other=0)
    state = tl.where(at < end, state, 0)
    walking = (at < end) & (state != 0)
    while tl.max(walking.to(tl.int32), 0) > 0:
        byte = tl.load(flat_ptr + at, mask=walking, other=0).to(tl.int32)
        column = tl.load(classes_ptr + grammar * 256 + byte, mask=walking, other=0).to(tl.int32)
        entry = tl.load(arena_ptr + state + 2 + column, mask=walking, other=0)
        special = walking & (entry < 0)
        state = tl.where(walking & (entry >= 0), entry, state)
        if tl.max(special.to(tl.int32), 0) > 0:
            state, register, base, level = resolve(
                entry, special, column, state, register, base, level, frames_ptr, registers_ptr,
                frames_ptr, registers_ptr, arena_ptr, actions_ptr, returns_ptr, 1, 1, FRAMES,
                PUSHED, ACTION,
            )  # fmt: skip
        at += 1
        walking = walking & (at < end) & (state != 0)
    tl.store(registers_ptr + base + level, register, mask=moves)
    tl.store(cursor_ptr + row * 3 + 1, state, mask=moves)
    tl.store(cursor_ptr + row * 3 + 2, base + level, mask=moves)
