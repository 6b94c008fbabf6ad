"""Forks: tries of names that share what they have in common.

    fork = insert(Fork({}, others.start), [(b'name"', target), (b'number"', 0)], others)
    state = write(fork, draft, others)              # reads one of the names behind its opening quote; 0: none may come
    fork.unseen                                     # bits of which one must not be set, or nothing follows there; or 0

Inserting leaves the given fork as it is; what two forks share is written once, as one state. Where a target asks for a
bit that is not set, and nothing but such names follows a byte, the byte asks for one of their bits already.
"""

from collections.abc import Iterable

from ...machine.rule import Move
from .draft import Draft
from .other_names import OtherNames


class Fork:
    """A place in a name. ways: by byte, the fork or state it leads to, 0 for none; other: the state of the automaton
    of other names, 0 where there is none; unseen: known once it is written."""

    __slots__ = ("other", "state", "unseen", "ways")

    def __init__(self, ways: "dict[int, Fork | Rest | int]", other: int) -> None:
        self.ways = ways
        self.other = other
        self.state: int | None = None
        self.unseen = 0


class Rest:
    """The rest of a name where no other one branches off. target: what it leads to, 0 if it may not come."""

    __slots__ = ("other", "state", "target", "text", "unseen")

    def __init__(self, text: bytes, target: int, other: int) -> None:
        self.text = text
        self.target = target
        self.other = other
        self.state: int | None = None
        self.unseen = 0


def insert(fork: Fork, named: Iterable[tuple[bytes, int]], others: OtherNames | None) -> Fork:
    """The fork with these names more; 0 as its target blocks a name."""
    root = Fork(dict(fork.ways), fork.other)
    own = {root}  # what may be changed
    for key, target in named:
        at = root
        for index, byte in enumerate(key[:-1], 1):
            known = at.ways.get(byte)
            if known in own:
                at = known
                continue
            other = 0 if others is None else others.step(at.other, byte)
            if known is None or (type(known) is Rest and known.text == key[index:]):
                at.ways[byte] = Rest(key[index:], target, other)
                break
            ways: dict[int, Fork | Rest | int] = {}
            if isinstance(known, Fork):
                ways = dict(known.ways)
            elif isinstance(known, Rest):
                ways = {known.text[0]: _shorten(known, others)}
            below = at.ways[byte] = Fork(ways, other)
            own.add(below)
            at = below
        else:
            at.ways[key[-1]] = target
    return root


def _shorten(rest: Rest, others: OtherNames | None) -> Rest | int:
    """The rest of a name behind one byte more."""
    if len(rest.text) == 1:
        return rest.target
    other = 0 if others is None else others.step(rest.other, rest.text[0])
    return Rest(rest.text[1:], rest.target, other)


def write(fork: Fork, draft: Draft, others: OtherNames | None) -> int:
    """The state of a fork, with all below it that leads anywhere; 0 if nothing does."""
    if fork.state is None:
        order: list[Fork] = []
        stack = [fork]
        while stack:
            each = stack.pop()
            order.append(each)
            for way in each.ways.values():
                if type(way) is Fork and way.state is None:
                    stack.append(way)
        for each in reversed(order):
            if each.state is None:
                each.state = _write_one(each, draft, others)
    return fork.state or 0


def _write_one(fork: Fork, draft: Draft, others: OtherNames | None) -> int:
    ways: list[tuple[int, int]] = []
    unseen, leads, freely = 0, False, False
    for byte, way in fork.ways.items():
        if isinstance(way, int):
            entry, asked = way, _asked(way, draft)
        else:
            entry, asked = _write_way(way, draft, others)
        if entry:
            leads, freely, unseen = True, freely or not asked, unseen | asked
        ways.append((byte, entry))
    if not leads or (unseen and not freely):
        freely = others is not None and others.goes_on(fork.other, fork.ways)
        if not leads and not freely:
            return 0
    fork.unseen = 0 if freely else unseen
    state = draft.state()
    if others is not None:
        others.lay(state, fork.other)
    draft.cells.extend([n for byte, entry in ways for n in (state, byte, entry)])
    return state


def _write_way(way: Fork | Rest, draft: Draft, others: OtherNames | None) -> tuple[int, int]:
    """The entry of a byte that leads there, 0 if nothing follows; and the bits of which it asks that one be not set."""
    if way.state is None:
        assert isinstance(way, Rest), way
        asked = _asked(way.target, draft)
        if others is None:
            way.state = draft.chain(way.text, way.target, 0) if way.target else 0
            way.unseen = asked
        elif asked:
            _write_rest(way, asked, draft, others)
        else:
            way.state = others.chain(way.text, way.target, way.other)
    assert way.state is not None, way
    if not way.state or not way.unseen:
        return way.state, 0
    return draft.move(Move((way.state,), unseen=way.unseen)), way.unseen


def _write_rest(way: Rest, asked: int, draft: Draft, others: OtherNames) -> None:
    """Asks for the bit where the last other name branches off."""
    last, behind = others.branches(way.text, way.other)
    if last == 0:
        way.unseen = asked
    if last in (0, len(way.text)):
        way.state = others.chain(way.text, way.target, way.other)
        return
    rest = others.chain(way.text[last:], way.target, behind)
    entry = draft.move(Move((rest,), unseen=asked))
    way.state = others.chain(way.text[:last], entry, way.other)


def _asked(entry: int, draft: Draft) -> int:
    """The bits of which an entry asks that one be not set."""
    return draft.moves[-1 - entry].unseen if entry < 0 else 0
