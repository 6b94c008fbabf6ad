"""Vocabularies of three kinds of tokenizer, and masks against the brute force."""

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.compiler import Compiler
from trellis.constrained.errors import UnsupportedTokenizer
from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.grammar.matcher import Matcher
from trellis.constrained.grammar.place import Place
from trellis.constrained.spec import Choices, Constraint, JsonSchema, Regex, Tag, Tagged
from trellis.constrained.tokens.vocabulary import Vocabulary, from_tokenizer_json
from trellis.constrained.tokens.walk import Walk, pack

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "day": {"type": "string", "format": "date"},
        "n": {"type": "integer", "minimum": -3, "maximum": 120},
    },
    "required": ["name", "n"],
}
CONSTRAINTS: list[Constraint] = [
    Regex(r"(?s).*"),
    Regex(r"[a-z]+ \d{2,3}|é+"),
    Choices(("red", "green", "greenish", "")),
    JsonSchema(json.dumps(SCHEMA)),
    JsonSchema(json.dumps(SCHEMA), whitespace="any"),
    JsonSchema(json.dumps(SCHEMA), any_order=True),
]


def brute_force(vocabulary: Vocabulary, grammar: Grammar, place: Place) -> set[int]:
    allowed = {
        t
        for t in range(vocabulary.size)
        if vocabulary.token(t) and grammar.take(place, vocabulary.token(t)) is not None
    }
    return allowed | (set(vocabulary.eos_ids) if grammar.accepting(place) else set())


def unpack(mask: np.ndarray) -> set[int]:
    return {
        32 * word + bit
        for word, value in enumerate(mask.tolist())
        for bit in range(32)
        if value >> bit & 1
    }


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=range(len(CONSTRAINTS)))
def test_masks_are_the_brute_force(tongue, constraint: Constraint) -> None:
    grammar = Compiler(tongue.vocabulary, tongue.encode).compile(constraint)
    walk = Walk(tongue.vocabulary)
    rng = random.Random(3)
    places = {grammar.start}
    for _ in range(6):
        place = grammar.start
        for _ in range(25):
            ways = [after for b in range(256) if (after := grammar.step(place, b)) is not None]
            place = rng.choice(ways or [grammar.start])
            places.add(place)
    for place in sorted(places)[:25]:
        assert unpack(walk.mask(grammar, place)) == brute_force(tongue.vocabulary, grammar, place)


TOKENS = st.lists(
    st.one_of(st.none(), st.text("ab1é", max_size=3).map(str.encode), st.binary(max_size=3)),
    min_size=1,
)


@settings(max_examples=60, deadline=None)
@given(TOKENS, st.sampled_from([r"a*b?", r"(ab|é)+1?", r".{0,3}", r"[^a]*"]), st.integers(0, 20))
def test_masks_of_random_vocabularies(tokens: list[bytes | None], pattern: str, at: int) -> None:
    vocabulary = Vocabulary([*tokens, None], frozenset({len(tokens)}))
    grammar = Compiler(vocabulary, lambda text: []).compile(Regex(pattern))
    walk = Walk(vocabulary)
    place = Place(at % grammar.states)
    assert unpack(walk.mask(grammar, place)) == brute_force(vocabulary, grammar, place)
    assert walk.mask(grammar, place) is walk.mask(grammar, place)
    for token in range(vocabulary.size):
        matcher = Matcher(grammar, vocabulary)
        allowed = unpack(matcher.mask())
        assert matcher.accept(token) == (token in allowed)


def test_text_of_encoded_text(tongue) -> None:
    for text in ["plain words", '{"a": [1, 2]}', "naïve café"]:
        assert tongue.vocabulary.text(tongue.encode(text)).decode().strip() == text


def test_masks_are_kept_within_bytes() -> None:
    vocabulary = Vocabulary([b"a", b"b", None], frozenset({2}))
    grammar = Compiler(vocabulary, lambda text: []).compile(Regex("a{9}"))
    walk = Walk(vocabulary, most_bytes=8)
    first = walk.mask(grammar, Place(1))
    walk.mask(grammar, Place(2))
    assert walk.mask(grammar, Place(1)) is first
    walk.mask(grammar, Place(3))
    walk.mask(grammar, Place(4))
    assert walk.mask(grammar, Place(1)) is not first
    assert not first.flags.writeable


STRINGS: list[tuple[Constraint, bytes]] = [
    (JsonSchema('{"type": "string"}'), b'"ab'),
    (JsonSchema('{"type": "string", "maxLength": 900}'), b'"ab'),
    (JsonSchema('{"type": "string", "maxLength": 5}'), b'"ab'),
    (JsonSchema('{"type": "string", "maxLength": 2}'), b'"ab'),
    (JsonSchema('{"type": "string"}', ascii=True), b'"ab'),
    (JsonSchema('{"type": "string"}'), '"é'.encode()[:-1]),
    (Regex(r"(?s).*"), b""),
    (Regex(r"[ -~]{3,}é"), b"a"),
    (Regex("[^b]*"), b""),
    (Regex("abc|b"), b""),
]


@pytest.mark.parametrize("case", range(len(STRINGS)))
def test_plain_words_are_allowed_together(
    tongue, case: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a Shelf finds without walking is what walking finds."""
    constraint, text = STRINGS[case]
    grammar = Compiler(tongue.vocabulary, tongue.encode).compile(constraint)
    place = grammar.walk(grammar.start, text)
    walked = Walk(tongue.vocabulary).mask(grammar, place)
    monkeypatch.setattr("trellis.constrained.tokens.walk.SMALL", 0)
    walk = Walk(tongue.vocabulary)
    assert unpack(walk.mask(grammar, place)) == unpack(walked)
    lanes = walk._lanes_of(grammar)
    words = walk._shelf.fitting(lanes, lanes.enter(place))
    assert (words is not None and len(words) > 50) == (case in (0, 1, 2, 6)), words


def test_special_tokens_are_for_grammars_that_name_them() -> None:
    specials = {3: "<call>", 4: "</s>"}
    vocabulary = Vocabulary([b"a", b"<", "é".encode(), None, None], frozenset({4}), specials)
    assert vocabulary.special_texts == {"<call>"} and vocabulary.token(3) == b"\xff<call>"
    compiler = Compiler(vocabulary, lambda text: [])
    anything = compiler.matcher(compiler.compile(Regex("(?s).*")))
    assert unpack(anything.mask()) == {0, 1, 2, 4}
    tagged = Tagged((Tag("<call>", Regex("a"), ""),), at_least=1)
    matcher = compiler.matcher(compiler.compile(tagged))
    assert 3 in unpack(matcher.mask()) and 4 not in unpack(matcher.mask())
    assert matcher.accept(3) and unpack(matcher.mask()) == {0}


def test_flat_and_offsets() -> None:
    vocabulary = Vocabulary([b"ab", None, b"", b"c", b"</s>"], frozenset({4}))
    assert vocabulary.flat.tobytes() == b"abc"
    assert vocabulary.offsets.tolist() == [0, 2, 2, 2, 3, 3]
    assert vocabulary.offsets.dtype == np.int32 and vocabulary.flat.dtype == np.uint8
    assert (vocabulary.size, vocabulary.max_bytes) == (5, 2)


def test_rejects_what_is_no_vocabulary() -> None:
    with pytest.raises(ValueError, match="eos id 3"):
        Vocabulary([b"a"], frozenset({3}))
    with pytest.raises(ValueError, match="at least one"):
        Vocabulary([], frozenset())


def test_packed_bits() -> None:
    assert pack([0, 31, 32, 69], 70).tolist() == [(1 << 31) + 1, 1, 1 << 5]


def test_byte_level_alphabet_has_every_byte() -> None:
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    vocab = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
    data = {"model": {"type": "BPE", "vocab": vocab}, "decoder": {"type": "ByteLevel"}}
    vocabulary = from_tokenizer_json(data)
    assert [vocabulary.token(b) for b in range(256)] == [bytes([b]) for b in range(256)]


def test_special_added_and_missing_tokens() -> None:
    data = {
        "model": {"type": "BPE", "vocab": {"a": 0, "Ġb": 1, "<s>": 2}},
        "decoder": {"type": "ByteLevel"},
        "added_tokens": [
            {"id": 2, "content": "<s>", "special": True},
            {"id": 4, "content": "<tool> é", "special": False},
        ],
    }
    vocabulary = from_tokenizer_json(data, frozenset({2}), size=8)
    assert [vocabulary.token(t) for t in range(8)] == [
        b"a",
        b" b",
        b"",
        b"",
        "<tool> é".encode(),
        b"",
        b"",
        b"",
    ]


def test_unigram_pieces() -> None:
    data = {
        "model": {
            "type": "Unigram",
            "vocab": [["<unk>", 0.0], ["▁the", -1.0], ["<0x0A>", -2.0]],
            "unk_token": "<unk>",
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
            ],
        },
    }
    vocabulary = from_tokenizer_json(data)
    assert [vocabulary.token(t) for t in range(3)] == [b"", b" the", b"\n"]


@pytest.mark.parametrize(
    "data",
    [
        {"model": {"type": "WordPiece", "vocab": {"a": 0}}, "decoder": {"type": "WordPiece"}},
        {"model": {"type": "BPE", "vocab": {"a": 0}}, "decoder": {"type": "WordPiece"}},
        {"model": {"type": "BPE", "vocab": {"a": 0}}, "decoder": None},
        {"model": {"type": "BPE", "vocab": {"日": 0}}, "decoder": {"type": "ByteLevel"}},
    ],
)
def test_other_tokenizers_are_refused(data: dict) -> None:
    with pytest.raises(UnsupportedTokenizer, match="token"):
        from_tokenizer_json(data)
