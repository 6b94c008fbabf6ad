"""Masks and states on the device are those of the host's Matcher, bit for bit, along random outputs."""

import random

import numpy as np
import pytest
import torch

from trellis.constrained.compiler import Compiler
from trellis.constrained.matcher import Matcher
from trellis.constrained.spec import Choices, JsonSchema, Regex
from trellis.constrained.vocabulary import Vocabulary
from trellis.kernels.mask import advance, find_masks
from trellis.runtime.worker.grammars import GrammarArena

WORDS = [
    b'": "',
    b'", "',
    b'{"',
    b'"}',
    b"name",
    b"age",
    b"12",
    b"-1",
    b"ab",
    "é".encode(),
    b"\xc3",
]
TOKENS = [*(bytes([i]) for i in range(256)), *WORDS, None, b"aaab", None]
EOS = len(TOKENS) - 1
PERSON = """{"type": "object", "properties": {"name": {"type": "string", "maxLength": 9},
 "age": {"type": "integer"}}, "required": ["name", "age"], "additionalProperties": false}"""
CONSTRAINTS = [Regex(r"[a-zé]{2,5}(-\d+)?"), JsonSchema(PERSON), Choices(("aa", "aaab", "12"))]


@pytest.mark.parametrize("seed", range(3))
def test_along_random_outputs(device: torch.device, seed: int) -> None:
    choose = random.Random(seed)
    vocabulary = Vocabulary(TOKENS, frozenset({EOS}))
    compiler = Compiler(vocabulary, lambda text: list(text.encode()))
    arena = GrammarArena(device, vocabulary, 6, 1 << 20, 12)
    matchers: list[Matcher] = []
    for row in range(6):
        grammar = compiler.compile(CONSTRAINTS[row % 3])
        slot = arena.place(grammar)
        arena.acquire(slot)
        arena.set_row(row, slot, grammar.start)
        matchers.append(Matcher(grammar, vocabulary, None))
    rows = torch.arange(6, device=device)
    for _ in range(25):
        arena.flush()
        found = find_masks(arena.tables, rows)
        masks = arena.tables.bank[found.long()].cpu().numpy().view(np.uint32)
        drawn = []
        for matcher, mask in zip(matchers, masks, strict=True):
            assert mask.tolist() == matcher.mask().tolist()
            allowed = [t for t in range(len(TOKENS)) if mask[t // 32] >> np.uint32(t % 32) & 1]
            drawn.append(choose.choice(allowed))
            assert drawn[-1] == EOS or matcher.accept(drawn[-1])
        advance(arena.tables, rows, torch.tensor(drawn, dtype=torch.int32, device=device))
        assert [arena.state_of(r)[1] for r in range(6)] == [m.state for m in matchers]
