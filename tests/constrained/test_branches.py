"""Masks where whole branches of the vocabulary are taken at once: what walking every token finds."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.compiler import Compiler
from trellis.constrained.grammar.lanes import TableLanes
from trellis.constrained.spec import Constraint, JsonSchema, Regex
from trellis.constrained.tokens.branches import Branches
from trellis.constrained.tokens.shelf import Shelf, Tree
from trellis.constrained.tokens.vocabulary import Vocabulary
from trellis.constrained.tokens.walk import Walk

NAMES = {"name": {"type": "string"}, "note": {"type": "string"}, "size": {"maxLength": 4}, "é": {}}
RECORD = JsonSchema(json.dumps({"type": "object", "properties": NAMES}))
BRANCHING: list[tuple[Constraint, bytes]] = [
    (RECORD, b'{"'),
    (RECORD, b'{"n'),
    (RECORD, b'{"name": "", "'),
    (JsonSchema('{"type": "object", "patternProperties": {"^x": {"type": "null"}}}'), b'{"'),
    (JsonSchema('{"enum": ["red", "green", "blue"]}'), b'"'),
    (JsonSchema('{"type": "string", "pattern": "^[a-q]"}'), b'"'),
    (Regex(r"(the|a) (?s:.*)|[^t]{2,5}"), b""),
    (JsonSchema("true"), b""),
]


@pytest.mark.parametrize("case", range(len(BRANCHING)))
def test_whole_branches_are_what_walking_finds(
    tongue, case: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    constraint, text = BRANCHING[case]
    grammar = Compiler(tongue.vocabulary, tongue.encode).compile(constraint)
    place = grammar.walk(grammar.start, text)
    walked = Walk(tongue.vocabulary).mask(grammar, place)
    monkeypatch.setattr("trellis.constrained.tokens.walk.SMALL", 0)
    monkeypatch.setattr("trellis.constrained.tokens.branches.MANY", 1)
    walk = Walk(tongue.vocabulary)
    assert (walk.mask(grammar, place) == walked).all() and np.bitwise_count(walked).sum() > 2
    assert walk._branches is not None, "it was to be walked in branches"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=5) | st.text(max_size=4).map(str.encode), max_size=30),
    st.sampled_from(["n?a.*", "(é|e)?[^x]*", "a{1,3}b?(?s:.*)", '"[^"]*"']),
)
def test_branches_of_random_vocabularies(tokens: list[bytes], pattern: str) -> None:
    vocabulary = Vocabulary([*tokens, b"a", b"na", None], frozenset({len(tokens) + 2}))
    grammar = Compiler(vocabulary, lambda text: []).compile(Regex(pattern))
    shelf = Shelf(vocabulary)
    whole = Tree(vocabulary.trie, vocabulary.node_tokens, vocabulary.node_firsts)
    lanes = TableLanes(grammar, vocabulary.max_bytes)
    branches = Branches(vocabulary, whole, shelf)
    for place in {grammar.start, grammar.walk(grammar.start, b"a") or grammar.start}:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("trellis.constrained.tokens.branches.MANY", 1)
            found = branches.tokens(lanes, lanes.enter(place)).tolist()
        allowed = [
            t for t in range(vocabulary.size)
            if vocabulary.token(t) and grammar.take(place, vocabulary.token(t)) is not None
        ]  # fmt: skip
        assert sorted(found) == allowed
