"""DistinctGrammar: a grammar in which the items of some arrays must all differ, walked on the host.

    grammar = DistinctGrammar(tables)               # of a machine whose arrays set the bit DISTINCT
    spot = grammar.walk(grammar.start, b'[1, 1')    # a Spot; behind it no bracket or comma may follow
    grammar.walk(spot, b"]")                        # None

No table holds what earlier items were, so a Spot has them beside its Place. A byte is refused where an item would end
that was there before, and a text where every way to go on would meet such an item: see closing.py. An array whose items
must differ says so by setting DISTINCT in its register with its bracket, and counts from there.

Slow: a microsecond or three for each byte inside such an array; outside as the tables are. It refuses to know
ambiguous grammars.
"""

from typing import Literal

from .closing import Closing, Way
from .grammar import Grammar
from .place import DISTINCT
from .trail import Level, Spot, Trail

BRACKET = 0x5B


class DistinctGrammar:
    """A compiled constraint of the host tier."""

    def __init__(self, tables: Grammar) -> None:
        self.tables = tables
        self.key = "distinct " + tables.key
        self.start = Spot(tables.start)
        self.closing = Closing(tables, self.step)

    def __reduce__(self) -> "tuple[type[DistinctGrammar], tuple[Grammar]]":
        return DistinctGrammar, (self.tables,)

    @property
    def tier(self) -> Literal["device", "host"]:
        """Who makes the masks: the host."""
        return "host"

    @property
    def forces(self) -> bool:
        """False: nothing is ever forced."""
        return False

    @property
    def nbytes(self) -> int:
        """Bytes of the tables."""
        return self.tables.nbytes

    def walk(self, place: Spot, data: bytes) -> Spot | None:
        """The spot after these bytes; None if they are not allowed."""
        found = self.read(place, data)
        return found if found is not None and self.look(found) != "dead" else None

    def take(self, place: Spot, token: bytes) -> Spot | None:
        """As walk, for the bytes of one token, which may leave no more than MOST_PUSHED new frames open."""
        return None if self.tables.take(place.place, token) is None else self.walk(place, token)

    def read(self, spot: Spot, data: bytes) -> Spot | None:
        """As walk, but where it leads may be a dead end."""
        if spot.trail is None and BRACKET not in data:
            after = self.tables.walk(spot.place, data)
            return None if after is None else Spot(after)
        found: Spot | None = spot
        for byte in data:
            found = self.step(found, byte)
            if found is None:
                return None
        return found

    def look(self, spot: Spot) -> Way:
        """Whether the open arrays can still be closed; "plenty": whatever the text of the item that is being read."""
        return "plenty" if spot.trail is None else self.closing.look(spot)

    def step(self, spot: Spot, byte: int) -> Spot | None:
        """The spot after one more byte, which may be a dead end."""
        after = self.tables.step(spot.place, byte)
        if after is None:
            return None
        opens = len(after.stack) if byte == BRACKET and after.register == DISTINCT else None
        if spot.trail is None:
            return Spot(after, None if opens is None else Trail((Level(opens),)))
        trail = spot.trail.read(byte, opens)
        if trail is None:
            return None
        return Spot(after, trail if trail.levels else None)

    def accepts(self, data: bytes) -> bool:
        """Whether these bytes are a whole text of the grammar."""
        found = self.read(self.start, data)
        return found is not None and self.accepting(found)

    def accepting(self, place: Spot) -> bool:
        """Whether the text may end here."""
        return place.trail is None and self.tables.accepting(place.place)

    def closed(self, place: Spot) -> bool:
        """Whether nothing may follow: the text must end here."""
        return place.trail is None and self.tables.closed(place.place)

    def forces_at(self, place: Spot) -> bool:
        """False: nothing is forced."""
        return False

    def forced_bytes(self, place: Spot) -> bytes:
        """None: nothing is forced."""
        return b""

    def mask_key(self, place: Spot, longest: int) -> Spot:
        """As a Grammar's where no such array is open; inside one each spot is its own."""
        return place if place.trail else Spot(self.tables.mask_key(place.place, longest))
