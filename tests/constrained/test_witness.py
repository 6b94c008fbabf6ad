"""The quick proof that nothing is dead: that it is right, that schemas have it, and that no table depends on it."""

import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.automata.bytedfa import join_classes
from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine import live
from trellis.constrained.machine.align import align, find_links
from trellis.constrained.machine.passes import ARRAYS, Passes
from trellis.constrained.machine.rule import Machine, Move, Rule
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.machine.ways import join_ways
from trellis.constrained.machine.witness import every_state_ends
from trellis.constrained.schema import lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema

sys.path.insert(0, str(Path(__file__).parent))
from machines import ambiguous_machine, clear_machine, json_machine, random_machine

SEEDS = st.integers(0, 1 << 30)
SCHEMAS = (
    '{"type": "object", "properties": {"a": {"type": "string", "minLength": 2, "maxLength": 9},'
    ' "b": {"type": "integer"}}, "required": ["a"]}',
    '{"anyOf": [{"type": "object", "properties": {"k": {"const": "x"}, "n": {"type": "number"}}, "required": ["k"]},'
    ' {"type": "object", "properties": {"k": {"const": "y"}, "l": {"type": "array", "maxItems": 3}},'
    ' "required": ["k"]}]}',
    '{"$defs": {"t": {"type": "object", "properties": {"next": {"$ref": "#/$defs/t"}}}}, "$ref": "#/$defs/t"}',
)


def key_of(machine: Machine, passes: Passes = ARRAYS) -> str:
    try:
        return build_grammar(machine, passes=passes).key
    except InvalidConstraint:
        return "nothing"


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.sampled_from([random_machine, clear_machine, ambiguous_machine]))
def test_tables_do_not_depend_on_the_proof(seed: int, make: object) -> None:
    """Where every state is said to end, the slow search finds nothing to cut either."""
    assert callable(make)
    machine = make(random.Random(seed))
    doubting = replace(ARRAYS, every_state_ends=lambda aligned, links: False)
    assert key_of(machine) == key_of(machine, doubting)


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_what_is_proved_has_no_dead_state(seed: int) -> None:
    aligned = align(random_machine(random.Random(seed)))
    links = find_links(aligned)
    if every_state_ends(aligned, links):
        reach = live._find_verdicts(aligned, links)
        wanted = np.flatnonzero(~aligned.closed | (aligned.ends > 0)).tolist()
        assert all(reach[state] for state in wanted)
        assert not live._has_unwanted(aligned, links, reach)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schemas_are_proved(schema: str) -> None:
    """The slow search is for others: this is what makes tables quick to build."""
    machine = lower_schema(JsonSchema(schema), Budget(Limits()), Fragments(1 << 20))
    aligned = align(machine)
    assert every_state_ends(aligned, find_links(aligned))


def test_json_is_proved_and_a_dead_end_is_not() -> None:
    aligned = align(json_machine())
    assert every_state_ends(aligned, find_links(aligned))
    # Reads a's without end, by itself or by calling itself.
    table = np.array([[0, 0, 0], [0, 2, 0], [0, 2, -1]], np.int32)
    classes = np.zeros(256, np.uint8)
    classes[[ord("a"), ord("b")]] = 1, 2
    endless = Rule(classes, table, np.zeros(3, np.int32), 1, (Move((2,), 0),))
    aligned = align(Machine((endless,)))
    assert not every_state_ends(aligned, find_links(aligned))
    with pytest.raises(InvalidConstraint):
        build_grammar(Machine((endless,)))


def test_a_call_that_rests_on_itself_is_no_proof() -> None:
    """Two rules that call each other and end only behind that: each would end if the other did."""
    classes = np.zeros(256, np.uint8)
    classes[[ord("a"), ord("b")]] = 1, 2
    table = np.array([[0, 0, 0], [0, 2, 0], [0, -1, 0], [0, 0, 0]], np.int32)
    ends = np.array([0, 0, 0, 1], np.int32)
    rules = tuple(Rule(classes, table, ends, 1, (Move((3,), 1 - i),)) for i in range(2))
    aligned = align(Machine(rules))
    assert not every_state_ends(aligned, find_links(aligned))


def test_ways_are_listed_and_joined() -> None:
    ways = align(json_machine()).ways
    again = join_ways(ways.listed())
    assert again.listed() == ways.listed() and len(again) == len(ways)
    assert (again.after.open == ways.after.open).all()
    assert (again.after.rows(3) == ways.after.rows(3)).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 255), min_size=256, max_size=256), max_size=4))
def test_joint_classes_tell_apart_what_one_part_does(drawn: list[list[int]]) -> None:
    parts = [np.array(values, np.uint8) for values in drawn]
    joint = join_classes(parts)
    kinds = {tuple(int(part[b]) for part in parts): int(joint[b]) for b in range(256)}
    assert len(set(kinds.values())) == len(kinds) == int(joint.max()) + 1
    assert all(kinds[tuple(int(p[b]) for p in parts)] == joint[b] for b in range(256))
