"""Canonical text: a JSON value as the grammar of a schema reads it.

    writer = Canonical(JsonSchema(...))
    text = writer.write(value)

Properties come in the order of the sites that judge them, numbers in plain digits where they are few, strings as
json.dumps writes them. The grammar accepts the text if and only if the schema accepts the value; a value that it does
not accept is written somehow. Slow: Python for each value. Only fixed separators are written.
"""

from collections.abc import Hashable, Sequence
from decimal import Decimal
from typing import cast

from ..errors import InvalidConstraint
from ..grammar.trail import value_of
from ..limits import Budget, Limits
from ..spec import JsonSchema
from .document import Json
from .elements.arrays import ArrayGraph
from .fragments import Fragments
from .graph import Edge, Spot
from .leaves.decimals import normal
from .leaves.numbers import WHOLE_DIGITS, NumberPart
from .leaves.texts import TextPart
from .leaves.writing import write_text, write_value
from .lower import Settled, settle
from .node import kind_of
from .properties.objects import ObjectGraph
from .site import Constant, Site, Vector

MOST_DIGITS = 4000


class Canonical:
    """Writes values for one schema. Raises as lowering the schema does."""

    def __init__(
        self,
        constraint: JsonSchema,
        limits: Limits | None = None,
        fragments: Fragments | None = None,
    ) -> None:
        budget = Budget(limits or Limits())
        self._settled = settle(constraint, budget, fragments or Fragments(1 << 20))

    def write(self, value: object) -> str:
        """The text of a value, as json.loads gives it. Raises InvalidConstraint if it is no JSON value."""
        return write_canonical(self._settled, exact(value)).decode()


def canonical(constraint: JsonSchema, value: object) -> str:
    """The text of one value for one schema; for several values keep a Canonical."""
    return Canonical(constraint).write(value)


def exact(value: object) -> Json:
    """The value with its floats as the decimals that they are written as. Raises InvalidConstraint."""
    try:
        return _exact(value)
    except RecursionError:
        raise InvalidConstraint("not a JSON value: it is nested too deep") from None


def _exact(value: object) -> Json:
    match value:
        case None | bool() | str():
            return value
        case int():
            _exact_number(Decimal(value))
            return value
        case float() | Decimal():
            return _exact_number(Decimal(repr(value)) if isinstance(value, float) else value)
        case list() | tuple():
            return [_exact(item) for item in cast("Sequence[object]", value)]
        case dict():
            members = cast("dict[object, object]", value)
            if odd := [name for name in members if not isinstance(name, str)]:
                raise InvalidConstraint(f"not a JSON value: the name {odd[0]!r} is no string")
            return {cast(str, name): _exact(item) for name, item in members.items()}
        case other:
            raise InvalidConstraint(f"not a JSON value: {type(other).__name__} is no JSON type")


def _exact_number(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise InvalidConstraint(f"not a JSON value: {number} is no number there")
    # Written out, one of a few letters could have any number of digits.
    if abs(number.adjusted()) > MOST_DIGITS:
        raise InvalidConstraint(f"a number with more than {MOST_DIGITS} digits")
    return number


def write_canonical(settled: Settled, value: Json) -> bytes:
    """The text of a value, for a schema whose sites are known."""
    return _Writing(settled.sites.texts.ascii).write(settled.root, value)[0]


class _Writing:
    def __init__(self, ascii: bool) -> None:
        self._ascii = ascii

    def write(self, site: Site, value: Json) -> tuple[bytes, Vector | None]:
        """The text of a value and its vector; None where the grammar has no way for it."""
        part = site.parts.get(kind_of(value))
        if isinstance(part, ObjectGraph) and isinstance(value, dict):
            return self._members(part, value)
        if isinstance(part, ArrayGraph) and isinstance(value, list):
            return self._items(part, value)
        text = write_value(value, self._ascii)
        if isinstance(part, Constant) and part.vectors:
            return text, part.vectors[0]
        if isinstance(part, TextPart) and isinstance(value, str):
            return text, part.judge(value)
        if isinstance(part, NumberPart) and isinstance(value, int | Decimal):
            if part.plain and isinstance(value, Decimal) and abs(value.adjusted()) < WHOLE_DIGITS:
                text = f"{normal(value):f}".encode()
            return text, part.judge(value)
        return text, None

    def _items(self, graph: ArrayGraph, values: list[Json]) -> tuple[bytes, Vector | None]:
        texts: list[bytes] = []
        seen: set[Hashable] = set()
        spot = graph.begin
        for count, value in enumerate(values, 1):
            if spot is None or not spot.edges:
                return write_value(values, self._ascii), None
            edge = spot.edges[0]
            text, vector = self.write(edge.site, value)
            texts.append(text)
            spot = _follow(edge, vector, count - graph.first == edge.limit)
            if spot is not None and spot.repeat is not None:
                known = value_of(text)
                spot = spot.repeat if known in seen else spot
                seen.add(known)
        return b"[" + b", ".join(texts) + b"]", spot.end if spot is not None else None

    def _members(self, graph: ObjectGraph, members: dict[str, Json]) -> tuple[bytes, Vector | None]:
        spot = graph.begin
        texts: list[bytes] = []
        names = [n for n in graph.order if n in members]
        names += [n for n in members if n not in graph.names.declared]
        for count, name in enumerate(names, 1):
            label = graph.label(name)
            edge = _edge(spot, label)
            if edge is None:
                return write_value(members, self._ascii), None
            text, vector = self.write(edge.site, members[name])
            texts.append(write_text(name, self._ascii) + b": " + text)
            spot = _follow(edge, vector, count == edge.limit)
        while spot is not None and spot.skip is not None:
            spot = spot.skip
        return b"{" + b", ".join(texts) + b"}", spot.end if spot is not None else None


def _edge(spot: Spot | None, label: str | int) -> Edge | None:
    """The edge of a name, behind those that are skipped."""
    while spot is not None:
        if spot.line is not None:
            return spot.line.edge(spot, label)
        found = next((e for e in spot.edges if e.label == label), None)
        if found is not None:
            return found
        spot = spot.skip
    return None


def _follow(edge: Edge, vector: Vector | None, at_limit: bool) -> Spot | None:
    if vector is None:
        return None
    return (edge.limited if at_limit else edge.targets).get(vector)
