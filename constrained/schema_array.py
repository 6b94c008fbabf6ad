"""Arrays: items, prefixItems, minItems, maxItems; and the loop that arrays and maps have in common.

    part = lower_array(node, path, context)

An array with prefixItems and without items is generated with the declared ones alone, which every such schema allows.
Without an upper bound the last element repeats in place, so only bounds cost copies.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .assembly import Assembly
from .bytedfa import ByteDfa
from .schema_context import Context, Json, Node, pointer, read_count, refuse, reject

KEYWORDS = frozenset(
    {"items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems"}
)


@dataclass(frozen=True, slots=True)
class Listing:
    """Elements between brackets: first those of `heads`, one each, then any number like `item`; low to high in all."""

    brackets: tuple[bytes, bytes]
    heads: list[ByteDfa]
    item: ByteDfa | None
    low: int
    high: int | None


def lower_array(node: Node, path: str, context: Context) -> ByteDfa:
    """The automaton of an array schema."""
    if node.get("uniqueItems", False) is not False:
        refuse("uniqueItems is not enforced", pointer(path, "uniqueItems"))
    low = read_count(node, "minItems", path) or 0
    high = read_count(node, "maxItems", path)
    if high is not None and low > high:
        reject(f"minItems {low} is above maxItems {high}", path)
    heads, rest, rest_path = _read_items(node, path)
    parts = [
        context.lower(schema, head_path)
        for schema, head_path in heads[: len(heads) if high is None else high]
    ]
    item = None
    if rest is None and not heads and high != 0:
        refuse(
            "an array without items is a free-form JSON value, which is not supported; add items",
            path,
        )
    if rest is not None and rest is not False and (high is None or high > len(parts)):
        item = context.lower(rest, rest_path)
    if item is None and low > len(parts):
        reject(
            f"minItems {low} is more than the {len(parts)} items that are declared",
            pointer(path, "minItems"),
        )
    return write_listing(Listing((b"[", b"]"), parts, item, low, high), context)


def _read_items(node: Node, path: str) -> tuple[list[tuple[Json, str]], Json, str]:
    """The schemas of the first elements, that of the others (None: not given), and where it stands."""
    keyword = "prefixItems"
    heads = node.get(keyword)
    rest, rest_path = node.get("items"), pointer(path, "items")
    if isinstance(rest, list):
        if heads is not None:
            reject("items must be a schema beside prefixItems", rest_path)
        keyword, heads = "items", rest
        rest, rest_path = node.get("additionalItems"), pointer(path, "additionalItems")
    if heads is not None and (not isinstance(heads, list) or not heads):
        reject(f"{keyword} must be a list of schemas", pointer(path, keyword))
    if heads and rest is True:
        rest = None
    named = [(schema, pointer(path, keyword, i)) for i, schema in enumerate(heads or [])]
    return named, rest, rest_path


def write_listing(listing: Listing, context: Context) -> ByteDfa:
    """The automaton of a listing. Its low is within what heads and item can fill."""
    build, layout = Assembly(context.budget), context.layout
    opening, closing = listing.brackets
    start, end = build.state(), build.state()
    inside = layout.enter(build, start, opening)
    if listing.low == 0:
        build.literal(inside, closing, end)
    last = inside
    for index, part in enumerate(_copies(listing)):
        first, behind = build.place(part)
        if index == 0:
            build.link(inside, first)
        else:
            layout.separate(build, last, first)
        last = behind
        if index + 1 >= listing.low:
            layout.leave(build, last, closing, end)
        if listing.high is None and part is listing.item and index + 1 >= _distinct(listing):
            layout.separate(build, last, first)
    return build.finish(start, end)


def _distinct(listing: Listing) -> int:
    """Elements that need a copy of their own where the number of elements has no upper bound."""
    return max(listing.low, len(listing.heads) + 1)


def _copies(listing: Listing) -> Iterator[ByteDfa]:
    """One after the other, so that the budget ends what is too long."""
    yield from listing.heads
    if listing.item is not None:
        total = _distinct(listing) if listing.high is None else listing.high
        for _ in range(total - len(listing.heads)):
            yield listing.item
