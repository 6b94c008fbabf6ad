"""Lines: objects written name by name at once read what the same objects read when written spot by spot."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.errors import ConstraintError
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Machine
from trellis.constrained.schema import Canonical, lower_schema
from trellis.constrained.schema.document import Document
from trellis.constrained.schema.elements.items import Items
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.schema.kinds import possible_kinds
from trellis.constrained.schema.node import Nodes, kind_of
from trellis.constrained.schema.properties.objects import ObjectGraph
from trellis.constrained.schema.rules.draft import Draft, distinguish, finish
from trellis.constrained.schema.rules.forks import Fork, insert, write
from trellis.constrained.spec import JsonSchema

NAMES = ("a", "ab", "abc", "abd", "b", "\u00e9", 'q"', "", "kind", "a long name", "a long way")
LETTERS = b'{}[]":, \nabcdgklnoqtuwyiemrsf01\\\xc3\xa9'
LEAVES: tuple[Any, ...] = (
    *({"type": "string"}, {"type": "integer"}, {"enum": ["a", None]}, {"const": 1}, True, False),
    *({"type": ["boolean", "null"]}, {"type": "array", "items": {"type": "null"}}, {}),
    {"type": "array", "items": {"type": "object", "required": ["b"]}},
)


def draw_record(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    names = rng.sample(NAMES, rng.randrange(5))
    found: dict[str, Any] = {
        "type": "object",
        "properties": {name: draw_value(rng, depth + 1) for name in names},
        "required": [name for name in rng.sample(NAMES, 2) if rng.random() < 0.4],
    }
    if rng.random() < 0.6:
        found["additionalProperties"] = rng.choice([False, False, {"type": "null"}, True])
    if rng.random() < 0.1:
        found["patternProperties"] = {"^a": draw_value(rng, depth + 1)}
    return found


def draw_value(rng: random.Random, depth: int) -> Any:
    if depth > 1 or rng.random() < 0.7:
        return rng.choice(LEAVES)
    return draw_union(rng, depth) if rng.random() < 0.4 else draw_record(rng, depth)


def draw_union(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    branches: list[Any] = []
    for number in range(rng.randrange(1, 4)):
        branch = draw_record(rng, depth + 1)
        if rng.random() < 0.7:
            branch["properties"]["kind"] = {"const": number}
            branch["required"].append("kind")
        branches.append(branch)
    found: dict[str, Any] = {rng.choice(["anyOf", "oneOf", "allOf"]): branches}
    if rng.random() < 0.3:
        found |= {"if": draw_record(rng, depth + 1), "else": draw_record(rng, depth + 1)}
    return found


def draw_schema(seed: int) -> dict[str, Any]:
    rng = random.Random(seed)
    return draw_union(rng) if rng.random() < 0.5 else draw_record(rng)


@pytest.fixture(scope="module")
def fragments() -> dict[bool, Fragments]:
    """What machines share, with lines and without."""
    return {lined: Fragments(1 << 24) for lined in (True, False)}


def lower(schema: Any, fragments: Fragments | None = None, whitespace: Any = "compact") -> Machine:
    constraint = JsonSchema(json.dumps(schema), whitespace=whitespace)
    shared = Fragments(1 << 20) if fragments is None else fragments
    return lower_schema(constraint, Budget(Limits(seconds=10)), shared)


@contextmanager
def without_lines() -> Iterator[None]:
    """Within it objects and arrays are written spot by spot, however simple they are."""
    with (
        patch("trellis.constrained.schema.lower.grow_plain", lambda *_: None),
        patch.object(ObjectGraph, "_has_lines", lambda _: False),
        patch.object(Items, "is_bare", False),
    ):
        yield


def walks(machine: Machine, rng: random.Random, count: int) -> Iterator[bytes]:
    """Texts that a machine reads, up to some length, of a few letters."""
    for _ in range(count):
        threads, text = machine.begin(), bytearray()
        while len(text) < 60:
            ways = [(byte, after) for byte in LETTERS if (after := machine.step(threads, byte))]
            if not ways:
                break
            closing = [way for way in ways if way[0] in b'":, }']
            byte, threads = rng.choice(closing if closing and rng.random() < 0.5 else ways)
            text.append(byte)
        yield bytes(text)


def read_alike(one: Machine, other: Machine, text: bytes) -> None:
    first, second = one.begin(), other.begin()
    for at, byte in enumerate(text):
        assert one.accepts(first) == other.accepts(second), text[:at]
        first, second = one.step(first, byte), other.step(second, byte)
        assert bool(first) == bool(second), text[: at + 1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 40), st.sampled_from(["compact", "compact", "any"]))
def test_lines_read_what_spots_read(
    fragments: dict[bool, Fragments], seed: int, whitespace: str
) -> None:
    schema, rng = draw_schema(seed), random.Random(seed)
    try:
        lined = lower(schema, fragments[True], whitespace)
    except ConstraintError as error:
        with pytest.raises(type(error), match=re.escape(str(error))), without_lines():
            lower(schema, fragments[False], whitespace)
        return
    with without_lines():
        spotted = lower(schema, fragments[False], whitespace)
    for one, other in ((lined, spotted), (spotted, lined)):
        for text in walks(one, rng, 2):
            read_alike(one, other, text)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 40))
def test_values_are_written_alike(fragments: dict[bool, Fragments], seed: int) -> None:
    schema, rng = draw_schema(seed), random.Random(seed)
    constraint = JsonSchema(json.dumps(schema))
    try:
        lined, machine = Canonical(constraint), lower(schema, fragments[True])
    except ConstraintError:
        return
    with without_lines():
        spotted = Canonical(constraint)
    for _ in range(4):
        names = rng.sample([*NAMES, "x", "abcd"], rng.randrange(5))
        value = {n: rng.choice([None, "a", 1, True, [None], {"b": 0}, 0, 2]) for n in names}
        texts = {writer.write(value) for writer in (lined, spotted)}
        # What is not accepted is written somehow.
        assert len(texts) == 1 or not any(machine.accepts(machine.walk(t.encode())) for t in texts)


@contextmanager
def without_plain() -> Iterator[None]:
    """Within it plain objects are looked at and written as all others are."""
    with (
        patch("trellis.constrained.schema.lower.grow_plain", lambda *_: None),
        patch("trellis.constrained.schema.rules.emit.is_plain", lambda *_: False),
    ):
        yield


def draw_plain(seed: int) -> dict[str, Any]:
    """Mostly plain objects, some of too many names, some that refer to themselves or have no value."""
    rng = random.Random(seed)
    found = draw_record(rng)
    if rng.random() < 0.1:
        found["properties"] |= {f"n{number}": rng.choice(LEAVES) for number in range(70)}
    if rng.random() < 0.3:
        found["properties"]["self"] = {"$ref": "#"}
        found["required"] += ["self"] if rng.random() < 0.3 else []
    return found


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 40), st.sampled_from(["compact", "compact", "any"]))
def test_plain_objects_are_the_same_machine(
    fragments: dict[bool, Fragments], seed: int, whitespace: str
) -> None:
    schema = draw_plain(seed)
    try:
        plain = lower(schema, fragments[True], whitespace)
    except ConstraintError as error:
        with pytest.raises(type(error), match=re.escape(str(error))), without_plain():
            lower(schema, fragments[True], whitespace)
        return
    with without_plain():
        other = lower(schema, fragments[True], whitespace)
    assert (plain.start, len(plain.rules)) == (other.start, len(other.rules))
    for one, two in zip(plain.rules, other.rules, strict=True):
        assert (one.start, one.moves, one.lingers) == (two.start, two.moves, two.lingers)
        for mine, theirs in (
            (one.table, two.table),
            (one.ends, two.ends),
            (one.classes, two.classes),
        ):
            assert np.array_equal(mine, theirs)


def test_a_line_of_thousands_of_names_is_no_recursion() -> None:
    text = "n" * 1500
    names = {text[:at] + "x": {"type": "null"} for at in (1, 700, 1499, 1500)}
    names |= {f"{number:04}": {"type": "null"} for number in range(1500)}
    for closed in (True, False):
        machine = lower({"type": "object", "properties": names, "additionalProperties": not closed})
        assert machine.accepts(machine.walk(b'{"' + text.encode() + b'x": null, "1499": null}'))
        assert not machine.walk(b'{"1499": null, "0003"') or not closed


def test_equal_objects_are_one_rule() -> None:
    inner = {"type": "object", "properties": {"p": {"type": "string"}, "q": {"type": "integer"}}}
    names = [f"n{number}" for number in range(20)]
    many = lower({"type": "object", "properties": dict.fromkeys(names, inner)})
    one = lower({"type": "object", "properties": {"n0": inner}})
    assert len(many.rules) == len(one.rules)
    for change in ({"required": ["p"]}, {"additionalProperties": False}, {"properties": {"p": {}}}):
        other = lower({"properties": {"n0": inner, "n1": inner | change}, "type": "object"})
        assert len(other.rules) > len(one.rules)


def test_counts_are_the_registers_where_another_branch_is_out() -> None:
    items = {"type": "array", "items": {"type": "null"}, "maxItems": 10_000, "minItems": 1}
    schema = {
        "type": "object",
        "properties": {"mode": {"type": "string"}, "all": items},
        "required": ["mode", "all"],
        "if": {"properties": {"mode": {"const": "auto"}}, "required": ["mode"]},
        "else": {"properties": {"all": {"type": "string"}}},
    }
    assert sum(len(rule.table) for rule in lower(schema).rules) < 1500


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1 << 40))
def test_values_are_of_the_kinds_that_seem_possible(
    fragments: dict[bool, Fragments], seed: int
) -> None:
    rng = random.Random(seed)
    schema = {
        "anyOf": [rng.choice(LEAVES[:6]), draw_union(rng)],
        "type": ["object", "string", "null"],
    }
    nodes = Nodes(Document(schema, json.dumps(schema)))
    kinds = possible_kinds(nodes, nodes.flatten(nodes.at(nodes.document.root)))
    try:
        machine = lower(schema, fragments[True])
    except ConstraintError:
        return
    for value in (None, True, 1, "a", [None], {"kind": 1}):
        text = json.dumps(value).encode()
        assert kind_of(value) in kinds or not machine.accepts(machine.walk(text))


def draw_draft(rng: random.Random, apart: bool) -> Draft:
    """A draft with random runs of edges; apart: each noted by itself."""
    draft = Draft()
    draft.states(12)
    for byte in rng.sample(range(0x61, 0x7A), 6):
        first, target = rng.randrange(1, 6), rng.randrange(1, 6)
        last, steps = first + rng.randrange(6), rng.randrange(2)
        if apart:
            for state in range(first, last + 1):
                draft.edge(state, byte, target + steps * (state - first))
        elif steps:
            draft.march(first, byte, target, last + 1 - first)
        else:
            draft.span(first, last, byte, target)
    text = bytes(rng.choices(range(0x61, 0x7A), k=rng.randrange(1, 4)))
    draft.chain(text, 3, rng.choice([0, 4]))
    return draft


@given(st.integers(0, 1 << 40), st.integers(1, 3))
def test_runs_are_edges(seed: int, count: int) -> None:
    classes, inside = distinguish(range(0x61, 0x7A))
    budget = Budget(Limits())
    both = [
        finish(
            [draw_draft(random.Random(seed + n), apart) for n in range(count)],
            classes,
            inside,
            budget,
        )
        for apart in (False, True)
    ]
    for one, other in zip(*both, strict=True):
        assert np.array_equal(one.table, other.table)


@given(st.lists(st.text("ab", max_size=4), min_size=1, max_size=6, unique=True), st.data())
def test_names_are_inserted_at_once_or_one_by_one(names: list[str], data: st.DataObject) -> None:
    keys = [(f'{name}"'.encode(), data.draw(st.integers(0, 2))) for name in names]
    at = data.draw(st.integers(0, len(keys)))
    base = insert(Fork({}, 0), keys[:at], None)
    alone = base
    for named in keys[at:]:
        alone = insert(alone, [named], None)
    draft = Draft()
    draft.states(2)
    found = [write(fork, draft, None) for fork in (insert(base, keys[at:], None), alone)]
    classes, inside = distinguish(b'ab"')
    (rule,) = finish([draft], classes, inside, Budget(Limits()))
    for key, target in keys:
        for state in found:
            for byte in key:
                state = int(rule.table[state, classes[byte]]) if state else 0
            assert state == target
