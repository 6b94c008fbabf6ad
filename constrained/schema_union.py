"""Alternatives: enum and const, anyOf, and oneOf where its branches cannot both hold.

    part = lower_enum(node, path, context)

oneOf is anyOf once no value satisfies two branches. That is looked for in the schemas, not in the automata: types that
differ, values that are listed and differ, or a property that one requires and whose schemas exclude each other (what a
discriminator is). Where none of these is found, oneOf is refused.
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import cast

from .assembly import Assembly
from .bytedfa import ByteDfa
from .schema_context import Context, Json, Node, pointer, refuse, reject, write_value
from .schema_reference import resolve
from .trie import words

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")


def has_type(value: Json, name: str) -> bool:
    """Whether a JSON value is of a type of JSON Schema; 1.0 is an integer."""
    match value:
        case None:
            return name == "null"
        case bool():
            return name == "boolean"
        case int():
            return name in ("integer", "number")
        case Decimal():
            return name == "number" or (name == "integer" and value == value.to_integral_value())
        case str():
            return name == "string"
        case list():
            return name == "array"
        case dict():
            return name == "object"


def lower_enum(node: Node, path: str, context: Context) -> ByteDfa:
    """The automaton of a schema with enum or const: the listed values that its other keywords allow."""
    values = read_values(node, path)
    rest = {k: v for k, v in node.items() if k not in ("enum", "const")}
    if rest.keys() - {"type"}:
        plain = [v for v in values if not isinstance(v, list | dict)]
        if len(plain) < len(values):
            refuse("enum with arrays or objects beside other keywords is not enforced", path)
        others = context.lower(rest, path)
        values = [v for v in values if others.accepts(write_value(v))]
    elif rest:
        types = read_types(node, path)
        values = [v for v in values if any(has_type(v, t) for t in types)]
    if not values:
        reject("none of the listed values satisfies the other keywords", path)
    if len(values) > context.budget.limits.choices:
        reject(f"more than {context.budget.limits.choices} values are listed", path)
    return words([write_value(v) for v in values], context.budget)


def read_values(node: Node, path: str) -> list[Json]:
    """The values that enum and const list; with both, those in both."""
    values = node.get("enum", [node.get("const")])
    if not isinstance(values, list) or not values:
        reject("enum must be a list of values, not an empty one", pointer(path, "enum"))
    if "const" in node and "enum" in node:
        wanted = identity(node["const"])
        values = [v for v in values if identity(v) == wanted]
    return values


def read_types(node: Node, path: str) -> list[str]:
    """The types that a schema names. Raises InvalidConstraint for others than the seven."""
    named = node["type"]
    types = named if isinstance(named, list) else [named]
    found = [t for t in types if isinstance(t, str) and t in TYPES]
    if not found or len(found) < len(types) or len(set(found)) < len(found):
        reject(f"type must be one or several of {', '.join(TYPES)}", pointer(path, "type"))
    return found


def identity(value: Json) -> object:
    """Something hashable that is equal for equal JSON values: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return frozenset((name, identity(v)) for name, v in value.items())
    if isinstance(value, list):
        return tuple(identity(v) for v in value)
    return (isinstance(value, bool), value)


def lower_any(branches: Json, path: str, context: Context) -> ByteDfa:
    """The automaton of anyOf; path is that of the list."""
    if not isinstance(branches, list) or not branches:
        reject("a list of schemas is needed, not an empty one", path)
    parts = [context.lower(branch, pointer(path, i)) for i, branch in enumerate(branches)]
    return unite(parts, context)


def lower_one(branches: Json, discriminator: Json, path: str, context: Context) -> ByteDfa:
    """The automaton of oneOf, if its branches exclude each other.

    A discriminator, as OpenAPI defines it, is always written: that may be what makes them exclude each other.
    """
    if isinstance(branches, list) and isinstance(discriminator, dict):
        name = discriminator.get("propertyName")
        branches = [_require(branch, name, context) for branch in branches]
    part = lower_any(branches, path, context)
    assert isinstance(branches, list), branches
    facts = [gather(branch, context) for branch in branches]
    for (i, a), (j, b) in combinations(enumerate(facts), 2):
        if not a.excludes(b):
            refuse(
                f"oneOf whose branches {i} and {j} may both hold is not enforced; use anyOf, or give both a "
                "required property with different const values",
                path,
            )
    return part


def _require(branch: Json, name: Json, context: Context) -> Json:
    """The branch with a declared property made a required one."""
    node = resolve(branch, context.root)
    if node is None or not isinstance(name, str) or not isinstance(node.get("properties"), dict):
        return branch
    required = node.get("required", [])
    if (
        name not in cast(Node, node["properties"])
        or not isinstance(required, list)
        or name in required
    ):
        return branch
    return {**node, "required": [*required, name]}


def unite(parts: list[ByteDfa], context: Context) -> ByteDfa:
    """The automaton of what any of them accepts."""
    if len(parts) == 1:
        return parts[0]
    build = Assembly(context.budget)
    start, end = build.state(), build.state()
    for part in parts:
        first, last = build.place(part)
        build.link(start, first)
        build.link(last, end)
    return build.finish(start, end)


@dataclass(frozen=True, slots=True)
class Facts:
    """What every value of a schema is known to be. values None: not listed. properties: the facts of those there."""

    types: frozenset[str]
    values: frozenset[object] | None
    properties: "dict[str, Facts]"
    required: frozenset[str]

    def excludes(self, other: "Facts") -> bool:
        """Whether surely no value satisfies both."""
        if not self.types & other.types:
            return True
        if self.values is not None and other.values is not None and not self.values & other.values:
            return True
        if self.types | other.types != frozenset({"object"}):
            return False
        # What either requires must be there, and then be right for both.
        there = (self.required | other.required) & self.properties.keys() & other.properties.keys()
        return any(self.properties[name].excludes(other.properties[name]) for name in there)


def gather(schema: Json, context: Context, depth: int = 8) -> Facts:
    """What is plain to see about a schema; less than the whole truth, never more."""
    node = resolve(schema, context.root)
    everything = Facts(frozenset(TYPES) - {"integer"}, None, {}, frozenset())
    if node is None or depth == 0:
        return everything
    if "enum" in node or "const" in node:
        values = read_values(node, "")
        types = frozenset(t for v in values for t in TYPES if t != "integer" and has_type(v, t))
        return Facts(types, frozenset(map(identity, values)), {}, frozenset())
    if "type" not in node:
        return everything
    types = frozenset("number" if t == "integer" else t for t in read_types(node, ""))
    properties, required = node.get("properties"), node.get("required")
    known = properties if isinstance(properties, dict) else {}
    names = (
        frozenset(n for n in required if isinstance(n, str))
        if isinstance(required, list)
        else frozenset[str]()
    )
    return Facts(types, None, {n: gather(known[n], context, depth - 1) for n in known}, names)
