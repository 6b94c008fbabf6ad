"""References and dialects: the drafts' own schemas, dynamic anchors, and what `$schema` decides."""

import json
from typing import Any

import jsonschema
import pytest

from trellis.constrained.compiling.lowering import AnyGrammar, compile_constraint
from trellis.constrained.errors import ConstraintError, UnsupportedConstraint
from trellis.constrained.limits import Limits
from trellis.constrained.schema import Canonical
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema

FRAGMENTS = Fragments(1 << 24)
DRAFTS = {
    "http://json-schema.org/draft-04/schema#": jsonschema.Draft4Validator,
    "http://json-schema.org/draft-06/schema#": jsonschema.Draft6Validator,
    "http://json-schema.org/draft-07/schema#": jsonschema.Draft7Validator,
    "https://json-schema.org/draft/2019-09/schema": jsonschema.Draft201909Validator,
    "https://json-schema.org/draft/2020-12/schema": jsonschema.Draft202012Validator,
}
SCHEMAS: list[Any] = [
    {}, {"type": "object"}, {"type": "thing"}, {"minLength": -1}, {"minLength": 3}, {"minimum": "a"}, {"required": []},
    {"properties": {"a": {"type": "string"}}}, {"properties": {"a": {"type": 1}}}, {"items": {"enum": [1]}},
    {"allOf": [{"maxItems": 2}]}, {"allOf": [{"maxItems": -2}]}, {"allOf": []}, {"not": {"pattern": 1}}, "no", 1, True,
    {"anyOf": [{"additionalProperties": {"multipleOf": 0}}]}, {"title": 1}, {"dependencies": {"a": ["b"]}},
    {"default": 1}, {"type": ["string", "null"]}, {"type": ["string", "string"]},
]  # fmt: skip


def compiled(schema: Any) -> AnyGrammar:
    constraint = JsonSchema(json.dumps(schema), formats="annotate")
    return compile_constraint(constraint, Limits(seconds=10), FRAGMENTS)


@pytest.mark.parametrize("uri", DRAFTS)
def test_the_drafts_own_schemas(uri: str) -> None:
    schema = {"$schema": uri, "$ref": uri}
    grammar = compiled(schema)
    writer = Canonical(JsonSchema(json.dumps(schema), formats="annotate"), fragments=FRAGMENTS)
    validator = DRAFTS[uri](DRAFTS[uri].META_SCHEMA)
    for value in SCHEMAS:
        accepted = grammar.accepts(writer.write(value).encode())
        assert accepted == validator.is_valid(value), value


def test_another_drafts_own_schema_is_refused() -> None:
    for target in ("http://json-schema.org/draft-07/schema#", "http://json-schema.org/nothing"):
        with pytest.raises(UnsupportedConstraint) as caught:
            compiled({"properties": {"a": {"$ref": target}}})
        assert caught.value.path == "/properties/a/$ref"


def test_a_dynamic_anchor_is_the_one_entered_first() -> None:
    tree = {
        "$id": "https://example.com/tree", "$dynamicAnchor": "node", "type": "object",
        "properties": {"value": True, "below": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    }  # fmt: skip
    strict = {
        "$id": "https://example.com/strict", "$dynamicAnchor": "node", "$ref": "tree",
        "unevaluatedProperties": False, "$defs": {"tree": tree},
    }  # fmt: skip
    right, wrong = b'{"below": [{"value": 1}]}', b'{"below": [{"valu": 1}]}'
    grammar = compiled(strict)
    assert grammar.accepts(right) and not grammar.accepts(wrong)
    grammar = compiled(tree)
    assert grammar.accepts(right) and grammar.accepts(wrong)


def test_dialects() -> None:
    bound = {"minimum": 3}
    for uri in (
        *DRAFTS, "http://json-schema.org/schema#", "http://iglucentral.com/schemas/com.x/schema/jsonschema/1-0-0#",
        "https://schema.management.azure.com/schemas/2019-09-01/deploymentTemplate.json#",
        "https://spec.openapis.org/oas/3.1/dialect/base",
    ):  # fmt: skip
        grammar = compiled({"$schema": uri, **bound})
        assert grammar.accepts(b"3") and not grammar.accepts(b"2")
    with pytest.raises(UnsupportedConstraint, match=r"^/\$schema: "):
        compiled({"$schema": "https://example.com/metaschema", **bound})


def test_a_metaschema_at_hand_says_which_keywords_hold() -> None:
    uri, latest = "https://example.com/metaschema", "https://json-schema.org/draft/2020-12/"
    vocabulary = {latest + "vocab/core": True, latest + "vocab/applicator": True}

    def schema(**more: bool) -> dict[str, Any]:
        metaschema = {"$id": uri, "$schema": latest + "schema", "$vocabulary": vocabulary | more}
        inner = {"minimum": 3, "properties": {"a": False}}
        return {"$schema": uri, "$defs": {"own": metaschema}, **inner}

    grammar = compiled(schema())
    assert grammar.accepts(b"2") and not grammar.accepts(b'{"a": 1}')
    grammar = compiled(
        schema(**{latest + "vocab/validation": True, "https://example.com/x": False})
    )
    assert not grammar.accepts(b"2")
    with pytest.raises(UnsupportedConstraint, match="not known"):
        compiled(schema(**{"https://example.com/x": True}))


@pytest.mark.parametrize(
    "reference",
    ["#/$defs/a%20b", "#/$defs/c~1d", "#/$defs/e%25f", "inner", "inner#here", "#/$defs/g/0"],
)
def test_references_reach_what_they_spell(reference: str) -> None:
    one = {"const": 1}
    inner = {"$id": "inner", "const": 1, "$defs": {"x": {"$anchor": "here", **one}}}
    found = {"a b": one, "c/d": one, "e%f": one, "inner": inner, "g": [one]}
    grammar = compiled({"$id": "https://example.com/", "$ref": reference, "$defs": found})
    assert grammar.accepts(b"1") and not grammar.accepts(b"2")


def test_references_that_lead_nowhere() -> None:
    for reference in ("#/$defs/b", "#nothing", "http://["):
        with pytest.raises(ConstraintError):
            compiled({"$ref": reference, "$defs": {"a": {}}})
