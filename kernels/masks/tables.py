"""What lies on the device for token masks: the tables of grammars, where each row stands, and the masks found so far.

A grammar is placed in three arenas. Its state s is the ADDRESS a = o + s * (2 + C), and with `edges` of a Grammar:

    arena[a]            0, v + 1: the rule may end here with verdict v, -(v + 1): it has ended, and is left at once
    arena[a + 1]        which values of the register matter: 0 none, -1 all, h > 0 those near returns[h : h + 4]
    arena[a + 2 + c]    after a byte of class c: 0 not allowed, the next state's address, -1 the caller reads it,
                        -2 - i action i
    actions[i]          unseen, seen, mark, limit, go, go_at_limit, push, push_at_limit, need, need_at_limit, instead;
                        `go` and `instead` are such entries
    returns[p + v]      the address to go on at after verdict v; returns[p - 1] as arena[a + 1], for that frame

A row stands at an address with a depth d: frames[0 : d] wait, each with its register, and registers[d] is the running
one's. A token leaves at most PUSHED frames open, a row has at most FRAMES: an action that needs more of these than are
left does nothing, and `instead` stands for it.

Masks are found by a 64-bit key of everything that can matter to one token: the address, the frames, and registers
where a limit is near. The keys are a hash table with open addressing; two places with one key would share a mask, of
which the odds are one in 10^9 for 100,000 masks. It knows no kernel.
"""

from dataclasses import dataclass
from typing import Protocol

import torch

from .layout import (
    ACTION,
    CLAIM,
    FACTOR,
    FIRST,
    FRAMES,
    FREE,
    HOSTED,
    LIMITS,
    NONE,
    PROBES,
    PUSHED,
)

__all__ = [
    "ACTION", "CLAIM", "FACTOR", "FIRST", "FRAMES", "FREE", "HOSTED", "LIMITS", "NONE", "PROBES",
    "PUSHED", "Coming", "MaskTables", "RowWalker", "forget_masks",
]  # fmt: skip


class RowWalker(Protocol):
    """Finds masks and moves rows of some tables by other means; see kernels/cpu/masks."""

    def find(self, rows: torch.Tensor, masks: torch.Tensor) -> None: ...
    def advance(self, rows: torch.Tensor, tokens: torch.Tensor) -> None: ...


class Coming(Protocol):
    """A RowWalker that may still be in the making."""

    @property
    def rows(self) -> RowWalker | None: ...


@dataclass(frozen=True, slots=True)
class MaskTables:
    """What lies on the device for masks, R rows (the last is padding), G grammars.

    arena: int32 [A]. actions: int64 [B, ACTION]. returns: int32 [P]. classes: uint8 [G, 256]. serials: int32 [G], which
    of all grammars placed so far this one is.
    cursor: int32 [R, 3], each row's (grammar or FREE or HOSTED, address, depth). frames: int32 [R, FRAMES].
    registers: int64 [R, FRAMES + 1].
    keys: int64 [K], K a power of two, 0 where free. bank_of: int32 [K], bank row of the mask with this key, NONE if
    none. bank: int32 [B + R, W]; used: int32 [1], how many of the first B rows are taken; the last R are the rows' own.
    flat: uint8 [N], offsets: int32 [V + 1], the tokens' bytes; special tokens have none. ends: int32 [W], mask of the
    tokens that end a text. longest: most bytes of a token.
    lanes: int32, the tokens with bytes once more, side by side: B blocks of LANES tokens of one length. A block has
    a token's bytes as words of four, the first byte lowest, and all lanes' first words come first. blocks: int32
    [B, 2], where each begins and how many bytes its tokens have. ranks: int32 [V], each token's lane, -1 without;
    lanes left over are nobody's. draft: int32 [R, B * LANES / 32], masks in the order of lanes while they are made.
    native: native code for a CPU; where there is none, or until it has come, torch does what it would do.
    """

    arena: torch.Tensor
    actions: torch.Tensor
    returns: torch.Tensor
    classes: torch.Tensor
    serials: torch.Tensor
    cursor: torch.Tensor
    frames: torch.Tensor
    registers: torch.Tensor
    keys: torch.Tensor
    bank_of: torch.Tensor
    bank: torch.Tensor
    used: torch.Tensor
    flat: torch.Tensor
    offsets: torch.Tensor
    ends: torch.Tensor
    lanes: torch.Tensor
    blocks: torch.Tensor
    ranks: torch.Tensor
    draft: torch.Tensor
    longest: int
    native: Coming | None = None

    @property
    def bank_rows(self) -> int:
        """Rows of the bank that are shared, without the private ones."""
        return self.bank.shape[0] - self.cursor.shape[0]

    @property
    def size(self) -> int:
        """Tokens of the vocabulary."""
        return self.offsets.shape[0] - 1


def forget_masks(tables: MaskTables) -> None:
    """Empties the bank and its keys; capturable."""
    tables.keys.zero_()
    tables.bank_of.fill_(NONE)
    tables.used.zero_()
