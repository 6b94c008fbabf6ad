"""Masks made by walking the whole vocabulary through a grammar, on the device. See mask_tables.

    walk(tables, rows, masks, missing)       # the masks that `claim_masks` found missing

First every token walks, one lane each, side by side with others of its length, in the order of their bytes: no lane
waits for a longer one, neighbours read the same table entries, and where a state allows few first bytes whole blocks
stop at once. Four bytes are one number, and are walked without looking whether all went well: at first as if every
entry were plain, three loads a byte; where some was not, once more with the actions that only count; where some lane
met yet another kind, byte by byte, and the block resolves it (mask_step). What once failed is not tried first again
until the program comes to another item. The bits found lie in the order of lanes in `draft`; a second pass brings them
into the order of token ids and adds the tokens that end a text.

Slow: a microsecond or two per mask, nearly all of it in the first pass. It refuses to know which masks are kept.
"""

import torch

from ..launch import multiprocessors, tl, triton
from .layout import LANES
from .step import Walkers, resolve, resolve_reference
from .tables import ACTION, FRAMES, PUSHED, MaskTables

WARPS = 1
RESIDENT = 32  # programs of one multiprocessor
CHUNK = 4  # blocks of lanes that a program takes at once
WORDS = 32


def walk(
    tables: MaskTables, rows: torch.Tensor, masks: torch.Tensor, missing: torch.Tensor
) -> None:
    """Fills the bank rows `masks` (int32 [S]) of the missing ones; `missing` int32 [S + 1], see claim_masks."""
    count, words = rows.shape[0], tables.bank.shape[1]
    blocks = tables.blocks.shape[0]
    programs = min(count * -(-blocks // CHUNK), RESIDENT * multiprocessors(rows.device))
    scratch = (programs, PUSHED, LANES)
    _walk_kernel[(programs,)](
        rows, tables.cursor, missing, tables.arena, tables.actions, tables.returns, tables.classes,
        tables.frames, tables.registers, tables.lanes, tables.blocks, tables.draft,
        torch.empty(scratch, dtype=torch.int32, device=rows.device),
        torch.empty(scratch, dtype=torch.int64, device=rows.device),
        blocks, FRAMES=FRAMES, PUSHED=PUSHED, ACTION=ACTION, LANES=LANES, CHUNK=CHUNK,
        num_warps=WARPS,
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
    frames_ptr, registers_ptr, lanes_ptr, blocks_ptr, draft_ptr, pushed_ptr, kept_ptr, blocks,
    FRAMES: tl.constexpr, PUSHED: tl.constexpr, ACTION: tl.constexpr, LANES: tl.constexpr,
    CHUNK: tl.constexpr,
):  # fmt: skip
    """A fixed set of programs shares the (missing mask, CHUNK blocks of tokens) pairs."""
    lane = tl.arange(0, LANES)
    pushed_ptr += tl.program_id(0) * PUSHED * LANES + lane
    kept_ptr += tl.program_id(0) * PUSHED * LANES + lane
    chunks = tl.cdiv(blocks, CHUNK)
    item = tl.program_id(0)
    total = tl.load(missing_ptr) * chunks
    while item < total:
        i = item // chunks
        row = tl.load(rows_ptr + tl.load(missing_ptr + 1 + i))
        classes = classes_ptr + tl.load(cursor_ptr + row * 3) * 256
        start = tl.load(cursor_ptr + row * 3 + 1)
        depth = tl.load(cursor_ptr + row * 3 + 2)
        began = tl.load(registers_ptr + row * (FRAMES + 1) + depth)
        counting = 0
        block = (item % chunks) * CHUNK
        last = tl.minimum(block + CHUNK, blocks)
        while block < last:
            words = lanes_ptr + tl.load(blocks_ptr + block * 2) + lane
            length = tl.load(blocks_ptr + block * 2 + 1)
            state = tl.zeros([LANES], tl.int32) + start
            base = tl.zeros([LANES], tl.int32) + depth
            level = tl.zeros([LANES], tl.int32)
            register = tl.zeros([LANES], tl.int64) + began
            left = tl.where(start != 0, length, 0)
            while left > 0:
                word = tl.load(words)
                words += LANES
                count = tl.minimum(left, 4)
                left -= count
                lowest = -1
                if counting == 0:
                    after = _plain(word, count, state, classes, arena_ptr)
                    lowest = tl.min(after, 0)
                    state = tl.where(lowest < 0, state, after)
                if lowest < 0:
                    after, counted = _counting(
                        word, count, state, register, base + level, classes, arena_ptr, actions_ptr,
                        FRAMES, ACTION,
                    )  # fmt: skip
                    lowest = tl.min(after, 0)
                    state = tl.where(lowest < 0, state, after)
                    register = tl.where(lowest < 0, register, counted)
                    counting = tl.where(lowest < 0, counting, 1)
                while (lowest < 0) & (count > 0):
                    alive = state != 0
                    column = tl.load(classes + (word & 255), mask=alive, other=0).to(tl.int32)
                    entry = tl.load(arena_ptr + state + 2 + column, mask=alive, other=0)
                    state = tl.where(entry >= 0, entry, state)
                    word >>= 8
                    count -= 1
                    if tl.min(entry, 0) < 0:
                        state, register, base, level = resolve(
                            entry, entry < 0, column, state, register, base, level,
                            frames_ptr + row * FRAMES, registers_ptr + row * (FRAMES + 1),
                            pushed_ptr, kept_ptr, arena_ptr, actions_ptr, returns_ptr, LANES, 0,
                            FRAMES, PUSHED, ACTION,
                        )  # fmt: skip
                left = tl.where(tl.max(state, 0) == 0, 0, left)
            bits = tl.reshape((state != 0).to(tl.int32), (LANES // 32, 32))
            bits = tl.sum(bits << tl.arange(0, 32)[None, :], 1)
            word_at = (i * blocks + block) * (LANES // 32) + tl.arange(0, LANES // 32)
            tl.store(draft_ptr + word_at, bits)
            block += 1
        item += tl.num_programs(0)


@triton.jit
def _plain(word, count, state, classes, arena_ptr):
    """The states after `count` bytes of a word, the lowest first; below 0 where a lane met an entry below 0."""
    for k in tl.static_range(4):
        goes = (state > 0) & (k < count)
        column = tl.load(classes + ((word >> (8 * k)) & 255), mask=goes, other=0).to(tl.int32)
        entry = tl.load(arena_ptr + state + 2 + column, mask=goes, other=0)
        state = tl.where(goes, entry, state)
    return state


@triton.jit
def _counting(
    word, count, state, register, depth, classes, arena_ptr, actions_ptr, FRAMES: tl.constexpr,
    ACTION: tl.constexpr,
):  # fmt: skip
    """As _plain, with actions that do nothing but count, which change the register: it is given as well."""
    for k in range(0, count):
        goes = state > 0
        column = tl.load(classes + ((word >> (8 * k)) & 255), mask=goes, other=0).to(tl.int32)
        entry = tl.load(arena_ptr + state + 2 + column, mask=goes, other=0)
        acts = goes & (entry < -1)
        action = actions_ptr + tl.where(acts, -2 - entry, 0).to(tl.int64) * ACTION
        bits = tl.load(action, mask=acts, other=0) | tl.load(action + 1, mask=acts, other=0)
        limit = tl.load(action + 3, mask=acts, other=0)
        raised = register + (limit != 0).to(tl.int64)
        away = ((limit != 0) & (raised == limit)).to(tl.int64)
        go = tl.load(action + 4 + away, mask=acts, other=0).to(tl.int32)
        push = tl.load(action + 6 + away, mask=acts, other=0)
        need = tl.load(action + 8 + away, mask=acts, other=0).to(tl.int32)
        bits |= tl.load(action + 2, mask=acts, other=0) | push
        counts = acts & (bits == 0) & (go >= 0) & (depth + need <= FRAMES)
        ended = tl.load(arena_ptr + go, mask=counts & (go > 0), other=0) < 0
        counts = counts & ~(ended & (depth > 0))
        register = tl.where(counts, raised, register)
        state = tl.where(goes, tl.where(counts, go, entry), state)
    return state, register


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
