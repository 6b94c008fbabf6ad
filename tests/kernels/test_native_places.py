"""Native masks at places of a host: what the walk in numpy finds, and what tokens do one by one."""

import json
import random
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.lowering import compile_constraint
from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.grammar.place import Place
from trellis.constrained.limits import Limits
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import Constraint, JsonSchema, Regex
from trellis.constrained.tokens.vocabulary import Vocabulary
from trellis.constrained.tokens.walk import Walk
from trellis.kernels.cpu.masks.native import NativePlaces, compile_masks
from trellis.kernels.cpu.masks.trie import DEPTH, SEVERAL, plant, sort_tokens
from trellis.kernels.cpu.target import Compiled, Target
from trellis.runtime.bundled import BUNDLED
from trellis.runtime.tokenizer import Tokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "constrained"))
from machines import JSON_TOKENS, json_machine, random_machine

FRAGMENTS = Fragments(1 << 20)
BYTES = [bytes([i]) for i in range(256)]


@cache
def code() -> Compiled:
    return compile_masks(Target.of_host())


@cache
def seedling() -> Vocabulary:
    tokenizer = Tokenizer.from_folder(BUNDLED)
    return Vocabulary(tokenizer.token_bytes, tokenizer.eos_ids, tokenizer.specials)


def compiled(constraint: Constraint) -> Grammar:
    grammar = compile_constraint(constraint, Limits(), FRAGMENTS)
    assert isinstance(grammar, Grammar)
    return grammar


def tokens_of(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist()


def brute(grammar: Grammar, vocabulary: Vocabulary, place: Place) -> list[int]:
    """The tokens that are allowed, one by one."""
    allowed = [
        t for t in range(vocabulary.size)
        if vocabulary.token(t) and grammar.take(place, vocabulary.token(t)) is not None
    ]  # fmt: skip
    return sorted(allowed + sorted(vocabulary.eos_ids) * grammar.accepting(place))


STRING = {"type": "string"}
TWO = {"type": "object", "properties": {"name": STRING, "note": {}}}
SCHEMAS: list[tuple[object, bytes]] = [
    (STRING, b'"'),
    (STRING | {"maxLength": 3}, b'"a'),
    (STRING | {"maxLength": 40}, b'"a'),
    (STRING | {"maxLength": 900}, b'"'),
    (STRING | {"minLength": 2, "maxLength": 30}, b'"'),
    (STRING | {"pattern": "^[a-q]+$"}, b'"'),
    (STRING | {"pattern": "n.*a"}, b'"'),
    (STRING | {"format": "email"}, b'"ab'),
    ({"type": "object"}, b'{"'),
    (TWO, b'{"'),
    (TWO, b'{"n'),
    ({"type": "array", "items": {"type": "array", "maxItems": 2}}, b"[[[["),
    (True, b""),
    (True, b"[" * 62),
]


@pytest.mark.parametrize("many", [1, 64])
@pytest.mark.parametrize("case", range(len(SCHEMAS)))
def test_a_real_vocabulary(case: int, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    schema, text = SCHEMAS[case]
    monkeypatch.setattr("trellis.kernels.cpu.masks.trie.MANY", many)
    grammar, vocabulary = compiled(JsonSchema(json.dumps(schema))), seedling()
    place = grammar.walk(grammar.start, text)
    assert place is not None
    wanted = Walk(vocabulary).mask(grammar, place)
    found = Walk(vocabulary, maker=NativePlaces(vocabulary, code())).mask(grammar, place)
    assert tokens_of(found) == tokens_of(wanted) and not found.flags.writeable


PATTERNS = st.sampled_from(
    [
        "n?a.*",
        "(é|e)?[^x]*",
        "a{1,3}b?(?s:.*)",
        '"[^"]*"',
        "[a-n]{0,70}",
        "(ab|.){2,5}",
        "a.*n|.{3}",
    ]
)
SCHEMES = st.sampled_from(
    ["", '"maxLength": 2', '"maxLength": 33', '"minLength": 3, "maxLength": 500']
)
TEXTS = st.text(alphabet='anéx中 "😀', max_size=40).map(str.encode)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=5) | TEXTS.filter(bool), max_size=30),
    PATTERNS.map(Regex)
    | SCHEMES.map(lambda s: JsonSchema('{"type": "string"' + ", " * bool(s) + s + "}")),
    TEXTS,
)
@example([b"a" * n for n in range(1, 40)], Regex("a{0,34}"), b"a")
def test_random_vocabularies(tokens: list[bytes], constraint: Constraint, text: bytes) -> None:
    vocabulary = Vocabulary([*tokens, b"a", b"na", *BYTES, None], frozenset({len(tokens) + 258}))
    grammar = compiled(constraint)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trellis.kernels.cpu.masks.trie.MANY", 1)
        maker = NativePlaces(vocabulary, code())
        for end in range(len(text) + 1):
            place = grammar.walk(grammar.start, text[:end])
            if place is not None:
                assert tokens_of(maker.mask(grammar, place)) == brute(grammar, vocabulary, place)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 30))
def test_random_machines(seed: int) -> None:
    """Calls, verdicts, counters and bits, and few frames; from places that random bytes lead to."""
    rng = random.Random(seed)
    vocabulary = Vocabulary([*BYTES, *JSON_TOKENS, b"abab", b"[[[[[[[[[[", None], frozenset({0}))
    try:
        machine = (
            random_machine(rng) if rng.random() < 0.6 else json_machine(rng.choice([2, 50]), 2)
        )
        grammar = build_grammar(machine, most_frames=rng.choice([3, 64]))
    except InvalidConstraint:
        return
    if not isinstance(grammar, Grammar):
        return
    place, maker = grammar.start, NativePlaces(vocabulary, code())
    for _ in range(12):
        allowed = tokens_of(maker.mask(grammar, place))
        assert allowed == brute(grammar, vocabulary, place)
        chosen = [t for t in allowed if vocabulary.token(t)]
        if not chosen:
            return
        after = grammar.take(place, vocabulary.token(rng.choice(chosen)))
        assert after is not None
        place = after


def test_many_grammars_are_told_apart() -> None:
    """More of them than are remembered."""
    vocabulary = Vocabulary([*BYTES, None], frozenset({256}))
    maker = NativePlaces(vocabulary, code())
    grammars = [compiled(Regex(f"[{chr(97 + n % 26)}]{{{1 + n // 26}}}")) for n in range(70)]
    for _ in range(2):
        for n, grammar in enumerate(grammars):
            assert tokens_of(maker.mask(grammar, grammar.start)) == [97 + n % 26]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=4) | TEXTS, min_size=1, max_size=25))
def test_the_trie_holds_every_token(tokens: list[bytes]) -> None:
    vocabulary = Vocabulary(tokens, frozenset()) if any(tokens) else Vocabulary([b"a"], frozenset())
    trie = plant(*sort_tokens(vocabulary.flat, vocabulary.offsets))
    path: list[int] = []
    found: dict[int, bytes] = {}
    for node, number in enumerate(trie.nodes.tolist()):
        depth = number >> DEPTH
        path = [*path[: depth - 1], number & 255] if depth else []
        here = trie.tokens[trie.firsts[node] : trie.firsts[node + 1]].tolist()
        found |= dict.fromkeys(here, bytes(path))
        assert bool(number >> SEVERAL & 1) == (len(here) > 1)
        assert int(trie.node_ends[node]) in (
            here or [~int(trie.tokens[trie.firsts[node]])]
            if trie.firsts[node] < len(trie.tokens)
            else []
        )
        below = trie.nodes[node + 1 : trie.skips[node]] >> DEPTH
        assert (below > depth).all()
        assert trie.skips[node] == len(trie.nodes) or trie.nodes[trie.skips[node]] >> DEPTH <= depth
    texts = [vocabulary.token(t) for t in range(vocabulary.size)]
    assert found == {t: text for t, text in enumerate(texts) if text}
    words = set(trie.words.tolist())
    assert words == {t for t, text in enumerate(texts) if _is_word(text)}


def _is_word(text: bytes) -> bool:
    try:
        characters = text.decode()
    except UnicodeDecodeError:
        return False
    plain = all(c >= " " and c not in '"\\\x7f' for c in characters)
    return 0 < len(characters) <= 32 and plain
