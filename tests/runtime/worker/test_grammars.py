"""The arena: placing, eviction, fragmentation, rows, the bank, and masks of what lies there."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trellis.constrained.grammar.place import Place
from trellis.constrained.grammar.threads import ThreadGrammar
from trellis.constrained.machine.rule import Machine, Move, Rule
from trellis.constrained.machine.tables import build_grammar
from trellis.kernels.masks.find import HOSTED, NONE, advance, find_masks
from trellis.runtime.errors import Overloaded, RequestError
from trellis.runtime.worker.grammars import GrammarArena


def make_arena(vocabulary, device="cpu", rows=6, arena_bytes=1 << 16, bank_rows=32) -> GrammarArena:
    return GrammarArena(torch.device(device), vocabulary, rows, arena_bytes, bank_rows)


def enter(arena: GrammarArena, row: int, grammar, state: int) -> int:
    slot = arena.place(grammar)
    arena.acquire(slot)
    arena.set_row(row, slot, Place(state))
    return slot


def state_of(arena: GrammarArena, row: int) -> tuple[int, int] | None:
    """(slot, state) of a row on the device."""
    found = arena.place_of(row)
    return None if found is None else (found[0], found[1].state)


def allowed(arena: GrammarArena, row: int) -> set[int]:
    """Tokens that the mask of this row allows."""
    found = find_masks(arena.tables, torch.tensor([row], device=arena.device))
    words = arena.tables.bank[int(found)].tolist()
    return {t for t in range(len(words) * 32) if words[t // 32] >> t % 32 & 1}


def test_masks_and_moves(device, vocabulary, make_grammar) -> None:
    arena = make_arena(vocabulary, device)
    grammars = [make_grammar("one", 3), make_grammar("other", 7, b"abx"), make_grammar("last", 2)]
    where = {0: (0, 1), 2: (1, 7), 3: (1, 2), 5: (2, 2)}
    slots = {}
    for row, (grammar, state) in where.items():
        slots[row] = enter(arena, row, grammars[grammar], state)
    arena.flush()
    for row, (grammar, state) in where.items():
        assert state_of(arena, row) == (slots[row], state)
        assert allowed(arena, row) == grammars[grammar].allowed(vocabulary, state)
    assert state_of(arena, 1) is None
    rows = torch.tensor([5, 0, 3, 2, 6, 6], device=device)
    tokens = torch.tensor([8, 5, 43, 9, 1, 2], dtype=torch.int32, device=device)
    advance(arena.tables, rows, tokens)
    assert state_of(arena, 5) == (slots[5], grammars[2].step(2, b"abcd"))
    assert state_of(arena, 0) == (slots[0], grammars[0].step(1, b"ab"))
    assert state_of(arena, 3) == (slots[3], grammars[1].step(2, b"xa"))
    assert state_of(arena, 2) == (slots[2], 7)  # the end of text


def test_a_row_is_cleared_and_taken_again(device, vocabulary, make_grammar) -> None:
    arena = make_arena(vocabulary, device)
    one, other = make_grammar("one", 3), make_grammar("other", 4)
    enter(arena, 0, one, 1)
    arena.flush()
    arena.clear_row(0)
    slot = enter(arena, 0, other, 4)
    enter(arena, 1, one, 2)
    arena.clear_row(1)
    assert arena.constrains(0) and not arena.constrains(1)
    arena.flush()
    assert state_of(arena, 0) == (slot, 4)
    assert state_of(arena, 1) is None
    arena.set_rows([0, 1], [slot, slot], [Place(1), Place(2)])
    arena.flush()
    assert [state_of(arena, r) for r in (0, 1)] == [(slot, 1), (slot, 2)]


def test_placing_twice_uploads_once(vocabulary, make_grammar) -> None:
    arena = make_arena(vocabulary)
    slot = arena.place(make_grammar("one", 3))
    arena.tables.arena.zero_()
    assert arena.place(make_grammar("one", 3)) == slot
    assert not arena.tables.arena.any()


def test_the_least_recently_placed_free_one_goes(vocabulary, make_grammar) -> None:
    grammars = [make_grammar(str(i), 33) for i in range(5)]  # 240 of the 1,346 places each
    arena = make_arena(vocabulary, arena_bytes=7200)
    slots = [arena.place(g) for g in grammars]
    arena.acquire(slots[0])
    assert arena.place(grammars[1]) == slots[1]  # now used later than 2
    assert arena.place(make_grammar("new", 33)) == slots[2]
    assert arena.address_of(slots[2], 0) == 4 + 2 * 240
    assert [arena.place(g) for g in (grammars[0], grammars[1], grammars[3], grammars[4])] == [
        slots[0], slots[1], slots[3], slots[4],
    ]  # fmt: skip


def test_too_large_and_too_many(vocabulary, make_grammar) -> None:
    arena = make_arena(vocabulary, arena_bytes=7200)
    with pytest.raises(RequestError, match="raise grammar_bytes"):
        arena.place(make_grammar("huge", 400))
    slot = arena.place(make_grammar("half", 100))
    arena.acquire(slot)
    with pytest.raises(Overloaded, match="try again"):
        arena.place(make_grammar("other half", 100))
    arena.release(slot)
    assert arena.place(make_grammar("other half", 100)) == slot
    with pytest.raises(AssertionError, match="more often"):
        arena.release(slot)


def test_masks_of_an_evicted_grammar_are_forgotten(device, vocabulary, make_grammar) -> None:
    arena = make_arena(vocabulary, device, arena_bytes=7200)
    first, second = make_grammar("first", 100), make_grammar("second one", 100, b"dxab")
    slot = enter(arena, 0, first, 3)
    arena.flush()
    assert allowed(arena, 0) == first.allowed(vocabulary, 3)
    arena.clear_row(0)
    arena.release(slot)
    assert enter(arena, 0, second, 3) == slot
    arena.flush()
    assert allowed(arena, 0) == second.allowed(vocabulary, 3)


def test_slots_run_out_before_places_do(vocabulary, make_grammar) -> None:
    arena = make_arena(vocabulary, rows=1, arena_bytes=1 << 20)
    slots = [arena.place(make_grammar(str(i), 1)) for i in range(200)]
    assert len(set(slots)) == len(arena.tables.classes)
    assert slots[:65] == slots[65:130]


def test_the_bank_is_emptied_before_it_overflows(device, vocabulary, make_grammar) -> None:
    """Rows visit far more states than the bank holds; every mask stays right."""
    arena = make_arena(vocabulary, device, bank_rows=8)
    grammar = make_grammar("one", 60)
    slot = enter(arena, 0, grammar, 1)
    enter(arena, 1, grammar, 1)
    for state in range(1, 60):
        arena.set_rows([0, 1], [slot, slot], [Place(state), Place(state + 1)])
        arena.flush()
        assert allowed(arena, 0) == grammar.allowed(vocabulary, state)
        assert allowed(arena, 1) == grammar.allowed(vocabulary, state + 1)
        assert int(arena.tables.used) <= 8
        assert int((arena.tables.bank_of != NONE).sum()) == int(arena.tables.used)


def test_without_a_bank_rows_have_their_own_masks(device, vocabulary, make_grammar) -> None:
    arena = make_arena(vocabulary, device, bank_rows=0)
    grammar = make_grammar("one", 5)
    for row in range(4):
        enter(arena, row, grammar, row + 1)
    arena.flush()
    for row in range(4):
        assert allowed(arena, row) == grammar.allowed(vocabulary, row + 1)
    assert int(arena.tables.used) == 0


def test_sizes_that_cannot_be_meant(vocabulary) -> None:
    with pytest.raises(ValueError, match="at least 4096"):
        make_arena(vocabulary, arena_bytes=100)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(operations=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 11)), max_size=40))
def test_random_lives(vocabulary, make_grammar, operations: list[tuple[int, int]]) -> None:
    """Rows start and end with grammars of many sizes; every running row always keeps its own automaton."""
    grammars = [make_grammar(f"g{'x' * i}", 1 + i * i) for i in range(12)]
    arena = make_arena(vocabulary, arena_bytes=8 * 1536, bank_rows=6)
    running: dict[int, tuple[int, int, int]] = {}
    for row, choice in operations:
        if row in running:
            arena.clear_row(row)
            arena.release(running.pop(row)[0])
        else:
            grammar, state = grammars[choice], 1 + choice % len(grammars[choice].edges[1:])
            try:
                running[row] = (enter(arena, row, grammar, state), choice, state)
            except Overloaded:
                continue
        arena.flush()
        for other, (slot, index, state) in running.items():
            assert state_of(arena, other) == (slot, state)
            assert allowed(arena, other) == grammars[index].allowed(vocabulary, state)


def test_the_host_gives_the_masks_of_a_row(device, vocabulary, make_grammar) -> None:
    """Such a row is moved by nothing but its next mask, and shares none."""
    arena = make_arena(vocabulary, device, bank_rows=4)
    grammar = build_grammar(doubtful_machine())
    assert isinstance(grammar, ThreadGrammar)
    slot = arena.place(grammar)
    assert slot == HOSTED
    arena.acquire(slot)
    enter(arena, 1, make_grammar("one", 3), 1)
    for token in (3, 44, 45):
        mask = np.zeros(2, np.uint32)
        mask[token // 32] = 1 << token % 32
        arena.set_mask(0, mask)
        assert arena.constrains(0)
        arena.flush()
        assert allowed(arena, 0) == {token}
        rows = torch.tensor([0, 1], device=device)
        found = find_masks(arena.tables, rows).tolist()
        assert found[0] == arena.tables.bank_rows and found[1] < arena.tables.bank_rows
        advance(arena.tables, rows, torch.tensor([token, 9], dtype=torch.int32, device=device))
    arena.clear_row(0)
    arena.release(slot)
    arena.flush()
    assert arena.place_of(0) is None


def doubtful_machine() -> Machine:
    """Texts of a and b that can be read in two ways."""
    classes = np.zeros(256, np.uint8)
    classes[[97, 98]] = 1
    moves = (Move((1,), others=(2,)),)
    table = np.array([[0, 0], [0, -1], [0, 2]], np.int32)
    return Machine((Rule(classes, table, np.array([0, 1, 1], np.int32), 1, moves),))
