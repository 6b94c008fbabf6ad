"""Objects: declared properties in their order (or in every order), and maps from strings to values of one schema.

    part = lower_object(node, path, context)

Only declared properties are generated. A schema that also allows others (additionalProperties absent, true or a schema
beside properties) is satisfied by that. With any_order each set of properties already written is a place of its own,
so the number of optional and required properties together is limited by the budget.
"""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from .assembly import Assembly
from .bytedfa import ByteDfa
from .schema_array import Listing, write_listing
from .schema_context import Context, Json, Node, pointer, read_count, refuse, reject, write_value
from .schema_string import KEYWORDS as STRING_KEYWORDS

KEYWORDS = frozenset(
    {
        *("properties", "required", "additionalProperties", "patternProperties"),
        *("propertyNames", "minProperties", "maxProperties"),
    }
)
Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class Members:
    """Names in their order, the required ones, and how many there must and may be."""

    names: tuple[str, ...]
    required: frozenset[str]
    low: int
    high: int


class Order(Protocol[Place]):
    """Which properties may follow at a place in an object."""

    def begin(self) -> Place: ...

    def follow(self, place: Place) -> list[tuple[str, Place]]: ...

    def may_end(self, place: Place) -> bool: ...


class DeclaredOrder:
    """A place is (index of the next property, how many were written)."""

    def __init__(self, members: Members) -> None:
        self._members = members
        # Counting costs places, so it is left out where every count is allowed.
        self._counts = members.low > len(members.required) or members.high < len(members.names)

    def begin(self) -> tuple[int, int]:
        return 0, 0

    def follow(self, place: tuple[int, int]) -> list[tuple[str, tuple[int, int]]]:
        at, count = place
        found: list[tuple[str, tuple[int, int]]] = []
        for index, name in enumerate(self._members.names[at:], at):
            following = (index + 1, count + self._counts)
            if self._can_end(following):
                found.append((name, following))
            if name in self._members.required:
                break
        return found

    def may_end(self, place: tuple[int, int]) -> bool:
        at, count = place
        needed = any(name in self._members.required for name in self._members.names[at:])
        return not needed and (not self._counts or self._members.low <= count <= self._members.high)

    def _can_end(self, place: tuple[int, int]) -> bool:
        at, count = place
        names = self._members.names[at:]
        least = count + sum(name in self._members.required for name in names)
        return not self._counts or (
            least <= self._members.high and count + len(names) >= self._members.low
        )


class AnyOrder:
    """A place is the set of properties already written."""

    def __init__(self, members: Members) -> None:
        self._members = members

    def begin(self) -> frozenset[str]:
        return frozenset()

    def follow(self, place: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
        members = self._members
        room = members.high - len(place) - len(members.required - place)
        return [
            (name, place | {name})
            for name in members.names
            if name not in place and (room > 0 or name in members.required)
        ]

    def may_end(self, place: frozenset[str]) -> bool:
        return (
            self._members.required <= place
            and self._members.low <= len(place) <= self._members.high
        )


def lower_object(node: Node, path: str, context: Context) -> ByteDfa:
    """The automaton of an object schema."""
    properties = node.get("properties")
    if properties is not None and not isinstance(properties, dict):
        reject("properties must be an object", pointer(path, "properties"))
    low = read_count(node, "minProperties", path) or 0
    high = read_count(node, "maxProperties", path)
    if high is not None and low > high:
        reject(f"minProperties {low} is above maxProperties {high}", path)
    required = _read_required(node, path)
    patterns = bool(node.get("patternProperties"))
    if properties is None and (patterns or node.get("additionalProperties") is not False):
        return _lower_map(node, path, context)
    for keyword in ("patternProperties", "propertyNames"):
        if node.get(keyword):
            refuse(f"{keyword} beside declared properties is not enforced", pointer(path, keyword))
    members = _members(properties or {}, required, (low, high), path)
    values = {
        name: context.lower(schema, pointer(path, "properties", name))
        for name, schema in (properties or {}).items()
    }
    if context.any_order:
        return _write(AnyOrder(members), values, context)
    return _write(DeclaredOrder(members), values, context)


def _read_required(node: Node, path: str) -> list[str]:
    required = node.get("required", [])
    names = (
        [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    )
    if not isinstance(required, list) or len(names) < len(required) or len(set(names)) < len(names):
        reject("required must be a list of distinct names", pointer(path, "required"))
    return names


def _members(
    properties: Node, required: list[str], counts: tuple[int, int | None], path: str
) -> Members:
    for name in required:
        if name not in properties:
            refuse(
                f"required names {name!r}, which is not declared in properties; declare it",
                pointer(path, "required"),
            )
    low, high = counts
    high = len(properties) if high is None else min(high, len(properties))
    if low > high:
        refuse(
            f"minProperties {low} is more than the properties that are declared",
            pointer(path, "minProperties"),
        )
    if high < len(required):
        reject(
            f"maxProperties {high} is less than the properties that are required",
            pointer(path, "maxProperties"),
        )
    return Members(tuple(properties), frozenset(required), low, high)


def _write(order: Order[Place], values: dict[str, ByteDfa], context: Context) -> ByteDfa:
    return _Writer(order, values, context).write()


class _Writer(Generic[Place]):
    """Writes each member once for every place that it leads to."""

    def __init__(self, order: Order[Place], values: dict[str, ByteDfa], context: Context) -> None:
        self._order = order
        self._values = values
        self._layout = context.layout
        self._build = Assembly(context.budget)
        self._places: dict[Place, int] = {}
        self._members: dict[tuple[str, Place], int] = {}
        self._todo: list[Place] = []

    def write(self) -> ByteDfa:
        build, order = self._build, self._order
        start, end = build.state(), build.state()
        inside = self._layout.enter(build, start, b"{")
        begin = order.begin()
        if order.may_end(begin):
            build.literal(inside, b"}", end)
        for name, place in order.follow(begin):
            build.link(inside, self._member(name, place))
        while self._todo:
            place = self._todo.pop()
            if order.may_end(place):
                self._layout.leave(build, self._places[place], b"}", end)
            self._continue(place)
        return build.finish(start, end)

    def _continue(self, place: Place) -> None:
        following = self._order.follow(place)
        if not following:
            return
        choice = self._build.state()
        self._layout.separate(self._build, self._places[place], choice)
        for name, target in following:
            self._build.link(choice, self._member(name, target))

    def _behind(self, place: Place) -> int:
        if place not in self._places:
            self._places[place] = self._build.state()
            self._todo.append(place)
        return self._places[place]

    def _member(self, name: str, place: Place) -> int:
        key = (name, place)
        if key not in self._members:
            entry = self._members[key] = self._build.state()
            first, last = self._build.place(self._values[name])
            self._layout.colon(self._build, entry, write_value(name), first)
            self._build.link(last, self._behind(place))
        return self._members[key]


def _lower_map(node: Node, path: str, context: Context) -> ByteDfa:
    """Objects whose names are not declared: every value has one schema, every name at most one more."""
    name_schema, value_schema, value_path = _read_map(node, path)
    low = read_count(node, "minProperties", path) or 0
    if low > 1:
        # A name may be generated twice, so two members are not yet two properties.
        refuse(
            "minProperties above 1 without declared properties is not enforced",
            pointer(path, "minProperties"),
        )
    if node.get("required"):
        refuse(
            "required without declared properties is not enforced; declare them",
            pointer(path, "required"),
        )
    high = read_count(node, "maxProperties", path)
    brackets = (b"{", b"}")
    if high == 0:
        return write_listing(Listing(brackets, [], None, 0, 0), context)
    name = context.lower(name_schema, pointer(path, "propertyNames"))
    if not _only_strings(name):
        refuse("propertyNames must describe strings only", pointer(path, "propertyNames"))
    value = context.lower(value_schema, value_path)
    build = Assembly(context.budget)
    name_first, name_last = build.place(name)
    value_first, value_last = build.place(value)
    context.layout.colon(build, name_last, b"", value_first)
    return write_listing(
        Listing(brackets, [], build.finish(name_first, value_last), low, high), context
    )


def _read_map(node: Node, path: str) -> tuple[Json, Json, str]:
    """Schemas of the names and of the values, and where the latter stands."""
    any_name: Node = {"type": "string"}
    names: Json = node.get("propertyNames", any_name)
    if isinstance(names, dict) and STRING_KEYWORDS & set(names):
        names = {"type": "string", **names}
    values, value_path = node.get("additionalProperties"), pointer(path, "additionalProperties")
    patterns = node.get("patternProperties")
    if patterns:
        if not isinstance(patterns, dict):
            reject(
                "patternProperties must map patterns to schemas", pointer(path, "patternProperties")
            )
        if len(patterns) > 1 or isinstance(values, dict) or "propertyNames" in node:
            refuse("only a single pattern is enforced, alone", pointer(path, "patternProperties"))
        pattern, values = next(iter(patterns.items()))
        matching: Node = {"type": "string", "pattern": pattern}
        names, value_path = (
            matching,
            pointer(path, "patternProperties", pattern),
        )
    if values is None or values is True:
        refuse(
            "an object without properties is a free-form JSON value, which is not supported; "
            "declare properties, or additionalProperties as a schema",
            path,
        )
    return names, values, value_path


def _only_strings(name: ByteDfa) -> bool:
    row = name.dfa.table[name.dfa.start]
    return set(row[name.classes].nonzero()[0].tolist()) == {ord('"')}
