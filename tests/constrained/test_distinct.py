"""uniqueItems over items that nobody can list: equality as JSON Schema has it, never a dead end, masks as walked."""

import json
import pickle
import random
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.lowering import compile_constraint
from trellis.constrained.errors import InvalidConstraint, UnsupportedConstraint
from trellis.constrained.grammar.distinct import DistinctGrammar
from trellis.constrained.grammar.matcher import Matcher
from trellis.constrained.grammar.search import Judge, Search
from trellis.constrained.grammar.trail import Spot
from trellis.constrained.limits import Limits
from trellis.constrained.schema import Canonical
from trellis.constrained.spec import JsonSchema, Tag, Tagged
from trellis.constrained.tokens import distinct

sys.path.insert(0, str(Path(__file__).parent))
from differing import FRAGMENTS, Words, compiled, draw_grammar

SEEDS = st.integers(0, 1 << 40)
SINGLES = [bytes([b]) for b in range(0x20, 0x7F)] + [b"\n", b"\xc3", b"\xa9"]
PAIRS = [
    '"a', '", "', "1, 1", "[[", '["a", "a"]', "]]", '"]', 'a"', "1]", ", ", '": ', "true, ",
    "true", '{"a": ', "}, {", "1}", "[1, 2]", "2, 3", "12", '""', "[]", "{}", "[], ",
    "null, null", "\\u0061", "1.0, 1", 'ab", ', 'b"]', 'a"]]', '\\u0061"', '"b"', 'a"  ,',
]  # fmt: skip
TOKENS = [*SINGLES, *(text.encode() for text in PAIRS)]
WORDS = Words(TOKENS)
EOS, VOCABULARY = WORDS.eos, WORDS.vocabulary
SMALL = {"type": "integer", "minimum": 1, "maximum": 4}
ITEMS: list[Any] = [
    *({}, {"type": "string"}, {"type": "integer"}, {"type": "number"}, SMALL, {"type": "object"}),
    {"type": "string", "maxLength": 1},
    {"type": "string", "pattern": "^[ab]{1,2}$"},
    {"type": "string", "minLength": 2, "maxLength": 3},
    {"type": ["boolean", "string"]},
    {"type": ["boolean", "null", "array"], "maxItems": 1, "items": {"type": "boolean"}},
    {"type": "array", "uniqueItems": True},
    {"type": "array", "uniqueItems": True, "items": {"type": "integer", "enum": [0, 1, 2]}},
    {"type": "number", "minimum": 1, "maximum": 1},
    {"type": "number", "multipleOf": 0.5, "minimum": 0, "maximum": 2},
    {"enum": ["a", "ab", 1, 1.5, None]},
    {"enum": [[1], [2], {"a": 1}, 1]},
    {"anyOf": [SMALL, {"enum": ["x", "y"]}]},
    {
        "type": "object",
        "properties": {"a": SMALL, "b": {"type": "boolean"}},
        "required": ["a"],
        "additionalProperties": False,
    },
]


def array(rng: random.Random) -> dict[str, Any]:
    low = rng.choice([0, 0, 0, 1, 2, 3])
    found: dict[str, Any] = {"type": "array", "uniqueItems": True, "items": rng.choice(ITEMS)}
    found |= {"minItems": low} if low else {}
    found |= {"maxItems": low + rng.randrange(5)} if rng.random() < 0.3 else {}
    if rng.random() < 0.25:
        found["prefixItems"] = [rng.choice(ITEMS) for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.25:
        found |= {"contains": rng.choice(ITEMS), "minContains": rng.randrange(3)}
    return found


def draw(rng: random.Random) -> dict[str, Any]:
    """A schema with such arrays: alone, as properties, in unions and in each other."""
    match rng.randrange(8):
        case 0:
            found = {
                "properties": {"a": array(rng), "b": array(rng)},
                "additionalProperties": False,
            }
            return found | {"type": "object", "required": rng.sample(["a", "b"], rng.randrange(3))}
        case 1:
            return {"anyOf": [array(rng), {"type": "string"}, array(rng)]}
        case 2:
            return {"allOf": [array(rng), {"maxItems": 3}]}
        case 3:
            return {"type": "array", "uniqueItems": True, "items": array(rng)}
        case _:
            return array(rng)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from(["compact", "any"]))
def test_walks_end_in_valid_texts(seed: int, whitespace: Any) -> None:
    rng = random.Random(seed)
    schema, grammar = draw_grammar(draw, rng, whitespace=whitespace)
    text = WORDS.write(grammar, rng, 0.1)
    if text is None:
        return
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))


def value(rng: random.Random, depth: int) -> Any:
    match rng.randrange(8 if depth else 5):
        case 0:
            return rng.choice([None, True, False])
        case 1 | 2:
            return rng.choice([0, 1, 2, 3, 1.5, 0.5])
        case 3 | 4:
            return rng.choice(["", "a", "ab", "b", "x"])
        case 5 | 6:
            return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
        case _:
            return {n: value(rng, depth - 1) for n in rng.sample("abc", rng.randrange(3))}


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_accepts_what_jsonschema_does(seed: int) -> None:
    rng = random.Random(seed)
    schema, grammar = draw_grammar(draw, rng)
    validator = jsonschema.Draft202012Validator(schema)
    writer = Canonical(JsonSchema(json.dumps(schema)), Limits(seconds=20), FRAGMENTS)
    for _ in range(30):
        found = [value(rng, 2) for _ in range(rng.randrange(5))]
        if schema.get("type") == "object":
            found = dict.fromkeys(rng.sample("ab", rng.randrange(3)), found)
        text = writer.write(found).encode()
        assert grammar.accepts(text) == validator.is_valid(found), (schema, text)
        assert not grammar.accepts(text) or grammar.walk(grammar.start, text) is not None


EQUAL = [
    "[1, 1.0]", "[10, 1e1]", "[0, 0.0]", "[0, -0]", "[1.50, 1.5]", r'["a", "\u0061"]', "[null, null]",
    '[{"a": 1, "b": 2}, {"b": 2, "a": 1}]', "[[1], [1.0]]", '[{"a": [1]}, {"a": [1.0]}]', r'["/", "\/"]',
    r'["\ud83d\ude00", "😀"]', "[true, true]",
]  # fmt: skip
DIFFERENT = [
    "[1, true]", "[0, false]", '[1, "1"]', "[[1], [true]]", "[[1, 2], [2, 1]]", "[null, false]", '["a", "A"]',
    '[{"a": 1}, {"b": 1}]', "[[], {}]", '["", null]', "[123456789012345678901, 123456789012345678902]",
    '[["[]", 1], [[], 1]]', "[0.1, 0.10000000000000000001]",
]  # fmt: skip


def test_equality() -> None:
    grammar = compiled({"uniqueItems": True})
    for text in EQUAL:
        assert not grammar.accepts(text.encode()), text
    for text in DIFFERENT:
        assert grammar.accepts(text.encode()), text
    assert grammar.accepts(b'{"a": [1, 1]}'), "only the outermost must differ"


def test_a_value_is_refused_as_soon_as_it_can_only_be_an_earlier_one() -> None:
    grammar = compiled(
        {"type": "array", "items": {"enum": ["one", "only", 12]}, "uniqueItems": True}
    )
    assert grammar.tier == "device", "few listed items need no host"
    items = {"anyOf": [{"enum": ["one", "only", True]}, {"type": "integer", "minimum": 0}]}
    grammar = compiled({"type": "array", "items": items, "uniqueItems": True})
    assert isinstance(grammar, DistinctGrammar)
    for data, fits in (
        (b'["one", "o', True), (b'["one", "on', True), (b'["one", "onl', True), (b'["one", "one', False),
        (b'["one", "only", "', False), (b"[true, t", False), (b"[0, 0", False), (b"[1, 1", True), (b"[1, 1]", False),
    ):  # fmt: skip
        assert (grammar.walk(grammar.start, data) is not None) == fits, data


def test_an_array_that_has_had_everything_ends() -> None:
    grammar = compiled({"type": "array", "items": SMALL, "uniqueItems": True, "minItems": 3})
    full = grammar.walk(grammar.start, b"[3, 1, 4, 2")
    assert full is not None and grammar.walk(full, b",") is None
    assert grammar.walk(full, b"]") is not None
    assert grammar.walk(grammar.start, b"[3, 1]") is None


def test_many_items() -> None:
    grammar = compiled({"type": "array", "items": {"type": "string"}, "uniqueItems": True})
    matcher = Matcher(grammar, VOCABULARY)
    for number in range(150):
        for byte in f'{", " if number else "["}"{number:03}"'.encode():
            assert matcher.accept(TOKENS.index(bytes([byte])))
    tokens = WORDS.allowed(matcher)
    assert tokens == WORDS.walked(grammar, matcher.place)
    for byte in b', "149':
        matcher.accept(TOKENS.index(bytes([byte])))
    assert TOKENS.index(b'"') not in WORDS.allowed(matcher)
    matcher.rollback(2)
    assert matcher.accept(TOKENS.index(b"5")) and TOKENS.index(b'"') in WORDS.allowed(matcher)


def test_inside_a_tag_and_after_pickling() -> None:
    inner = JsonSchema('{"uniqueItems": true, "type": "array"}')
    tagged = Tagged((Tag("<a>", inner, "</a>"),), stop_after_first=True)
    grammar = compile_constraint(tagged, Limits(), FRAGMENTS)
    for each in (grammar, pickle.loads(pickle.dumps(grammar))):
        assert each.tier == "host" and each.key == grammar.key
        assert each.accepts(b"[1, 1] <a>[1, 2]</a>") and not each.accepts(b"<a>[1, 1]</a>")


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"not": {"uniqueItems": True}, "type": "array", "maxItems": 3}, "/not/uniqueItems"),
        ({"oneOf": [{"uniqueItems": True}, {"minItems": 1}], "maxItems": 9}, "/oneOf/0/uniqueItems"),
        ({"not": {"uniqueItems": True}, "items": False, "prefixItems": [{}, {}]}, "/not/uniqueItems"),
        ({"items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3, "type": "array"}, "/uniqueItems"),
        ({"properties": {"a": {"items": SMALL, "uniqueItems": True, "minItems": 5}}}, "/properties/a/uniqueItems"),
        ({"items": {}, "uniqueItems": True, "contains": {"const": 1}, "minContains": 2}, "/uniqueItems"),
    ],
)  # fmt: skip
def test_refuses_what_it_cannot_keep(schema: Any, path: str) -> None:
    with pytest.raises(UnsupportedConstraint) as caught:
        compiled(schema)
    assert caught.value.path == path


def test_nothing_to_keep_apart() -> None:
    assert compiled({"uniqueItems": True, "maxItems": 1}).tier == "device"
    assert compiled({"uniqueItems": False}).tier == "device"
    with pytest.raises(InvalidConstraint):
        compiled({"type": "array", "uniqueItems": True, "minItems": 2, "items": False})


SHORT = [
    ({"type": "string", "maxLength": 2}, '["ab", "a", "", "b", "ba"]'),
    ({"type": "string", "pattern": "^[ab]{1,2}$"}, '["ab", "a", "b", "bb"]'),
    ({"type": "string", "minLength": 2, "maxLength": 3}, r'["ab", "\u0061\u00e9", "aba", "a\""]'),
    ({"enum": ["a", "ab", "abc", 1, 12, None]}, '["ab", 1, "abc", 12, "a"]'),
    ({"anyOf": [{"type": "string", "maxLength": 1}, {"type": "object"}]}, '[{"a": "b"}, "a", "b"]'),
]


@pytest.mark.parametrize(("items", "text"), SHORT)
@pytest.mark.parametrize("least", [0, 3])
def test_masks_where_few_ways_are_left(items: Any, text: str, least: int) -> None:
    grammar = compiled({"type": "array", "items": items, "uniqueItems": True, "minItems": least})
    matcher = Matcher(grammar, VOCABULARY)
    for byte in text.encode():
        tokens = WORDS.allowed(matcher)
        assert tokens == WORDS.walked(grammar, matcher.place), (text, matcher.place)
        assert matcher.accept(TOKENS.index(bytes([byte])))
    assert EOS in WORDS.allowed(matcher)


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ({"type": "string"}, '["alpha", "be'),
        ({"type": "string", "maxLength": 20}, '["alpha", "be'),
        (
            {"type": "object", "properties": {"n": {"type": "string"}}, "required": ["n"]},
            '[{"n": "a',
        ),
    ],
)
def test_a_place_is_understood_within_few_steps(
    items: Any, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    step = DistinctGrammar.step
    monkeypatch.setattr(
        DistinctGrammar,
        "step",
        lambda self, spot, byte: taken.append(byte) or step(self, spot, byte),
    )
    schema = {"type": "array", "items": items, "uniqueItems": True, "minItems": 3}
    grammar = compiled(schema)
    assert isinstance(grammar, DistinctGrammar)
    spot = grammar.read(grammar.start, text.encode())
    assert spot is not None
    taken.clear()
    assert grammar.look(spot) == "plenty"
    assert len(taken) < 200, "a thousand, where that many values are looked for"


def test_a_mask_is_found_in_so_many_steps_whatever_there_is_to_look_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of these looks ends "unsure": objects in any order, of which no two are ever found that must differ."""
    kinds = {"a": {"type": "integer"}, "b": {"enum": [1, 2]}, "c": {"type": "boolean"}}
    schema = {
        "type": "array",
        "uniqueItems": True,
        "items": {"type": "object", "required": [*kinds], "properties": kinds},
    }
    grammar = compiled(schema, any_order=True)
    assert isinstance(grammar, DistinctGrammar)
    taken: list[int] = []
    whole = Search._find

    def count(self: Search, start: Spot, most: int, judge: Judge) -> Any:
        found = whole(self, start, most, judge)
        taken.append(found[1])
        return found

    monkeypatch.setattr(Search, "_find", count)
    monkeypatch.setattr(distinct, "MOST_STEPS", 400)
    matcher = Matcher(grammar, VOCABULARY)
    for byte in b'[{"x": 1, "b": 1, "a": 3, "c": true}, {"c": tr':
        taken.clear()
        allowed = np.flatnonzero(np.unpackbits(matcher.mask().view(np.uint8), bitorder="little"))
        assert sum(taken) <= 400
        token = TOKENS.index(bytes([byte]))
        assert token in allowed and matcher.accept(token)
