"""Token masks of grammars: made, cached and advanced on the device.

    masks = find_masks(tables, rows)          # int32 [S]: the bank row of each row's mask, -1 where all is allowed
    advance(tables, rows, tokens)             # each grammar moves over the token that was sampled

A grammar is a byte automaton in one int32 arena. Placed at offset o, its state s is the ADDRESS a = o + s * (1 + C):
arena[a] says whether s accepts, arena[a + 1 + classes[byte]] is the address of the next state, 0 where there is none.
A token is allowed in state a when all its bytes lead somewhere:

    allowed(a, t) = length(t) > 0  and  step(... step(step(a, t[0]), t[1]) ...) != 0
    allowed(a, end of text) = arena[a]

A mask is W = ceil(V / 32) words, bit t % 32 of word t // 32. It is made once per state by walking the whole vocabulary,
kept in the bank, and found again through `bank_of[address]`. Rows of one step in the same state share one walk. When
the bank is full a row uses a place of its own behind it. Nothing here waits for the host and all shapes are fixed, so
it can be captured in a graph.

What is slow: the walk, a few hundred bytes of table read per token. It refuses to know where grammars come from and
when the bank is emptied.
"""

from dataclasses import dataclass

import torch

from .launch import multiprocessors, power_of_two, tl, triton, uses_triton

NONE = 2**30
CLAIM = 2**29
WORDS = 32
ADVANCE_ROWS = 32


@dataclass(frozen=True, slots=True)
class MaskTables:
    """What lies on the device for masks, R rows (the last is padding), G grammars.

    arena: int32 [A], places of states. bank_of: int32 [A], bank row of the mask of the state at this address, NONE
    if none. classes: uint8 [G, 256]. cursor: int32 [R, 2], each row's (grammar, address), grammar -1: unconstrained.
    bank: int32 [B + R, W]; used: int32 [1], how many of the first B rows are taken.
    flat: uint8 [N], offsets: int32 [V + 1], the tokens' bytes; special tokens have none. ends: int32 [W], mask of the
    tokens that end a text.
    """

    arena: torch.Tensor
    bank_of: torch.Tensor
    classes: torch.Tensor
    cursor: torch.Tensor
    bank: torch.Tensor
    used: torch.Tensor
    flat: torch.Tensor
    offsets: torch.Tensor
    ends: torch.Tensor

    @property
    def bank_rows(self) -> int:
        """Rows of the bank that are shared, without the private ones."""
        return self.bank.shape[0] - self.cursor.shape[0]


# -- finding -----------------------------------------------------------------------------------------------------------


def find_masks(tables: MaskTables, rows: torch.Tensor) -> torch.Tensor:
    """The bank row of the mask of each of `rows` (int64 [S]): int32 [S], -1 for an unconstrained row.

    Masks that are not in the bank are made. Rows may repeat only where unconstrained.
    """
    if not uses_triton(rows):
        return find_masks_reference(tables, rows)
    count = rows.shape[0]
    masks = torch.empty(count, dtype=torch.int32, device=rows.device)
    missing = torch.empty(count + 1, dtype=torch.int32, device=rows.device)
    block = power_of_two(count)
    _claim_kernel[(1,)](
        rows, tables.cursor, tables.bank_of, tables.used, masks, missing, count, tables.bank_rows,
        NONE=NONE, CLAIM=CLAIM, BLOCK=block, num_warps=max(1, min(16, block // 64)),
    )  # fmt: skip
    words = tables.bank.shape[1]
    programs = min(count * -(-words // WORDS), 16 * multiprocessors(rows.device))
    _fill_kernel[(programs,)](
        rows, tables.cursor, masks, missing, tables.arena, tables.classes, tables.flat,
        tables.offsets, tables.ends, tables.bank, words, tables.offsets.shape[0] - 1,
        WORDS=WORDS, num_warps=4,
    )  # fmt: skip
    return masks


def find_masks_reference(tables: MaskTables, rows: torch.Tensor) -> torch.Tensor:
    """As find_masks, in torch; one walk of the vocabulary per state that has no mask."""
    masks, missing = _claim_reference(tables, rows)
    for i in missing.tolist():
        grammar, address = tables.cursor[rows[i]].tolist()
        tables.bank[masks[i]] = _walk_reference(tables, grammar, address)
    return masks


def _claim_reference(tables: MaskTables, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Bank rows [S], and the indices into `rows` whose masks are to be made, ascending."""
    cursor = tables.cursor[rows]
    live = cursor[:, 0] >= 0
    address = torch.where(live, cursor[:, 1], 0).long()
    found = tables.bank_of[address]
    masks = torch.where(live, found, -1)
    waiting = (live & (found == NONE)).nonzero()[:, 0]
    if len(waiting) == 0:
        return masks, waiting
    # Of the rows that wait for the same state the first claims it; all then read what it got.
    places = address[waiting]
    claims = (CLAIM + waiting).int()
    tables.bank_of.scatter_reduce_(0, places, claims, "amin")
    owner = tables.bank_of[places] - CLAIM
    missing = waiting[owner == waiting]
    given = tables.used + torch.arange(len(missing), device=rows.device)
    fits = given < tables.bank_rows
    masks[missing] = torch.where(fits, given, tables.bank_rows + rows[missing]).int()
    masks[waiting] = masks[owner.long()]
    tables.bank_of[address[missing]] = torch.where(fits, given, NONE).int()
    tables.used.add_(fits.sum())
    return masks, missing


def _walk_reference(tables: MaskTables, grammar: int, address: int) -> torch.Tensor:
    """The mask of one state, int32 [W]: all tokens walk at once, dead and finished ones drop out."""
    words = tables.bank.shape[1]
    allowed = torch.zeros(words * 32, dtype=torch.bool, device=tables.arena.device)
    begin, end = tables.offsets[:-1], tables.offsets[1:]
    tokens = (end > begin).nonzero()[:, 0]
    at, last = begin[tokens], end[tokens] - 1
    state = torch.full_like(at, address)
    classes = tables.classes[grammar].int()
    while len(tokens):
        state = tables.arena[state + 1 + classes[tables.flat[at].int()]]
        done = (at == last) & (state != 0)
        allowed[tokens[done]] = True
        onward = ((at < last) & (state != 0)).nonzero()[:, 0]
        tokens, at, last, state = tokens[onward], at[onward] + 1, last[onward], state[onward]
    bits = torch.arange(32, device=allowed.device)
    packed = (allowed.view(words, 32).long() << bits).sum(1).int()
    ends = tables.ends if tables.arena[address] else torch.zeros_like(tables.ends)
    return packed & ~tables.ends | ends


@triton.jit
def _claim_kernel(
    rows_ptr, cursor_ptr, bank_of_ptr, used_ptr, masks_ptr, missing_ptr, count, bank_rows,
    NONE: tl.constexpr, CLAIM: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """One program, one lane per row. missing: [how many, then their indices ascending]."""
    lane = tl.arange(0, BLOCK)
    inside = lane < count
    row = tl.load(rows_ptr + lane, mask=inside, other=0)
    grammar = tl.load(cursor_ptr + row * 2, mask=inside, other=-1)
    live = inside & (grammar >= 0)
    place = bank_of_ptr + tl.load(cursor_ptr + row * 2 + 1, mask=live, other=0)
    found = tl.load(place, mask=live, other=-1)
    waiting = live & (found == NONE)
    tl.debug_barrier()  # no lane may claim before all have looked
    # Of the lanes that wait for the same state the first claims it; all then read what it got.
    tl.atomic_min(place, CLAIM + lane, mask=waiting)
    tl.debug_barrier()
    owner = tl.load(place, mask=waiting, other=0, volatile=True) - CLAIM
    claims = waiting & (owner == lane)
    rank = tl.cumsum(claims.to(tl.int32), 0) - 1
    used = tl.load(used_ptr)
    fits = used + rank < bank_rows
    given = tl.where(fits, used + rank, bank_rows + row.to(tl.int32))
    tl.store(masks_ptr + lane, tl.where(claims, given, found), mask=inside)
    tl.store(missing_ptr + 1 + rank, lane, mask=claims)
    tl.store(missing_ptr, tl.sum(claims.to(tl.int32), 0))
    tl.debug_barrier()
    tl.store(place, tl.where(fits, given, NONE), mask=claims)
    shared = tl.load(masks_ptr + owner, mask=waiting, other=0, volatile=True)
    tl.store(masks_ptr + lane, shared, mask=waiting & (owner != lane))
    tl.store(used_ptr, used + tl.sum((claims & fits).to(tl.int32), 0))


@triton.jit
def _fill_kernel(
    rows_ptr, cursor_ptr, masks_ptr, missing_ptr, arena_ptr, classes_ptr, flat_ptr, offsets_ptr,
    ends_ptr, bank_ptr, words, tokens, WORDS: tl.constexpr,
):  # fmt: skip
    """A fixed set of programs shares the (missing mask, block of words) pairs; a lane walks one token."""
    blocks = tl.cdiv(words, WORDS)
    item = tl.program_id(0)
    total = tl.load(missing_ptr) * blocks
    while item < total:
        i = tl.load(missing_ptr + 1 + item // blocks)
        row = tl.load(rows_ptr + i)
        classes = classes_ptr + tl.load(cursor_ptr + row * 2) * 256
        start = tl.load(cursor_ptr + row * 2 + 1)
        word = (item % blocks) * WORDS + tl.arange(0, WORDS)
        token = word[:, None] * 32 + tl.arange(0, 32)[None, :]
        real = token < tokens
        at = tl.load(offsets_ptr + token, mask=real, other=0)
        end = tl.load(offsets_ptr + token + 1, mask=real, other=0)
        state = tl.where(at < end, start, 0)
        walking = at < end
        while tl.max(tl.max(walking.to(tl.int32), 1), 0) > 0:
            byte = tl.load(flat_ptr + at, mask=walking, other=0).to(tl.int32)
            column = tl.load(classes + byte, mask=walking, other=0).to(tl.int32)
            following = tl.load(arena_ptr + state + 1 + column, mask=walking, other=0)
            state = tl.where(walking, following, state)
            at += 1
            walking = walking & (at < end) & (state != 0)
        bits = tl.sum((state != 0).to(tl.int32) << tl.arange(0, 32)[None, :], 1)
        in_row = word < words
        ends = tl.load(ends_ptr + word, mask=in_row, other=0)
        bits = (bits & ~ends) | tl.where(tl.load(arena_ptr + start) != 0, ends, 0)
        bank_row = bank_ptr + tl.load(masks_ptr + i).to(tl.int64) * words
        tl.store(bank_row + word, bits, mask=in_row)
        item += tl.num_programs(0)


# -- advancing ---------------------------------------------------------------------------------------------------------


def advance(tables: MaskTables, rows: torch.Tensor, tokens: torch.Tensor) -> None:
    """Moves the grammars of `rows` (int64 [S]) over one token each (int32 [S]), in place.

    The end of text leaves a grammar where it is; a token that its grammar does not allow leaves it dead (address 0).
    """
    if not uses_triton(rows):
        return advance_reference(tables, rows, tokens)
    count = rows.shape[0]
    _advance_kernel[(-(-count // ADVANCE_ROWS),)](
        rows, tokens, tables.cursor, tables.arena, tables.classes, tables.flat, tables.offsets,
        tables.ends, tables.offsets.shape[0] - 1, count, BLOCK=ADVANCE_ROWS, num_warps=1,
    )  # fmt: skip


def advance_reference(tables: MaskTables, rows: torch.Tensor, tokens: torch.Tensor) -> None:
    """As advance, in torch; as many rounds as the longest token has bytes."""
    grammar, state = tables.cursor[rows].long().unbind(1)
    size = tables.offsets.shape[0] - 1
    token = tokens.long()
    known = token.clamp(max=size - 1)
    ends = (tables.ends[known // 32] >> (known % 32) & 1).bool() & (token < size)
    at = tables.offsets[known].long()
    length = torch.where(token < size, tables.offsets[known + 1].long() - at, 0)
    length = torch.where((grammar >= 0) & ~ends, length, 0)
    moved = torch.where(length > 0, state, 0)
    for j in range(int(length.max()) if len(length) else 0):
        byte = tables.flat[torch.where(j < length, at + j, 0)].long()
        column = tables.classes[grammar.clamp(min=0), byte].long()
        following = torch.where(moved != 0, tables.arena[moved + 1 + column].long(), 0)
        moved = torch.where(j < length, following, moved)
    tables.cursor[rows, 1] = torch.where((grammar < 0) | ends, state, moved).int()


@triton.jit
def _advance_kernel(
    rows_ptr, tokens_ptr, cursor_ptr, arena_ptr, classes_ptr, flat_ptr, offsets_ptr, ends_ptr,
    size, count, BLOCK: tl.constexpr,
):  # fmt: skip
    lane = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = lane < count
    row = tl.load(rows_ptr + lane, mask=inside, other=0)
    token = tl.load(tokens_ptr + lane, mask=inside, other=0)
    grammar = tl.load(cursor_ptr + row * 2, mask=inside, other=-1)
    known = inside & (token < size)
    ends = (tl.load(ends_ptr + (token >> 5), mask=known, other=0) >> (token & 31)) & 1
    moves = inside & (grammar >= 0) & (ends == 0)
    at = tl.load(offsets_ptr + token, mask=known & moves, other=0)
    end = tl.load(offsets_ptr + token + 1, mask=known & moves, other=0)
    state = tl.load(cursor_ptr + row * 2 + 1, mask=moves, other=0)
    state = tl.where(at < end, state, 0)
    walking = (at < end) & (state != 0)
    while tl.max(walking.to(tl.int32), 0) > 0:
        byte = tl.load(flat_ptr + at, mask=walking, other=0).to(tl.int32)
        column = tl.load(classes_ptr + grammar * 256 + byte, mask=walking, other=0).to(tl.int32)
        following = tl.load(arena_ptr + state + 1 + column, mask=walking, other=0)
        state = tl.where(walking, following, state)
        at += 1
        walking = walking & (at < end) & (state != 0)
    tl.store(cursor_ptr + row * 2 + 1, state, mask=moves)
