"""Which bank row holds the mask of each row's place, and which masks are still to be made. See mask_tables.

    masks, missing = claim_masks(tables, rows)

A key is mixed from the grammar's serial number, the address, and for the running rule and each waiting frame the
register where it can matter, with what the frame was pushed as:

    mix(h, v) = f(f(h ^ v))  with  f(x) = m ^ (m >> 32),  m = x * FACTOR modulo 2^64

One program of a lane per row does it all, so that a barrier orders its passes: it takes a lane as many rounds to find
its key as others lie in its way, and one round per frame to make it. It refuses to know what a mask is.
"""

import torch

from ..launch import power_of_two, tl, triton
from .tables import (
    CLAIM,
    FACTOR,
    FIRST,
    FRAMES,
    FREE,
    HOSTED,
    LIMITS,
    NONE,
    PROBES,
    MaskTables,
)


def claim_masks(tables: MaskTables, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Bank rows int32 [S], -1 for a free row; and int32 [S + 1]: how many masks are to be made, then the indices into
    `rows` (int64 [S]) that they are to be made for, ascending."""
    count = rows.shape[0]
    masks = torch.empty(count, dtype=torch.int32, device=rows.device)
    missing = torch.empty(count + 1, dtype=torch.int32, device=rows.device)
    block = power_of_two(count)
    _claim_kernel[(1,)](
        rows, tables.cursor, tables.serials, tables.arena, tables.returns, tables.frames,
        tables.registers, tables.keys, tables.bank_of, tables.used, masks, missing, count,
        tables.bank_rows, tables.keys.shape[0] - 1, tables.longest,
        FRAMES=FRAMES, LIMITS=LIMITS, PROBES=PROBES, NONE=NONE, CLAIM=CLAIM, HOSTED=HOSTED,
        FIRST=FIRST, FACTOR=FACTOR, BLOCK=block, num_warps=max(1, min(16, block // 64)),
    )  # fmt: skip
    return masks, missing


@triton.jit
def _near(matters, register, returns_ptr, longest, LIMITS: tl.constexpr):
    """1 + the register where it can matter within `longest` bytes, else 0."""
    value = tl.where(matters == -1, register + 1, 0)
    for i in tl.static_range(LIMITS):
        # From the highest limit down: the lowest above the register is what counts.
        limit = tl.load(returns_ptr + matters + LIMITS - 1 - i, mask=matters > 0, other=0).to(
            tl.int64
        )
        close = tl.where(limit - register <= longest, register + 1, 0)
        value = tl.where((matters > 0) & (limit > register), close, value)
    return value


@triton.jit
def _mix(h, value, FACTOR: tl.constexpr):
    mixed = (h ^ value) * FACTOR
    mixed = (mixed ^ (mixed >> 32)) * FACTOR
    return mixed ^ (mixed >> 32)


@triton.jit
def _key_of(
    row, live, cursor_ptr, serials_ptr, arena_ptr, returns_ptr, frames_ptr, registers_ptr, longest,
    FRAMES: tl.constexpr, LIMITS: tl.constexpr, FIRST: tl.constexpr, FACTOR: tl.constexpr,
):  # fmt: skip
    grammar = tl.load(cursor_ptr + row * 3, mask=live, other=0)
    address = tl.load(cursor_ptr + row * 3 + 1, mask=live, other=0)
    depth = tl.load(cursor_ptr + row * 3 + 2, mask=live, other=0)
    serial = tl.load(serials_ptr + grammar, mask=live, other=0).to(tl.int64)
    key = _mix(_mix(FIRST, serial, FACTOR), address.to(tl.int64), FACTOR)
    deepest = tl.max(depth, 0)
    level = deepest * 0
    while level < deepest:
        waits = live & (level < depth)
        push = tl.load(frames_ptr + row * FRAMES + level, mask=waits, other=1)
        register = tl.load(registers_ptr + row * (FRAMES + 1) + level, mask=waits, other=0)
        matters = tl.load(returns_ptr + push - 1, mask=waits, other=0)
        mixed = _mix(key, push.to(tl.int64), FACTOR)
        mixed = _mix(mixed, _near(matters, register, returns_ptr, longest, LIMITS), FACTOR)
        key = tl.where(waits, mixed, key)
        level += 1
    matters = tl.load(arena_ptr + address + 1, mask=live & (address != 0), other=0)
    register = tl.load(registers_ptr + row * (FRAMES + 1) + depth, mask=live, other=0)
    key = _mix(key, _near(matters, register, returns_ptr, longest, LIMITS), FACTOR)
    return tl.where(key == 0, 1, key)


@triton.jit
def _claim_kernel(
    rows_ptr, cursor_ptr, serials_ptr, arena_ptr, returns_ptr, frames_ptr, registers_ptr, keys_ptr,
    bank_of_ptr, used_ptr, masks_ptr, missing_ptr, count, bank_rows, last, longest,
    FRAMES: tl.constexpr, LIMITS: tl.constexpr, PROBES: tl.constexpr, NONE: tl.constexpr,
    CLAIM: tl.constexpr, HOSTED: tl.constexpr, FIRST: tl.constexpr, FACTOR: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """One program, one lane per row."""
    lane = tl.arange(0, BLOCK)
    inside = lane < count
    row = tl.load(rows_ptr + lane, mask=inside, other=0)
    grammar = tl.load(cursor_ptr + row * 3, mask=inside, other=-1)
    live = inside & (grammar >= 0)
    key = _key_of(
        row, live, cursor_ptr, serials_ptr, arena_ptr, returns_ptr, frames_ptr, registers_ptr,
        longest, FRAMES, LIMITS, FIRST, FACTOR,
    )  # fmt: skip
    # Each lane looks for its key, and where it finds a free place writes it. Of several that write different keys
    # into one place, one prevails; the others see that and look on.
    place = key & last
    seeking = live
    probes = 0
    while (tl.max(seeking.to(tl.int32), 0) > 0) & (probes < PROBES):
        here = tl.load(keys_ptr + place, mask=seeking, other=1, volatile=True)
        tl.debug_barrier()  # no lane may write before all have looked
        tl.store(keys_ptr + place, key, mask=seeking & (here == 0))
        tl.debug_barrier()
        here = tl.load(keys_ptr + place, mask=seeking, other=1, volatile=True)
        tl.debug_barrier()
        seeking = seeking & (here != key)
        place = tl.where(seeking, (place + 1) & last, place)
        probes += 1
    bank_of = bank_of_ptr + place
    kept = live & ~seeking
    own = bank_rows + row.to(tl.int32)
    found = tl.load(bank_of, mask=kept, other=NONE)
    found = tl.where(live, found, tl.where(inside & (grammar == HOSTED), own, -1))
    waiting = kept & (found == NONE)
    tl.debug_barrier()  # no lane may claim before all have looked
    # Of the lanes that wait for the same mask the first claims it; all then read what it got.
    tl.atomic_min(bank_of, CLAIM + lane, mask=waiting)
    tl.debug_barrier()
    owner = tl.load(bank_of, mask=waiting, other=0, volatile=True) - CLAIM
    claims = waiting & (owner == lane)
    rank = tl.cumsum(claims.to(tl.int32), 0) - 1
    used = tl.load(used_ptr)
    fits = claims & (used + rank < bank_rows)
    given = tl.where(fits, used + rank, own)
    makes = claims | (
        live & seeking
    )  # a lane that found no place for its key makes a mask of its own
    tl.store(masks_ptr + lane, tl.where(makes, given, found), mask=inside)
    order = tl.cumsum(makes.to(tl.int32), 0) - 1
    tl.store(missing_ptr + 1 + order, lane, mask=makes)
    tl.store(missing_ptr, tl.sum(makes.to(tl.int32), 0))
    tl.debug_barrier()
    tl.store(bank_of, tl.where(fits, given, NONE), mask=claims)
    shared = tl.load(masks_ptr + owner, mask=waiting, other=0, volatile=True)
    tl.store(masks_ptr + lane, shared, mask=waiting & (owner != lane))
    tl.store(used_ptr, used + tl.sum(fits.to(tl.int32), 0))


# -- in torch ----------------------------------------------------------------------------------------------------------


def claim_masks_reference(
    tables: MaskTables, rows: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """As claim_masks; the second is just the indices."""
    cursor = tables.cursor[rows]
    places = _find_places(tables, keys_of(tables, rows).tolist(), (cursor[:, 0] >= 0).tolist())
    used, masks, missing = int(tables.used), [], []
    claimed: dict[int, int] = {}
    for i, (row, grammar) in enumerate(zip(rows.tolist(), cursor[:, 0].tolist(), strict=True)):
        place, own = places[i], tables.bank_rows + row
        found = int(tables.bank_of[place]) if place is not None else NONE
        if grammar < 0:
            masks.append(own if grammar == HOSTED else FREE)
        elif found != NONE:
            masks.append(found)
        elif place in claimed:
            masks.append(claimed[place])
        else:
            fits = place is not None and used < tables.bank_rows
            masks.append(used if fits else own)
            missing.append(i)
            if place is not None:
                claimed[place] = masks[-1]
            if fits:
                tables.bank_of[place] = used
            used += fits
    tables.used.fill_(used)
    device = rows.device
    return (
        torch.tensor(masks, dtype=torch.int32, device=device),
        torch.tensor(missing, dtype=torch.int64, device=device),
    )


def _find_places(tables: MaskTables, keys: list[int], live: list[bool]) -> list[int | None]:
    """Where each key lies in the table, entered if it was not there; None where there is no room for it."""
    last = tables.keys.shape[0] - 1
    places: list[int | None] = []
    for key, lives in zip(keys, live, strict=True):
        at, found = key & last, None
        for _ in range(PROBES if lives else 0):
            here = int(tables.keys[at])
            if here in (0, key):
                tables.keys[at] = key
                found = at
                break
            at = (at + 1) & last
        places.append(found)
    return places


def keys_of(tables: MaskTables, rows: torch.Tensor) -> torch.Tensor:
    """The key of each row's place, int64 [S]; anything for rows without a grammar."""
    grammar, address, depth = tables.cursor[rows].long().unbind(1)
    key = _mix_reference(
        tables.serials[grammar.clamp(min=0)].long(), torch.full_like(address, FIRST)
    )
    key = _mix_reference(key, address)
    for level in range(int(depth.max()) if len(depth) else 0):
        push = tables.frames[rows, level].long()
        matters = tables.returns[(push - 1).clamp(min=0)]
        mixed = _mix_reference(key, push)
        near = _near_reference(tables, matters, tables.registers[rows, level])
        key = torch.where(level < depth, _mix_reference(mixed, near), key)
    matters = torch.where(address != 0, tables.arena[address + 1], 0)
    near = _near_reference(tables, matters, tables.registers[rows, depth])
    key = _mix_reference(key, near)
    return torch.where(key == 0, 1, key)


def _mix_reference(h: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    mixed = (h ^ value) * FACTOR
    mixed = (mixed ^ (mixed >> 32)) * FACTOR
    return mixed ^ (mixed >> 32)


def _near_reference(
    tables: MaskTables, matters: torch.Tensor, register: torch.Tensor
) -> torch.Tensor:
    value = torch.where(matters == -1, register + 1, 0)
    for i in reversed(range(LIMITS)):
        limit = tables.returns[matters.clamp(min=0) + i].long()
        close = torch.where(limit - register <= tables.longest, register + 1, 0)
        value = torch.where((matters > 0) & (limit > register), close, value)
    return value
