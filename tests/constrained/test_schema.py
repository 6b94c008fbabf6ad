"""JSON Schema by example: what each keyword lets through, what is refused by name, and where errors point."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from trellis.constrained.errors import ConstraintBudget, InvalidConstraint, UnsupportedConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Machine
from trellis.constrained.schema import lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.schema.support import keywords, markdown
from trellis.constrained.spec import JsonSchema

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}


class Judge:
    """What a machine accepts."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def accepts(self, text: bytes) -> bool:
        return self.machine.accepts(self.machine.walk(text))


FRAGMENTS = Fragments(1 << 22)


def lower(schema: Any, limits: Limits | None = None, **options: Any) -> Judge:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return Judge(lower_schema(JsonSchema(text, **options), Budget(limits or Limits()), FRAGMENTS))


def obj(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    """An object schema that allows no names but these."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


TEXT, INT, BOOL, NULL = ({"type": t} for t in ("string", "integer", "boolean", "null"))

# schema, values that it accepts, values that it does not
FEATURES: list[tuple[Any, list[Any], list[Any]]] = [
    (TEXT, ["", 'a\n"\\\u00e9\U0001f600'], [1, None]),
    (
        {"type": "string", "minLength": 2, "maxLength": 3},
        ["ab", "\U0001f600\n\u00e9"],
        ["a", "abcd"],
    ),
    ({"type": "string", "pattern": "^a.*z$"}, ["az", 'a"\\z'], ["a", "xaz"]),
    ({"type": "string", "pattern": "b", "maxLength": 3}, ["abc", "b"], ["aaab", "a"]),
    ({"type": "string", "pattern": "^[a-z]+$", "minLength": 3}, ["abc"], ["ab", "ABC"]),
    (INT, [0, -5, 10**18], [1.5, "1", None]),
    ({"type": "number"}, [0, -1.5, 1e-9, 2.5e300], ["1", None]),
    ({"type": "integer", "minimum": 1, "exclusiveMaximum": 5}, [1, 4], [0, 5]),
    ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, [0.001, 1], [0, 1.01]),
    ({"type": "number", "minimum": 1, "exclusiveMinimum": 0}, [1], [0.5]),
    ({"type": "integer", "multipleOf": 5}, [0, -15, 20], [3]),
    (BOOL, [True, False], [None, 0]),
    (NULL, [None], [False]),
    ({"type": ["string", "null"], "maxLength": 1}, ["a", None], ["ab", 1]),
    ({"type": ["integer", "number"]}, [1, 1.5], [None]),
    (
        {"enum": ["a", 1, None, True, 1.5, ["x", {"k": 2}]]},
        ["a", 1, None, True, 1.5, ["x", {"k": 2}]],
        ["b", 2, False],
    ),
    ({"enum": [1, 12, 123]}, [1, 12, 123], [2, 1234]),
    ({"enum": ["a", 1, 2.0], "type": "integer"}, [1], ["a"]),
    ({"enum": ["a", "bb", "ccc"], "type": "string", "minLength": 2}, ["bb", "ccc"], ["a"]),
    ({"const": 'a/b"c'}, ['a/b"c'], ["a"]),
    ({"const": 3, "enum": [3, 4]}, [3], [4]),
    ({"anyOf": [TEXT, NULL]}, ["x", None], [1]),
    ({"anyOf": [{"const": "abc"}, {"type": "string", "pattern": "^ab"}]}, ["abc", "abd"], ["ac"]),
    ({"oneOf": [INT, TEXT, NULL]}, [1, "a", None], [True]),
    ({"allOf": [INT]}, [1], ["a"]),
    (
        PERSON,
        [{"name": "x"}, {"name": "x", "age": 1}],
        [{}, {"age": 1}, {"age": 1, "name": "x"}, {"name": "x", "b": 1}],
    ),
    (obj({}), [{}], [{"a": 1}, []]),
    ({"type": "object", "additionalProperties": False}, [{}], [{"a": 1}]),
    (
        obj({"a": INT, "b": INT, "c": INT}),
        [{}, {"a": 1}, {"c": 1}, {"a": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}],
        [{"b": 1, "a": 1}],
    ),
    (
        obj({"a": INT, "ab": INT, "abc": INT}),
        [{"ab": 1}, {"a": 1, "abc": 1}],
        [{"abc": 1, "a": 1}, {"abcd": 1}],
    ),
    (
        obj({"a": INT, "b": INT, "c": INT}, "b"),
        [{"b": 1}, {"a": 1, "b": 1}, {"b": 1, "c": 1}],
        [{"a": 1}, {"a": 1, "c": 1}],
    ),
    (
        obj({"a": INT, "b": INT, "c": INT}, minProperties=2),
        [{"a": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}],
        [{}, {"c": 1}],
    ),
    (
        obj({"a": INT, "b": INT, "c": INT}, "c", maxProperties=2),
        [{"c": 1}, {"a": 1, "c": 1}],
        [{"a": 1, "b": 1, "c": 1}],
    ),
    (obj({'q"\u00e9/~': INT}, 'q"\u00e9/~'), [{'q"\u00e9/~': 1}], [{"q": 1}]),
    (
        {"type": "object", "additionalProperties": INT},
        [{}, {"a": 1}, {"a": 1, '"b\n': 2}],
        [{"a": "x"}],
    ),
    (
        {"type": "object", "additionalProperties": INT, "minProperties": 1, "maxProperties": 2},
        [{"a": 1}],
        [{}],
    ),
    (
        {"type": "object", "additionalProperties": INT, "propertyNames": {"pattern": "^k"}},
        [{"k1": 1}],
        [{"x": 1}],
    ),
    (
        {"type": "object", "additionalProperties": INT, "propertyNames": {"enum": ["x", "y"]}},
        [{"y": 1}],
        [{"z": 1}],
    ),
    (
        {"type": "object", "patternProperties": {"^k": INT}, "additionalProperties": False},
        [{}, {"k": 1}],
        [{"x": 1}],
    ),
    ({"type": "object", "maxProperties": 0, "additionalProperties": INT}, [{}], [{"a": 1}]),
    ({"type": "array", "items": INT}, [[], [1], [1, 2, 3]], [["a"], {}]),
    ({"type": "array", "items": INT, "minItems": 2}, [[1, 2], [1, 2, 3]], [[], [1]]),
    ({"type": "array", "items": INT, "maxItems": 2}, [[], [1, 2]], [[1, 2, 3]]),
    (
        {"type": "array", "items": INT, "minItems": 1, "maxItems": 3},
        [[1], [1, 2, 3]],
        [[], [1, 2, 3, 4]],
    ),
    ({"type": "array", "maxItems": 0}, [[]], [[1]]),
    ({"type": "array", "items": False}, [[]], [[1]]),
    ({"type": "array", "items": INT, "uniqueItems": False}, [[1, 1]], [["a"]]),
    (
        {"type": "array", "prefixItems": [INT, TEXT], "minItems": 2, "maxItems": 2},
        [[1, "a"]],
        [[1], ["a", 1], [1, "a", 1]],
    ),
    (
        {"type": "array", "prefixItems": [INT, TEXT], "items": BOOL},
        [[], [1], [1, "a", True, False]],
        [[1, "a", 1]],
    ),
    ({"type": "array", "prefixItems": [INT, TEXT], "items": False}, [[1, "a"], [1]], [[1, "a", 1]]),
    ({"type": "array", "prefixItems": [INT, TEXT], "maxItems": 1}, [[1], []], [[1, "a"]]),
    (
        {"type": "array", "items": [INT, TEXT], "additionalItems": BOOL},
        [[1, "a", True]],
        [[1, True]],
    ),
    (
        {"type": "array", "items": {"type": "array", "items": INT, "maxItems": 1}},
        [[[1], []]],
        [[[1, 2]]],
    ),
    ({"$ref": "#/$defs/p", "$defs": {"p": PERSON}, "description": "x"}, [{"name": "n"}], [{}]),
    ({"$ref": "#/definitions/a~1b", "definitions": {"a/b": INT}}, [1], ["a"]),
    ({"type": "array", "prefixItems": [INT, {"$ref": "#/prefixItems/0"}]}, [[1, 2]], [[1, "a"]]),
    (
        {"type": "string", "minimum": 3, "items": INT, "title": "t", "default": 1, "x-note": {}},
        ["a"],
        [1],
    ),
]


@pytest.mark.parametrize(("schema", "yes", "no"), FEATURES)
def test_feature(schema: Any, yes: list[Any], no: list[Any]) -> None:
    part, loose = lower(schema), lower(schema, whitespace="any")
    validator = jsonschema.Draft202012Validator(schema)
    for value in yes:
        compact = json.dumps(value, ensure_ascii=False)
        assert part.accepts(compact.encode()), compact
        for indent, separators in ((None, None), (None, (",", ":")), (2, None), (4, None)):
            text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
            nested_constant = "enum" in schema and isinstance(
                value, list
            )  # listed values are spelled compactly
            assert loose.accepts(text.encode()) or nested_constant, text
        assert "additionalItems" in schema or validator.is_valid(value), value
    for value in no:
        assert not part.accepts(json.dumps(value, ensure_ascii=False).encode()), value
        assert not loose.accepts(json.dumps(value, indent=2).encode()), value
    assert not part.accepts(b"") and not part.accepts(b" 1")


REFUSED: list[tuple[Any, str]] = [
    ({"$schema": "https://example.com/metaschema"}, "/$schema"),
    ({"$ref": "http://json-schema.org/draft-07/schema"}, "/$ref"),
    ({"$ref": "https://example.com/schema"}, "/$ref"),
    ({"properties": {"a/b": {"$ref": "other.json"}}}, "/properties/a~1b/$ref"),
    ({"type": "string", "pattern": r"(a)\1"}, "/pattern"),
]


@pytest.mark.parametrize(("schema", "path"), REFUSED)
def test_refuses_by_name(schema: Any, path: str) -> None:
    with pytest.raises(UnsupportedConstraint) as caught:
        lower(schema)
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("{", ""),
        ("NaN", ""),
        ("[" * 100_000, ""),
        (False, "/"),
        (3, "/"),
        ([INT], "/"),
        ({"type": "strin"}, "/type"),
        ({"type": []}, "/type"),
        ({"type": "string", "minLength": -1}, "/minLength"),
        ({"type": "string", "maxLength": "3"}, "/maxLength"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "/"),
        ({"type": "string", "pattern": "("}, "/pattern"),
        ({"type": "string", "pattern": 3}, "/pattern"),
        ({"type": "string", "pattern": "^a$", "minLength": 2}, "/"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "/"),
        ({"type": "integer", "minimum": "3"}, "/minimum"),
        ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, "/"),
        ({"type": "number", "multipleOf": 0}, "/multipleOf"),
        ({"enum": []}, "/enum"),
        ({"enum": "a"}, "/enum"),
        ({"enum": ["a"], "type": "integer"}, "/"),
        ({"anyOf": []}, "/anyOf"),
        ({"anyOf": [INT, {"type": "x"}]}, "/anyOf/1/type"),
        ({"allOf": []}, "/allOf"),
        ({"$ref": "#/$defs/missing"}, "/$ref"),
        ({"$ref": 3}, "/$ref"),
        (obj({"a": 3}), "/properties/a"),
        ({"type": "object", "properties": []}, "/properties"),
        ({"type": "object", "properties": {"a": INT}, "required": "a"}, "/required"),
        (obj({"a": INT}, "a", maxProperties=0), "/"),
        ({"type": "array", "items": INT, "minItems": 3, "maxItems": 2}, "/"),
        ({"type": "array", "prefixItems": [INT], "items": False, "minItems": 2}, "/"),
        ({"enum": ["\ud800"]}, "/"),
    ],
)
def test_rejects(schema: Any, path: str) -> None:
    with pytest.raises(InvalidConstraint) as caught:
        lower(schema)
    assert caught.value.path == path


def test_numbers_of_the_schema_are_bounded() -> None:
    for text in ("1e999999", "1e-999999"):
        with pytest.raises(UnsupportedConstraint, match="digits"):
            lower(f'{{"type": "number", "minimum": {text}}}')


def test_whitespace_is_fixed_or_bounded() -> None:
    schema = {"type": "array", "items": INT}
    compact, loose = lower(schema), lower(schema, whitespace="any")
    assert (
        compact.accepts(b"[1, 2]")
        and not compact.accepts(b"[1,2]")
        and not compact.accepts(b"[ 1]")
    )
    assert all(
        loose.accepts(t)
        for t in (b"[1,2]", b"[1, 2]", b"[ 1,\n    2 ]", b"[]", b"[\n" + b" " * 16 + b"1]")
    )
    assert not any(
        loose.accepts(t)
        for t in (b"[1,  2]", b"[1\n\n]", b"[1 , 2]", b"[\n" + b" " * 17 + b"1]", b" [1]")
    )
    with pytest.raises(InvalidConstraint, match="whitespace"):
        lower(schema, whitespace="some")


def test_any_order() -> None:
    part = lower(obj({"a": INT, "b": INT, "c": INT}, "a", "c", maxProperties=2), any_order=True)
    assert all(part.accepts(t) for t in (b'{"a": 1, "c": 2}', b'{"c": 1, "a": 2}'))
    assert not any(
        part.accepts(t) for t in (b'{"a": 1}', b'{"a": 1, "a": 1}', b'{"b": 1, "a": 1}', b"{}")
    )
    part = lower(obj({"a": INT, "b": INT}), any_order=True)
    assert all(
        part.accepts(t) for t in (b"{}", b'{"b": 1}', b'{"b": 1, "a": 2}', b'{"a": 1, "b": 2}')
    )
    open_ = lower({**obj({"a": INT, "ab": INT}, "a"), "additionalProperties": TEXT}, any_order=True)
    assert open_.accepts(b'{"x": "", "ab": 1, "a": 2, "y": ""}')
    assert not any(open_.accepts(t) for t in (b'{"x": ""}', b'{"a": 1, "a": 2}', b'{"a": ""}'))


def test_sixty_names_in_any_order_cost_no_states() -> None:
    part = lower(obj({f"p{i}": INT for i in range(60)}, "p7"), any_order=True)
    assert part.accepts(b'{"p59": 1, "p7": 2, "p1": 3}')
    assert not part.accepts(b'{"p59": 1, "p7": 2, "p59": 3}') and not part.accepts(b'{"p6": 1}')
    assert sum(len(rule.table) for rule in part.machine.rules) < 1500
    with pytest.raises(UnsupportedConstraint, match="any_order"):
        lower(obj({f"p{i}": INT for i in range(80)}), any_order=True)


def test_discriminated_unions_are_exact() -> None:
    cat = obj({"kind": {"const": "cat"}, "lives": INT}, "kind")
    dog = obj({"kind": {"enum": ["dog", "wolf"]}, "tail": BOOL}, "kind")
    schema = {
        "oneOf": [{"$ref": "#/$defs/cat"}, dog],
        "$defs": {"cat": cat},
        "discriminator": {"propertyName": "kind"},
    }
    part = lower(schema)
    assert part.accepts(b'{"kind": "cat", "lives": 9}') and part.accepts(
        b'{"kind": "wolf", "tail": true}'
    )
    assert not part.accepts(b'{"kind": "cat", "tail": true}')


def test_budgets() -> None:
    deep: dict[str, Any] = INT
    for _ in range(100):
        deep = {"anyOf": [deep, NULL]}
    with pytest.raises(InvalidConstraint, match="nested"):
        lower(deep)
    with pytest.raises(ConstraintBudget):
        lower({"type": "string", "pattern": "^(a|b)*a(a|b){20}$"})
    with pytest.raises(ConstraintBudget):
        lower({"type": "integer", "multipleOf": 123456789})
    with pytest.raises(InvalidConstraint, match="characters"):
        lower(json.dumps(PERSON), Limits(schema_chars=10))


def test_what_used_to_blow_up_stays_small() -> None:
    wide = {"type": "array", "maxItems": 10_000, "items": PERSON}
    nested = lower({"type": "array", "maxItems": 10_000, "items": wide})
    long = lower({"type": "string", "minLength": 5, "maxLength": 10**9})
    shared: dict[str, Any] = {
        f"d{i}": obj({n: {"$ref": f"#/$defs/d{i + 1}"} for n in "ab"}) for i in range(30)
    }
    doubled = lower({"$ref": "#/$defs/d0", "$defs": {**shared, "d30": INT}})
    for part in (nested, long, doubled):
        assert sum(len(rule.table) for rule in part.machine.rules) < 2500


def test_lengths_are_counted() -> None:
    part = lower({"type": "string", "minLength": 6, "maxLength": 9})
    for text in ("a" * 5, "a" * 6, "\U0001f600\n" * 3, "\u00e9" * 9, '"' * 10):
        assert part.accepts(json.dumps(text).encode()) == (6 <= len(text) <= 9), text
        assert part.accepts(json.dumps(text, ensure_ascii=False).encode()) == (6 <= len(text) <= 9)
    items = lower({"items": INT, "minItems": 20, "maxItems": 22, "prefixItems": [TEXT]})
    for count in (0, 19, 20, 21, 22, 23):
        text = json.dumps(["a", *range(count)][:count])
        assert items.accepts(text.encode()) == (20 <= count <= 22), count


def test_recursion_to_the_depth_of_the_stack() -> None:
    node = obj({"v": INT, "next": {"anyOf": [{"$ref": "#/$defs/n"}, NULL]}}, "v")
    part = lower({"$ref": "#/$defs/n", "$defs": {"n": node}})
    text = b'{"v": 1, "next": ' * 50 + b"null" + b"}" * 50
    assert part.accepts(text) and not part.accepts(text[:-1] + b",")
    with pytest.raises(InvalidConstraint, match="no value"):
        lower({"$ref": "#/$defs/n", "$defs": {"n": obj({"a": {"$ref": "#/$defs/n"}}, "a")}})


def test_ascii_writes_escapes_only() -> None:
    part = lower({"type": "object", "properties": {"\u00e9": TEXT}}, ascii=True)
    value = {"\u00e9": "\U0001f600\x7f", "\u4f60": [1, "\u00e9"]}
    assert part.accepts(json.dumps(value).encode())
    assert not part.accepts(json.dumps(value, ensure_ascii=False).encode())


def test_formats_are_asserted_unless_told_otherwise() -> None:
    schema = {"type": "string", "format": "date"}
    assert not lower(schema).accepts(b'"soon"')
    assert lower(schema, formats="annotate").accepts(b'"soon"')
    assert lower({"type": "string", "format": "idn-email"}).accepts(b'"any"')


def test_a_branch_that_cannot_be_met_is_never_entered() -> None:
    part = lower({"anyOf": [INT, False, {"type": "string", "minLength": 2, "maxLength": 1}]})
    assert part.accepts(b"1") and not part.machine.walk(b'"')
    part = lower(obj({"a": False, "b": INT}))
    assert part.accepts(b'{"b": 1}') and not part.machine.walk(b'{"a')


def test_every_keyword_is_accounted_for() -> None:
    table = keywords()
    assert {"contains", "unevaluatedItems", "if", "$dynamicRef", "title"} <= table.keys()
    assert all(table.values())
    readme = Path(__file__).parents[2] / "README.md"
    assert markdown() in readme.read_text(), "README.md: put in what markdown() says"


def test_fragments_keep_within_their_bytes() -> None:
    fragments = Fragments(30_000)
    made: list[int] = []

    def make(number: int) -> object:
        made.append(number)
        part = lower({"enum": [f"{number} {i}" for i in range(200)]}).machine
        return part.rules[part.start]

    for number in (*range(20), 19, 0):
        fragments.keep(number, lambda number=number: make(number))
    assert made == [*range(20), 0]  # the last one was kept, the first had gone


def chain(length: int, *required: str) -> dict[str, Any]:
    """Objects in each other, each by a reference to the next."""
    names = [f"d{n}" for n in range(length)]
    found = {name: {"$ref": f"#/$defs/d{n}"} for n, name in enumerate(names, 1)}
    objects = {n: {"properties": {"a": ref}, "required": required} for n, ref in found.items()}
    kinds = {n: {"type": "object", **each} for n, each in objects.items()}
    return {"$ref": "#/$defs/d0", "$defs": {**kinds, f"d{length}": INT}}


def test_what_cannot_fit_into_the_stack_is_refused() -> None:
    assert lower(chain(63, "a")).accepts(b'{"a": ' * 63 + b"1" + b"}" * 63)
    for schema in (chain(70, "a"), chain(70), {**chain(70, "a"), "$ref": "#/$defs/d5"}):
        with pytest.raises(UnsupportedConstraint, match="nested more than 64 deep"):
            lower(schema)
    outer = {**chain(70, "a"), "anyOf": [NULL, {"$ref": "#/$defs/d0"}]}
    del outer["$ref"]
    with pytest.raises(UnsupportedConstraint, match=r"/\$defs/d\d+: "):
        lower({"properties": {"x": outer}, "$defs": outer.pop("$defs")})
