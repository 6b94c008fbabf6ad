"""Unions of values and numbers: listed branches are an enum, and where several schemas judge a number it is told apart
by its place among their bounds; both against plain arithmetic, value by value."""

import json
import random
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Machine
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.schema import Canonical, lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.schema.leaves.regions import Digits, Line, read_regions
from trellis.constrained.spec import JsonSchema

FRAGMENTS = Fragments(1 << 24)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 12),
    st.sampled_from([0.5, 1.0, -2.25, "", "a", "ab", "1", "b"]),
)


def lower(schema: Any) -> Machine | None:
    """The machine, None where no value satisfies the schema."""
    try:
        return lower_schema(JsonSchema(json.dumps(schema)), Budget(Limits(seconds=10)), FRAGMENTS)
    except InvalidConstraint as error:
        assert "no value" in str(error), error
        return None


def accepts(machine: Machine | None, text: str) -> bool:
    return machine is not None and machine.accepts(machine.walk(text.encode()))


def decimals(least: int = -160, most: int = 160) -> st.SearchStrategy[Decimal]:
    return st.builds(
        lambda n, places: Decimal(n).scaleb(-places), st.integers(least, most), st.integers(0, 2)
    )


@settings(max_examples=60)
@given(st.lists(decimals(), max_size=6), st.sampled_from([0, 3]), st.data())
def test_regions(bounds: list[Decimal], behind: int, data: st.DataObject) -> None:
    line = Line(sorted(set(bounds)))
    kinds = data.draw(
        st.lists(st.integers(0, 3), min_size=line.regions, max_size=line.regions), "kinds"
    )
    classes, found = read_regions(line, kinds, Digits(5, behind), Budget(Limits()))
    near = [b + d for b in bounds for d in map(Decimal, ("0", "0.01", "-0.01", "1", "10"))]
    tried = [*near, *data.draw(st.lists(decimals(-99999, 99999), max_size=20), "tried")]
    for value in tried:
        whole, _, fraction = f"{value:f}".partition(".")
        for text in {f"{whole}.{fraction}0" if fraction else whole, whole, f"{whole}.000"}:
            state = found.start
            for byte in text.encode():
                state = int(found.table[state, classes[byte]])
            spelled = len(whole.lstrip("-")) <= 5 and (behind or "." not in text)
            minus = text.startswith("-") and Decimal(text) == 0
            expected = kinds[line.place(Decimal(text))] if spelled and not minus else 0
            assert found.kinds[state] == expected, text


@st.composite
def amounts(draw: st.DrawFn) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["number", "integer"]))}
    match draw(st.integers(0, 4)):
        case 0:
            return {"enum": [float(v) for v in draw(st.lists(decimals(), min_size=1, max_size=5))]}
        case 1:
            schema["multipleOf"] = draw(st.sampled_from([1, 2, 3, 6, 0.5, 0.25, 10]))
        case _:
            pass
    low = draw(decimals())
    bounds = {
        draw(st.sampled_from(["minimum", "exclusiveMinimum"])): float(low),
        draw(st.sampled_from(["maximum", "exclusiveMaximum"])): float(low + draw(decimals(0))),
    }
    return schema | {k: v for k, v in bounds.items() if draw(st.booleans())}


@st.composite
def judged(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    if not depth:
        return draw(amounts())
    parts = draw(st.lists(judged(depth - 1), min_size=1, max_size=3))
    match draw(st.sampled_from(["anyOf", "oneOf", "allOf", "not", "leaf"])):
        case "not":
            return {"type": "number", "not": parts[0]}
        case "leaf":
            return parts[0]
        case word:
            return {word: parts}


def holds(schema: dict[str, Any], value: Fraction) -> bool:
    """What a schema of these says about a number."""
    number = {k: Fraction(str(v)) for k, v in schema.items() if isinstance(v, int | float)}
    return (
        value in [Fraction(str(v)) for v in schema.get("enum", [value])]
        and (schema.get("type") != "integer" or value.denominator == 1)
        and ("multipleOf" not in number or (value / number["multipleOf"]).denominator == 1)
        and value >= number.get("minimum", value)
        and value <= number.get("maximum", value)
        and ("exclusiveMinimum" not in number or value > number["exclusiveMinimum"])
        and ("exclusiveMaximum" not in number or value < number["exclusiveMaximum"])
        and all(holds(part, value) for part in schema.get("allOf", []))
        and ("anyOf" not in schema or any(holds(part, value) for part in schema["anyOf"]))
        and ("oneOf" not in schema or sum(holds(part, value) for part in schema["oneOf"]) == 1)
        and not ("not" in schema and holds(schema["not"], value))
    )


@settings(max_examples=50)
@given(judged(), st.data())
def test_numbers_that_several_schemas_judge(schema: dict[str, Any], data: st.DataObject) -> None:
    schema = {"anyOf": [schema, {"type": "number", "enum": [7]}]}
    machine = lower(schema)
    writer = Canonical(JsonSchema(json.dumps(schema)), fragments=FRAGMENTS)
    listed = data.draw(st.lists(decimals(-999, 999), max_size=30), "values")
    texts = [f"{v:f}" for v in listed] + [str(n) for n in range(-20, 21)]
    for text in texts:
        valid = holds(schema, Fraction(text)) and (text[0] != "-" or Fraction(text) != 0)
        assert accepts(machine, writer.write(json.loads(text))) == valid, text
        if not valid:
            assert not accepts(machine, text)
    rng = random.Random(0)
    for _ in range(20):
        text = walk(machine, rng) if machine else None
        assert text is None or holds(schema, Fraction(text)), text


def walk(machine: Machine, rng: random.Random) -> str | None:
    """A number that the machine reads, at random."""
    threads, text = machine.begin(), ""
    while len(text) < 12:
        ways = [(c, after) for c in "-.0123456789" if (after := machine.step(threads, ord(c)))]
        if machine.accepts(threads) and (not ways or rng.random() < 0.4):
            return text
        assert ways, text
        char, threads = rng.choice(ways)
        text += char
    return None


@st.composite
def listing(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    schema: dict[str, Any] = draw(
        st.sampled_from([{}, {"title": "one of them"}, {"examples": [1]}])
    )
    types = ["string", "integer", "number", "null", "boolean", ["string", "integer"]]
    if draw(st.integers(0, 3)) == 0:
        schema = schema | {"type": draw(st.sampled_from(types))}
    match draw(st.integers(0, 3 if depth else 1)):
        case 0:
            return schema | {"enum": draw(st.lists(SCALARS, min_size=1, max_size=4))}
        case 1:
            return schema | {"const": draw(SCALARS)}
        case _:
            word = draw(st.sampled_from(["anyOf", "oneOf"]))
            return schema | {word: draw(st.lists(listing(depth - 1), min_size=1, max_size=4))}


@settings(max_examples=50)
@example({"oneOf": [{"const": 1}, {"enum": [1, 2]}, {"const": 2}, {"const": 3}]})
@example({"oneOf": [{"const": True}, {"const": 1}, {"const": "1"}, {"enum": [None, False]}]})
@example({"anyOf": [{"type": "string", "const": 1}, {"type": "null", "const": 1}]})
@given(
    st.builds(
        lambda word, parts, more: {word: [*parts, *more]},
        st.sampled_from(["anyOf", "oneOf"]),
        st.lists(listing(), min_size=2, max_size=5),
        st.lists(
            st.sampled_from([{"type": "string", "maxLength": 1}, {"type": "number"}]), max_size=1
        ),
    )
)
def test_branches_that_list_values(schema: dict[str, Any]) -> None:
    judge, machine = jsonschema.Draft202012Validator(schema), lower(schema)
    values = [None, True, False, *range(-9, 13), 0.5, -2.25, "", "a", "ab", "1", "b", "c", [], {}]
    writer = Canonical(JsonSchema(json.dumps(schema)), fragments=FRAGMENTS) if machine else None
    for value in values:
        text = writer.write(value) if writer else json.dumps(value)
        assert accepts(machine, text) == judge.is_valid(value), text


LARGE: list[tuple[str, Any]] = [
    ("constants", {"oneOf": [{"const": i * 7, "title": f"{i}"} for i in range(300)]}),
    ("words", {"anyOf": [{"type": "string", "const": f"word{i}"} for i in range(300)]}),
    ("mixed", {"anyOf": [{"const": v} for i in range(90) for v in (i, f"{i}", i + 0.5)]}),
    ("nested", {"anyOf": [{"oneOf": [{"const": i}, {"enum": [-i - 1, "x"]}]} for i in range(90)]}),
    ("references", {"anyOf": [{"$ref": f"#/$defs/{n}"} for n in range(3)], "$defs": {
        str(n): {"enum": [i * 7 + n for i in range(100)]} for n in range(3)}}),
    ("ranges", {"anyOf": [{"type": "integer", "minimum": i, "maximum": i + 4}
                          for i in range(0, 1000, 10)]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "schema"), LARGE, ids=[name for name, _ in LARGE])
def test_large_unions_are_small(name: str, schema: Any) -> None:
    machine = lower(schema)
    assert machine is not None
    begun = time.thread_time()
    grammar = build_grammar(
        lower_schema(JsonSchema(json.dumps(schema)), Budget(Limits()), Fragments(1 << 24))
    )
    assert time.thread_time() - begun < 0.25, "some 5 ms on an idle machine"
    assert grammar.nbytes < 32 << 10
    judge = jsonschema.Draft202012Validator(schema)
    for value in [-1, *range(0, 25, 3), 700, 994, 995, 0.5, 88.5, "3", "word7", "word300", "x"]:
        assert accepts(machine, json.dumps(value)) == judge.is_valid(value), value


def test_integers_that_several_schemas_judge_have_no_fraction() -> None:
    machine = lower({"anyOf": [{"type": "integer", "maximum": 3}, {"const": 7}]})
    assert [t for t in ("3", "3.0", "7", "7.00", "-5", "4") if accepts(machine, t)] == [
        "3",
        "7",
        "-5",
    ]
    machine = lower({"type": "number", "not": {"type": "integer"}})
    assert [t for t in ("3", "3.0", "3.5", "3.10") if accepts(machine, t)] == ["3.5", "3.10"]


def test_equal_unions_of_references_are_one() -> None:
    record = {
        "type": "object",
        "properties": {f"name{i}": {"type": "string", "maxLength": 9} for i in range(30)},
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }
    other = {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string"}}}
    sizes: list[int] = []
    for count in (1, 12):
        either = {"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B", "title": "elsewhere"}]}
        schema = {
            "$defs": {"A": record, "B": other},
            "properties": {f"p{i}": {**either, "description": f"{i}"} for i in range(count)},
        }
        machine = lower(schema)
        assert machine is not None
        for value, valid in (({"name1": "a"}, True), ({"$ref": "b"}, True), ({"name": 1}, False)):
            for name in ("p0", f"p{count - 1}"):
                assert accepts(machine, json.dumps({name: value})) == valid
        sizes.append(build_grammar(machine).nbytes)
    assert sizes[1] < 1.3 * sizes[0]
