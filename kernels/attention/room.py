"""Room: a place of fixed size and address for the plan of a step of few tokens, so that a graph can be made of one.

    room = Room.of(listed, 256, space)            # for steps like this one, of up to 256 tokens; None: too large
    plan = room.plan(there, page_table, space)    # views of there, int32 [room.size] on the device: captured
    room.write(listed, out)                       # the plan of a step, into int32 [room.size] on the host, to be
                                                  # copied there before each replay

Tokens beyond those of the step belong to no item: nothing is computed for them, what comes out of them means nothing.
A list that is empty still costs its launch, so a room has only the tiles it is for. It does not know who captures.
"""

from dataclasses import dataclass

import numpy as np
import torch

from .merge import Parts
from .plan import Ints, ItemPlan, Listed, WorkList, shared_list
from .shape import Tile
from .share import FIELDS
from .space import AttentionSpace

# More items than steps of few tokens have, unless their contexts are long and many: of the narrow tile, whose programs
# take them in turn, and of others, each of which is a program of its own.
MOST_NARROW = 1024
MOST_OTHERS = 256
NARROW_ROWS = 64


@dataclass(frozen=True, slots=True)
class Room:
    """tokens: of the step, at most. tiles: of its lists, in the order of AttentionShape.tiles.

    shared: the tile of the keys that its rows share, which lie in the space; None: they share none.
    """

    tokens: int
    tiles: tuple[Tile, ...]
    shared: Tile | None = None

    @property
    def size(self) -> int:
        """Integers of a plan."""
        return sum(self._sizes)

    @property
    def _sizes(self) -> list[int]:
        return [FIELDS, *[self.tokens] * 3, *(_most(tile) * FIELDS for tile in self.tiles)]

    @classmethod
    def of(cls, listed: Listed, tokens: int, space: AttentionSpace) -> "Room | None":
        """The room for this plan and others like it; None where it has more items or parts than any room."""
        fits = all(len(items) <= _most(tile) for tile, items in listed.lists)
        if not fits or listed.parts > space.values.shape[0]:
            return None
        shared = listed.shared.tile if listed.shared else None
        return cls(tokens, tuple(tile for tile, _ in listed.lists), shared)

    def holds(self, other: "Room") -> bool:
        """Whether plans for the other room can be written here, if they have no more tokens than this one holds."""
        return self.shared == other.shared and set(other.tiles) <= set(self.tiles)

    def write(self, listed: Listed, out: Ints) -> None:
        """Writes the plan of a step. out: int32 [size], zeros. ValueError where it is none for this room."""
        known = all(tile in self.tiles for tile, _ in listed.lists)
        if not known or len(listed.first) > self.tokens:
            raise ValueError(f"a plan of {len(listed.first)} tokens does not fit {self}")
        counts, first, pieces, ends, *lists = np.split(out, np.cumsum(self._sizes)[:-1])
        first[: len(listed.first)] = listed.first
        pieces[: len(listed.pieces)] = listed.pieces
        ends[: len(listed.ends)] = listed.ends
        for tile, items in listed.lists:
            index = self.tiles.index(tile)
            counts[index] = len(items)
            lists[index][: items.size] = items.reshape(-1)

    def plan(
        self, there: torch.Tensor, page_table: torch.Tensor, space: AttentionSpace
    ) -> ItemPlan:
        """The plan that reads what is written there; shared keys are those of the space."""
        counts, first, pieces, ends, *lists = there.split(self._sizes)
        work = [
            WorkList(items.view(-1, FIELDS), counts[i : i + 1], _most(tile), tile)
            for i, (tile, items) in enumerate(zip(self.tiles, lists, strict=True))
        ]
        if self.shared is not None:
            work.insert(0, shared_list(space, self.shared))
        parts = Parts(space.values, space.weights, first, pieces)
        seen = None if self.shared is None else ends
        return ItemPlan(tuple(work), page_table, parts, True, self.tokens, seen, space.window)


def _most(tile: Tile) -> int:
    return MOST_NARROW if tile.rows < NARROW_ROWS else MOST_OTHERS
