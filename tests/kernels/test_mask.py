"""Masks on the device against a brute force walk, the bank's bookkeeping, and kernels against references."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.kernels.mask import (
    NONE,
    MaskTables,
    advance,
    advance_reference,
    find_masks,
    find_masks_reference,
)

EOS = (3, 40)
TOKENS: list[bytes] = [
    b"", b"a", b"b", b"</s>", b"ab", b"ba", b"abc", b"aab", b" the", b"\xff\x00", b"b" * 17,
    *(bytes([i % 5 + 97, i % 7 + 97, i % 3 + 97][: 1 + i % 3]) for i in range(60)),
]  # fmt: skip


@dataclass
class Automaton:
    """classes [256] and edges [states, 1 + C] as a compiled grammar has them; `at` is its place in the arena."""

    classes: np.ndarray
    edges: np.ndarray
    at: int = 0

    def address(self, state: int) -> int:
        return self.at + state * self.edges.shape[1]

    def step(self, state: int, text: bytes) -> int:
        for byte in text:
            state = int(self.edges[state, 1 + self.classes[byte]]) if state else 0
        return state

    def allowed(self, state: int, token: int) -> bool:
        if token in EOS:
            return bool(self.edges[state, 0])
        return bool(TOKENS[token]) and self.step(state, TOKENS[token]) != 0


def random_automaton(rng: np.random.Generator) -> Automaton:
    states, classes = int(rng.integers(2, 9)), int(rng.integers(1, 6))
    edges = rng.integers(0, states, (states, 1 + classes)).astype(np.int32)
    edges[:, 0] = rng.integers(0, 2, states)
    edges[0] = 0
    return Automaton(rng.integers(0, classes, 256).astype(np.uint8), edges)


def tables_of(automata: list[Automaton], rows: int, bank_rows: int, device: str) -> MaskTables:
    """The tables with these automata one after the other, all rows unconstrained."""
    arena = [0] * 4
    for automaton in automata:
        automaton.at = len(arena)
        edges = automaton.edges
        moved = np.where(edges > 0, edges * edges.shape[1] + len(arena), 0)
        moved[:, 0] = edges[:, 0]
        arena += moved.reshape(-1).tolist()
    words = -(-len(TOKENS) // 32)
    ends = np.zeros(words * 32, np.uint8)
    ends[list(EOS)] = 1
    cursor = torch.zeros((rows + 1, 2), dtype=torch.int32)
    cursor[:, 0] = -1
    tables = MaskTables(
        arena=torch.tensor(arena, dtype=torch.int32),
        bank_of=torch.full((len(arena),), NONE, dtype=torch.int32),
        classes=torch.tensor(np.stack([a.classes for a in automata])),
        cursor=cursor,
        bank=torch.full((bank_rows + rows + 1, words), 0x55555555, dtype=torch.int32),
        used=torch.zeros(1, dtype=torch.int32),
        flat=torch.tensor(list(b"".join(TOKENS)), dtype=torch.uint8),
        offsets=torch.tensor(np.cumsum([0] + [len(t) for t in TOKENS]), dtype=torch.int32),
        ends=torch.tensor(np.packbits(ends, bitorder="little").view(np.int32).copy()),
    )
    return MaskTables(*(getattr(tables, n).to(device) for n in MaskTables.__slots__))


def put(tables: MaskTables, row: int, grammar: int, address: int) -> None:
    tables.cursor[row] = torch.tensor([grammar, address], dtype=torch.int32)


def bits(tables: MaskTables, bank_row: int) -> list[bool]:
    words = tables.bank[bank_row].cpu().numpy().view(np.uint32)
    return [bool(words[t // 32] >> np.uint32(t % 32) & 1) for t in range(words.size * 32)]


def expected(automaton: Automaton, state: int) -> list[bool]:
    width = -(-len(TOKENS) // 32) * 32
    return [t < len(TOKENS) and automaton.allowed(state, t) for t in range(width)]


def check_step(find, move, seed: int, device: str, bank_rows: int) -> None:
    """Random rows over several steps: every mask is the brute force one, every advance too."""
    rng = np.random.default_rng(seed)
    automata = [random_automaton(rng) for _ in range(3)]
    count = 7
    tables = tables_of(automata, count, bank_rows, device)
    where: dict[int, tuple[int, int]] = {}
    for row in range(count):
        if rng.random() < 0.8:
            grammar = int(rng.integers(3))
            where[row] = (grammar, int(rng.integers(len(automata[grammar].edges))))
            put(tables, row, grammar, automata[grammar].address(where[row][1]))
    for _ in range(3):
        order = [*rng.permutation(count).tolist(), count, count]
        rows = torch.tensor(order, device=device)
        masks = find(tables, rows).tolist()
        for row, bank_row in zip(order, masks, strict=True):
            assert (bank_row == -1) == (row not in where)
            if row in where:
                grammar, state = where[row]
                assert bits(tables, bank_row) == expected(automata[grammar], state)
        tokens = rng.integers(0, len(TOKENS), len(order))
        move(tables, rows, torch.tensor(tokens, dtype=torch.int32, device=device))
        for row, token in zip(order, tokens.tolist(), strict=True):
            if row in where and token not in EOS:
                grammar, state = where[row]
                text = TOKENS[token]
                state = automata[grammar].step(state, text) if text else 0
                address = automata[grammar].address(state) if state else 0
                assert tables.cursor[row].tolist() == [grammar, address]
                put(tables, row, grammar, automata[grammar].address(state))
                where[row] = (grammar, state)
    assert tables.cursor[count].tolist() == [-1, 0]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 2, 100]))
def test_reference_is_brute_force(seed: int, bank_rows: int) -> None:
    check_step(find_masks_reference, advance_reference, seed, "cpu", bank_rows)


@pytest.mark.parametrize("bank_rows", [0, 2, 100])
@pytest.mark.parametrize("seed", range(4))
def test_kernel_is_brute_force(device: str, seed: int, bank_rows: int) -> None:
    check_step(find_masks, advance, seed, device, bank_rows)


@pytest.fixture
def chain() -> Automaton:
    """Accepts exactly "ab": state 1 -a-> 2 -b-> 3."""
    classes = np.zeros(256, np.uint8)
    classes[ord("a")], classes[ord("b")] = 1, 2
    edges = np.zeros((4, 4), np.int32)
    edges[1, 2], edges[2, 3], edges[3, 0] = 2, 3, 1
    return Automaton(classes, edges)


@pytest.mark.parametrize("find", [find_masks_reference, find_masks])
def test_rows_in_one_state_share_a_claim(device: str, chain: Automaton, find) -> None:
    tables = tables_of([chain], 5, 8, device)
    for row, state in enumerate([1, 2, 1, 1, 3]):
        put(tables, row, 0, chain.address(state))
    rows = torch.tensor([0, 1, 2, 3, 5, 4], device=device)
    assert find(tables, rows).tolist() == [0, 1, 0, 0, -1, 2]
    assert tables.used.tolist() == [3]
    assert tables.bank_of[chain.address(2)] == 1
    tables.bank[0].fill_(-1)  # a mask that is in the bank is not made again
    assert find(tables, rows).tolist() == [0, 1, 0, 0, -1, 2]
    assert all(bits(tables, 0))
    assert tables.used.tolist() == [3]


@pytest.mark.parametrize("find", [find_masks_reference, find_masks])
def test_full_bank_uses_private_rows(device: str, chain: Automaton, find) -> None:
    tables = tables_of([chain], 5, 1, device)
    for row, state in enumerate([1, 2, 2, 3, 1]):
        put(tables, row, 0, chain.address(state))
    rows = torch.tensor([4, 2, 1, 3, 0], device=device)
    for _ in range(2):
        # Row 2 is the first in state 2: its private place, 1 + 2, serves row 1 as well.
        assert find(tables, rows).tolist() == [0, 3, 3, 4, 0]
        assert bits(tables, 3) == expected(chain, 2)
        assert bits(tables, 4) == expected(chain, 3)
        assert tables.used.tolist() == [1]
        assert tables.bank_of[chain.address(2)] == NONE


@pytest.mark.parametrize("find", [find_masks_reference, find_masks])
def test_emptied_bank_is_filled_again(device: str, chain: Automaton, find) -> None:
    tables = tables_of([chain], 2, 4, device)
    put(tables, 0, 0, chain.address(1))
    rows = torch.tensor([0, 1], device=device)
    find(tables, rows)
    tables.bank.fill_(0)
    tables.bank_of.fill_(NONE)
    tables.used.zero_()
    assert find(tables, rows).tolist() == [0, -1]
    assert bits(tables, 0) == expected(chain, 1)


@pytest.mark.parametrize("move", [advance_reference, advance])
def test_end_of_text_stays_and_a_refused_token_is_dead(device: str, chain: Automaton, move) -> None:
    tables = tables_of([chain], 4, 4, device)
    for row, state in enumerate([1, 3, 1, 1]):
        put(tables, row, 0, chain.address(state))
    tokens = [TOKENS.index(b"ab"), EOS[0], TOKENS.index(b"b"), len(TOKENS) + 9]
    rows = torch.arange(4, device=device)
    move(tables, rows, torch.tensor(tokens, dtype=torch.int32, device=device))
    assert tables.cursor[:4, 1].tolist() == [chain.address(3), chain.address(3), 0, 0]


@pytest.mark.gpu
def test_many_rows_and_tokens_agree() -> None:
    rng = np.random.default_rng(0)
    automata = [random_automaton(rng) for _ in range(8)]
    on = {d: tables_of(automata, 256, 512, d) for d in ("cpu", "cuda")}
    for row in range(256):
        grammar = int(rng.integers(8))
        state = int(rng.integers(len(automata[grammar].edges)))
        for tables in on.values():
            put(tables, row, grammar, automata[grammar].address(state))
    rows = torch.arange(256)
    masks = {d: find_masks(t, rows.to(d)).cpu() for d, t in on.items()}
    assert masks["cpu"].equal(masks["cuda"])
    assert on["cpu"].bank[masks["cpu"].long()].equal(on["cuda"].bank.cpu()[masks["cuda"].long()])
