"""The collector: it stands still while a constraint is compiled, and finds nothing afterwards."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest

from trellis.constrained.compiling.garbage import without_collection
from trellis.constrained.compiling.lowering import compile_constraint
from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.limits import Limits
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema

RECORD = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"enum": ["x", 1]}}}
SCHEMAS: dict[str, Any] = {
    "record": RECORD,
    "closed": {**RECORD, "required": ["a"], "additionalProperties": False},
    "items": {"type": "array", "items": RECORD, "minItems": 2, "maxItems": 100},
    "union": {
        "oneOf": [
            {"properties": {"kind": {"const": kind}, kind: {"type": "integer"}}}
            for kind in ("left", "right")
        ]
    },
    "recursion": {"properties": {"next": {"$ref": "#"}, "leaf": {"type": ["string", "null"]}}},
    "condition": {
        "if": {"required": ["a"]},
        "then": {"maxProperties": 3},
        "else": {"patternProperties": {"^x": {"type": "number"}}},
    },
    "all": {"allOf": [RECORD, {"required": ["b"]}], "unevaluatedProperties": False},
}


@pytest.fixture
def collecting() -> Iterator[None]:
    """The collector as it is by default, whatever a test does to it."""
    gc.enable()
    yield
    gc.enable()


@pytest.mark.usefixtures("collecting")
def test_the_collector_goes_on_behind() -> None:
    with without_collection():
        assert not gc.isenabled()
        with without_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(InvalidConstraint), without_collection():
        raise InvalidConstraint("as any other")
    assert gc.isenabled()


@pytest.mark.usefixtures("collecting")
def test_it_stays_off_where_it_was() -> None:
    gc.disable()
    with without_collection():
        assert not gc.isenabled()
    assert not gc.isenabled()


@pytest.mark.usefixtures("collecting")
@pytest.mark.parametrize("name", SCHEMAS)
def test_compiling_leaves_nothing_to_collect(name: str) -> None:
    fragments, constraint = Fragments(1 << 20), JsonSchema(json.dumps(SCHEMAS[name]))
    compile_constraint(constraint, Limits(), fragments)  # what stays is made here
    gc.collect()
    gc.disable()
    grammar = compile_constraint(constraint, Limits(), fragments)
    assert gc.collect() == 0
    assert grammar.accepts(b"{}") or name in ("closed", "items", "union", "all")


@pytest.mark.usefixtures("collecting")
def test_a_refused_schema_leaves_the_collector_on() -> None:
    with pytest.raises(InvalidConstraint):
        compile_constraint(JsonSchema('{"type": "none"}'), Limits(), Fragments(1 << 20))
    assert gc.isenabled()
