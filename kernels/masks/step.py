"""One byte read by many lanes whose entry is not plain: calls, returns, counters and bits. See mask_tables.

A lane stands at an address of its row's grammar, with a register. Below it wait first the frames that it pushed
itself since its token began, `level` of them, then the first `base` of its row's. Frames that lanes push lie in
memory of their own, or, where each lane is a row of its own, right on top of the row's.

Slow: a few dozen loads for each action or return. It refuses to know which lanes there are and what they are for.
"""

from dataclasses import dataclass

import torch

from ..launch import tl, triton
from .tables import FRAMES, PUSHED, MaskTables


@triton.jit
def resolve(
    entry, special, column, state, register, base, level, frames_ptr, registers_ptr, pushed_ptr,
    kept_ptr, arena_ptr, actions_ptr, returns_ptr, STRIDE: tl.constexpr, DIRECT: tl.constexpr,
    FRAMES: tl.constexpr, PUSHED: tl.constexpr, ACTION: tl.constexpr,
):  # fmt: skip
    """(state, register, base, level) of all lanes after the byte of class `column`, state 0 where it is not allowed.

    special: the lanes to look at, those whose entry is below 0. Frame k that a lane pushed lies at pushed_ptr +
    k * STRIDE, its register at kept_ptr + k * STRIDE; with DIRECT k counts the row's frames as well.
    """
    settling = special & (entry > 0)  # none yet
    pops = special & (entry == -1)
    # 2: some lane's rule ends; 1: none does, but there are actions; 0: all is done. One reduction for each round.
    kind = tl.max(tl.where(pops, 2, special.to(tl.int32)), 0)
    while kind > 0:
        acts = special & ~pops
        if kind == 2:
            code = tl.load(arena_ptr + state, mask=pops, other=0)
            popped = pops & (code != 0) & (base + level > 0)
            own = popped & (level > 0)
            theirs = popped & (level == 0)
            place = (level + base * DIRECT - 1) * STRIDE
            row = tl.load(pushed_ptr + place, mask=own, other=0)
            row += tl.load(frames_ptr + base - 1, mask=theirs, other=0)
            kept = tl.load(kept_ptr + place, mask=own, other=0)
            kept += tl.load(registers_ptr + base - 1, mask=theirs, other=0)
            after = tl.load(returns_ptr + row + tl.abs(code) - 1, mask=popped, other=0)
            state = tl.where(pops, after, state)
            register = tl.where(popped, kept, register)
            level -= own.to(tl.int32)
            base -= theirs.to(tl.int32)
            alive = pops & (state != 0)
            reads = alive & ~settling
            read = tl.load(arena_ptr + state + 2 + column, mask=reads, other=0)
            entry = tl.where(pops & ~settling, read, entry)
            state = tl.where(reads & (read >= 0), read, state)
            ended = tl.load(arena_ptr + state, mask=alive & settling, other=0) < 0
            settling = settling & ended & (base + level > 0)
            special = special & (~pops | settling | (reads & (read < 0)))
        action = actions_ptr + tl.where(acts, -2 - entry, 0).to(tl.int64) * ACTION
        unseen = tl.load(action, mask=acts, other=0)
        seen = tl.load(action + 1, mask=acts, other=0)
        refused = ((unseen != 0) & ((unseen & ~register) == 0)) | ((seen & ~register) != 0)
        limit = tl.load(action + 3, mask=acts, other=0)
        raised = (register | tl.load(action + 2, mask=acts, other=0)) + (limit != 0).to(tl.int64)
        away = ((limit != 0) & (raised == limit)).to(tl.int64)
        taken = acts & ~refused
        need = tl.load(action + 8 + away, mask=taken, other=0).to(tl.int32)
        short = taken & (base + level + need > FRAMES)
        instead = tl.load(action + 10, mask=short, other=0).to(tl.int32)
        taken = taken & ~short
        go = tl.load(action + 4 + away, mask=taken, other=0).to(tl.int32)
        push = tl.load(action + 6 + away, mask=taken & (go != 0), other=0).to(tl.int32)
        full = (push != 0) & (level >= PUSHED)
        go = tl.where(full, 0, tl.where(short, instead, go))
        pushing = (push != 0) & ~full
        place = (level + base * DIRECT) * STRIDE
        tl.store(pushed_ptr + place, push, mask=pushing)
        tl.store(kept_ptr + place, raised, mask=pushing)
        tl.debug_barrier()
        register = tl.where(taken, tl.where(pushing, 0, raised), register)
        level += pushing.to(tl.int32)
        entry = tl.where(acts, go, entry)
        arrived = acts & (go >= 0)
        state = tl.where(arrived, go, state)
        ended = tl.load(arena_ptr + state, mask=arrived & (go > 0), other=0) < 0
        settling = settling | (arrived & ended & (base + level > 0))
        special = special & (~acts | (go < 0) | settling)
        pops = special & (settling | (entry == -1))
        kind = tl.max(tl.where(pops, 2, special.to(tl.int32)), 0)
    return state, register, base, level


@dataclass(slots=True)
class Walkers:
    """Lanes as tensors [n]. row: each lane's row; state, register, base, level as above. slot: its place in `pushed`
    and `kept`, [slots, PUSHED], which are never copied."""

    row: torch.Tensor
    state: torch.Tensor
    register: torch.Tensor
    base: torch.Tensor
    level: torch.Tensor
    slot: torch.Tensor
    pushed: torch.Tensor
    kept: torch.Tensor

    @classmethod
    def at(cls, tables: MaskTables, row: torch.Tensor) -> "Walkers":
        """A lane for each of these rows, where it stands."""
        state, depth = tables.cursor[row, 1].long(), tables.cursor[row, 2].long()
        pushed = torch.zeros((len(row), PUSHED), dtype=torch.int64, device=row.device)
        register, slot = tables.registers[row, depth], torch.arange(len(row), device=row.device)
        level = torch.zeros_like(depth)
        return cls(row, state, register, depth, level, slot, pushed, torch.zeros_like(pushed))

    def keep(self, chosen: torch.Tensor) -> "Walkers":
        """The lanes with these indices."""
        return Walkers(
            self.row[chosen], self.state[chosen], self.register[chosen], self.base[chosen],
            self.level[chosen], self.slot[chosen], self.pushed, self.kept,
        )  # fmt: skip

    def put(self, chosen: torch.Tensor, other: "Walkers") -> None:
        """Writes lanes back that `keep` gave."""
        self.state[chosen], self.register[chosen] = other.state, other.register
        self.base[chosen], self.level[chosen] = other.base, other.level


def resolve_reference(
    tables: MaskTables, lanes: Walkers, entry: torch.Tensor, column: torch.Tensor
) -> None:
    """As resolve, in torch, for lanes that are all special; they are changed in place."""
    settling = torch.zeros_like(entry, dtype=torch.bool)
    while True:
        active = (settling | (entry < 0)).nonzero()[:, 0]
        if len(active) == 0:
            return
        part, at, how = lanes.keep(active), entry[active], settling[active]
        pops = how | (at == -1)
        if bool(pops.any()):
            at, how = _pop(tables, part, pops, (at, how, column[active]))
        if not bool(pops.all()):
            at, how = _act(tables, part, ~pops, (at, how))
        lanes.put(active, part)
        entry[active], settling[active] = at, how


def _pop(
    tables: MaskTables,
    lanes: Walkers,
    pops: torch.Tensor,
    reading: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lets the rules of some lanes end. Entries and whether lanes are settling, before and after."""
    entry, settling, column = reading
    code = torch.where(pops, tables.arena[lanes.state].long(), 0)
    popped = pops & (code != 0) & (lanes.base + lanes.level > 0)
    own, theirs = popped & (lanes.level > 0), popped & (lanes.level == 0)
    inner = lanes.slot, (lanes.level - 1).clamp(min=0)
    outer = (lanes.base - 1).clamp(min=0)
    row = torch.where(own, lanes.pushed[inner], tables.frames[lanes.row, outer])
    kept = torch.where(own, lanes.kept[inner], tables.registers[lanes.row, outer])
    after = tables.returns[torch.where(popped, row + code.abs() - 1, 0).long()].long()
    lanes.state = torch.where(pops, torch.where(popped, after, 0), lanes.state)
    lanes.register = torch.where(popped, kept, lanes.register)
    lanes.level, lanes.base = lanes.level - own.long(), lanes.base - theirs.long()
    reads = pops & ~settling
    alive = lanes.state != 0
    read = tables.arena[torch.where(reads & alive, lanes.state + 2 + column, 0)].long()
    entry = torch.where(reads, read, torch.where(pops, 0, entry))
    lanes.state = torch.where(reads & (read >= 0), read, lanes.state)
    ended = (tables.arena[lanes.state] < 0) & alive & (lanes.base + lanes.level > 0)
    return entry, torch.where(pops, settling & ended, settling)


def _act(
    tables: MaskTables,
    lanes: Walkers,
    acts: torch.Tensor,
    reading: tuple[torch.Tensor, torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Carries out the actions of some lanes. Entries and whether lanes are settling, before and after."""
    entry, settling = reading
    actions = tables.actions[torch.where(acts, -2 - entry, 0)]
    unseen, seen, mark, limit = actions[:, :4].unbind(1)
    register = lanes.register
    refused = (unseen != 0) & (unseen & ~register == 0) | (seen & ~register != 0)
    raised = (register | mark) + (limit != 0).long()
    away = ((limit != 0) & (raised == limit)).long()[:, None]
    short = lanes.base + lanes.level + actions[:, 8:10].gather(1, away)[:, 0] > FRAMES
    go = torch.where(refused, 0, actions[:, 4:6].gather(1, away)[:, 0])
    push = torch.where(acts & ~short & (go != 0), actions[:, 6:8].gather(1, away)[:, 0], 0)
    full = (push != 0) & (lanes.level >= PUSHED)
    go = torch.where(full, 0, torch.where(short & ~refused, actions[:, 10], go))
    pushing = (push != 0) & ~full
    index = pushing.nonzero()[:, 0]
    place = lanes.slot[index], lanes.level[index]
    lanes.pushed[place], lanes.kept[place] = push[index], raised[index]
    lanes.register = torch.where(acts & ~short, torch.where(pushing, 0, raised), register)
    lanes.level = lanes.level + pushing.long()
    lanes.state = torch.where(acts & (go >= 0), go, lanes.state)
    ended = acts & (go > 0) & (tables.arena[lanes.state] < 0) & (lanes.base + lanes.level > 0)
    # A lane that settles reads no further entry of its own.
    return torch.where(acts, torch.where(ended, 0, go.clamp(max=0)), entry), settling | ended
