"""Schemas written in the manner of real ones, with their habits (strange.jsonl, one a line): package.json, workflows,
compose files, OpenAPI, Kubernetes, Snowplow, stories, tools, drafts 4 to 2020 and what people do with them. Each is
compiled within a budget and a size, and judges its values as the jsonschema library did; what is refused says where."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from trellis.constrained.errors import UnsupportedConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.schema import Canonical, lower_schema
from trellis.constrained.schema.elements.distinct import marks_distinct, with_distinct
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema

LINES = (Path(__file__).parent / "strange.jsonl").read_text().splitlines()
CASES: list[dict[str, Any]] = [json.loads(line) for line in LINES]
FRAGMENTS = Fragments(64 << 20)
MOST_SECONDS = 1.0  # of a machine that does other things as well; the largest takes a sixth of it
MOST_BYTES = 4 << 20


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_strange_schema(case: dict[str, Any]) -> None:
    constraint = JsonSchema(json.dumps(case["schema"]), formats="annotate")
    begun = time.thread_time()
    if "refused" in case:
        with pytest.raises(UnsupportedConstraint) as caught:
            lower_schema(constraint, Budget(Limits()), FRAGMENTS)
        assert caught.value.path == case["refused"]
        return
    machine = lower_schema(constraint, Budget(Limits()), FRAGMENTS)
    tables = build_grammar(machine)
    assert time.thread_time() - begun < MOST_SECONDS
    assert tables.nbytes < MOST_BYTES
    grammar = with_distinct(tables) if marks_distinct(machine) else tables
    writer = Canonical(constraint, fragments=FRAGMENTS)
    for value in case["valid"]:
        assert grammar.accepts(writer.write(value).encode()), value
    for value in case["invalid"]:
        assert not grammar.accepts(writer.write(value).encode()), value
    assert case["valid"] and case["invalid"]
