"""SchemaText: a schema in few words, with what its author said about the fields."""

from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from trellis.lang.values.schema_text import describe_schema
from trellis.lang.values.schemas import adapter_of, schema_of


class Node(BaseModel):
    word: str
    parts: list["Node"] = []


class Pet(BaseModel):
    kind: Literal["cat", "dog"]


class Person(BaseModel):
    name: str = Field(description="the full\n name")
    pets: Annotated[list[Pet], Field(min_length=1, max_length=3)]
    best: Pet | None = None


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 130}, "integer 0 to 130"),
        ({"type": "number", "exclusiveMinimum": 0}, "number above 0"),
        ({"type": "number", "minimum": 1, "exclusiveMaximum": 2}, "number from 1 below 2"),
        ({"type": "string", "minLength": 2}, "text from 2 characters"),
        ({"type": "string", "maxLength": 9}, "text up to 9 characters"),
        ({"type": "string", "minLength": 2, "maxLength": 2}, "text of 2 characters"),
        ({"type": "string", "format": "date"}, "date YYYY-MM-DD"),
        ({"type": "string", "pattern": "a+"}, "text like a+"),
        ({"enum": ["a", 1]}, '"a" or 1'), ({"const": None}, "null"), ({"type": "boolean"}, "true or false"),
        ({"type": ["integer", "null"]}, "integer or null"), (True, "anything"), ({}, "anything"),
        ({"anyOf": [{"type": "integer"}, {"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"allOf": [{"type": "integer"}, {"const": 1}]}, "integer and 1"),
        ({"type": "array", "prefixItems": [{"type": "integer"}], "items": False}, "[integer]"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, "[text, ...] from 1 items"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "{any key: integer, ...}"),
    ],
    ids=str,
)  # fmt: skip
def test_each_keyword(schema, text):
    assert describe_schema(schema) == text


def test_a_model_with_descriptions_and_shared_parts():
    assert describe_schema(schema_of(adapter_of(Person))) == (
        '{"name": text (the full name), "pets": [Pet, ...] 1 to 3 items, "best"?: Pet or null}\n'
        'Pet = {"kind": "cat" or "dog"}'
    )


def test_what_refers_to_itself_ends():
    text = describe_schema(schema_of(adapter_of(Node)))
    assert text == 'Node\nNode = {"word": text, "parts"?: [Node, ...]}'


@given(
    st.recursive(
        st.sampled_from([{"type": "integer"}, {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}, True, {"enum": []}]),
        lambda inner: st.builds(lambda x: {"type": "array", "items": x}, inner)
        | st.builds(lambda x: {"anyOf": x}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda x: {"properties": x}, st.dictionaries(st.text(max_size=3), inner, max_size=3)),
        max_leaves=8,
    ),
    st.sampled_from([{"type": "null"}, {"$ref": "#/$defs/B"}, {"items": {"$ref": "#/$defs/A"}, "type": "array"}]),
)  # fmt: skip
def test_any_schema_gets_a_text_in_finite_time(schema, other):
    root = dict(schema) if isinstance(schema, dict) else {}
    root["$defs"] = {"A": other, "B": {"type": "array", "items": {"$ref": "#/$defs/A"}}}
    assert describe_schema(root)
