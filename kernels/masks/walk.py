"""Masks made by walking the whole vocabulary through a grammar, on the device. See mask_tables.

    walk(tables, rows, masks, missing)       # the masks that `claim_masks` found missing

First every token walks, one lane each, in the order of their bytes: lanes side by side then read the same table
entries, and where a state allows few first bytes whole blocks stop at once. Entries above 0 are plain and cost three
loads; where any lane of a block meets another kind, the block resolves it (mask_step). The bits found lie in that order
in `draft`; a second pass brings them into the order of token ids and adds the tokens that end a text.

Slow: a microsecond or two per mask, nearly all of it in the first pass. It refuses to know which masks are kept.
"""

import torch

from ..launch import multiprocessors, tl, triton
from .step import Walkers, resolve, resolve_reference
from .tables import ACTION, FRAMES, PUSHED, MaskTables

LANES = 64
WARPS = 1
RESIDENT = 32  # programs of one multiprocessor
WORDS = 32


def walk(
    tables: MaskTables, rows: torch.Tensor, masks: torch.Tensor, missing: torch.Tensor
) -> None:
    """Fills the bank rows `masks` (int32 [S]) of the missing ones; `missing` int32 [S + 1], see claim_masks."""
    count, words = rows.shape[0], tables.bank.shape[1]
    blocks = tables.draft.shape[1] * 32 // LANES
    programs = min(count * blocks, RESIDENT * multiprocessors(rows.device))
    scratch = (programs, PUSHED, LANES)
    _walk_kernel[(programs,)](
        rows, tables.cursor, missing, tables.arena, tables.actions, tables.returns, tables.classes,
        tables.frames, tables.registers, tables.sorted_flat, tables.sorted_offsets, tables.draft,
        torch.empty(scratch, dtype=torch.int32, device=rows.device),
        torch.empty(scratch, dtype=torch.int64, device=rows.device),
        blocks, tables.sorted_offsets.shape[0] - 1,
        FRAMES=FRAMES, PUSHED=PUSHED, ACTION=ACTION, LANES=LANES, num_warps=WARPS,
    )  # fmt: skip
    programs = min(count * -(-words // WORDS), 16 * multiprocessors(rows.device))
    _order_kernel[(programs,)](
        rows, tables.cursor, masks, missing, tables.arena, tables.returns, tables.frames,
        tables.ranks, tables.draft, tables.ends, tables.bank, words, tables.draft.shape[1],
        tables.size, FRAMES=FRAMES, WORDS=WORDS, num_warps=4,
    )  # fmt: skip


@triton.jit
def _walk_kernel(
    rows_ptr, cursor_ptr, missing_ptr, arena_ptr, actions_ptr, returns_ptr, classes_ptr,
    frames_ptr, registers_ptr, flat_ptr, offsets_ptr, draft_ptr, pushed_ptr, kept_ptr, blocks,
    tokens, FRAMES: tl.constexpr, PUSHED: tl.constexpr, ACTION: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    """A fixed set of programs shares the (missing mask, block of tokens) pairs."""
    lane = tl.arange(0, LANES)
    pushed_ptr += tl.program_id(0) * PUSHED * LANES + lane
    kept_ptr += tl.program_id(0) * PUSHED * LANES + lane
    item = tl.program_id(0)
    total = tl.load(missing_ptr) * blocks
    while item < total:
        i = item // blocks
        row = tl.load(rows_ptr + tl.load(missing_ptr + 1 + i))
        classes = classes_ptr + tl.load(cursor_ptr + row * 3) * 256
        start = tl.load(cursor_ptr + row * 3 + 1)
        depth = tl.load(cursor_ptr + row * 3 + 2)
        token = (item % blocks) * LANES + lane
        real = token < tokens
        at = tl.load(offsets_ptr + token, mask=real, other=0)
        end = tl.load(offsets_ptr + token + 1, mask=real, other=0)
        state = tl.where(real, start, 0)
        base = tl.zeros_like(state) + depth
        level = tl.zeros_like(state)
        register = tl.load(registers_ptr + row * (FRAMES + 1) + depth + tl.zeros_like(level))
        walking = state != 0
        # 2: some lane met an entry that is not plain; 1: none did, but some go on. One reduction for each byte.
        kind = tl.max(walking.to(tl.int32), 0)
        while kind > 0:
            byte = tl.load(flat_ptr + at, mask=walking, other=0).to(tl.int32)
            column = tl.load(classes + byte, mask=walking, other=0).to(tl.int32)
            entry = tl.load(arena_ptr + state + 2 + column, mask=walking, other=0)
            special = walking & (entry < 0)
            state = tl.where(walking & (entry >= 0), entry, state)
            at += 1
            walking = walking & (at < end)
            onward = (walking & (state != 0)).to(tl.int32)
            kind = tl.max(tl.where(special, 2, onward), 0)
            if kind == 2:
                state, register, base, level = resolve(
                    entry, special, column, state, register, base, level,
                    frames_ptr + row * FRAMES, registers_ptr + row * (FRAMES + 1), pushed_ptr,
                    kept_ptr, arena_ptr, actions_ptr, returns_ptr, LANES, 0, FRAMES, PUSHED, ACTION,
                )  # fmt: skip
                kind = tl.max((walking & (state != 0)).to(tl.int32), 0)
            walking = walking & (state != 0)
        bits = tl.reshape((state != 0).to(tl.int32), (LANES // 32, 32))
        bits = tl.sum(bits << tl.arange(0, 32)[None, :], 1)
        word = (item % blocks) * (LANES // 32) + tl.arange(0, LANES // 32)
        tl.store(draft_ptr + i * blocks * (LANES // 32) + word, bits)
        item += tl.num_programs(0)


@triton.jit
def _order_kernel(
    rows_ptr, cursor_ptr, masks_ptr, missing_ptr, arena_ptr, returns_ptr, frames_ptr, ranks_ptr,
    draft_ptr, ends_ptr, bank_ptr, words, stride, tokens, FRAMES: tl.constexpr,
    WORDS: tl.constexpr,
):  # fmt: skip
    """A fixed set of programs shares the (missing mask, block of words) pairs."""
    blocks = tl.cdiv(words, WORDS)
    item = tl.program_id(0)
    total = tl.load(missing_ptr) * blocks
    while item < total:
        i = tl.load(missing_ptr + 1 + item // blocks)
        row = tl.load(rows_ptr + i)
        code = tl.load(arena_ptr + tl.load(cursor_ptr + row * 3 + 1))
        depth = tl.load(cursor_ptr + row * 3 + 2)
        while (code != 0) & (depth > 0):
            depth -= 1
            push = tl.load(frames_ptr + row * FRAMES + depth)
            code = tl.load(arena_ptr + tl.load(returns_ptr + push + tl.abs(code) - 1))
        word = (item % blocks) * WORDS + tl.arange(0, WORDS)
        token = word[:, None] * 32 + tl.arange(0, 32)[None, :]
        rank = tl.load(ranks_ptr + token, mask=token < tokens, other=-1)
        place = draft_ptr + (item // blocks) * stride + (rank >> 5)
        found = tl.load(place, mask=rank >= 0, other=0) >> (rank & 31)
        bits = tl.sum((found & 1) << tl.arange(0, 32)[None, :], 1)
        in_row = word < words
        ends = tl.load(ends_ptr + word, mask=in_row, other=0)
        bits = (bits & ~ends) | tl.where(code != 0, ends, 0)
        bank_row = bank_ptr + tl.load(masks_ptr + i).to(tl.int64) * words
        tl.store(bank_row + word, bits, mask=in_row)
        item += tl.num_programs(0)


# -- in torch ----------------------------------------------------------------------------------------------------------


def walk_reference(tables: MaskTables, row: int) -> torch.Tensor:
    """The mask of one row's place, int32 [W]: all tokens walk at once, dead and finished ones drop out."""
    words = tables.bank.shape[1]
    grammar, address, depth = tables.cursor[row].tolist()
    allowed = torch.zeros(words * 32, dtype=torch.bool, device=tables.arena.device)
    begin, end = tables.offsets[:-1].long(), tables.offsets[1:].long()
    tokens = ((end > begin) & (address != 0)).nonzero()[:, 0]
    at, last = begin[tokens], end[tokens] - 1
    classes = tables.classes[grammar].long()
    state = torch.full_like(at, address)
    lanes: Walkers | None = None  # made once a lane needs more than a state
    while len(tokens):
        column = classes[tables.flat[at].long()]
        entry = tables.arena[state + 2 + column].long()
        special = (entry < 0).nonzero()[:, 0]
        if len(special) and lanes is None:
            lanes = Walkers.at(tables, torch.full_like(at, row))
        if lanes is not None:
            lanes.state = torch.where(entry >= 0, entry, state)
            if len(special):
                part = lanes.keep(special)
                resolve_reference(tables, part, entry[special], column[special])
                lanes.put(special, part)
            entry = lanes.state
        allowed[tokens[(at == last) & (entry != 0)]] = True
        onward = ((at < last) & (entry != 0)).nonzero()[:, 0]
        tokens, at, last, state = tokens[onward], at[onward] + 1, last[onward], entry[onward]
        lanes = lanes.keep(onward) if lanes is not None else None
    bits = torch.arange(32, device=allowed.device)
    packed = (allowed.view(words, 32).long() << bits).sum(1).int()
    ends = tables.ends if may_end(tables, row) else torch.zeros_like(tables.ends)
    return packed & ~tables.ends | ends


def may_end(tables: MaskTables, row: int) -> bool:
    """Whether a row's text may end where it is."""
    _, address, depth = tables.cursor[row].tolist()
    code = int(tables.arena[address])
    while code and depth:
        depth -= 1
        push = int(tables.frames[row, depth])
        code = int(tables.arena[tables.returns[push + abs(code) - 1]])
    return code != 0
