"""Matchers and forced tokens: what the mask allows is accepted, and forced texts are what the tokenizer would write."""

import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.compiler import Compiler
from trellis.constrained.grammar.grammar import MOST_FORCED
from trellis.constrained.grammar.matcher import Matcher
from trellis.constrained.spec import Choices, Constraint, JsonSchema, Regex
from trellis.constrained.tokens.forced import Forced
from trellis.constrained.tokens.vocabulary import Vocabulary

LETTERS = Vocabulary([b"a", b"b", b"ab", b"c", None, None], frozenset({5}))


def bits(matcher: Matcher) -> list[int]:
    words = matcher.mask().tolist()
    return [t for t in range(32 * len(words)) if words[t // 32] >> t % 32 & 1]


def start(constraint: Constraint, vocabulary: Vocabulary = LETTERS) -> Matcher:
    return Matcher(Compiler(vocabulary, lambda text: []).compile(constraint), vocabulary)


def test_accept_mask_and_end() -> None:
    matcher = start(Regex("ab?c*"))
    assert bits(matcher) == [0, 2]
    assert not matcher.accept(1) and not matcher.accept(5) and not matcher.accept(4)
    assert not matcher.accept(-1) and not matcher.accept(99)
    assert matcher.accept(0) and matcher.accepting and not matcher.finished
    assert bits(matcher) == [1, 3, 5]
    assert matcher.accept(5) and matcher.finished
    assert bits(matcher) == [5] and not matcher.accept(5) and matcher.forced() == []
    assert matcher.tokens == (0, 5)


def test_finished_when_nothing_can_follow() -> None:
    matcher = start(Choices(("ab", "b")))
    assert not matcher.finished
    assert matcher.accept(2) and matcher.finished and bits(matcher) == [5]
    assert start(Regex("")).finished


def test_rollback_and_copy() -> None:
    matcher = start(Regex("(a|b)*c"))
    places = [matcher.place]
    for token in (0, 2, 1):
        assert matcher.accept(token)
        places.append(matcher.place)
    twin = matcher.copy()
    matcher.rollback(2)
    assert matcher.place == places[1] and matcher.tokens == (0,)
    assert twin.tokens == (0, 2, 1) and twin.accept(3) and twin.finished
    matcher.rollback(0)
    with pytest.raises(ValueError, match="cannot take back 2 of 1"):
        matcher.rollback(2)
    twin.rollback(4)
    assert twin.place == places[0] and not twin.finished


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["(ab|c)*", "a{3}b", "(a|ab)(c|bc)", "[^b]+b?"]), st.integers(0, 1 << 30))
def test_no_walk_gets_stuck(pattern: str, seed: int) -> None:
    matcher = start(Regex(pattern))
    rng = random.Random(seed)
    for _ in range(12):
        if matcher.finished:
            break
        allowed = bits(matcher)
        assert allowed
        assert matcher.accept(rng.choice(allowed))


def test_forced_bytes_stop_at_choices_and_ends() -> None:
    grammar = Compiler(LETTERS, lambda text: []).compile(Choices(("abc", "abcd", "abx")))
    assert grammar.forced_bytes(grammar.start) == b"ab"
    place = grammar.walk(grammar.start, b"abc")
    assert grammar.accepting(place) and grammar.forced_bytes(place) == b""
    long = Compiler(LETTERS, lambda text: []).compile(Choices(("a" * 2000,)))
    assert long.forced_bytes(long.start) == b"a" * MOST_FORCED


PEOPLE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "country": {"enum": ["France", "Germany", "Greece"]},
        "temperature": {"type": "number"},
        "unit": {"const": "celsius"},
        "tags": {"type": "array", "items": {"enum": ["alpha", "beta"]}, "minItems": 1},
        "active": {"type": "boolean"},
    },
    "required": ["name", "country", "temperature", "unit", "tags", "active"],
}


def person(rng: random.Random) -> str:
    value = {
        "name": rng.choice(
            ["Anna", "naïve café", "x", 'the "quick" fox', "", "12 lazy dogs", "\U0001f600"]
        ),
        "country": rng.choice(["France", "Germany", "Greece"]),
        "temperature": rng.choice([17.5, 3, -1.25]),
        "unit": "celsius",
        "tags": rng.choices(["alpha", "beta"], k=rng.randint(1, 4)),
        "active": rng.random() < 0.5,
    }
    return json.dumps(value, ensure_ascii=False)


TEXTS: list[tuple[Constraint, Callable[[random.Random], str]]] = [
    (JsonSchema(json.dumps(PEOPLE)), person),
    (
        Choices(("the quick brown fox", "the quick brown dogs", "jump over")),
        lambda r: "the quick brown dogs",
    ),
    (Choices(("größer \U0001f600 naïve",)), lambda r: "größer \U0001f600 naïve"),
    (
        Regex(r"name: [a-z]{2,9}; age: \d{1,3} years"),
        lambda r: f"name: {r.choice(['anna', 'over'])}; age: 42 years",
    ),
    (Regex(r"(\d{3}-){2}\d{4}"), lambda r: "013-455-1045"),
]


@pytest.mark.parametrize("case", range(len(TEXTS)))
def test_forced_and_sampled_tokens_are_the_tokenizer_s(tongue, case: int) -> None:
    constraint, draw = TEXTS[case]
    compiler = Compiler(tongue.vocabulary, tongue.encode)
    grammar = compiler.compile(constraint)
    rng = random.Random(case)
    for _ in range(8):
        text = draw(rng)
        wanted = _continuing(tongue, text)
        if wanted is None:  # a tokenizer without bytes cannot write every character
            continue
        matcher, written, forced = compiler.matcher(grammar), [], 0
        while not matcher.finished and len(written) < len(wanted):
            found = matcher.forced()
            forced += len(found)
            for token in found or [wanted[len(written)]]:
                assert matcher.accept(token)
                written.append(token)
        assert written == wanted, [tongue.vocabulary.token(t) for t in written]
        assert forced > 0


def _continuing(tongue, text: str) -> list[int] | None:
    """The tokens of a text that follows another one, as far as they spell it."""
    front = tongue.encode("\n")
    tokens = tongue.encode("\n" + text)[len(front) :]
    return tokens if tongue.vocabulary.text(tokens) == text.encode() else _plain(tongue, text)


def _plain(tongue, text: str) -> list[int] | None:
    tokens = tongue.encode(text)
    return tokens if tongue.vocabulary.text(tokens) == text.encode() else None


WORDS = Vocabulary([b"a", b"b", b"c", b"ab", b"bc", b"abc", None], frozenset({6}))


def greedy(text: str) -> list[int]:
    """Longest token first; other characters are lost."""
    found: list[int] = []
    data = text.encode()
    while data:
        fitting = [t for t in range(6) if data.startswith(WORDS.token(t))]
        if fitting:
            found.append(max(fitting, key=lambda t: len(WORDS.token(t))))
        data = data[len(WORDS.token(found[-1])) if fitting else 1 :]
    return found


@pytest.mark.parametrize(
    ("pattern", "recent", "expected"),
    [
        ("abc", [], (5,)),  # nothing follows: all of it
        ("ab[ac]", [], ()),  # abc could still be one token
        ("ab[ab]", [], (3,)),
        ("aab[ac]", [], (0,)),
        ("[ab]bc", [0], ()),  # a was sampled where the tokenizer writes abc
        ("[ab]bc", [1], (4,)),
        ("[ab]a", [1], (0,)),
    ],
)
def test_the_end_of_a_run_is_held_back(
    pattern: str, recent: list[int], expected: tuple[int, ...]
) -> None:
    grammar = Compiler(WORDS, greedy).compile(Regex(pattern))
    forced = Forced(WORDS, greedy)
    place = grammar.walk(grammar.start, WORDS.text(recent))
    assert forced.tokens(grammar, place, recent) == expected
    assert forced.tokens(grammar, place, recent) == expected


def test_a_tokenizer_that_changes_text_forces_nothing() -> None:
    grammar = Compiler(WORDS, greedy).compile(Regex("abc"))
    assert (
        Forced(WORDS, lambda text: greedy(text.replace("b", "a"))).tokens(
            grammar, grammar.start, []
        )
        == ()
    )
