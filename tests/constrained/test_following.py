"""A matcher that looks up what others did gives what one gives that walks every byte."""

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.compiler import Compiler
from trellis.constrained.grammar.matcher import Matcher
from trellis.constrained.spec import Constraint, JsonSchema, Regex
from trellis.constrained.tokens.forced import Forced
from trellis.runtime.bench.workloads import SCHEMA, tool_call, unbounded
from trellis.runtime.bundled import BUNDLED
from trellis.runtime.check.judging import Tongue

CONSTRAINTS: tuple[Constraint, ...] = (
    JsonSchema(json.dumps(SCHEMA)),
    JsonSchema(json.dumps(unbounded(SCHEMA))),
    JsonSchema(json.dumps(tool_call())),
    JsonSchema('{"type": "array", "items": {"const": "né à 東京"}, "maxItems": 4}'),
    Regex("(é東|éclair|é)*(end of the text)?"),
    Regex("[a-f]{3}, (yes|no)!"),
)


@pytest.fixture(scope="module")
def tongue() -> Tongue:
    return Tongue.from_folder(BUNDLED)


@pytest.fixture(scope="module")
def compiled(tongue: Tongue) -> list[Any]:
    compiler = Compiler(tongue.vocabulary, tongue.tokenizer.continue_with)
    return [compiler.compile(constraint) for constraint in CONSTRAINTS]


def walk_slowly(matcher: Matcher[Any], token: int, most: int) -> tuple[int, ...] | None:
    """The same by the matcher's smallest steps."""
    if not matcher.accept(token):
        return None
    forced = tuple(matcher.forced()[: max(most, 0)])
    for each in forced:
        assert matcher.accept(each)
    return forced


def draw(matcher: Matcher[Any], size: int, rng: random.Random) -> int:
    """Any token now and then, else an allowed one, and seldom the end of the text."""
    if rng.random() < 0.1:
        return rng.randrange(size)
    bits = np.unpackbits(matcher.mask().view(np.uint8), bitorder="little")
    return int(rng.choice(np.flatnonzero(bits[:size]).tolist()))


@settings(max_examples=30, deadline=None)
@given(which=st.integers(0, len(CONSTRAINTS) - 1), seed=st.integers(0, 2**31))
def test_following_is_accepting_token_by_token(
    tongue: Tongue, compiled: list[Any], which: int, seed: int
) -> None:
    rng, vocabulary, grammar = random.Random(seed), tongue.vocabulary, compiled[which]
    one, other = (Matcher(grammar, vocabulary, tongue.forced) for _ in range(2))
    for _ in range(40):
        token, most = draw(other, vocabulary.size, rng), rng.choice((0, 1, 3, 500))
        before = one.tokens
        found = one.follow(token, most)
        assert found == walk_slowly(other, token, most)
        assert (one.tokens, one.place) == (other.tokens, other.place)
        assert (one.finished, one.accepting) == (other.finished, other.accepting)
        if found is None:
            assert one.tokens == before
        if one.finished:
            break
        if one.tokens and rng.random() < 0.2:
            count = rng.randint(1, len(one.tokens))
            one.rollback(count)
            other.rollback(count)
            assert (one.place, one.finished) == (other.place, other.finished)


def test_what_two_texts_did_the_next_one_looks_up(tongue: Tongue, compiled: list[Any]) -> None:
    grammar, vocabulary = compiled[2], tongue.vocabulary
    forced = Forced(vocabulary, tongue.tokenizer.continue_with)
    first = Matcher(grammar, vocabulary, forced)
    begun = first.force(500)
    (token,) = tongue.tokenizer.continue_with("get")[:1]
    run = first.follow(token, 500)
    assert run and begun and not forced.known
    for _ in range(2):
        other = Matcher(grammar, vocabulary, forced)
        other.force(500)
        assert other.follow(token, 500) == run
        assert (other.tokens, other._places) == (first.tokens, first._places)
        assert list(forced.known) == [(grammar.key, first._places[len(begun)], token)]
    third = Matcher(grammar, vocabulary, forced)
    third.force(500)
    assert third.follow(token, 2) == run[:2], "no more than there is room for"
    assert third.tokens == first.tokens[: len(begun) + 3]
