"""The mask kernels against their references, and the bookkeeping of the bank and its keys."""

import json
import random
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.grammar.place import Place
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Machine, Rule
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.schema import lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.spec import JsonSchema
from trellis.constrained.tokens.vocabulary import Vocabulary
from trellis.kernels.masks.claim import claim_masks, keys_of
from trellis.kernels.masks.find import (
    NONE,
    MaskTables,
    advance,
    advance_reference,
    find_masks,
    find_masks_reference,
    forget_masks,
)
from trellis.runtime.worker.grammars import GrammarArena

sys.path.insert(0, str(Path(__file__).parents[1] / "constrained"))
from machines import json_machine, random_machine

TOKENS: list[bytes | None] = [
    *(bytes([b]) for b in b'"[]{},:012abcdef'), b"[[", b'["a', b'"]', b"]]]", b"12", b",1]", b"{a:", b'"},', b"[[[[[",
    b" ", b'": ', b'{"b": 0', b', "a": {',
    b"abc", b"fade", b"]}", b",b:", None, b"a:1}", b"bed", b"dab", b"cafe", b"ed" * 9, None,
]  # fmt: skip
EOS = len(TOKENS) - 1


def make_arena(device: str, grammars: list[Grammar], rows: int, bank_rows: int) -> GrammarArena:
    """An arena whose row r stands at the start of grammar r, modulo their number."""
    vocabulary = Vocabulary(TOKENS, frozenset({EOS}))
    arena = GrammarArena(torch.device(device), vocabulary, rows, 1 << 18, bank_rows)
    for row in range(rows if grammars else 0):
        grammar = grammars[row % len(grammars)]
        arena.set_row(row, arena.place(grammar), grammar.start)
    arena.flush()
    return arena


def random_grammars(rng: random.Random) -> list[Grammar]:
    found = [build_grammar(json_machine(rng.choice([2, 50]), 2))]
    while len(found) < 3:
        try:
            found.append(build_grammar(random_machine(rng)))
        except InvalidConstraint:
            continue
    return found


def same(a: MaskTables, b: MaskTables) -> None:
    """Rows stand alike; where no frame waits what is left there does not matter."""
    assert a.cursor.equal(b.cursor) and a.used.equal(b.used)
    for row, (_, _, depth) in enumerate(a.cursor.tolist()):
        assert a.frames[row, :depth].equal(b.frames[row, :depth])
        assert a.registers[row, : depth + 1].equal(b.registers[row, : depth + 1])


def deep_grammars() -> list[Grammar]:
    """Grammars that hold few frames: near the limit bytes are refused, or do something else."""
    node = {"$ref": "#"}
    names = {"a": node, "b": {"enum": [0, "c"]}, "c": {"const": [1]}}
    schema = {
        "type": "object",
        "properties": names,
        "required": ["b"],
        "additionalProperties": False,
    }
    constraint = JsonSchema(json.dumps(schema), any_order=True)
    machine = lower_schema(constraint, Budget(Limits()), Fragments(1 << 20))
    found = [build_grammar(machine, most_frames=2), build_grammar(json_machine(2), most_frames=3)]
    assert (found[0].actions[:, 10] < 0).any()
    return found


@pytest.mark.parametrize(("seed", "bank_rows"), [(0, 0), (1, 2), (2, 40), (3, 40)])
def test_kernels_are_their_references(device: str, seed: int, bank_rows: int) -> None:
    rng = random.Random(seed)
    grammars = deep_grammars() if seed == 3 else random_grammars(rng)
    ours, theirs = (make_arena(d, grammars, 5, bank_rows).tables for d in (device, "cpu"))
    order = [3, 0, 5, 4, 1, 2, 5]
    rows = torch.tensor(order)
    for _ in range(4):
        found = find_masks(ours, rows.to(device)).cpu()
        wanted = find_masks_reference(theirs, rows)
        assert found.tolist() == wanted.tolist()
        masks = theirs.bank[wanted.clamp(min=0).long()]
        assert ours.bank.cpu()[found.clamp(min=0).long()][found >= 0].equal(masks[wanted >= 0])
        drawn = [_draw(rng, mask) if row < 5 else 0 for row, mask in zip(order, masks, strict=True)]
        tokens = torch.tensor(drawn, dtype=torch.int32)
        advance(ours, rows.to(device), tokens.to(device))
        advance_reference(theirs, rows, tokens)
        same(_on_host(ours), theirs)


def _draw(rng: random.Random, mask: torch.Tensor) -> int:
    """An allowed token, now and then any."""
    allowed = np.flatnonzero(np.unpackbits(mask.numpy().view(np.uint8), bitorder="little"))
    return rng.choice(allowed.tolist() or [0]) if rng.random() < 0.9 else rng.randrange(len(TOKENS))


def _on_host(tables: MaskTables) -> MaskTables:
    values = {f.name: getattr(tables, f.name) for f in fields(MaskTables)}
    return MaskTables(
        **{n: v.cpu() if isinstance(v, torch.Tensor) else v for n, v in values.items()}
    )


def chain() -> Grammar:
    """Accepts exactly "ab": state 1 -a-> 2 -b-> 3."""
    classes = np.zeros(256, np.uint8)
    classes[ord("a")], classes[ord("b")] = 1, 2
    table = np.array([[0, 0, 0], [0, 2, 0], [0, 0, 3], [0, 0, 0]], np.int32)
    grammar = build_grammar(Machine((Rule(classes, table, np.array([0, 0, 0, 1], np.int32)),)))
    assert isinstance(grammar, Grammar)
    return grammar


def put(arena: GrammarArena, states: list[int]) -> None:
    slot = arena.place(chain())
    for row, state in enumerate(states):
        arena.set_row(row, slot, Place(state))
    arena.flush()


def bits(tables: MaskTables, bank_row: int) -> set[int]:
    words = tables.bank[bank_row].cpu().numpy().view(np.uint8)
    return set(np.flatnonzero(np.unpackbits(words, bitorder="little")).tolist())


A, B = TOKENS.index(b"a"), TOKENS.index(b"b")


@pytest.mark.parametrize("find", [find_masks_reference, find_masks])
def test_rows_in_one_place_share_a_claim(device: str, find) -> None:
    arena = make_arena(device, [], 5, 8)
    put(arena, [1, 2, 1, 1, 3])
    tables = arena.tables
    rows = torch.tensor([0, 1, 2, 3, 5, 4], device=device)
    assert find(tables, rows).tolist() == [0, 1, 0, 0, -1, 2]
    assert [bits(tables, r) for r in range(3)] == [{A}, {B}, {EOS}]
    assert tables.used.tolist() == [3] and int((tables.keys != 0).sum()) == 3
    tables.bank[0].fill_(-1)  # a mask that is in the bank is not made again
    assert find(tables, rows).tolist() == [0, 1, 0, 0, -1, 2]
    assert len(bits(tables, 0)) == 64 and tables.used.tolist() == [3]


@pytest.mark.parametrize("find", [find_masks_reference, find_masks])
def test_full_bank_uses_private_rows(device: str, find) -> None:
    arena = make_arena(device, [], 5, 1)
    put(arena, [1, 2, 2, 3, 1])
    tables = arena.tables
    rows = torch.tensor([4, 2, 1, 3, 0], device=device)
    for _ in range(2):
        # Row 2 is the first in state 2: its private place, 1 + 2, serves row 1 as well.
        assert find(tables, rows).tolist() == [0, 3, 3, 4, 0]
        assert bits(tables, 3) == {B} and bits(tables, 4) == {EOS}
        assert tables.used.tolist() == [1]
        assert int((tables.bank_of != NONE).sum()) == 1


@pytest.mark.parametrize("find", [find_masks_reference, find_masks])
def test_emptied_bank_is_filled_again(device: str, find) -> None:
    arena = make_arena(device, [], 2, 4)
    put(arena, [1])
    rows = torch.tensor([0, 1], device=device)
    find(arena.tables, rows)
    arena.tables.bank.fill_(0)
    forget_masks(arena.tables)
    assert find(arena.tables, rows).tolist() == [0, -1]
    assert bits(arena.tables, 0) == {A}


@pytest.mark.parametrize("find", [find_masks_reference, find_masks])
def test_keys_in_each_other_s_way(device: str, find) -> None:
    """Places that are taken are passed by; where none is free the row keeps to its own."""
    arena = make_arena(device, [], 3, 4)
    put(arena, [1, 2, 3])
    tables = arena.tables
    rows = torch.tensor([0, 1, 2], device=device)
    last = tables.keys.shape[0] - 1
    at = (keys_of(_on_host(tables), rows.cpu()) & last).tolist()
    for place in at:
        tables.keys[[(place + offset) & last for offset in range(9)]] = -7
    for _ in range(2):
        assert find(tables, rows).tolist() == [0, 1, 2]
    assert all(int(tables.bank_of[place]) == NONE for place in at)
    tables.keys.fill_(-7)
    tables.bank_of.fill_(NONE)
    assert find(tables, rows).tolist() == [4, 5, 6]
    assert [bits(tables, r) for r in (4, 5, 6)] == [{A}, {B}, {EOS}]


@pytest.mark.parametrize("move", [advance_reference, advance])
def test_end_of_text_stays_and_a_refused_token_is_dead(device: str, move) -> None:
    arena = make_arena(device, [], 4, 4)
    put(arena, [1, 3, 1, 1])
    tokens = [A, EOS, B, len(TOKENS) + 9]
    rows = torch.arange(4, device=device)
    move(arena.tables, rows, torch.tensor(tokens, dtype=torch.int32, device=device))
    assert [arena.place_of(row)[1].state for row in range(4)] == [2, 3, 0, 0]


def test_keys_are_the_reference_s(device: str) -> None:
    """The kernel enters the very keys that the reference computes, deep stacks and counters included."""
    grammar = build_grammar(json_machine(50, 50))
    arena = make_arena(device, [grammar], 4, 8)
    slot = arena.place(grammar)
    texts = [b"[[[", b'{a:[1,2],b:["ab', b'["' + b"a" * 45, b'["' + b"a" * 3]
    for row, text in enumerate(texts):
        arena.set_row(row, slot, grammar.walk(grammar.start, text))
    arena.flush()
    rows = torch.arange(4, device=device)
    claim_masks(arena.tables, rows)
    keys = keys_of(_on_host(arena.tables), rows.cpu()).tolist()
    entered = arena.tables.keys.cpu()
    assert sorted(keys) == sorted(entered[entered != 0].tolist()) and len(set(keys)) == 4


@pytest.mark.gpu
def test_many_rows_agree() -> None:
    rng = random.Random(0)
    grammars = [g for _ in range(3) for g in random_grammars(rng)]
    ours, theirs = (make_arena(d, grammars, 256, 512) for d in ("cuda", "cpu"))
    for row in range(256):
        grammar = grammars[row % len(grammars)]
        place = grammar.start
        for _ in range(rng.randrange(9)):
            ways = [p for t in TOKENS if t and (p := grammar.take(place, t)) is not None]
            place = rng.choice(ways or [place])
        for arena in (ours, theirs):
            arena.set_row(row, arena.place(grammar), place)
    masks = []
    for arena in (ours, theirs):
        arena.flush()
        found = find_masks(arena.tables, torch.arange(256, device=arena.device))
        masks.append((found.cpu(), arena.tables.bank[found.long()].cpu()))
    assert masks[0][0].equal(masks[1][0]) and masks[0][1].equal(masks[1][1])


def test_keys_of_different_places_differ() -> None:
    """A hundred thousand places whose numbers are small and alike."""
    arena = make_arena("cpu", [], 1, 4)
    count = 100_000
    rng = np.random.default_rng(0)
    places = np.unique(
        np.stack([rng.integers(0, n, count) for n in (300, 2000, 3, 40, 40)], 1), axis=0
    )
    serial, address, depth, register, kept = (torch.tensor(c) for c in places.T.copy())
    rows, tables = len(places), arena.tables
    tables = MaskTables(
        **{f.name: getattr(tables, f.name) for f in fields(MaskTables)}
        | {
            "serials": torch.arange(300, dtype=torch.int32) + 1,
            "arena": torch.full((2002,), -1, dtype=torch.int32),
            "returns": torch.full((8,), -1, dtype=torch.int32),
            "cursor": torch.stack([serial, address, depth], 1).int(),
            "frames": torch.ones((rows, 64), dtype=torch.int32),
            "registers": torch.stack([kept, register, register + 50], 1),
        }
    )
    shown = torch.where(depth == 0, kept, torch.where(depth == 1, register, register + 50))
    below = [torch.where(depth > 0, kept, -1), torch.where(depth > 1, register, -1)]
    register_matters = torch.where(address == 0, -1, shown)
    different = torch.stack([serial, address, depth, register_matters, *below], 1).unique(dim=0)
    keys = keys_of(tables, torch.arange(rows))
    assert len(keys.unique()) == len(different)
