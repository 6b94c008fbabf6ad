"""Node: one schema, its keywords read and checked, its sub-schemas still to be read.

    nodes = Nodes(document)
    node = nodes.at(place)                      # the same Node for the same place, equal leaves, unions of equal ones
    nodes.sub(node, raw, "items")               # the node of a sub-schema

What a draft does not know it ignores, as the drafts say. Here keywords are told apart by the kind of value that they
speak about; what they demand is enforced elsewhere.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from .document import Document, Json, Place, pointer, reject

KINDS = ("null", "true", "false", "number", "string", "array", "object")
KINDS_OF = {
    "null": ("null",),
    "boolean": ("true", "false"),
    "number": ("number",),
    "integer": ("number",),
    "string": ("string",),
    "array": ("array",),
    "object": ("object",),
}
MOST_COUNT = 1 << 62  # what a register holds; no text is so long, so more would mean the same
TEXT_KEYWORDS = ("minLength", "maxLength", "pattern", "format")
NUMBER_KEYWORDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
ARRAY_KEYWORDS = (
    *("items", "prefixItems", "additionalItems", "contains", "minItems", "maxItems"),
    "uniqueItems",
)
OBJECT_KEYWORDS = (
    *("properties", "required", "additionalProperties", "patternProperties", "propertyNames"),
    *("minProperties", "maxProperties"),
)
IN_PLACE = frozenset(
    {
        *("allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "dependentRequired"),
        *("dependencies", "$ref", "$dynamicRef", "$recursiveRef"),
        *("unevaluatedProperties", "unevaluatedItems"),
    }
)
LEAF_KEYWORDS = frozenset({*TEXT_KEYWORDS, *NUMBER_KEYWORDS, "type", "uniqueItems"}) | {
    *("minItems", "maxItems", "minProperties", "maxProperties", "const", "enum", "required")
}
SCALAR_TYPES = ("null", "boolean", "number", "integer", "string")
MOST_INTERNED = 64


@dataclass(slots=True, eq=False)
class Node:
    """One schema. words: its keywords, without annotations; kinds: the kinds of value that `type` allows."""

    place: Place
    words: dict[str, Json]
    kinds: frozenset[str]
    integer: bool = False
    never: bool = False
    flat: "tuple[Node, ...] | None" = None
    targets: "list[Node] | None" = None
    leaf: tuple[object, ...] | None = None  # what equal leaves have in common
    simple: bool = True  # its truth is that of its own keywords and `targets`, all of them
    by_kind: dict[str, list[Json]] | None = None  # what enum and const leave
    possible: frozenset[str] | None = None  # the kinds of value that it may allow, see kinds
    constants: "list[tuple[Json, Node]]" = field(default_factory=list["tuple[Json, Node]"])
    cache: dict[str, object] = field(default_factory=dict[str, object])

    @property
    def path(self) -> str:
        """Its JSON pointer."""
        return self.place.path

    def at(self, *steps: str | int) -> str:
        """The JSON pointer of something in it."""
        return pointer(self.place.path, *steps)


ALL_KINDS = frozenset(KINDS)
Root = tuple[Node, ...]  # nodes that must all hold, in the order of the document


class Nodes:
    """Reads the schemas of one document, each once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._known: dict[int | tuple[int, tuple[int, ...]], Node] = {}
        self._leaves: dict[tuple[object, ...], Node] = {}
        self._kept: list[Json] = []
        self._old_ref = document.draft <= 7
        root = document.root
        self.anything = Node(Place(True, "", root.resource), {}, ALL_KINDS)
        self.nothing = Node(Place(False, "", root.resource), {}, frozenset(), never=True)

    def at(self, place: Place) -> Node:
        """The node of a place."""
        schema = place.schema
        if not isinstance(schema, dict):
            if schema is True:
                return self.anything
            if schema is False:
                return self.nothing
            reject("a schema must be an object or a boolean", place.path)
        key = (id(schema), tuple(map(id, place.scope))) if place.scope else id(schema)
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = self._read(schema, place)
        return node

    def sub(self, node: Node, schema: Json, *steps: str | int) -> Node:
        """The node of a schema inside another."""
        if schema is True:
            return self.anything
        if schema is False:
            return self.nothing
        return self.at(self.document.below(node.place, schema, *steps))

    def made(self, node: Node, schema: Json, *steps: str | int) -> Node:
        """The node of a schema that the document does not have, but means."""
        self._kept.append(schema)  # so that nothing else gets its identity
        return self.sub(node, schema, *steps)

    def release(self) -> None:
        """Takes apart what refers to itself, see Sites.release."""
        for node in (self.anything, self.nothing, *self._known.values()):
            node.flat = None
            node.targets = None
            node.cache.clear()

    def _read(self, schema: dict[str, Json], place: Place) -> Node:
        if self._old_ref and "$ref" in schema:
            schema = {"$ref": schema["$ref"]}
        if self.document.dialect.without:
            schema = {k: v for k, v in schema.items() if k not in self.document.dialect.without}
        key = leaf_key(schema)
        shared = key or union_key(schema, place)
        if shared is not None and shared in self._leaves:
            return self._leaves[shared]
        node = Node(place, schema, ALL_KINDS)
        if "type" in schema:
            _read_type(node, schema["type"])
        if node.words and not IN_PLACE.isdisjoint(schema):
            self._read_in_place(node)
        if shared is not None:
            self._leaves[shared] = node
            node.leaf = key
        return node

    def _read_in_place(self, node: Node) -> None:
        words = node.words
        node.simple = COMBINING.isdisjoint(words)
        for keyword in UNITING:
            if keyword in words and (not isinstance(words[keyword], list) or not words[keyword]):
                reject(f"{keyword} needs a list of at least one schema", node.at(keyword))

    def followed(self, node: Node) -> list[Node]:
        """What $ref and its kin point to, and the parts of allOf: all of it must hold beside the node's own words."""
        if node.targets is None:
            words, document = node.words, self.document
            found: list[Node] = []
            for keyword, value in words.items():
                if keyword == "$ref" or (keyword == "$dynamicRef" and document.draft >= 2020):
                    found.append(self.at(document.resolve(value, node.place, keyword)))
                elif keyword == "$recursiveRef" and document.draft == 2019:
                    found.append(self.at(document.resolve_recursive(value, node.place)))
                elif keyword == "allOf" and isinstance(value, list):
                    found += [self.sub(node, v, "allOf", i) for i, v in enumerate(value)]
            node.targets = found
        return node.targets

    def flatten(self, node: Node) -> "Root":
        """The nodes that must all hold for this one to do, itself included, references and allOf followed."""
        if node.flat is None and REFERRING.isdisjoint(node.words):
            node.flat = (node,) if node.never or _matters(node) else ()
        if node.flat is None:
            found: dict[Node, None] = {}
            stack = [node]
            while stack:
                each = stack.pop()
                if each not in found:
                    found[each] = None
                    stack += reversed(self.followed(each))
            node.flat = tuple(n for n in found if n.never or _matters(n))
        return node.flat


def all_of(nodes: Nodes, parts: list[Node]) -> Root | None:
    """The root that demands all of these; None where one of them can never hold."""
    if len(parts) == 1:
        root = nodes.flatten(parts[0])
    else:
        root = tuple(dict.fromkeys(n for part in parts for n in nodes.flatten(part)))
    return None if nodes.nothing in root else root


def _matters(node: Node) -> bool:
    """Whether a node demands anything itself, beside what it refers to."""
    return not DEMANDING.isdisjoint(node.words)


UNITING = ("allOf", "anyOf", "oneOf")
REFERRING = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "allOf"})
COMBINING = IN_PLACE - REFERRING
DEMANDING = (
    frozenset({*TEXT_KEYWORDS, *NUMBER_KEYWORDS, *ARRAY_KEYWORDS, *OBJECT_KEYWORDS})
    | {"type", "enum", "const"}
    | COMBINING
)
CONTAINING = (DEMANDING | IN_PLACE) - LEAF_KEYWORDS


def leaf_key(schema: dict[str, Json]) -> tuple[object, ...] | None:
    """What equal leaves have in common; None for schemas that contain others, or much."""
    if not CONTAINING.isdisjoint(schema):
        return None
    listed = schema.get("enum")
    if isinstance(listed, list) and len(listed) > MOST_INTERNED:
        return None
    key = [
        # Texts as they are, which no other value equals; all else written out: 1 is not true.
        (word, value) if type(value) is str else (word, repr(value), None)
        for word, value in schema.items()
        if word in LEAF_KEYWORDS
    ]
    if len(key) > 1:
        key.sort()  # by the words, which differ
    return tuple(key)


def union_key(schema: dict[str, Json], place: Place) -> tuple[object, ...] | None:
    """What equal combinations of leaves and references have in common, as `oneOf: [A, reference to an A]` that stands
    wherever an A may; None for others."""
    if "anyOf" not in schema and "oneOf" not in schema and "allOf" not in schema:
        return None
    key: list[tuple[object, ...]] = []
    for word, value in schema.items():
        if word in UNITING and isinstance(value, list):
            key.append((word, *map(_branch_key, value)))
        elif word in LEAF_KEYWORDS:
            key.append((word, repr(value)))
        elif word in DEMANDING or word in IN_PLACE:
            return None
    if any(None in parts for parts in key):
        return None
    return id(place.resource), tuple(map(id, place.scope)), *sorted(key, key=repr)


def _branch_key(branch: Json) -> tuple[object, ...] | None:
    if not isinstance(branch, dict):
        return None
    if "$ref" not in branch:
        return leaf_key(branch)
    others = branch.keys() - {"$ref"}
    alone = others.isdisjoint(DEMANDING) and others.isdisjoint(IN_PLACE)
    return ("$ref", repr(branch["$ref"])) if alone else None


def scalar_key(schema: dict[str, Json]) -> tuple[object, ...] | None:
    """As leaf_key, also for unions of leaves of which each is a string, number or literal by its type."""
    word = "anyOf" if "anyOf" in schema else "oneOf"
    if word not in schema:
        return leaf_key(schema)
    branches, keys = schema[word], [leaf_key({w: v for w, v in schema.items() if w != word})]
    for branch in branches if isinstance(branches, list) else []:
        names = branch.get("type") if isinstance(branch, dict) else None
        names = names if isinstance(names, list) else [names]
        if not isinstance(branch, dict) or not all(n in SCALAR_TYPES for n in names):
            return None
        keys.append(leaf_key(branch))
    return None if None in keys or len(keys) == 1 else (word, *keys)


def _read_type(node: Node, value: Json) -> None:
    names = value if isinstance(value, list) else [value]
    kinds: set[str] = set()
    for name in names:
        if not isinstance(name, str) or name not in KINDS_OF:
            reject(f"the type {name!r} is not known", node.at("type"))
        kinds.update(KINDS_OF[name])
    if not names:
        reject("type names no type", node.at("type"))
    node.kinds = frozenset(kinds)
    node.integer = "integer" in names and "number" not in names


def read_count(node: Node, keyword: str) -> int | None:
    """The non-negative integer of a keyword such as maxLength, or None if it is absent; at most MOST_COUNT."""
    if keyword not in node.words:
        return None
    value = node.words[keyword]
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        reject(f"{keyword} must be a non-negative integer", node.at(keyword))
    return min(value, MOST_COUNT)


def listed(node: Node) -> list[Json] | None:
    """The values that enum and const leave, or None if the node has neither."""
    words = node.words
    if "enum" in words:
        values = words["enum"]
        if not isinstance(values, list) or not values:
            reject("enum needs a list of at least one value", node.at("enum"))
        if "const" in words:
            return [v for v in values if same(v, words["const"])]
        return values
    return [words["const"]] if "const" in words else None


def listed_of(node: Node, kind: str) -> list[Json] | None:
    """Of the values that enum and const leave those of one kind, or None if the node has neither."""
    if "enum" not in node.words and "const" not in node.words:
        return None
    if node.by_kind is None:
        node.by_kind = {}
        for value in listed(node) or ():
            node.by_kind.setdefault(kind_of(value), []).append(value)
    return node.by_kind.get(kind, [])


def kind_of(value: Json) -> str:
    """The kind of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"


def same(a: Json, b: Json) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, and true is not 1."""
    if kind_of(a) != kind_of(b):
        return False
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b
