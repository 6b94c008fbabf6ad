"""Automata: every operation against the texts themselves, for random automata over two symbols."""

from itertools import product as sequences

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.automata import product
from trellis.constrained.automata.automaton import (
    Dfa,
    Nfa,
    determinise,
    drop_unentered,
    minimise,
    trim,
    trim_nfa,
)
from trellis.constrained.automata.bytedfa import (
    distinct_columns,
    explore,
    join_classes,
    representatives,
)
from trellis.constrained.automata.partition import number_blocks, refine_partition
from trellis.constrained.automata.reaching import find_leading, find_reached
from trellis.constrained.errors import ConstraintBudget
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.regex import charset
from trellis.constrained.regex.properties import read_property
from trellis.constrained.tokens.trie import build_trie, words

WORDS = [w for n in range(7) for w in sequences((0, 1), repeat=n)]


def budget() -> Budget:
    return Budget(Limits())


def language(dfa: Dfa) -> set[tuple[int, ...]]:
    found = set()
    for word in WORDS:
        state = dfa.start
        for symbol in word:
            state = int(dfa.table[state, symbol])
        if dfa.accepting[state]:
            found.add(word)
    return found


def closure(nfa: Nfa, states: set[int]) -> set[int]:
    stack, seen = list(states), set(states)
    while stack:
        for target in nfa.epsilon.get(stack.pop(), ()):
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return seen


def language_of_nfa(nfa: Nfa) -> set[tuple[int, ...]]:
    found = set()
    for word in WORDS:
        states = closure(nfa, {nfa.start})
        for symbol in word:
            states = closure(nfa, {int(nfa.table[s, symbol]) for s in states} - {0})
        if any(nfa.accepting[s] for s in states - {0}):
            found.add(word)
    return found


@st.composite
def dfas(draw: st.DrawFn) -> Dfa:
    count = draw(st.integers(1, 6))
    targets = st.lists(st.integers(0, count), min_size=2, max_size=2)
    rows = draw(st.lists(targets, min_size=count, max_size=count))
    flags = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return Dfa(
        np.array([[0, 0], *rows], np.int32), np.array([False, *flags]), draw(st.integers(1, count))
    )


@st.composite
def nfas(draw: st.DrawFn) -> Nfa:
    dfa = draw(dfas())
    last = dfa.states - 1
    pairs = draw(st.lists(st.tuples(st.integers(1, last), st.integers(1, last)), max_size=6))
    epsilon: dict[int, list[int]] = {}
    for source, target in pairs:
        epsilon.setdefault(source, []).append(target)
    return Nfa(dfa.table, dfa.accepting, epsilon, dfa.start)


@settings(deadline=None)
@given(nfas())
def test_determinise_keeps_the_language(nfa: Nfa) -> None:
    expected = language_of_nfa(nfa)
    assert language(determinise(nfa, budget())) == expected
    assert language(determinise(trim_nfa(nfa), budget())) == expected


@settings(deadline=None)
@given(dfas(), dfas())
def test_boolean_operations(a: Dfa, b: Dfa) -> None:
    assert language(product.intersect(a, b, budget())) == language(a) & language(b)
    assert language(product.unite(a, b, budget())) == language(a) | language(b)
    assert language(product.subtract(a, b, budget())) == language(a) - language(b)


@settings(deadline=None)
@given(dfas(), st.integers(0, 3), st.one_of(st.none(), st.integers(0, 3)))
def test_bound_length(dfa: Dfa, low: int, extra: int | None) -> None:
    high = None if extra is None else low + extra
    bounded = product.bound_length(dfa, low, high, budget())
    assert language(bounded) == {
        w for w in language(dfa) if low <= len(w) and (high is None or len(w) <= high)
    }


@settings(deadline=None)
@given(dfas())
def test_trim_and_minimise_keep_the_language_and_get_small(dfa: Dfa) -> None:
    expected = language(dfa)
    assert language(drop_unentered(dfa)) == expected
    trimmed = trim(dfa)
    small = minimise(trimmed)
    assert language(trimmed) == language(small) == expected
    assert small.states <= trimmed.states
    tails = {
        frozenset(language(Dfa(trimmed.table, trimmed.accepting, s))) for s in range(trimmed.states)
    }
    assert small.states <= len(tails | {frozenset()})


@settings(deadline=None)
@given(dfas(), dfas())
def test_pairs_all_at_once_are_those_that_are_found(a: Dfa, b: Dfa) -> None:
    def pair(most_at_once: int) -> Dfa:
        tables, starts = (a.table, b.table), (a.start, b.start)
        first, second, table = product.pair_states(
            tables, starts, lambda x, _: x != 0, budget(), most_at_once
        )
        assert first[1] == a.start and second[1] == b.start
        assert len({*zip(first[1:].tolist(), second[1:].tolist(), strict=True)}) == len(first) - 1
        return Dfa(table, a.accepting[first] & ~b.accepting[second], 1)

    at_once, found = pair(1 << 20), pair(0)
    assert at_once.states == found.states
    assert language(at_once) == language(found) == language(a) - language(b)


@settings(deadline=None)
@given(dfas(), st.lists(st.integers(0, 2), min_size=7, max_size=7))
def test_partition_is_the_coarsest_that_fits(dfa: Dfa, numbers: list[int]) -> None:
    start = numbers[: dfa.states]
    blocks = refine_partition(dfa.table, np.array(start)).tolist()
    # Told apart by what is read: the blocks that each word leads to.
    tails = [tuple(start[walk(dfa, state, word)] for word in WORDS) for state in range(dfa.states)]
    pairs = [(i, j) for i in range(dfa.states) for j in range(i)]
    assert all((blocks[i] == blocks[j]) == (tails[i] == tails[j]) for i, j in pairs)
    first, which = number_blocks(np.array(blocks))
    assert first.tolist() == [blocks.index(block) for block in dict.fromkeys(blocks)]
    assert [blocks[first[n]] for n in which] == blocks


def walk(dfa: Dfa, state: int, word: tuple[int, ...]) -> int:
    for symbol in word:
        state = int(dfa.table[state, symbol])
    return state


@settings(deadline=None)
@given(dfas())
def test_what_is_reached_and_what_leads_there(dfa: Dfa) -> None:
    reached, leading = find_reached(dfa.table, [dfa.start]), find_leading(dfa.table, dfa.accepting)
    for state in range(1, dfa.states):
        ends = {walk(dfa, state, word) for word in WORDS}
        assert leading[state] == bool(dfa.accepting[list(ends)].any())
        assert reached[state] == (state in {walk(dfa, dfa.start, word) for word in WORDS})
    assert not reached[0] and not leading[0]


def test_long_counts_are_minimised() -> None:
    # Two counts to 200, one beside the other, of which each state differs from all others of its count alone.
    count = 200
    table = np.zeros((2 * count + 2, 2), np.int32)
    table[1] = 2, count + 2
    for number in range(count - 1):
        table[[2 + number, 2 + count + number], 0] = 3 + number, 3 + count + number
    accepting = np.zeros(len(table), np.bool_)
    accepting[[count + 1, 2 * count + 1]] = True
    small = minimise(trim(Dfa(table, accepting, 1)))
    assert small.states == count + 2
    assert walk(small, small.start, (1, *[0] * (count - 1))) == walk(
        small, small.start, (0, *[0] * (count - 1))
    )


def test_minimise_gives_up_on_large_ones() -> None:
    large = words([bytes([65 + i % 26, 65 + i // 26 % 26, 65]) for i in range(300)], budget()).dfa
    assert minimise(large, most_states=10) is large


def test_trimmed_states_all_reach_an_end() -> None:
    table = np.array([[0, 0], [2, 3], [0, 0], [3, 3], [2, 2]], np.int32)
    dfa = trim(Dfa(table, np.array([False, False, True, False, False]), 1))
    assert dfa.states == 3
    assert language(dfa) == {(0,)}


def test_budget_counts_states_and_tables() -> None:
    small = Budget(Limits(states=5, table_bytes=100))
    with pytest.raises(ConstraintBudget, match="5 automaton states"):
        small.spend(6)
    with pytest.raises(ConstraintBudget, match="bytes"):
        small.check_table(30, 1)
    with pytest.raises(ConstraintBudget, match="longer than"):
        Budget(Limits(seconds=0.0)).spend(0)


TEXTS = st.lists(st.binary(max_size=5), min_size=1, max_size=25)


@settings(deadline=None)
@given(TEXTS, st.lists(st.binary(max_size=5), max_size=10))
def test_words_accepts_exactly_its_texts(texts: list[bytes], others: list[bytes]) -> None:
    part = words(texts, budget())
    assert all(part.accepts(text) for text in texts)
    near = [t[:-1] for t in texts] + [t + b"a" for t in texts] + others
    assert all(part.accepts(text) == (text in texts) for text in near)


def test_words_shares_ends() -> None:
    names = [f"{i:03d}-suffix".encode() for i in range(200)]
    assert words(names, budget()).dfa.states < 60


@settings(deadline=None)
@given(TEXTS)
def test_trie_has_every_string_and_its_children(texts: list[bytes]) -> None:
    strings = sorted(set(texts))
    trie = build_trie(strings)
    assert len(trie.labels) == len({s[:n] for s in strings for n in range(len(s) + 1)})
    for string, end in zip(strings, trie.ends.tolist(), strict=True):
        node: int | None = 0
        for byte in string:
            assert node is not None
            node = trie.child(node, byte)
        assert node == end
    assert trie.child(0, 0) is None or any(s[:1] == b"\0" for s in strings)


def test_explore_and_classes() -> None:
    evens = explore(0, lambda n: [(b"ab", (int(str(n)) + 1) % 2)], lambda n: n == 0, budget())
    assert evens.accepts(b"abba") and not evens.accepts(b"a") and not evens.accepts(b"cc")
    assert len(set(evens.classes.tolist())) == 2
    first, which = distinct_columns(np.array([[1, 2, 1], [0, 5, 0]], np.int32))
    assert first == [0, 1] and which.tolist() == [0, 1, 0]
    joint = join_classes(
        [np.arange(256, dtype=np.uint8) // 128, np.arange(256, dtype=np.uint8) % 2]
    )
    assert len(set(joint.tolist())) == 4


@given(st.integers(0, 12), st.integers(1, 5), st.integers(0, 1 << 30))
def test_classes_are_joined_in_the_order_of_their_parts(parts: int, most: int, seed: int) -> None:
    drawn = np.random.default_rng(seed).integers(0, most, (parts, 256)).astype(np.uint8)
    rows = [tuple(column) for column in drawn.T.tolist()]
    numbers = {row: number for number, row in enumerate(sorted(set(rows)))}
    joint = join_classes(drawn)
    assert joint.tolist() == [numbers[row] for row in rows]
    assert representatives(joint).tolist() == [rows.index(row) for row in numbers]


RANGES = st.lists(
    st.tuples(st.integers(0, 70), st.integers(0, 9)).map(lambda p: (p[0], p[0] + p[1])), max_size=5
)


@given(RANGES, RANGES)
def test_charsets(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    x, y = charset.normalise(a), charset.normalise(b)
    codes = range(90)
    has_x = {c for c in codes if any(low <= c <= high for low, high in a)}
    has_y = {c for c in codes if any(low <= c <= high for low, high in b)}
    assert {c for c in codes if charset.contains(x, c)} == has_x
    assert {c for c in codes if charset.contains(charset.union(x, y), c)} == has_x | has_y
    assert {c for c in codes if charset.contains(charset.complement(x), c)} == set(codes) - has_x
    alphabet = charset.partition([x, y])
    for code in codes:
        at = max(i for i, start in enumerate(alphabet.starts) if start <= code)
        assert (alphabet.ids[at] in alphabet.members(0)) == (code in has_x)
        assert (alphabet.ids[at] in alphabet.members(1)) == (code in has_y)


def test_no_set_has_surrogates() -> None:
    assert not charset.contains(charset.complement(()), 0xD800)
    assert charset.normalise([(0xD000, 0xE001)]) == ((0xD000, 0xD7FF), (0xE000, 0xE001))
    assert not read_property("Cs")
