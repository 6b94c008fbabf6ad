"""Native masks against their references in torch, places of a host in numpy."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.tokens.vocabulary import Vocabulary
from trellis.kernels.cpu.masks import native
from trellis.kernels.cpu.masks.coming import ComingRows
from trellis.kernels.cpu.masks.native import (
    NativeRows,
    compile_masks,
    plant_tables,
)
from trellis.kernels.cpu.target import Compiled, Target
from trellis.kernels.masks.find import (
    HOSTED,
    MaskTables,
    advance,
    advance_reference,
    find_masks,
    find_masks_reference,
)
from trellis.runtime.worker.grammars import GrammarArena

sys.path.insert(0, str(Path(__file__).parents[1] / "constrained"))
from machines import JSON_TOKENS, json_machine, random_machine

WORDS = [*JSON_TOKENS, b'": "', b'{"', b"name", "é".encode(), b"\xc3", b'a": {', b"", b"ab" * 9]
TOKENS = [*(bytes([i]) for i in range(256)), *WORDS, *WORDS[:4], None]
EOS = len(TOKENS) - 1
VOCABULARY = Vocabulary(TOKENS, frozenset({EOS}))


@pytest.fixture(scope="module")
def code() -> Compiled:
    return compile_masks(Target.of_host())


def open_arena(grammars: list[Grammar], rows: int, bank_rows: int) -> GrammarArena:
    arena = GrammarArena(torch.device("cpu"), VOCABULARY, rows, 1 << 21, bank_rows)
    for row in range(rows):
        grammar = grammars[row % len(grammars)]
        arena.set_row(row, arena.place(grammar), grammar.start)
    arena.flush()
    return arena


def draw_grammars(rng: random.Random) -> list[Grammar]:
    found = [build_grammar(json_machine(rng.choice([2, 50]), 2))]
    found.append(build_grammar(json_machine(2), most_frames=3))
    while len(found) < 4:
        try:
            found.append(build_grammar(random_machine(rng)))
        except InvalidConstraint:
            continue
    assert all(isinstance(grammar, Grammar) for grammar in found)
    return found


def draw_token(rng: random.Random, mask: np.ndarray) -> int:
    """An allowed token, now and then any, or one that there is not."""
    allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))
    if rng.random() < 0.9 and len(allowed):
        return rng.choice(allowed.tolist())
    return rng.randrange(len(TOKENS) + 40)


def same(ours: MaskTables, theirs: MaskTables) -> None:
    """Equal in all that a later step can see."""
    assert ours.cursor.equal(theirs.cursor) and ours.used.equal(theirs.used)
    assert ours.keys.equal(theirs.keys) and ours.bank_of.equal(theirs.bank_of)
    for row, (grammar, address, depth) in enumerate(ours.cursor.tolist()):
        assert ours.frames[row, :depth].equal(theirs.frames[row, :depth])
        known = depth + (grammar >= 0 and address > 0)
        assert ours.registers[row, :known].equal(theirs.registers[row, :known])


@pytest.mark.parametrize("bank_rows", [0, 3, 60])
@pytest.mark.parametrize("seed", range(4))
def test_rows_are_the_reference_s(code: Compiled, seed: int, bank_rows: int) -> None:
    rng = random.Random(seed)
    grammars = draw_grammars(rng)
    ours, theirs = (open_arena(grammars, 9, bank_rows) for _ in range(2))
    for arena in (ours, theirs):
        arena.set_mask(8, np.full(-(-VOCABULARY.size // 32), 5, np.uint32))
        arena.flush()
    rows = NativeRows(code, plant_tables(ours.tables), ours.tables)
    order = [3, 0, 9, 8, 4, 1, 2, 5, 7, 6, 9]
    numbers, found = torch.tensor(order), torch.empty(len(order), dtype=torch.int32)
    for _ in range(8):
        rows.find(numbers, found)
        wanted = find_masks_reference(theirs.tables, numbers)
        assert found.tolist() == wanted.tolist()
        assert found[order.index(8)] == bank_rows + 8
        masks = theirs.tables.bank[wanted.clamp(min=0).long()]
        at = wanted >= 0
        assert ours.tables.bank[found.clamp(min=0).long()][at].equal(masks[at])
        drawn = [draw_token(rng, mask.numpy()) for mask in masks]
        tokens = torch.tensor(drawn, dtype=torch.int32)
        rows.advance(numbers, tokens)
        advance_reference(theirs.tables, numbers, tokens)
        same(ours.tables, theirs.tables)
    assert int(theirs.tables.cursor[8, 0]) == HOSTED


def test_where_no_key_has_room(code: Compiled) -> None:
    """Rows then make masks of their own, as the reference does."""
    ours, theirs = (open_arena([build_grammar(json_machine(2))], 3, 4) for _ in range(2))
    for arena in (ours, theirs):
        arena.tables.keys.fill_(-7)
    numbers, found = torch.tensor([2, 0, 1]), torch.empty(3, dtype=torch.int32)
    NativeRows(code, plant_tables(ours.tables), ours.tables).find(numbers, found)
    assert found.tolist() == find_masks_reference(theirs.tables, numbers).tolist() == [6, 4, 5]
    assert ours.tables.bank.equal(theirs.tables.bank)
    same(ours.tables, theirs.tables)


def test_the_padding_row_may_stand_many_times(code: Compiled) -> None:
    """In rows that are not contiguous, as well."""
    arena = open_arena([build_grammar(json_machine(2))], 2, 4)
    rows, found = torch.full((40, 2), 2), torch.empty(40, dtype=torch.int32)
    rows[7, 1] = 1
    NativeRows(code, plant_tables(arena.tables), arena.tables).find(rows[:, 1], found)
    assert found.tolist() == [-1] * 7 + [0] + [-1] * 32


def test_the_reference_serves_until_the_code_has_come() -> None:
    arena = open_arena([build_grammar(json_machine(2))], 2, 4)
    before = find_masks(arena.tables, torch.tensor([0, 1]))
    arena.use_native()
    coming = arena.tables.native
    assert isinstance(coming, ComingRows) and coming.rows is None
    assert find_masks(arena.tables, torch.tensor([1])).tolist() == before.tolist()[:1]
    arena.place(build_grammar(json_machine(2)))
    assert coming.wait() is coming.rows
    arena.empty_bank()
    wanted = arena.tables.bank.clone()
    arena.tables.bank.fill_(0)
    assert find_masks(arena.tables, torch.tensor([0, 1])).equal(before)
    assert arena.tables.bank[0].equal(wanted[0])
    opening = VOCABULARY.token(TOKENS.index(b"["))
    token = torch.tensor([TOKENS.index(opening)] * 2, dtype=torch.int32)
    advance(arena.tables, torch.tensor([0, 1]), token)
    place = arena.place_of(0)
    assert place is not None and place[1].stack


def test_a_failure_to_compile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(target: Target) -> Compiled:
        raise OSError("no room")

    monkeypatch.setattr(native, "compile_masks", fail)
    arena = open_arena([build_grammar(json_machine(2))], 1, 4)
    arena.use_native()
    arena.place(build_grammar(json_machine(2)))
    with pytest.raises(OSError, match="no room"):
        arena.tables.native.wait()
    with pytest.raises(OSError, match="no room"):
        find_masks(arena.tables, torch.tensor([0]))
