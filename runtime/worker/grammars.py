"""GrammarArena: the grammars that lie on the device, and where each row stands in its own.

    slot = arena.place(grammar); arena.acquire(slot)    # uploaded unless it is there already
    arena.set_row(row, slot, place)                     # the row is constrained from the next flush on
    arena.flush()                                       # before each step: one upload of all rows set since
    ...                                                 # kernels/masks/find.py makes the masks and moves the rows
    arena.clear_row(row); arena.release(slot)

A grammar stays after its release, for the next request with the same constraint, until its place is needed: the one
not used for longest goes first. Rows that move by themselves (a token was sampled) cost the host nothing. A grammar of
the host tier has no tables here: its slot is HOSTED, and the host gives a mask for each token (`set_mask`).

Masks are kept in a bank. The host empties it when it may be full: it reads how full it is one or more steps late and
without waiting, and adds the most that the steps since can have taken. A mask lost that way is made again.

On a CPU native code makes the masks (`use_native`), from some tenths of a second after the first grammar was placed.

What is slow: placing, a copy of the grammar's table. It refuses to know how grammars are compiled and who holds them.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...constrained.grammar.place import Compiled, Place
from ...kernels.cpu.masks.coming import ComingRows
from ...kernels.masks.find import FRAMES, FREE, HOSTED, NONE, forget_masks
from ...kernels.masks.given import TokenBytes
from ..errors import Overloaded, RequestError
from .late import LateCount
from .ranges import FreeRanges
from .relocation import CLASSES, WIDE, GrammarTable, Home, relocate
from .rows import upload
from .vocabulary import allocate_tables

SPARE_SLOTS = 64
GRID = 4


@dataclass(slots=True)
class _Place:
    """A grammar on the device: begins and lengths of its edges (states `width` apart), actions and returns."""

    key: str
    edges: tuple[int, int]
    actions: tuple[int, int]
    returns: tuple[int, int]
    width: int
    holders: int = 0


class GrammarArena:
    """Grammars and masks on one device, for `rows` rows and one of padding.

    arena_bytes: device memory for automata, three quarters of it for edges; bank_rows: masks kept for reuse.
    Raises ValueError for sizes that cannot be meant.
    """

    def __init__(
        self,
        device: torch.device,
        vocabulary: TokenBytes,
        rows: int,
        arena_bytes: int,
        bank_rows: int,
    ) -> None:
        if arena_bytes < 4096 or bank_rows < 0:
            raise ValueError(
                f"arena_bytes must be at least 4096 and bank_rows at least 0, got {arena_bytes}, {bank_rows}"
            )
        eighth = min(arena_bytes // 8, NONE // 2)
        sizes = 6 * eighth // 4, eighth // 64, eighth // 4
        slots = rows + SPARE_SLOTS
        self.device = device
        self.vocabulary = vocabulary
        self.tables = allocate_tables(device, vocabulary, (*sizes, slots, rows + 1, bank_rows))
        self._ranges = FreeRanges(GRID, sizes[0]), FreeRanges(0, sizes[1]), FreeRanges(1, sizes[2])
        self._capacity = tuple(ranges.free for ranges in self._ranges)
        self._free_slots = list(range(slots - 1, -1, -1))
        self._placed = 0
        self._buffer = np.empty(0, np.int32)
        self._slot_of: OrderedDict[str, int] = OrderedDict()
        self._places: dict[int, _Place] = {}
        self._held: dict[int, int] = {}
        self._staged: dict[int, tuple[int, Place]] = {}
        self._masks: dict[int, NDArray[np.uint32]] = {}
        self._used = LateCount(self.tables.used)
        self._native: ComingRows | None = None

    def use_native(self) -> None:
        """Has native code make the masks, once it is compiled: from the first grammar on, beside the first steps."""
        assert self.device.type == "cpu", self.device
        self._native = ComingRows(lambda: self.tables)
        self.tables = replace(self.tables, native=self._native)

    # -- grammars ----------------------------------------------------------------------------------------------------

    def place(self, grammar: GrammarTable | Compiled[Any]) -> int:
        """The slot of a grammar, uploaded if it is not there. Acquire it before placing another.

        Raises RequestError if it can never fit, Overloaded if grammars in use leave no room now.
        """
        if not isinstance(grammar, GrammarTable):
            return HOSTED
        if self._native is not None:
            self._native.begin()
        slot = self._slot_of.get(grammar.key)
        if slot is not None:
            self._slot_of.move_to_end(grammar.key)
            return slot
        lengths = (
            -(-grammar.edges.size // GRID) * GRID, len(grammar.actions), len(grammar.returns),
        )  # fmt: skip
        if any(length > most for length, most in zip(lengths, self._capacity, strict=True)):
            raise RequestError(
                f"the constraint's automaton takes {grammar.edges.nbytes} bytes on the device and more beside "
                f"them, above the {4 * self._capacity[0]} there are: simplify it, or raise grammar_bytes"
            )
        begins = self._make_room(lengths)
        slot = self._free_slots.pop()
        self._slot_of[grammar.key] = slot
        edges, actions, returns = zip(begins, lengths, strict=True)
        self._places[slot] = _Place(grammar.key, edges, actions, returns, grammar.edges.shape[1])
        self._upload(grammar, slot)
        return slot

    def acquire(self, slot: int) -> None:
        """Keeps the grammar in this slot on the device until as many releases."""
        if slot != HOSTED:
            self._places[slot].holders += 1

    def release(self, slot: int) -> None:
        """Takes back one acquire; the grammar stays until its place is needed."""
        if slot == HOSTED:
            return
        place = self._places[slot]
        assert place.holders > 0, f"grammar slot {slot} is released more often than acquired"
        place.holders -= 1

    def address_of(self, slot: int, state: int) -> int:
        """Where this state of the grammar in this slot lies in the arena."""
        place = self._places[slot]
        begin, length = place.edges
        assert 0 <= state * place.width < length, f"no state {state} in grammar slot {slot}"
        return begin + state * place.width

    def _make_room(self, lengths: Sequence[int]) -> list[int]:
        while True:
            begins = self._take(lengths) if self._free_slots else None
            if begins is not None:
                return begins
            slot = next((s for s in self._slot_of.values() if not self._places[s].holders), None)
            if slot is None:
                raise Overloaded(
                    "grammars of running requests leave no room for another: try again, or raise grammar_bytes"
                )
            self._evict(slot)

    def _take(self, lengths: Sequence[int]) -> list[int] | None:
        """A range of each length, or none at all."""
        begins: list[int] = []
        for ranges, length in zip(self._ranges, lengths, strict=True):
            begin = ranges.take(length) if length else 0
            if begin is None:
                for given, back, size in zip(self._ranges, begins, lengths, strict=False):
                    if size:
                        given.give(back, size)
                return None
            begins.append(begin)
        return begins

    def _evict(self, slot: int) -> None:
        place = self._places.pop(slot)
        del self._slot_of[place.key]
        for ranges, (begin, length) in zip(
            self._ranges, (place.edges, place.actions, place.returns), strict=True
        ):
            if length:
                ranges.give(begin, length)
        self._free_slots.append(slot)

    def _upload(self, grammar: GrammarTable, slot: int) -> None:
        """Writes states as addresses, and actions and returns as the places where they lie."""
        place, tables = self._places[slot], self.tables
        (begin, _), (action, actions), (first, returns) = place.edges, place.actions, place.returns
        packed = relocate(grammar, Home(begin, action, first), self._buffer)
        if len(packed) > len(self._buffer):
            self._buffer = packed
        staged = upload(packed, self.device)
        sizes = CLASSES, WIDE * actions, grammar.edges.size, returns
        classes, acting, edges, later = staged.split(sizes)
        tables.classes[slot] = classes.view(torch.uint8)
        self._placed += 1
        tables.serials[slot] = self._placed
        tables.actions.view(torch.int32)[action : action + actions] = acting.view(-1, WIDE)
        tables.arena[begin : begin + len(edges)] = edges
        tables.returns[first : first + returns] = later

    # -- rows --------------------------------------------------------------------------------------------------------

    def set_row(self, row: int, slot: int, place: Place) -> None:
        """Puts a row to this place in the grammar in this slot, from the next flush on."""
        self._held[row] = slot
        self._staged[row] = (slot, place)

    def set_rows(self, rows: Sequence[int], slots: Sequence[int], places: Sequence[Place]) -> None:
        """set_row for several rows."""
        for row, slot, place in zip(rows, slots, places, strict=True):
            self.set_row(row, slot, place)

    def set_mask(self, row: int, mask: NDArray[np.uint32]) -> None:
        """Constrains a row, from the next flush on, to this mask until it gets another."""
        if self._held.get(row) != HOSTED:
            self._held[row] = HOSTED
            self._staged[row] = (HOSTED, Place(0))
        self._masks[row] = mask

    def clear_row(self, row: int) -> None:
        """Frees a row of its grammar, from the next flush on."""
        self._held.pop(row, None)
        self._masks.pop(row, None)
        self._staged[row] = (FREE, Place(0))

    def constrains(self, row: int) -> bool:
        """Whether a grammar was set for this row."""
        return row in self._held

    def flush(self) -> None:
        """Uploads what was set, and empties the mask bank if the next step could fill it. Waits for nothing."""
        if self._staged:
            self._upload_rows()
        if self._masks:
            rows = np.array(list(self._masks), np.int32)[:, None]
            packed = np.concatenate([rows, np.stack(list(self._masks.values())).view(np.int32)], 1)
            staged = upload(packed, self.device)
            self.tables.bank[self.tables.bank_rows + staged[:, 0].long()] = staged[:, 1:]
            self._masks.clear()
        if self._held and self._used.bound(len(self._held)) > self.tables.bank_rows:
            self.empty_bank()

    def _upload_rows(self) -> None:
        deepest = max(len(place.stack) for _, place in self._staged.values())
        packed = np.zeros((len(self._staged), 4 + 2 * deepest + 1), np.int64)
        for at, (row, (slot, place)) in enumerate(self._staged.items()):
            depth = len(place.stack)
            assert depth <= FRAMES, f"row {row} has {depth} frames"
            packed[at, :4] = row, slot, self._address(slot, place.state), depth
            first = self._places[slot].returns[0] if slot >= 0 else 0
            packed[at, 4 : 4 + depth] = [first + push for push, _ in place.stack]
            registers = [*(register for _, register in place.stack), place.register]
            packed[at, 4 + deepest : 4 + deepest + depth + 1] = registers
        self._staged.clear()
        staged = upload(packed, self.device)
        rows, tables = staged[:, 0], self.tables
        tables.cursor[rows] = staged[:, 1:4].int()
        tables.registers[rows, : deepest + 1] = staged[:, 4 + deepest :]
        if deepest:
            tables.frames[rows, :deepest] = staged[:, 4 : 4 + deepest].int()

    def _address(self, slot: int, state: int) -> int:
        return self.address_of(slot, state) if slot >= 0 and state else 0

    def empty_bank(self) -> None:
        """Forgets all masks; they are made again when needed."""
        forget_masks(self.tables)
        self._used.restart(len(self._held))

    def place_of(self, row: int) -> tuple[int, Place] | None:
        """(slot, place) of a row as the device has it, None if unconstrained; waits for the device."""
        slot, address, depth = self.tables.cursor[row].tolist()
        if slot == FREE:
            return None
        if slot == HOSTED or address == 0:
            return slot, Place(0)
        place = self._places[slot]
        pushed = [push - place.returns[0] for push in self.tables.frames[row, :depth].tolist()]
        *kept, register = self.tables.registers[row, : depth + 1].tolist()
        state = (address - place.edges[0]) // place.width
        return slot, Place(state, register, tuple(zip(pushed, kept, strict=True)))
