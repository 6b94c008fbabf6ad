"""JSON Schema to an automaton over the bytes of the JSON text.

    part = lower_schema(JsonSchema('{"type": "integer", "minimum": 0}'), budget, Fragments(1 << 20))

Every keyword is enforced exactly, or refused by name with its JSON pointer; nothing is ignored but annotations, and
keywords about other types than the schema's. Numbers, strings, arrays, objects and alternatives have a file each;
here schemas are read, told apart, and kept from recursing. Sub-schemas become automata bottom up, and an automaton is
only ever copied into the one above it.
"""

import json
from decimal import Decimal
from typing import NoReturn

from . import schema_array, schema_number, schema_object, schema_string, schema_union
from .bytedfa import ByteDfa
from .errors import InvalidConstraint
from .limits import Budget
from .schema_context import (
    Context,
    Fragments,
    Json,
    Node,
    compact_layout,
    loose_layout,
    pointer,
    refuse,
    reject,
    require_live,
)
from .schema_reference import follow
from .spec import JsonSchema
from .trie import words

ANNOTATIONS = frozenset(
    {
        *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
        *("$schema", "$comment", "$defs", "definitions", "$anchor"),
        *("contentMediaType", "contentEncoding"),
    }
)
REFUSED = frozenset(
    {
        *("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies"),
        *("contains", "minContains", "maxContains", "unevaluatedItems", "unevaluatedProperties"),
        *("$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "contentSchema"),
    }
)
NUMBER_KEYWORDS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
COMBINED = ("$ref", "allOf", "anyOf", "oneOf")
KEYWORDS = (
    frozenset({*COMBINED, "type", "enum", "const", "discriminator"})
    | NUMBER_KEYWORDS
    | schema_string.KEYWORDS
    | schema_array.KEYWORDS
    | schema_object.KEYWORDS
)
MOST_DIGITS = 400


def lower_schema(constraint: JsonSchema, budget: Budget, fragments: Fragments) -> ByteDfa:
    """The automaton of a schema. Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget."""
    if constraint.whitespace not in ("compact", "any"):
        raise InvalidConstraint(
            f'whitespace must be "compact" or "any", got {constraint.whitespace!r}'
        )
    root = read_json(constraint.schema, budget)
    layout = compact_layout() if constraint.whitespace == "compact" else loose_layout(budget)
    lowering = _Lowering(root)
    lowering.context = Context(
        root, layout, constraint.any_order, budget, lowering.lower, fragments
    )
    return lowering.lower(root, "")


def read_json(text: str, budget: Budget) -> Json:
    """The value of a JSON text, its decimals exact. Raises InvalidConstraint."""
    if len(text) > budget.limits.schema_chars:
        raise InvalidConstraint(
            f"the schema has {len(text)} characters, more than {budget.limits.schema_chars}"
        )
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError:
        raise InvalidConstraint("the schema is nested too deeply") from None
    except ValueError as error:
        raise InvalidConstraint(f"the schema is not JSON: {error}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


class _Lowering:
    """Walks one schema."""

    context: Context

    def __init__(self, root: Json) -> None:
        self._root = root
        self._depth = 0
        self._following: list[str] = []
        self._referred: dict[str, ByteDfa] = {}

    def lower(self, schema: Json, path: str) -> ByteDfa:
        """The automaton of a sub-schema, which accepts something."""
        self._depth += 1
        if self._depth > self.context.budget.limits.nesting:
            reject(f"schemas are nested more than {self.context.budget.limits.nesting} deep", path)
        self.context.budget.spend(0)
        part = require_live(self._dispatch(self._check(schema, path), path), path)
        self._depth -= 1
        return part

    def _check(self, schema: Json, path: str) -> Node:
        """The keywords of a schema that are no annotations, all of them known."""
        if schema is False:
            reject("the schema false allows no value", path)
        if schema is True:
            refuse("the schema true is a free-form JSON value, which is not supported", path)
        if not isinstance(schema, dict):
            reject("a schema must be an object or a boolean", path)
        for keyword in schema:
            if keyword in REFUSED:
                refuse(f"the keyword {keyword} is not enforced", pointer(path, keyword))
            known = keyword in KEYWORDS or keyword in ANNOTATIONS or keyword.startswith("x-")
            if not known and not (keyword == "$id" and not path):
                refuse(f"the keyword {keyword!r} is not known; remove it", pointer(path, keyword))
        return {k: v for k, v in schema.items() if k in KEYWORDS}

    def _dispatch(self, node: Node, path: str) -> ByteDfa:
        if not node:
            refuse(
                "a schema without keywords is a free-form JSON value, which is not supported", path
            )
        for keyword in COMBINED:
            if keyword in node:
                others = [k for k in node if k not in (keyword, "discriminator")]
                if others:
                    refuse(f"{keyword} beside {others[0]} is not enforced", pointer(path, keyword))
                return self._combined(keyword, node, path)
        if "enum" in node or "const" in node:
            return schema_union.lower_enum(node, path, self.context)
        if "type" not in node:
            refuse(
                "a schema without type is a free-form JSON value, which is not supported; add type",
                path,
            )
        types = schema_union.read_types(node, path)
        if "number" in types and "integer" in types:
            types.remove("integer")
        return schema_union.unite([self._typed(t, node, path) for t in types], self.context)

    def _combined(self, keyword: str, node: Node, path: str) -> ByteDfa:
        value, below = node[keyword], pointer(path, keyword)
        if keyword == "$ref":
            return self._reference(value, path)
        if keyword == "anyOf":
            return schema_union.lower_any(value, below, self.context)
        if keyword == "oneOf":
            return schema_union.lower_one(value, node.get("discriminator"), below, self.context)
        if not isinstance(value, list) or not value:
            reject("a list of schemas is needed, not an empty one", below)
        if len(value) > 1:
            refuse("allOf with more than one schema is not enforced", below)
        return self.lower(value[0], pointer(below, 0))

    def _reference(self, reference: Json, path: str) -> ByteDfa:
        target = follow(self._root, reference, path)
        assert isinstance(reference, str), reference
        if reference in self._following:
            refuse(f"the recursive $ref {reference!r} is not supported", pointer(path, "$ref"))
        if reference not in self._referred:
            self._following.append(reference)
            self._referred[reference] = self.lower(target, reference[1:])
            self._following.pop()
        return self._referred[reference]

    def _typed(self, name: str, node: Node, path: str) -> ByteDfa:
        match name:
            case "object":
                return schema_object.lower_object(node, path, self.context)
            case "array":
                return schema_array.lower_array(node, path, self.context)
            case "string":
                return schema_string.lower_string(node, path, self.context)
            case "integer" | "number":
                return self._number(name, node, path)
            case "boolean":
                return self._words("boolean", b"true", b"false")
            case _:
                return self._words("null", b"null")

    def _words(self, key: str, *texts: bytes) -> ByteDfa:
        return self.context.fragment(key, lambda: words(texts, self.context.budget))

    def _number(self, name: str, node: Node, path: str) -> ByteDfa:
        numbers = {k: _read_number(node, k, path) for k in sorted(NUMBER_KEYWORDS) if k in node}
        step = numbers.get("multipleOf")
        if step is not None and step <= 0:
            reject("multipleOf must be above 0", pointer(path, "multipleOf"))
        low, low_open = _tighter(numbers.get("minimum"), numbers.get("exclusiveMinimum"), 1)
        high, high_open = _tighter(numbers.get("maximum"), numbers.get("exclusiveMaximum"), -1)
        interval = schema_number.Interval(low, high, low_open, high_open, step)
        make = schema_number.integer_dfa if name == "integer" else schema_number.number_dfa
        part = self.context.fragment(
            f"{name} {interval}", lambda: make(interval, self.context.budget)
        )
        if part.dfa.empty:
            reject(f"no {name} lies within these bounds", path)
        return part


def _read_number(node: Node, keyword: str, path: str) -> Decimal:
    value = node[keyword]
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        reject(f"{keyword} must be a number", pointer(path, keyword))
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    if abs(number.adjusted()) > MOST_DIGITS or (
        isinstance(exponent, int) and -exponent > MOST_DIGITS
    ):
        refuse(f"{keyword} has more than {MOST_DIGITS} digits", pointer(path, keyword))
    return number


def _tighter(
    closed: Decimal | None, opened: Decimal | None, sign: int
) -> tuple[Decimal | None, bool]:
    """The bound that excludes more, and whether it excludes itself; sign 1 for lower bounds."""
    if opened is None:
        return closed, False
    if closed is None or opened * sign >= closed * sign:
        return opened, True
    return closed, False
