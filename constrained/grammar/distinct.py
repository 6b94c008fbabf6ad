"""DistinctGrammar: a grammar in which the items of some arrays must all differ, walked on the host.

    grammar = DistinctGrammar(tables)               # of a machine whose arrays set the bit DISTINCT
    spot = grammar.walk(grammar.start, b'[1, 1')    # a Spot; behind it no bracket or comma may follow
    grammar.walk(spot, b"]")                        # None

No table holds what earlier items were, so a Spot has them beside its Place. Behind an item that was there before the
tables read a byte that no text holds, REPEAT: it is allowed where equal items are, in some branch, and leads to what is
left then. A byte is refused where it is not, and a text where every way to go on would meet such an item: see
closing.py. An array whose items are told apart says so by setting DISTINCT in its register with its bracket, and
counts from there.

Slow: a microsecond or three for each byte inside such an array; outside as the tables are. It refuses to know
ambiguous grammars.
"""

from typing import Literal

from .closing import Closing, Way
from .grammar import Grammar
from .place import DISTINCT, MOST_PUSHED, REPEAT, Place
from .trail import BEFORE, BEHIND, Level, Spot, Trail

BRACKET = 0x5B


class DistinctGrammar:
    """A compiled constraint of the host tier."""

    def __init__(self, tables: Grammar) -> None:
        self.tables = tables
        self.key = "distinct " + tables.key
        self.start = Spot(tables.start)
        self.closing = Closing(tables, self.step)
        self.repeats = self.closing.repeats

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
        if self.tables.take(place.place, token) is not None:
            return self.walk(place, token)
        return self.walk(place, token) if self.repeats and self._has_room(place, token) else None

    def _has_room(self, spot: Spot, token: bytes) -> bool:
        """Whether a token can be read, and leaves no more frames open than it may."""
        found: Spot | None = spot
        lowest = len(spot.place.stack)
        for byte in token:
            found = self.step(found, byte)
            if found is None or len(found.place.stack) - lowest > MOST_PUSHED:
                return False
            lowest = min(lowest, len(found.place.stack))
        return True

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
        place, trail = spot
        after = self.tables.step(place, byte)
        if trail is None:
            begins = after is not None and byte == BRACKET and after.register == DISTINCT
            return after and Spot(after, Trail((Level(len(after.stack)),)) if begins else None)
        if after is None and not (self.repeats and trail.may_end_scalar(byte)):
            return None
        if after is None and self.tables.step(place, REPEAT) is None:
            return None
        opens = None
        if after is not None and byte == BRACKET and after.register == DISTINCT:
            opens = len(after.stack)
        read = trail.read(byte, opens)
        if read.again or after is None:
            found = self._repeat(place, byte, read.again)
            if found is None:
                return None
            (place, after), read = found, read._replace(again=0)
        if self.repeats and read.levels and byte != REPEAT:
            last = len(read.levels) - 1
            if last < len(trail.levels):
                level = read.levels[last].follow(trail.levels[last], byte, place, after)
                read = read._replace(levels=(*read.levels[:last], level))
        return Spot(after, read if read.levels else None) if byte != REPEAT else None

    def _repeat(self, place: Place, byte: int, again: int) -> tuple[Place, Place] | None:
        """Where a byte is read that ends items which were there before, and where it leads; None if it may not."""
        at = self.tables.step(place, REPEAT) if again & BEFORE else place
        after = self.tables.step(at, byte) if at is not None else None
        if after is not None and again & BEHIND:
            after = self.tables.step(after, REPEAT)
        return None if at is None or after is None else (at, after)

    def may_repeat(self, level: Level) -> bool:
        """Whether it may make a difference that an item of an array is one that was there before."""
        if level.ended is None:
            return self.repeats
        return self.tables.step(level.ended, REPEAT) not in (None, level.ended)

    def repeated(self, spot: Spot) -> Place | None:
        """Where the text would stand in the tables if it were known that the item of the innermost array is one that
        was there before, or the next will be; None if nothing was, or it may not."""
        trail = spot.trail
        level = trail.levels[-1] if trail is not None else None
        if trail is None or level is None or level.ended is None:
            return None
        place = self.tables.step(level.ended, REPEAT)
        if place is None:
            return None
        pending = b"" if level.begin is None else trail.pending
        found = self.read(Spot(place, Trail((Level(level.base),))), level.gap + pending)
        return found and found.place

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
