"""Items: the keywords of one schema about arrays, and the values that items can have where those are listed.

items = read_items(node, nodes)
demanded(items, 3, nodes)           # the schema of the fourth item
list_values(sites, root)            # the few values that satisfy a root, or None
"""

from dataclasses import dataclass
from decimal import Decimal

from ..board import Board, matches_listed
from ..document import Json, reject
from ..formula import Formula, substitute
from ..leaves.amount import holds, read_amount
from ..node import KINDS, Node, Nodes, Root, kind_of, listed, read_count, same
from ..sites import Sites


@dataclass(slots=True, eq=False)
class Items:
    """The keywords of one schema about arrays. first, rest: of items by their place; contains: must hold for `least`
    to `most` items."""

    node: Node
    first: list[tuple[Json, tuple[str | int, ...]]]
    rest: Json
    rest_keyword: str
    has_rest: bool
    contains: Node | None
    least: int
    most: int | None
    low: int
    high: int | None
    unique: bool

    @property
    def is_bare(self) -> bool:
        """Whether nothing is said but what all items must satisfy."""
        counted = self.low > 0 or self.high is not None or self.contains is not None
        return not (self.first or counted or self.unique)


def read_items(node: Node, nodes: Nodes) -> Items:
    """The keywords of a node. Raises InvalidConstraint."""
    known = node.cache.get("items")
    if isinstance(known, Items):
        return known
    words, draft = node.words, nodes.document.draft
    keyword = "prefixItems" if "prefixItems" in words else "items"
    first, rest, rest_keyword = words.get(keyword), words.get("items", True), "items"
    has_rest = "items" in words
    if isinstance(first, list) and keyword == "items":
        rest, rest_keyword = words.get("additionalItems", True), "additionalItems"
        has_rest = rest_keyword in words
    elif not isinstance(first, list):
        if keyword == "prefixItems":
            reject("prefixItems must be a list of schemas", node.at(keyword))
        first = []
    has_contains = "contains" in words and draft >= 6
    counted = has_contains and draft >= 2019
    least = read_count(node, "minContains") if counted else None
    found = Items(
        node,
        [(schema, (keyword, i)) for i, schema in enumerate(first)],
        rest,
        rest_keyword,
        has_rest,
        nodes.sub(node, words["contains"], "contains") if has_contains else None,
        1 if least is None else least,
        read_count(node, "maxContains") if counted else None,
        read_count(node, "minItems") or 0,
        read_count(node, "maxItems"),
        _must_differ(node),
    )
    node.cache["items"] = found
    return found


def _must_differ(node: Node) -> bool:
    told = node.words.get("uniqueItems", False)
    if not isinstance(told, bool):
        reject("uniqueItems must be true or false", node.at("uniqueItems"))
    return told


def demanded(items: Items, index: int, nodes: Nodes) -> Node:
    """The schema that the item of this place must satisfy."""
    if index < len(items.first):
        schema, steps = items.first[index]
        return nodes.sub(items.node, schema, *steps)
    return nodes.sub(items.node, items.rest, items.rest_keyword)


def list_values(sites: Sites, root: Root) -> list[Json] | None:
    """The values that satisfy a root, if it lists them and they are neither arrays nor objects."""
    kinds = set(KINDS).intersection(*(n.kinds for n in root))
    literals: dict[str, Json] = {"null": None, "true": True, "false": False}
    lists = [values for n in root if (values := listed(n)) is not None]
    if not lists and not kinds <= literals.keys():
        return None
    values = lists[0] if lists else [literals[k] for k in KINDS if k in kinds]
    board_of = {kind: Board(sites.nodes, kind) for kind in map(kind_of, values)}
    found: list[Json] = []
    for value in values:
        kind = kind_of(value)
        if kind in ("array", "object"):
            return None
        formula = board_of[kind].truth_of(root)
        holds = judge(sites, board_of[kind], formula, value)
        if holds and not any(same(value, other) for other in found):
            found.append(value)
    return found


def judge(sites: Sites, board: Board, formula: Formula, value: Json) -> bool:
    """The truth of a formula for a value that is neither array nor object."""

    def atom(index: int) -> Formula:
        node = board.locals[index]
        if isinstance(value, str):
            return sites.texts.holds(node, value)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return holds(read_amount(node), value)
        return matches_listed(node, value)

    return substitute(formula, atom) is True
