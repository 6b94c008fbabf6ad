"""Masks and places on the device are those of the host's Matcher, bit for bit, along random outputs."""

import json
import random
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.constrained.compiling.compiler import Compiler
from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.grammar.matcher import Matcher
from trellis.constrained.grammar.place import ACTION, LIMITS, MOST_PUSHED
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import MOST_FRAMES
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.schema import lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import Choices, JsonSchema, Regex
from trellis.constrained.tokens.vocabulary import Vocabulary
from trellis.constrained.tokens.walk import Walk
from trellis.kernels.masks import tables as mask_tables
from trellis.kernels.masks.find import advance, find_masks
from trellis.runtime.worker.grammars import GrammarArena

sys.path.insert(0, str(Path(__file__).parents[2] / "constrained"))
from machines import JSON_TOKENS, LETTERS, json_machine, random_machine

WORDS = [
    b'": "', b'", "', b'{"', b'"}', b"name", b"age", b"12", b"-1", b"ab", "é".encode(), b"\xc3", *JSON_TOKENS,
]  # fmt: skip
PERSON = """{"type": "object", "properties": {"name": {"type": "string", "maxLength": 9},
 "age": {"type": "integer"}}, "required": ["name", "age"], "additionalProperties": false}"""
CONSTRAINTS = [Regex(r"[a-zé]{2,5}(-\d+)?"), JsonSchema(PERSON), Choices(("aa", "aaab", "12"))]
SEEDS = st.integers(0, 1 << 30)


@cache
def small_vocabulary() -> Vocabulary:
    rng = random.Random(0)
    mixed = [bytes(rng.choices(LETTERS, k=rng.randint(2, 5))) for _ in range(60)]
    tokens = [*(bytes([i]) for i in range(256)), *WORDS, *mixed, None, b"aaab", None]
    return Vocabulary(tokens, frozenset({len(tokens) - 1}))


@cache
def large_vocabulary(size: int, mark: bytes) -> Vocabulary:
    """Words of the lengths of a trained vocabulary's, many with `mark` in front; the last id ends a text."""
    rng = random.Random(size)
    pieces = [
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"0",
        b"1",
        b"ab",
        b"c",
        b"def",
        b"ing",
        "é".encode(),
        b" ",
    ]
    tokens = [bytes([i]) for i in range(256)]
    while len(tokens) < size - 1:
        word = b"".join(rng.choices(pieces, k=rng.randint(1, 5)))
        tokens.append((mark if rng.random() < 0.4 else b"") + word)
    return Vocabulary([*tokens, None], frozenset({size - 1}))


class Rows:
    """Rows on a device, each beside a matcher, which are moved together."""

    def __init__(
        self, device: torch.device, vocabulary: Vocabulary, grammars: list[Grammar], bank_rows: int
    ) -> None:
        self.arena = GrammarArena(device, vocabulary, len(grammars), 1 << 21, bank_rows)
        self.vocabulary = vocabulary
        self.rows = torch.arange(len(grammars), device=device)
        self.matchers = []
        for row, grammar in enumerate(grammars):
            slot = self.arena.place(grammar)
            self.arena.acquire(slot)
            self.arena.set_row(row, slot, grammar.start)
            self.matchers.append(Matcher(grammar, vocabulary))

    def check_masks(self) -> list[np.ndarray]:
        """The tokens that each row allows, on both sides."""
        self.arena.flush()
        found = find_masks(self.arena.tables, self.rows)
        masks = self.arena.tables.bank[found.long()].cpu().numpy().view(np.uint32)
        for matcher, mask in zip(self.matchers, masks, strict=True):
            assert (mask == matcher.mask()).all(), matcher.place
        return [np.flatnonzero(np.unpackbits(m.view(np.uint8), bitorder="little")) for m in masks]

    def move(self, rng: random.Random) -> None:
        """Each row takes a token that it allows; now and then one goes back over its last."""
        drawn = [rng.choice(allowed.tolist() or [0]) for allowed in self.check_masks()]
        tokens = torch.tensor(drawn, dtype=torch.int32, device=self.arena.device)
        advance(self.arena.tables, self.rows, tokens)
        for row, (matcher, token) in enumerate(zip(self.matchers, drawn, strict=True)):
            accepted = token in self.vocabulary.eos_ids or matcher.accept(token)
            slot, place = self.arena.place_of(row)
            assert place == (matcher.place if accepted else (0, 0, ()))
            if not accepted or (matcher.tokens and rng.random() < 0.2):
                matcher.rollback(min(len(matcher.tokens), 1))
                self.arena.set_row(row, slot, matcher.place)


def grammars_of(seed: int, count: int = 5) -> list[Grammar]:
    rng = random.Random(seed)
    sizes = rng.choice([(4, 3), (1000, 2), (2, 500)])
    found = [build_grammar(json_machine(*sizes))]
    while len(found) < count:
        try:
            found.append(build_grammar(random_machine(rng)))
        except InvalidConstraint:
            continue
    assert all(isinstance(grammar, Grammar) for grammar in found)
    return found


def test_both_sides_agree_on_bounds() -> None:
    assert (mask_tables.FRAMES, mask_tables.PUSHED) == (MOST_FRAMES, MOST_PUSHED)
    assert (mask_tables.LIMITS, mask_tables.ACTION) == (LIMITS, ACTION)


@pytest.mark.parametrize("seed", range(3))
def test_along_random_outputs_of_constraints(device: torch.device, seed: int) -> None:
    vocabulary = small_vocabulary()
    compiler = Compiler(vocabulary, lambda text: list(text.encode()))
    grammars = [compiler.compile(CONSTRAINTS[row % 3]) for row in range(6)]
    rows = Rows(device, vocabulary, grammars, 12)
    rng = random.Random(seed)
    for _ in range(25):
        rows.move(rng)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=SEEDS, bank_rows=st.sampled_from([0, 3, 60]))
def test_along_random_outputs_of_machines(device: torch.device, seed: int, bank_rows: int) -> None:
    rows = Rows(device, small_vocabulary(), grammars_of(seed), bank_rows)
    rng = random.Random(seed)
    for _ in range(10):
        rows.move(rng)


NODE = {"$ref": "#"}
DEEP = {
    "two kinds": {
        "anyOf": [
            {"properties": {"k": {"const": "a"}}, "required": ["k"], "additionalProperties": False},
            {
                "properties": {"k": {"const": "b"}, "l": NODE, "r": NODE},
                "required": ["k", "l", "r"],
                "additionalProperties": False,
            },
        ],
        "type": "object",
    },
    "any order": {
        "type": "object",
        "properties": {"a": NODE, "b": {"type": "null"}, "c": {"const": [1]}},
        "required": ["b"],
        "additionalProperties": False,
    },
}


def deep_grammars() -> list[Grammar]:
    """Grammars that hold few frames, so that their masks depend on how many are left."""
    found = [build_grammar(json_machine(2, 2), most_frames=frames) for frames in (2, 4)]
    for name, schema in DEEP.items():
        constraint = JsonSchema(json.dumps(schema), any_order=name == "any order")
        machine = lower_schema(constraint, Budget(Limits()), Fragments(1 << 20))
        found += [build_grammar(machine, most_frames=frames) for frames in (2, 3, 5)]
    assert all(isinstance(grammar, Grammar) for grammar in found)
    assert any((grammar.actions[:, 10] < 0).any() for grammar in found)
    return found


@pytest.mark.parametrize("seed", range(2))
def test_where_few_frames_are_left(device: torch.device, seed: int) -> None:
    rows = Rows(device, small_vocabulary(), deep_grammars(), 24)
    rng = random.Random(seed)
    for _ in range(30):
        rows.move(rng)
    assert all(matcher.mask().any() for matcher in rows.matchers)


def test_far_from_a_limit_the_device_shares_masks_too(device: torch.device) -> None:
    """After a thousand letters of a string there are masks only for what was met on the way."""
    vocabulary = small_vocabulary()
    rows = Rows(device, vocabulary, [build_grammar(json_machine(100_000))], 64)
    rows.move(random.Random(1))
    slot, _ = rows.arena.place_of(0)
    place = rows.matchers[0]._grammar.walk(rows.matchers[0]._grammar.start, b'["')
    for register in range(0, 99_000, 1000):
        rows.arena.set_row(0, slot, place._replace(register=register))
        rows.arena.flush()
        find_masks(rows.arena.tables, rows.rows)
    assert int(rows.arena.tables.used) <= 2


@pytest.mark.gpu
@pytest.mark.parametrize(("size", "mark"), [(4_096, b" "), (128_000, b" "), (32_000, b" ")])
def test_ten_thousand_pairs_agree(size: int, mark: bytes) -> None:
    """Places along texts of 5 grammars at a time, over vocabularies of three sizes."""
    vocabulary, rng = large_vocabulary(size, mark), random.Random(size)
    walk, pairs = Walk(vocabulary), 0
    while pairs < 10_000 // 3:
        rows = Rows(torch.device("cuda"), vocabulary, grammars_of(rng.getrandbits(30), 16), 64)
        for matcher in rows.matchers:
            matcher._walk = walk
        for _ in range(20):
            rows.move(rng)
            pairs += 16
