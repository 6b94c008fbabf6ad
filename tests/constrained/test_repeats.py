"""uniqueItems in one of several branches: equal items close a branch and leave the others."""

import json
import pickle
import random
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.lowering import compile_constraint
from trellis.constrained.errors import ConstraintError, InvalidConstraint
from trellis.constrained.grammar.distinct import DistinctGrammar
from trellis.constrained.grammar.matcher import Matcher
from trellis.constrained.grammar.place import REPEAT
from trellis.constrained.limits import Limits
from trellis.constrained.schema import Canonical
from trellis.constrained.spec import JsonSchema, Tag, Tagged

sys.path.insert(0, str(Path(__file__).parent))
from differing import FRAGMENTS, Words, compiled, draw_grammar

SEEDS = st.integers(0, 1 << 40)
SINGLES = [bytes([b]) for b in range(0x20, 0x7F)] + [b"\n", b"\xc3", b"\xa9", bytes([REPEAT])]
PAIRS = [
    '"a', '", "', "1, 1", "[[", '["a", "a"]', "]]", '"]', 'a"', "1]", ", ", '": ', "true, ", "true", '{"a": ',
    "}, {", "1}", "[1, 2]", "2, 3", '""', "[]", "{}", "[], ", "null, null", "\\u0061", "1.0, 1", 'ab", ', 'b"]',
    'a"]]', '\\u0061"', '"b"', "[1, 1", '1, 1, "', '"a"]', '"a", "a"]', "1, 1]", "[1, 1]", "], [1, 1]]", '"k": "b"',
]  # fmt: skip
MARKED = [b"1" + bytes([REPEAT]), bytes([REPEAT]) + b", ", b'"' + bytes([REPEAT])]
TOKENS = [*SINGLES, *(text.encode() for text in PAIRS), *MARKED]
WORDS = Words(TOKENS)
EOS, VOCABULARY = WORDS.eos, WORDS.vocabulary
SMALL = {"type": "integer", "minimum": 1, "maximum": 4}
ITEMS: list[Any] = [
    *({}, {"type": "string"}, {"type": "integer"}, SMALL, {"type": "boolean"}, {"enum": ["a", "ab", 1, None]}),
    {"type": "string", "maxLength": 1},
    {"type": ["string", "integer"], "pattern": "^[ab]{1,2}$"},
    {"type": "array", "uniqueItems": True},
    {"type": "array", "items": SMALL},
    {"type": "object", "properties": {"a": SMALL}, "additionalProperties": False},
]  # fmt: skip


def array(rng: random.Random, unique: float) -> dict[str, Any]:
    found: dict[str, Any] = {"items": rng.choice(ITEMS)} if rng.random() < 0.8 else {}
    found |= {"uniqueItems": True} if rng.random() < unique else {}
    found |= {"minItems": rng.randrange(4)} if rng.random() < 0.3 else {}
    found |= {"maxItems": rng.randrange(1, 5)} if rng.random() < 0.3 else {}
    if rng.random() < 0.2:
        found["prefixItems"] = [rng.choice(ITEMS) for _ in range(rng.randrange(1, 3))]
    if rng.random() < 0.2:
        found |= {"contains": rng.choice(ITEMS), "minContains": rng.randrange(3)}
    return found


def draw(rng: random.Random) -> dict[str, Any]:
    """A schema of branches, in some of which items must differ."""
    one, two, three = array(rng, 0.9), array(rng, 0.3), array(rng, 0.3)
    match rng.randrange(6):
        case 0:
            return {"type": "array", "if": one, "then": two, "else": three}
        case 1:
            keyed = [
                {
                    "properties": {"l": each, "k": {"const": k}},
                    "required": rng.choice([["k"], ["k", "l"]]),
                }
                for each, k in ((one, "a"), (two, "b"))
            ]
            return {"type": "object", rng.choice(["anyOf", "oneOf"]): keyed}
        case 2:
            return {
                "type": "array",
                "items": {"type": "array", "anyOf": [one, two]},
                **array(rng, 0.5),
            }
        case 3:
            return {"type": "array", "anyOf": [one, {"not": two}]}
        case _:
            branches = rng.sample([one, two, three, {"maxItems": 2}], rng.randrange(2, 4))
            return {"type": "array", rng.choice(["anyOf", "anyOf", "oneOf"]): branches}


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from(["compact", "any"]))
def test_walks_end_in_valid_texts(seed: int, whitespace: Any) -> None:
    rng = random.Random(seed)
    schema, grammar = draw_grammar(draw, rng, whitespace=whitespace)
    text = WORDS.write(grammar, rng, 0.2)
    if text is None:
        return
    found: list[list[str]] = []
    value = json.loads(
        text, object_pairs_hook=lambda pairs: found.append([n for n, _ in pairs]) or dict(pairs)
    )
    # A name that is not declared can come twice; JSON leaves open what that means.
    twice = any(len(names) > len(set(names)) for names in found)
    assert twice or jsonschema.Draft202012Validator(schema).is_valid(value), (schema, text)


def value(rng: random.Random, depth: int) -> Any:
    match rng.randrange(8 if depth else 5):
        case 0:
            return rng.choice([None, True, False])
        case 1 | 2:
            return rng.choice([0, 1, 2, 3, 1.5])
        case 3 | 4:
            return rng.choice(["", "a", "ab", "b"])
        case 5 | 6:
            return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
        case _:
            return {n: value(rng, depth - 1) for n in rng.sample("abc", rng.randrange(3))}


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_accepts_what_jsonschema_does(seed: int) -> None:
    rng = random.Random(seed)
    schema = draw(rng)
    validator = jsonschema.Draft202012Validator(schema)
    kinds = [lambda: value(rng, 1), lambda: rng.choice(["a", "b"]), lambda: rng.randrange(1, 4)]
    values: list[Any] = []
    for _ in range(30):
        kind = rng.choice(kinds)
        found: Any = [kind() for _ in range(rng.randrange(6))]
        if schema["type"] == "object":
            found = {"l": found, "k": rng.choice("abc")} if rng.random() < 0.9 else {"k": "a"}
        elif isinstance(schema.get("items"), dict) and "anyOf" in schema["items"]:
            found = [[kind() for _ in range(rng.randrange(4))] for _ in range(rng.randrange(4))]
        values.append(found)
    try:
        grammar = compiled(schema)
    except InvalidConstraint:
        assert not any(map(validator.is_valid, values)), schema
        return
    except ConstraintError:
        return
    writer = Canonical(JsonSchema(json.dumps(schema)), Limits(seconds=20), FRAGMENTS)
    for each in values:
        text = writer.write(each).encode()
        assert grammar.accepts(text) == validator.is_valid(each), (schema, text)
        assert not grammar.accepts(text) or grammar.walk(grammar.start, text) is not None


def test_a_branch_that_is_out_is_known_later() -> None:
    strings = {"type": "array", "items": {"type": "string"}}
    branches = [
        {"properties": {"l": {**strings, "uniqueItems": True}, "k": {"const": "one"}}, "required": ["k"]},
        {"properties": {"l": strings, "k": {"const": "two"}}, "required": ["k"]},
    ]  # fmt: skip
    grammar = compiled({"type": "object", "anyOf": branches})
    assert isinstance(grammar, DistinctGrammar) and grammar.repeats
    for text, fits in (
        (b'{"l": ["a", "b"], "k": "one"}', True), (b'{"l": ["a", "b"], "k": "two"}', True),
        (b'{"l": ["a", "a"], "k": "one"}', False), (b'{"l": ["a", "a"], "k": "two"}', True),
        (b'{"l": ["a", "b", "\\u0061"], "k": "one"}', False), (b'{"l": ["a", "b", "\\u0061"], "k": "two"}', True),
    ):  # fmt: skip
        assert grammar.accepts(text) == fits, text
    place = grammar.walk(grammar.start, b'{"l": ["a", "a"], "k": "')
    assert (
        place is not None
        and grammar.walk(place, b"o") is None
        and grammar.walk(place, b"t") is not None
    )


def test_inside_a_tag_and_after_pickling() -> None:
    for schema, repeats in (
        ({"anyOf": [{"uniqueItems": True}, {"maxItems": 2}]}, True),
        ({"uniqueItems": True}, False),
    ):
        inner = JsonSchema(json.dumps({"type": "array", **schema}))
        tagged = Tagged((Tag("<a>", inner, "</a>"),), stop_after_first=True)
        grammar = compile_constraint(tagged, Limits(), FRAGMENTS)
        for each in (grammar, pickle.loads(pickle.dumps(grammar))):
            assert isinstance(each, DistinctGrammar) and each.repeats == repeats
            assert each.accepts(b"[1, 1] <a>[1, 2, 3]</a>") and not each.accepts(
                b"<a>[1, 2, 1]</a>"
            )
            assert each.accepts(b"<a>[1, 1]</a>") == repeats


def test_what_equal_items_allow_is_in_the_mask() -> None:
    grammar = compiled(
        {"type": "array", "oneOf": [{"uniqueItems": True}, {"maxItems": 3}], "maxItems": 9}
    )
    matcher = Matcher(grammar, VOCABULARY)
    for byte in b'["a", "a':
        tokens = WORDS.allowed(matcher)
        assert tokens == WORDS.walked(grammar, matcher.place)
        assert not tokens & {t for t, data in enumerate(TOKENS) if REPEAT in data}
        assert matcher.accept(TOKENS.index(bytes([byte])))
    assert TOKENS.index(b'"]') in WORDS.allowed(matcher), (
        "the items are equal: only the second branch holds"
    )
    matcher.accept(TOKENS.index(b"b"))
    assert TOKENS.index(b'"]') not in WORDS.allowed(matcher) and TOKENS.index(
        b'"'
    ) in WORDS.allowed(matcher)
    numbers = Matcher(grammar, VOCABULARY)
    assert TOKENS.index(b"[1, 1]") in WORDS.allowed(numbers) and TOKENS.index(
        b"[1, 2]"
    ) not in WORDS.allowed(numbers)
    assert numbers.accept(TOKENS.index(b"[1, 1")) and TOKENS.index(b"]") in WORDS.allowed(numbers)


@pytest.mark.parametrize(
    "schema",
    [
        {
            "if": {"uniqueItems": True},
            "then": {"maxItems": 3},
            "else": {"items": {"type": "integer"}},
        },
        {"anyOf": [{"uniqueItems": True}, {"maxItems": 3}]},
        {
            "anyOf": [
                {"uniqueItems": True, "contains": {"const": 1}},
                {"items": {"enum": [1, 2, [1]]}},
            ]
        },
    ],
)
def test_four_items_of_few(schema: Any) -> None:
    """Every array of up to four items out of a few."""
    grammar, validator = (
        compiled({"type": "array", **schema}),
        jsonschema.Draft202012Validator(schema),
    )
    few = [1, 2, "1", [1]]
    arrays: list[list[Any]] = [[]]
    for _ in range(4):
        arrays += [[*each, item] for each in arrays for item in few if len(each) < 4]
    for each in arrays:
        assert grammar.accepts(json.dumps(each).encode()) == validator.is_valid(each), each
