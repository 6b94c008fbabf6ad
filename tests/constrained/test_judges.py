"""Regexes and schemas against two libraries that build automata by other ways: they must accept the same texts."""

import json

import interegular
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outlines_core import Index, Vocabulary
from outlines_core.json_schema import build_regex_from_schema

from trellis.constrained.compiling.compiler import Compiler
from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.spec import JsonSchema, Regex
from trellis.constrained.tokens.vocabulary import Vocabulary as Tokens

BYTES = Tokens([bytes([byte]) for byte in range(256)], frozenset[int]())
COMPILER = Compiler(BYTES, lambda text: list(text.encode()))

ATOMS = st.sampled_from(["a", "b", "[ab]", "[^a]", "x?", "(ab|ba)", "a{2,3}", "(a|bx)*", "b+", "."])
PATTERNS = st.lists(ATOMS, min_size=1, max_size=5).map("".join)
TEXTS = st.text("abx", max_size=9)


def accepts(grammar: Grammar, text: str) -> bool:
    return grammar.accepts(text.encode())


@settings(max_examples=150, deadline=None)
@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=12))
def test_interegular_accepts_the_same(pattern: str, texts: list[str]) -> None:
    fsm = interegular.parse_pattern(pattern).to_fsm()
    grammar = COMPILER.compile(Regex(pattern))
    for text in texts:
        assert accepts(grammar, text) == fsm.accepts(text), (pattern, text)


def outlines_accepts(index: Index, text: str) -> bool:
    """Walks bytes as tokens 1 + byte, behind the sentinel that keeps the start anchored."""
    state = index.get_next_state(index.get_initial_state(), 1)
    for byte in text.encode():
        if state is None:
            return False
        state = index.get_next_state(state, 1 + byte)
    return state is not None and index.is_final_state(state)


SCHEMAS = [
    {"type": "boolean"},
    {"enum": ["red", "green", 3, None]},
    {
        "type": "object",
        "properties": {"a": {"type": "boolean"}, "b": {"enum": ["x", "y"]}},
        "required": ["a", "b"],
        "additionalProperties": False,
    },
    {"type": "array", "items": {"enum": [1, 2]}, "minItems": 1, "maxItems": 3},
]
VALUES = [
    True, False, None, 3, "red", "blue", [1], [1, 2, 2], [], [1, 1, 1, 1], [3],
    {"a": True, "b": "x"}, {"a": True}, {"b": "x", "a": True}, {"a": True, "b": "z"},
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: next(iter(s.values())))
def test_outlines_accepts_the_same_values(schema: dict[str, object]) -> None:
    vocabulary = Vocabulary(0, {bytes([byte]): [1 + byte] for byte in range(256)})
    regex = build_regex_from_schema(json.dumps(schema), "[ ]?")
    index = Index(f"\x00(?:{regex})", vocabulary)
    grammar = COMPILER.compile(JsonSchema(json.dumps(schema)))
    for value in VALUES:
        text = json.dumps(value)
        assert accepts(grammar, text) == outlines_accepts(index, text), text
