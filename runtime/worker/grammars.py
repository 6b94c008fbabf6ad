"""GrammarArena: the grammars that lie on the device, and where each row stands in its own.

    slot = arena.place(grammar); arena.acquire(slot)    # uploaded unless it is there already
    arena.set_row(row, slot, state)                     # the row is constrained from the next flush on
    arena.flush()                                       # before each step: one upload of all rows set since
    ...                                                 # kernels/mask.py makes the masks and moves the rows
    arena.clear_row(row); arena.release(slot)

A grammar stays after its release, for the next request with the same constraint, until its place is needed: the one
not used for longest goes first. Rows that move by themselves (a token was sampled) cost the host nothing.

Masks are kept in a bank. The host empties it when it may be full: it reads how full it is one or more steps late and
without waiting, and adds the most that the steps since can have taken. A mask lost that way is made again.

What is slow: placing, a copy of the grammar's table. It refuses to know how grammars are compiled and who holds them.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ...kernels.mask import NONE, MaskTables
from ..errors import Overloaded, RequestError
from .ranges import FreeRanges
from .rows import upload

SPARE_SLOTS = 64
GRID = 4


class GrammarTable(Protocol):
    """What the arena reads of a compiled grammar: see constrained/grammar.py."""

    @property
    def key(self) -> str: ...
    @property
    def classes(self) -> NDArray[np.uint8]: ...
    @property
    def edges(self) -> NDArray[np.int32]: ...


class TokenBytes(Protocol):
    """What the arena reads of a vocabulary: see constrained/vocabulary.py."""

    @property
    def size(self) -> int: ...
    @property
    def flat(self) -> NDArray[np.uint8]: ...
    @property
    def offsets(self) -> NDArray[np.int32]: ...
    @property
    def eos_ids(self) -> frozenset[int]: ...


@dataclass(slots=True)
class _Place:
    """A grammar on the device: its edges at [begin, begin + length), its states `width` places apart."""

    key: str
    begin: int
    length: int
    width: int
    holders: int = 0


class GrammarArena:
    """Grammars and masks on one device, for `rows` rows and one of padding.

    arena_bytes: device memory for automata, with a mask pointer beside each entry; bank_rows: masks kept for reuse.
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
        places, slots = min(arena_bytes // 8, NONE // 2), rows + SPARE_SLOTS
        self.device = device
        self.vocabulary = vocabulary
        self.tables = _allocate(device, vocabulary, (places, slots, rows + 1, bank_rows))
        self._ranges = FreeRanges(GRID, places)
        self._capacity = places - GRID
        self._free_slots = list(range(slots - 1, -1, -1))
        self._slot_of: OrderedDict[str, int] = OrderedDict()
        self._places: dict[int, _Place] = {}
        self._held: dict[int, int] = {}
        self._staged: dict[int, tuple[int, int]] = {}
        self._used = _LateCount(self.tables.used)

    # -- grammars ----------------------------------------------------------------------------------------------------

    def place(self, grammar: GrammarTable) -> int:
        """The slot of a grammar, uploaded if it is not there. Acquire it before placing another.

        Raises RequestError if it can never fit, Overloaded if grammars in use leave no room now.
        """
        slot = self._slot_of.get(grammar.key)
        if slot is not None:
            self._slot_of.move_to_end(grammar.key)
            return slot
        width = grammar.edges.shape[1]
        length = -(-grammar.edges.size // GRID) * GRID
        if length > self._capacity:
            raise RequestError(
                f"the constraint's automaton takes {length * 8} bytes on the device, more than the "
                f"{self._capacity * 8} there are: simplify it, or raise grammar_bytes"
            )
        begin = self._make_room(length)
        slot = self._free_slots.pop()
        self._slot_of[grammar.key] = slot
        self._places[slot] = _Place(grammar.key, begin, length, width)
        self._upload(grammar, slot)
        return slot

    def acquire(self, slot: int) -> None:
        """Keeps the grammar in this slot on the device until as many releases."""
        self._places[slot].holders += 1

    def release(self, slot: int) -> None:
        """Takes back one acquire; the grammar stays until its place is needed."""
        place = self._places[slot]
        assert place.holders > 0, f"grammar slot {slot} is released more often than acquired"
        place.holders -= 1

    def address_of(self, slot: int, state: int) -> int:
        """Where this state of the grammar in this slot lies in the arena."""
        place = self._places[slot]
        assert 0 <= state * place.width < place.length, f"no state {state} in grammar slot {slot}"
        return place.begin + state * place.width

    def _make_room(self, length: int) -> int:
        while True:
            begin = self._ranges.take(length) if self._free_slots else None
            if begin is not None:
                return begin
            slot = next((s for s in self._slot_of.values() if not self._places[s].holders), None)
            if slot is None:
                raise Overloaded(
                    "grammars of running requests leave no room for another: try again, or raise grammar_bytes"
                )
            self._evict(slot)

    def _evict(self, slot: int) -> None:
        place = self._places.pop(slot)
        del self._slot_of[place.key]
        self._ranges.give(place.begin, place.length)
        self._free_slots.append(slot)

    def _upload(self, grammar: GrammarTable, slot: int) -> None:
        """Writes edges as addresses: next state s becomes begin + s * width, and no next state 0."""
        place = self._places[slot]
        packed = np.empty(grammar.edges.size + 64, np.int32)
        packed[:64] = np.ascontiguousarray(grammar.classes).view(np.int32)
        packed[64:] = grammar.edges.reshape(-1)
        staged = upload(packed, self.device)
        self.tables.classes[slot] = staged[:64].view(torch.uint8)
        edges = staged[64:].view(-1, place.width)
        following = edges[:, 1:]
        moved = torch.where(following != 0, following * place.width + place.begin, 0)
        end = place.begin + edges.numel()
        home = self.tables.arena[place.begin : end].view(-1, place.width)
        home[:, 0] = edges[:, 0]
        home[:, 1:] = moved
        self.tables.bank_of[place.begin : end] = NONE

    # -- rows --------------------------------------------------------------------------------------------------------

    def set_row(self, row: int, slot: int, state: int) -> None:
        """Puts a row into this state of the grammar in this slot, from the next flush on."""
        self._held[row] = slot
        self._staged[row] = (slot, self.address_of(slot, state))

    def set_rows(self, rows: Sequence[int], slots: Sequence[int], states: Sequence[int]) -> None:
        """set_row for several rows."""
        for row, slot, state in zip(rows, slots, states, strict=True):
            self.set_row(row, slot, state)

    def clear_row(self, row: int) -> None:
        """Frees a row of its grammar, from the next flush on."""
        self._held.pop(row, None)
        self._staged[row] = (-1, 0)

    def constrains(self, row: int) -> bool:
        """Whether a grammar was set for this row."""
        return row in self._held

    def flush(self) -> None:
        """Uploads what was set, and empties the mask bank if the next step could fill it. Waits for nothing."""
        if self._staged:
            packed = np.array([(row, *at) for row, at in self._staged.items()], np.int32)
            staged = upload(packed, self.device)
            self.tables.cursor.index_copy_(0, staged[:, 0].long(), staged[:, 1:])
            self._staged.clear()
        if self._held and self._used.bound(len(self._held)) > self.tables.bank_rows:
            self.empty_bank()

    def empty_bank(self) -> None:
        """Forgets all masks; they are made again when needed."""
        self.tables.bank_of.fill_(NONE)
        self.tables.used.zero_()
        self._used.restart(len(self._held))

    def state_of(self, row: int) -> tuple[int, int] | None:
        """(slot, state) of a row as the device has it, None if unconstrained; waits for the device."""
        slot, address = self.tables.cursor[row].tolist()
        if slot < 0:
            return None
        place = self._places[slot]
        return (slot, 0) if address == 0 else (slot, (address - place.begin) // place.width)


def _allocate(
    device: torch.device, vocabulary: TokenBytes, sizes: tuple[int, int, int, int]
) -> MaskTables:
    places, slots, rows, bank_rows = sizes
    words = -(-vocabulary.size // 32)
    ends = np.zeros(words, np.uint32)
    for token in vocabulary.eos_ids:
        ends[token // 32] |= np.uint32(1 << token % 32)

    def integers(*shape: int, value: int = 0) -> torch.Tensor:
        return torch.full(shape, value, dtype=torch.int32, device=device)

    cursor = integers(rows, 2)
    cursor[:, 0] = -1
    return MaskTables(
        arena=integers(places),
        bank_of=integers(places, value=NONE),
        classes=torch.zeros((slots, 256), dtype=torch.uint8, device=device),
        cursor=cursor,
        bank=integers(bank_rows + rows, words),
        used=integers(1),
        flat=torch.tensor(np.append(vocabulary.flat, np.uint8(0)), device=device),
        offsets=torch.tensor(vocabulary.offsets, dtype=torch.int32, device=device),
        ends=torch.tensor(ends.view(np.int32), device=device),
    )


class _LateCount:
    """The most that a counter on the device can have reached, without waiting for the device.

    A copy of the counter is always on its way; when it has arrived the bound is what it says plus what the steps
    launched after it may have added.
    """

    def __init__(self, counter: torch.Tensor) -> None:
        self._counter = counter
        self._bound = 0
        self._since = 0
        self._copy: torch.Tensor | None = None
        self._event: torch.cuda.Event | None = None

    def bound(self, more: int) -> int:
        """The bound once a step has run that adds at most `more`."""
        if not self._counter.is_cuda:
            return int(self._counter) + more
        if self._copy is not None and self._event is not None and self._event.query():
            self._bound = int(self._copy) + self._since
            self._copy = None
        if self._copy is None:
            self._copy = torch.empty(1, dtype=torch.int32, pin_memory=True)
            self._copy.copy_(self._counter, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record()
            self._since = 0
        self._bound += more
        self._since += more
        return self._bound

    def restart(self, more: int) -> None:
        """The counter was set to 0, and the step to come adds at most `more`."""
        self._bound = self._since = more
        self._copy = None
