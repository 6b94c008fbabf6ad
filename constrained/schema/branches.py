"""Branches: the schemas of anyOf and oneOf, those that only list values as one.

    for branch in read_branches(nodes, node, "oneOf"):
        ...

A list of constants is often written as one branch for each, with a title or a description: it is an enum, and is judged
as one. Of oneOf a branch is put with the others as long as they have no value in common, so that as many branches
hold as before. Arrays and objects are left alone.
"""

from decimal import Decimal
from typing import cast

from .document import Json
from .node import DEMANDING, IN_PLACE, KINDS_OF, Node, Nodes, kind_of

LISTS = ("const", "enum", "anyOf", "oneOf")
OTHERS = (DEMANDING | IN_PLACE) - {"type", *LISTS}
Values = dict[tuple[str, Json], Json]  # by kind and value


def read_branches(nodes: Nodes, node: Node, keyword: str) -> list[Node]:
    """The nodes of a keyword that is a list of schemas, one of them for all that only list values."""
    known = node.cache.get(keyword)
    if known is None:
        branches = node.words[keyword]
        assert isinstance(branches, list), branches
        together, kept = _gather(branches, keyword, nodes.document.dialect.without)
        if len(kept) > len(branches) - 2:
            together, kept = {}, list(range(len(branches)))
        known = [nodes.sub(node, branches[i], keyword, i) for i in kept]
        if together:
            known.append(nodes.made(node, {"enum": list(together.values())}, keyword))
        node.cache[keyword] = known
    return cast("list[Node]", known)


def _gather(
    branches: list[Json], keyword: str, without: frozenset[str]
) -> tuple[Values, list[int]]:
    """The values of the branches that only list some, and the places of those that are left."""
    together: Values = {}
    kept: list[int] = []
    for place, branch in enumerate(branches):
        values = _list(branch, without)
        if values is None or (keyword == "oneOf" and not together.keys().isdisjoint(values)):
            kept.append(place)
        else:
            together |= values
    return together, kept


def _list(schema: Json, without: frozenset[str]) -> Values | None:
    """The strings, numbers and literals that a schema lists; None if it says, or may say, anything else."""
    if not isinstance(schema, dict) or not OTHERS.isdisjoint(schema):
        return None
    lists = [word for word in LISTS if word in schema]
    if len(lists) != 1 or not without.isdisjoint(schema):
        return None
    found, value = None, schema[lists[0]]
    if lists[0] == "const":
        found = _index([value])
    elif isinstance(value, list) and value:
        if lists[0] == "enum":
            found = _index(value)
        else:
            found, kept = _gather(value, lists[0], without)
            found = None if kept else found
    return found if found is None or "type" not in schema else _of_type(found, schema["type"])


def _index(values: list[Json]) -> Values | None:
    found: Values = {}
    for value in values:
        if isinstance(value, list | dict):
            return None
        found.setdefault((kind_of(value), value), value)
    return found


def _of_type(values: Values, names: Json) -> Values | None:
    """The values of a type, or of one in a list; None where that is no type."""
    kinds: set[str] = set()
    names = names if isinstance(names, list) else [names]
    for name in names:
        if not isinstance(name, str) or name not in KINDS_OF:
            return None
        kinds.update(KINDS_OF[name])
    whole = "integer" in names and "number" not in names
    return {
        key: value
        for key, value in values.items()
        if key[0] in kinds and not (whole and _is_broken(value))
    }


def _is_broken(value: Json) -> bool:
    return isinstance(value, Decimal) and value != value.to_integral_value()
