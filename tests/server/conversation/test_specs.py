"""Schemas of tools stand on their own, so that several can be put into one."""

import json

import pytest

from trellis.constrained.compiling.compiler import check_constraint
from trellis.lang.tools.formats import hermes
from trellis.lang.tools.formats.tagged import tagged
from trellis.runtime.server.conversation.specs import spec_of

POINT = {"type": "object", "properties": {"x": {"type": "integer"}}}
SCHEMAS = [
    {
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/p"}},
        "definitions": {"p": POINT},
    },
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/p"}}, "$defs": {"p": POINT}},
    {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}},
    {
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/p"}, "b": {"$ref": "#/$defs/q"}},
        "$defs": {"q": {"$ref": "#/definitions/p"}},
        "definitions": {"p": POINT},
    },
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: json.dumps(s)[:60])
def test_a_schema_can_stand_among_others(schema) -> None:
    specs = [spec_of(f"tool_{at}", "", schema) for at in range(2)]
    check_constraint(specs[0].constraint)
    check_constraint(tagged(hermes.FORM, specs))
    check_constraint(hermes.FORM.constraint(specs, several=True))


def test_values_are_left_alone() -> None:
    schema = {"type": "object", "properties": {"a": {"const": {"$ref": "#/definitions/x"}}}}
    assert spec_of("f", "", schema).parameters == schema
    assert spec_of("f", "", None).parameters == {"type": "object", "properties": {}}
