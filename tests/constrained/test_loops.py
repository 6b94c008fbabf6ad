"""The passes as machine code write what array operations do, bit for bit, and are made once."""

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling import late
from trellis.constrained.compiling.late import AsidePasses, LatePasses, load_loops
from trellis.constrained.compiling.lowering import compile_constraint, lower
from trellis.constrained.errors import ConstraintBudget, ConstraintError
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine import live
from trellis.constrained.machine.align import align, find_links
from trellis.constrained.machine.compiled import (
    calling,
    graph,
    guards,
    laying,
    levels,
    linking,
    measuring,
    proving,
    stacking,
)
from trellis.constrained.machine.compiled import native as native_code
from trellis.constrained.machine.compiled.loops import LOOPS
from trellis.constrained.machine.compiled.native import is_kept, native
from trellis.constrained.machine.passes import ARRAYS, Passes
from trellis.constrained.machine.rule import MOST_FRAMES, Machine, Move, Rule
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema

sys.path.insert(0, str(Path(__file__).parent))
from machines import ambiguous_machine, clear_machine, json_machine, random_machine

Make = Callable[[random.Random], Machine]
SEEDS = st.integers(0, 1 << 30)
MACHINES = st.sampled_from([random_machine, clear_machine, ambiguous_machine])
MODULES = calling, graph, guards, laying, levels, linking, measuring, proving, stacking
TREE = {
    "type": "object",
    "properties": {"a": {"$ref": "#"}, "b": {"type": "string", "maxLength": 300}, "c": {}},
    "required": ["b"],
    "minProperties": 2,
}
SCHEMAS = (
    {"type": ["object", "array"]},
    TREE,
    TREE | {"additionalProperties": {"$ref": "#"}, "maxProperties": 3},
    {
        "anyOf": [
            {"properties": {"k": {"const": kind}, "n": {"type": kind}}, "required": ["k"]}
            for kind in ("string", "integer")
        ]
    },
    {"type": "array", "items": {"format": "date"}, "maxItems": 10_000},
    {"enum": [f"word {i}" for i in range(300)]},
)


def lowered(schema: dict, any_order: bool) -> Machine:
    constraint = JsonSchema(json.dumps(schema), any_order=any_order)
    return lower(constraint, Budget(Limits(seconds=10)), Fragments(1 << 20))


def key_of(machine: Machine, passes: Passes, frames: int = MOST_FRAMES) -> str:
    """The hash of its tables, or which error it is."""
    try:
        return build_grammar(machine, most_frames=frames, passes=passes).key
    except ConstraintError as error:
        return repr(error)


def check_equal(one: object, other: object, where: str) -> None:
    """Arrays of equal kind with equal values, all the way down."""
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray) and one.dtype == other.dtype, where
        assert one.shape == other.shape and (one == other).all(), where
    elif is_dataclass(one):
        for field in fields(one):
            check_equal(getattr(one, field.name), getattr(other, field.name), field.name)
    elif isinstance(one, tuple):
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            check_equal(a, b, f"{where} {number}")
    else:
        assert one == other, where


@settings(max_examples=100, deadline=None)
@given(SEEDS, MACHINES, st.sampled_from([MOST_FRAMES, 5, 3, 1, 0]))
def test_tables_are_equal(seed: int, make: Make, frames: int) -> None:
    machine = make(random.Random(seed))
    assert key_of(machine, LOOPS, frames) == key_of(machine, ARRAYS, frames)


@settings(max_examples=100, deadline=None)
@given(SEEDS, MACHINES)
def test_each_pass_is_equal(seed: int, make: Make) -> None:
    machine = make(random.Random(seed))
    aligned = align(machine)
    check_equal(LOOPS.align(machine, None), aligned, "aligned")
    check_equal(LOOPS.find_links(aligned), find_links(aligned), "links")
    if not aligned.deterministic:
        return
    try:
        aligned, links = live.cut_dead(aligned)
    except ConstraintError:
        return
    pushes = ARRAYS.find_pushes(aligned, links)
    check_equal(LOOPS.find_pushes(aligned, links), pushes, "pushes")
    check_equal(LOOPS.find_depths(aligned), ARRAYS.find_depths(aligned), "depths")
    check_equal(LOOPS.find_chain(aligned, links), ARRAYS.find_chain(aligned, links), "chain")
    for rules in (np.ones_like(aligned.starts > 0), ARRAYS.find_depths(aligned) < 0):
        asked = aligned, links, (pushes, rules), MOST_FRAMES
        check_equal(LOOPS.measure(*asked), ARRAYS.measure(*asked), "needs")
    check_equal(LOOPS.lay_returns(aligned), ARRAYS.lay_returns(aligned), "returns")


@settings(max_examples=200, deadline=None)
@given(SEEDS, MACHINES)
def test_what_is_proved_has_no_dead_state(seed: int, make: Make) -> None:
    aligned = align(make(random.Random(seed)))
    links = find_links(aligned)
    if LOOPS.every_state_ends(aligned, links):
        reach = live._find_verdicts(aligned, links)
        wanted = np.flatnonzero(~aligned.closed | (aligned.ends > 0)).tolist()
        assert all(reach[state] for state in wanted)
        assert not live._has_unwanted(aligned, links, reach)


@pytest.mark.parametrize("any_order", [False, True])
@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
def test_schemas_have_equal_tables(schema: dict, any_order: bool) -> None:
    machine = lowered(schema, any_order)
    aligned = LOOPS.align(machine, None)
    assert LOOPS.every_state_ends(aligned, LOOPS.find_links(aligned))
    for frames in (MOST_FRAMES, 4, 2):
        assert key_of(machine, LOOPS, frames) == key_of(machine, ARRAYS, frames)
    for name in Passes.__slots__:
        mixed = replace(ARRAYS, **{name: getattr(LOOPS, name)})
        assert key_of(machine, mixed) == key_of(machine, ARRAYS), name


def test_tables_that_are_too_large_are_refused() -> None:
    for passes in (ARRAYS, LOOPS):
        with pytest.raises(ConstraintBudget, match="bytes"):
            build_grammar(json_machine(), 100, passes=passes)


def test_everything_is_loaded_at_once_and_for_one_kind_of_arrays() -> None:
    """Else some later constraint would wait for it to be made."""
    found = [f for module in MODULES for f in vars(module).values() if hasattr(f, "py_func")]
    assert len(found) > 20
    assert load_loops() is LOOPS
    loaded = {f.__name__: len(f.signatures) for f in found if f.__name__ in ENTRIES}
    assert loaded == dict.fromkeys(ENTRIES, 1)
    for seed in range(300):
        make = (random_machine, clear_machine, ambiguous_machine)[seed % 3]
        key_of(make(random.Random(seed)), LOOPS)
    loaded = {f.__name__: len(f.signatures) for f in found if f.__name__ in ENTRIES}
    assert loaded == dict.fromkeys(ENTRIES, 1)


# What is called from Python, and so must be there before it is needed.
ENTRIES = {
    "join_parts", "stack", "target", "join_goals", "link_all", "answers_and_ends", "push", "order_rules", "chain",
    "survey", "weigh_bits", "push_frames", "act", "write",
}  # fmt: skip


@pytest.mark.parametrize(("entry", "after"), [(9, 2), (-2, 2), (-1, 99)])
def test_entries_of_no_rule_are_never_looked_up(entry: int, after: int) -> None:
    table = np.array([[0, 0], [0, entry], [0, 0]], np.int32)
    classes = np.zeros(256, np.uint8)
    classes[ord("a")] = 1
    rule = Rule(classes, table, np.array([0, 0, 1], np.int32), 1, (Move((after,)),))
    with pytest.raises(AssertionError, match="no state"):
        LOOPS.align(Machine((rule,)), None)


def test_functions_are_plain_python_too() -> None:
    parts = np.array([[b // 64 for b in range(256)], [b % 2 for b in range(256)]], np.uint8)
    for one, other in zip(
        stacking.join_parts(parts), stacking.join_parts.py_func(parts), strict=True
    ):
        assert (one == other).all()


def test_code_that_cannot_be_kept_is_made_all_the_same() -> None:
    """A function without a file has no folder that could be written."""
    scope: dict = {}
    exec("def double(x):\n    return 2 * x", scope)
    double = native(scope["double"])
    assert double(21) == 42
    assert not is_kept(double) and is_kept(stacking.stack)


def test_late_passes_come_after_so_many_constraints() -> None:
    passes, constraint = LatePasses(2), JsonSchema('{"type": "object"}')
    assert [passes.take() for _ in range(2)] == [ARRAYS, ARRAYS]
    patience = time.monotonic() + 60
    while passes.take() is ARRAYS:
        assert time.monotonic() < patience
        time.sleep(0.01)
    assert passes.take() is LOOPS
    keys = {
        compile_constraint(constraint, Limits(), Fragments(1 << 20), passes=kind).key
        for kind in (ARRAYS, LOOPS)
    }
    assert len(keys) == 1


def test_late_passes_stay_array_operations_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trellis.constrained.machine.compiled.loops", None)
    passes = LatePasses(0)
    passes.take()
    time.sleep(0.05)
    assert passes.take() is ARRAYS


def wait_for_loops(passes: AsidePasses) -> None:
    patience = time.monotonic() + 60
    while passes.take() is ARRAYS:
        assert time.monotonic() < patience
        time.sleep(0.01)
    assert passes.take() is LOOPS


def test_another_process_makes_what_a_thread_then_loads() -> None:
    passes = AsidePasses(2)
    assert [passes.take() for _ in range(3)] == [ARRAYS] * 3
    wait_for_loops(passes)
    passes.close()


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(1)"])
def test_what_cannot_be_kept_is_not_made_here(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where the other process ended well is anything loaded."""
    start = late.subprocess.Popen
    monkeypatch.setattr(
        late.subprocess, "Popen", lambda command, **how: start([*command[:-1], end], **how)
    )
    passes = AsidePasses(0)
    assert passes.take() is ARRAYS
    maker = passes._maker
    assert maker is not None and maker.wait(60) == (end != "pass")
    if end == "pass":
        wait_for_loops(passes)
    else:
        assert [passes.take() for _ in range(3)] == [ARRAYS] * 3
    passes.close()


def test_a_maker_is_ended_and_one_that_cannot_start_is_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passes = AsidePasses(0)
    passes.take()
    maker = passes._maker
    assert maker is not None
    passes.close()
    assert maker.returncode is not None and passes.take() is ARRAYS
    forgotten = AsidePasses(0)
    forgotten.take()
    maker = forgotten._maker
    del forgotten
    assert maker is not None and maker.returncode is not None
    monkeypatch.setattr(late.sys, "executable", None)
    passes = AsidePasses(0)
    assert [passes.take() for _ in range(3)] == [ARRAYS] * 3
    passes.close()


def test_making_says_whether_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late.os, "nice", lambda steps: steps)
    late.make_loops()
    monkeypatch.setattr(native_code, "is_kept", lambda function: False)
    with pytest.raises(SystemExit):
        late.make_loops()
