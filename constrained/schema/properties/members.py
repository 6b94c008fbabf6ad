"""Members: the keywords of one schema about objects, and what they say about a property.

members = read_members(node, nodes)
demanded(members, "name", traits, nodes)            # the schemas that the property must satisfy
"""

from dataclasses import dataclass, field

from ..document import Json, reject
from ..node import Node, Nodes, listed, read_count
from .names import Traits

MOST_LISTED = 256  # names that propertyNames lists are declared by that, if they are not more


@dataclass(slots=True, eq=False)
class Members:
    """The keywords of one schema about objects."""

    node: Node
    properties: dict[str, Json]
    patterns: dict[str, Json]
    other: Json
    names: Node | None
    required: frozenset[str]
    low: int
    high: int | None
    has_other: bool
    checks: int | None = None  # which condition on names `names` is
    order: list[str] = field(default_factory=list[str])


def read_members(node: Node, nodes: Nodes) -> Members:
    """The keywords of a node. Raises InvalidConstraint."""
    known = node.cache.get("members")
    if isinstance(known, Members):
        return known
    words = node.words
    properties, patterns = _read_map(node, "properties"), _read_map(node, "patternProperties")
    required = words.get("required", [])
    if isinstance(required, bool) and nodes.document.draft == 4:
        required = []
    if not isinstance(required, list) or not all(isinstance(n, str) for n in required):
        reject("required must be a list of names", node.at("required"))
    needed = [n for n in required if isinstance(n, str)]
    names = words.get("propertyNames")
    found = Members(
        node,
        properties,
        patterns,
        words.get("additionalProperties", True),
        nodes.sub(node, names, "propertyNames") if "propertyNames" in words else None,
        frozenset(needed),
        read_count(node, "minProperties") or 0,
        read_count(node, "maxProperties"),
        "additionalProperties" in words,
    )
    found.order = list(dict.fromkeys([*properties, *needed, *_listed_names(found, nodes)]))
    node.cache["members"] = found
    return found


def _read_map(node: Node, keyword: str) -> dict[str, Json]:
    found = node.words.get(keyword)
    if isinstance(found, dict):
        return found
    if keyword in node.words:
        reject(f"{keyword} must be an object", node.at(keyword))
    return {}


def _listed_names(members: Members, nodes: Nodes) -> list[str]:
    """The names that propertyNames lists, if it does."""
    if members.names is None:
        return []
    for node in nodes.flatten(members.names):
        values = listed(node) or []
        if 0 < len(values) <= MOST_LISTED:
            return [v for v in values if isinstance(v, str)]
    return []


def demanded(members: Members, name: str | None, traits: Traits, nodes: Nodes) -> list[Node]:
    """The schemas that a property of this name (None: not a declared one) must satisfy."""
    node = members.node
    found: list[Node] = []
    if name is not None and name in members.properties:
        found.append(nodes.sub(node, members.properties[name], "properties", name))
    for text, schema in members.patterns.items():
        if text in traits.matched:
            found.append(nodes.sub(node, schema, "patternProperties", text))
    if not found and members.other is not True:
        found.append(nodes.sub(node, members.other, "additionalProperties"))
    if members.checks is not None and not traits.holds[members.checks]:
        found.append(nodes.nothing)
    return [n for n in found if n is not nodes.anything]


def evaluates(members: Members, name: str | None, traits: Traits) -> bool:
    """Whether the schema's keywords are about a property of this name."""
    return (
        members.has_other
        or (name is not None and name in members.properties)
        or any(text in traits.matched for text in members.patterns)
    )
