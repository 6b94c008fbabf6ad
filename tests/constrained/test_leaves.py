"""Leaves that are listed, residues, and records in unions: what is built the short way is what was meant."""

import json
import random
from itertools import permutations
from typing import Any

import jsonschema
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.automata.partition import refine_partition
from trellis.constrained.automata.reaching import find_leading, find_reached
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Rule
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.regex.pattern import any_text
from trellis.constrained.regex.spelling import quote
from trellis.constrained.schema import Canonical, lower_schema
from trellis.constrained.schema.formula import (
    All,
    Atom,
    Formula,
    assign,
    conjunction,
    disjunction,
    exactly_one,
    negate,
)
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.schema.leaves.leaf import MOST_SPELLED, rule_of_others, rule_of_words
from trellis.constrained.schema.leaves.writing import one_spelling, write_text
from trellis.constrained.schema.residue import Residues
from trellis.constrained.spec import JsonSchema

FRAGMENTS = Fragments(1 << 22)
TEXTS = st.dictionaries(st.binary(min_size=1, max_size=5), st.integers(0, 2), min_size=1)
ATOMS = st.integers(0, 4).map(Atom)
FORMULAS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(negate),
        st.lists(inner, min_size=1, max_size=3).map(conjunction),
        st.lists(inner, min_size=1, max_size=3).map(disjunction),
        st.lists(inner, min_size=1, max_size=3).map(exactly_one),
    ),
)
KNOWN = st.dictionaries(st.integers(0, 4), st.booleans())


def budget() -> Budget:
    return Budget(Limits(seconds=10))


def verdict(rule: Rule, text: bytes) -> int | None:
    state = rule.start
    for byte in text:
        state = int(rule.table[state, rule.classes[byte]])
    return int(rule.ends[state]) - 1 if rule.ends[state] else None


@given(TEXTS, st.lists(st.binary(max_size=5), max_size=8))
def test_listed_texts_are_read_with_their_verdicts(
    texts: dict[bytes, int], others: list[bytes]
) -> None:
    rule = rule_of_words(texts, budget())
    for text in [*texts, *others, *(t[:-1] for t in texts), *(t + b"a" for t in texts)]:
        assert verdict(rule, text) == texts.get(text)
    blocks = refine_partition(rule.table, rule.ends.astype(np.int64))
    assert len(set(blocks.tolist())) == len(blocks)  # no two states go on alike


def test_many_listed_texts_are_read_alike() -> None:
    texts = [f'"{number * 7919 % 10_007}"'.encode() for number in range(MOST_SPELLED + 40)]
    few, many = texts[:MOST_SPELLED], dict.fromkeys(texts, 0)
    at_once, one_by_one = (
        rule_of_words(many, budget()),
        rule_of_words(dict.fromkeys(few, 0), budget()),
    )
    for text in texts:
        assert verdict(at_once, text) == 0
        assert verdict(one_by_one, text) == (0 if text in few else None)
        assert verdict(at_once, text[:-1]) is None


def test_what_is_made_twice_at_once_is_one() -> None:
    fragments, first = Fragments(1 << 20), object()

    def make() -> object:
        fragments.keep("key", lambda: first)  # as another thread does meanwhile
        return object()

    assert fragments.keep("key", make) is first
    assert fragments.keep("key", object) is first


LETTERS = st.text('ab\u00e9\u00ea"\n\U0001f600', max_size=4)


@given(
    st.dictionaries(LETTERS, st.none() | st.integers(0, 2), min_size=1, max_size=5),
    st.lists(LETTERS, max_size=6),
    st.booleans(),
)
def test_all_other_texts_are_read_with_theirs(
    listed: dict[str, int | None], others: list[str], ascii: bool
) -> None:
    pattern = any_text(0, None)
    every = quote(pattern, one_spelling(pattern.alphabet, ascii), budget())
    spelled = {write_text(text, ascii): number for text, number in listed.items()}
    rule = rule_of_others(spelled, 3, every, budget())
    for text in [*listed, *others, *(t[:-1] for t in listed), *(t + "b" for t in listed)]:
        assert verdict(rule, write_text(text, ascii)) == listed.get(text, 3)
        assert verdict(rule, write_text(text, ascii)[:-1]) is None
    entered = find_reached(rule.table, [rule.start])
    leading = find_leading(rule.table, rule.ends > 0)
    assert entered[1:].all() and leading[1:].all()


@given(FORMULAS, KNOWN, KNOWN)
def test_what_is_left_is_what_assigning_leaves(
    formula: Formula, first: dict[int, bool], second: dict[int, bool]
) -> None:
    residues = Residues((), lambda truths: truths != (False,))
    begun = residues.of((formula,), ())
    left = residues.learn(residues.learn(begun, dict(first)), dict(second))
    assert left.truths == (assign(formula, {**second, **first}),)
    assert left.wanted == (left.truths != (False,))
    parts = left.truths[0].parts if isinstance(left.truths[0], All) else left.truths
    assert left.plain == all(isinstance(part, Atom | bool) for part in parts)
    # Nothing is worked out twice: the same is the same object.
    assert residues.learn(residues.learn(begun, dict(first)), dict(second)) is left
    assert residues.learn(left, {**first, **second}) is left


def draw_union(rng: random.Random) -> dict[str, Any]:
    """Open records, told apart by a constant, some of whose names must be there."""
    names = ["a", "ab", "b", "c", "long name", "\u00e9"]
    branches: list[dict[str, Any]] = []
    for number in range(rng.randrange(1, 4)):
        own = rng.sample(names, rng.randrange(4))
        branches.append(
            {
                "type": "object",
                "properties": {
                    "kind": {"const": f"k{number}"},
                    **{name: {"type": rng.choice(["integer", "string"])} for name in own},
                },
                "required": ["kind", *(name for name in own if rng.random() < 0.4)],
                **rng.choice([{}, {}, {"maxProperties": 4}, {"additionalProperties": False}]),
            }
        )
    return {rng.choice(["oneOf", "anyOf"]): branches}


@settings(max_examples=40)
@given(st.integers(0, 1 << 40))
def test_records_in_unions_are_exact(seed: int) -> None:
    rng = random.Random(seed)
    schema = draw_union(rng)
    constraint = JsonSchema(json.dumps(schema))
    grammar = build_grammar(lower_schema(constraint, budget(), FRAGMENTS))
    writer = Canonical(constraint, fragments=FRAGMENTS)
    validator = jsonschema.Draft202012Validator(schema)
    for _ in range(12):
        names = rng.sample(["a", "ab", "b", "c", "long name", "\u00e9", "z", "y"], rng.randrange(5))
        value = {name: rng.choice([1, "s"]) for name in names}
        if rng.random() < 0.9:
            value["kind"] = rng.choice(["k0", "k1", "k2"])
        text = writer.write(value)
        assert grammar.accepts(text.encode()) == validator.is_valid(value), (schema, text)
        (branches,) = schema.values()
        declared = list(dict.fromkeys(name for branch in branches for name in branch["properties"]))
        for names in permutations(value) if len(value) < 5 else ():
            text = json.dumps({name: value[name] for name in names}, ensure_ascii=False)
            places = [declared.index(n) if n in declared else len(declared) for n in names]
            expected = validator.is_valid(value) and places == sorted(places)
            assert grammar.accepts(text.encode()) == expected, (schema, text)
