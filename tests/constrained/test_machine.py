"""Machines as tables and as threads against the reference walk, and that what is left of them has no dead ends."""

import itertools
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.errors import ConstraintBudget, InvalidConstraint
from trellis.constrained.grammar.grammar import Grammar
from trellis.constrained.grammar.matcher import Matcher
from trellis.constrained.grammar.place import Place
from trellis.constrained.grammar.threads import ThreadGrammar
from trellis.constrained.machine.rule import Machine, Move, Rule, Thread, Threads
from trellis.constrained.machine.tables import build_grammar
from trellis.constrained.tokens.vocabulary import Vocabulary
from trellis.constrained.tokens.walk import Walk

sys.path.insert(0, str(Path(__file__).parent))
from machines import (
    JSON_TOKENS,
    LETTERS,
    ambiguous_machine,
    clear_machine,
    json_machine,
    random_machine,
)

SEEDS = st.integers(0, 1 << 30)
JSON_LETTERS = b'"[]{},:012abcdef'


def accepts_nothing(machine: Machine) -> bool:
    texts = itertools.chain.from_iterable(itertools.product(LETTERS, repeat=n) for n in range(5))
    return not any(machine.accepts(machine.walk(bytes(text))) for text in texts)


def is_dead_end(machine: Machine, threads: Threads, rounds: int = 5) -> bool:
    """Whether no short text leads from here to an end."""
    front = {threads}
    for _ in range(rounds):
        if any(machine.accepts(t) for t in front):
            return False
        front = {machine.step(t, b) for t in front for b in LETTERS} - {frozenset()}
    return True


@settings(max_examples=80, deadline=None)
@given(SEEDS)
def test_tables_are_the_reference(seed: int) -> None:
    """Whatever the tables allow the machine does, and what else it does leads nowhere."""
    rng = random.Random(seed)
    machine = random_machine(rng)
    try:
        grammar = build_grammar(machine)
    except InvalidConstraint:
        assert accepts_nothing(machine)
        return
    assert isinstance(grammar, Grammar)
    for _ in range(10):
        threads, place = machine.begin(), grammar.start
        for _ in range(10):
            assert machine.accepts(threads) == grammar.accepting(place)
            following = {b: (machine.step(threads, b), grammar.step(place, b)) for b in LETTERS}
            for wanted, found in following.values():
                assert found is not None or not wanted or is_dead_end(machine, wanted)
                assert found is None or _same(machine, wanted, found)
            ways = [way for way in following.values() if way[1] is not None]
            if not ways:
                break
            threads, place = rng.choice(ways)


def _same(machine: Machine, threads: Threads, place: Place) -> bool:
    """Whether registers agree, once rules have ended whose every move on leads nowhere: tables end those at once."""
    (thread,) = threads
    while len(thread.stack) > len(place.stack):
        frame, verdict = thread.stack[-1], int(machine.rules[thread.rule].ends[thread.state]) - 1
        if verdict < 0 or verdict >= len(frame.after) or not frame.after[verdict]:
            return False
        thread = Thread(frame.rule, frame.after[verdict], frame.register, thread.stack[:-1])
    registers = [frame.register for frame in thread.stack]
    return (thread.register, registers) == (
        place.register,
        [register for _, register in place.stack],
    )


@settings(max_examples=80, deadline=None)
@given(SEEDS)
def test_no_place_is_a_dead_end(seed: int) -> None:
    rng = random.Random(seed)
    try:
        grammar = build_grammar(clear_machine(rng))
    except InvalidConstraint:
        return
    assert isinstance(grammar, Grammar)
    place = grammar.start
    for _ in range(6):
        assert _reaches_an_end(grammar, place)
        ways = [after for b in LETTERS if (after := grammar.step(place, b)) is not None]
        if not ways:
            assert grammar.accepting(place) and grammar.closed(place)
            return
        place = rng.choice(ways)


def _reaches_an_end(grammar: Grammar, place: Place, most: int = 400) -> bool:
    """Whether an end is found, or so many places that the search is given up."""
    seen, work = {place}, [place]
    for at in work:
        if grammar.accepting(at) or len(work) > most:
            return True
        for byte in LETTERS:
            after = grammar.step(at, byte)
            if after is not None and after not in seen:
                seen.add(after)
                work.append(after)
    return False


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_ambiguous_machines_are_the_reference(seed: int) -> None:
    rng = random.Random(seed)
    machine = ambiguous_machine(rng)
    try:
        grammar = build_grammar(machine)
    except InvalidConstraint:
        assert accepts_nothing(machine)
        return
    texts = [bytes(rng.choice(LETTERS) for _ in range(rng.randint(0, 7))) for _ in range(80)]
    for text in texts:
        assert grammar.accepts(text) == machine.accepts(machine.walk(text)), text


def bits(mask: np.ndarray) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist())


def json_vocabulary() -> Vocabulary:
    tokens = [*(bytes([i]) for i in range(256)), *JSON_TOKENS, None, None]
    return Vocabulary(tokens, frozenset({len(tokens) - 1}))


def random_places(grammar: Grammar, rng: random.Random, count: int) -> list[Place]:
    places = [grammar.start]
    while len(places) < count:
        ways = [p for b in JSON_LETTERS if (p := grammar.step(places[-1], b)) is not None]
        places.append(rng.choice(ways) if ways else grammar.start)
    return places


@pytest.mark.parametrize("machine", [json_machine(), json_machine(100, 100)])
def test_masks_are_the_brute_force(machine: Machine) -> None:
    grammar, vocabulary = build_grammar(machine), json_vocabulary()
    assert isinstance(grammar, Grammar)
    walk = Walk(vocabulary)
    for place in random_places(grammar, random.Random(1), 150):
        allowed = {
            t for t in range(vocabulary.size)
            if vocabulary.token(t) and grammar.take(place, vocabulary.token(t)) is not None
        }  # fmt: skip
        allowed |= vocabulary.eos_ids if grammar.accepting(place) else set()
        assert bits(walk.mask(grammar, place)) == allowed


def test_a_token_leaves_a_bounded_number_of_frames_open() -> None:
    grammar, vocabulary = build_grammar(json_machine()), json_vocabulary()
    matcher = Matcher(grammar, vocabulary)
    four, five = (256 + JSON_TOKENS.index(b"[" * n) for n in (4, 5))  # a value and an array each
    assert bits(matcher.mask()) >= {four} and five not in bits(matcher.mask())
    assert not matcher.accept(five) and matcher.accept(four) and matcher.accept(four)
    matcher.rollback(1)
    assert matcher.accept(ord("["))


def test_far_from_a_limit_masks_are_shared() -> None:
    grammar, vocabulary = build_grammar(json_machine(length=100_000)), json_vocabulary()
    assert isinstance(grammar, Grammar)
    longest = vocabulary.max_bytes
    inside = grammar.walk(grammar.start, b'["')
    assert inside is not None
    counted = [inside._replace(register=n) for n in range(99_900, 100_000)]
    assert len({grammar.mask_key(p, longest) for p in [inside, *counted]}) == 1 + longest
    walk = Walk(vocabulary)
    assert walk.mask(grammar, inside) is walk.mask(grammar, inside._replace(register=70_000))
    assert grammar.step(inside._replace(register=99_999), ord("a")) is not None
    full = grammar.walk(inside._replace(register=99_999), b"a")
    assert full is not None and grammar.step(full, ord("a")) is None


def test_an_ambiguous_grammar_is_walked_on_the_host() -> None:
    grammar = build_grammar(_sums())
    assert isinstance(grammar, ThreadGrammar) and grammar.tier == "host"
    vocabulary = Vocabulary([b"1", b"+", b"1+", b"+1", b"++", None], frozenset({5}))
    matcher = Matcher(grammar, vocabulary)
    assert bits(matcher.mask()) == {0, 2}
    assert matcher.accept(2) and bits(matcher.mask()) == {0, 2}
    assert matcher.accept(0) and bits(matcher.mask()) == {1, 3, 5}
    assert matcher.accepting and not matcher.finished and not matcher.accept(4)
    matcher.rollback(1)
    assert not matcher.accepting and matcher.forced() == []


def _sums() -> Machine:
    """A sum is 1, or a sum + a sum in either grouping: left and right are both tried."""
    classes = np.zeros(256, np.uint8)
    classes[ord("1")], classes[ord("+")] = 1, 2
    table = np.zeros((4, 3), np.int32)
    table[1, 1], table[2, 2], table[3, 1] = 2, 3, -1
    ends = np.array([0, 0, 1, 0], np.int32)
    moves = (Move((2,), 0, others=(2,)),)
    return Machine((Rule(classes, table, ends, 1, moves, frozenset({2})),))


def test_too_many_ways_to_read_are_a_budget_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trellis.constrained.grammar.threads.MOST_THREADS", 20)
    grammar = build_grammar(_sums())
    assert isinstance(grammar, ThreadGrammar)
    with pytest.raises(ConstraintBudget, match="ways at once"):
        grammar.walk(grammar.start, b"1+" * 60)


def _large(states: int, columns: int) -> Machine:
    rng = np.random.default_rng(0)
    table = np.minimum(
        np.arange(states)[:, None] + rng.integers(1, 9, (states, columns)), states - 1
    )
    table[0] = table[-1] = 0
    ends = (np.arange(states) == states - 1).astype(np.int32)
    classes = (np.arange(256) % columns).astype(np.uint8)
    return Machine((Rule(classes, table.astype(np.int32), ends),))


@pytest.mark.parametrize(
    ("make", "seconds"), [(json_machine, 0.002), (lambda: _large(20_000, 40), 0.03)]
)
def test_tables_are_built_quickly(make: Callable[[], Machine], seconds: float) -> None:
    machine = make()
    taken: list[float] = []
    for _ in range(4):
        before = time.process_time()
        build_grammar(machine)
        taken.append(time.process_time() - before)
    # Several times what it takes: this notices a wrong algorithm, not a busy machine.
    assert min(taken) < 5 * seconds
