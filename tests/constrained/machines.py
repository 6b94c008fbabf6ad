"""Random machines with calls, verdicts, counters and bits, for the tests of everything below the front ends."""

import random
from dataclasses import replace

import numpy as np

from trellis.constrained.machine.rule import Machine, Move, Rule

LETTERS = b"abcdef"


def random_machine(rng: random.Random) -> Machine:
    """A machine of up to four rules over a few letters. It may well have dead ends, or accept nothing."""
    verdicts = [rng.randint(1, 3) for _ in range(rng.randint(1, 4))]
    uses = ["none", "counts", "bits"]
    return Machine(
        tuple(_random_rule(rng, n, verdicts, rng.choice(uses)) for n in range(len(verdicts)))
    )


def clear_machine(rng: random.Random) -> Machine:
    """As random_machine, but with nothing that liveness takes on trust: no counters and bits, and a rule that may end
    has ended."""
    verdicts = [rng.randint(1, 3) for _ in range(rng.randint(1, 4))]
    rules = [_random_rule(rng, n, verdicts, "none") for n in range(len(verdicts))]
    for rule in rules:
        rule.table[rule.ends != 0] = 0
    return Machine(tuple(rules))


def ambiguous_machine(rng: random.Random) -> Machine:
    """As random_machine, and many texts can be read in several ways."""
    return Machine(tuple(_make_ambiguous(rng, rule) for rule in random_machine(rng).rules))


def clear_and_ambiguous(rng: random.Random) -> Machine:
    """As clear_machine, and many texts can be read in several ways."""
    return Machine(tuple(_make_ambiguous(rng, rule) for rule in clear_machine(rng).rules))


def _random_rule(rng: random.Random, number: int, verdicts: list[int], use: str) -> Rule:
    states, width = rng.randint(2, 6), rng.randint(2, 4)
    classes = np.zeros(256, np.uint8)
    for letter in LETTERS:
        classes[letter] = rng.randint(1, width)
    # A start calls only later rules, so that no chain of calls on one byte is endless.
    later = list(range(number + 1, len(verdicts)))
    first = [_random_move(rng, states, later, verdicts, use) for _ in range(rng.randint(0, 2))]
    anywhere = list(range(len(verdicts)))
    moves = first + [
        _random_move(rng, states, anywhere, verdicts, use) for _ in range(rng.randint(0, 3))
    ]
    table, ends = np.zeros((states, width + 1), np.int32), np.zeros(states, np.int32)
    for state in range(1, states):
        usable = len(first) if state == 1 else len(moves)
        for column in range(1, width + 1):
            kind = rng.random()
            if kind < 0.35:
                table[state, column] = rng.randint(1, states - 1)
            elif kind < 0.75 and usable:
                table[state, column] = -1 - rng.randrange(usable)
        if rng.random() < 0.5:
            ends[state] = rng.randint(1, verdicts[number])
            if rng.random() < 0.4:
                table[state] = 0
    return Rule(classes, table, ends, 1, tuple(moves))


def _random_move(
    rng: random.Random, states: int, callees: list[int], verdicts: list[int], use: str
) -> Move:
    call = rng.choice(callees) if callees and rng.random() < 0.6 else None
    width = 1 if call is None else verdicts[call]

    def targets() -> tuple[int, ...]:
        return tuple(rng.randint(0 if rng.random() < 0.2 else 1, states - 1) for _ in range(width))

    limit = rng.choice([1, 2, 3, 5]) if use == "counts" and rng.random() < 0.8 else None
    unseen = seen = mark = 0
    if use == "bits":
        unseen, seen, mark = (rng.choice([0, 0, 1, 2, 4, 3]) for _ in range(3))
    at_limit = targets() if limit is not None else ()
    return Move(targets(), call, limit, at_limit, unseen, seen, mark)


def _make_ambiguous(rng: random.Random, rule: Rule) -> Rule:
    """The rule with further entries, of states only, and with states that linger."""
    states = len(rule.ends)
    moves = [
        move._replace(others=(rng.randint(1, states - 1),)) if rng.random() < 0.5 else move
        for move in rule.moves
    ]
    lingers = frozenset(s for s in range(1, states) if rng.random() < 0.3)
    return replace(rule, moves=tuple(moves), lingers=lingers)


def json_machine(length: int = 4, items: int = 3) -> Machine:
    """JSON-like values: numbers, strings of up to `length` letters a to f, arrays of up to `items` values, and objects
    whose names a, b, c come in any order, once each, a always. Numbers have a verdict of their own."""
    classes = np.zeros(256, np.uint8)
    for number, letters in enumerate(
        (b'"', b"[", b"]", b"{", b"}", b",", b":", b"012", b"a", b"b", b"c", b"def"), 1
    ):
        classes[list(letters)] = number
    quote, open_list, close_list, opened, closed, comma, colon, digit, a, b, c, other = range(1, 13)
    first = quote, open_list, opened, digit

    def rule(states: int, ends: dict[int, int], moves: list[Move], *edges: tuple) -> Rule:
        table = np.zeros((states, 13), np.int32)
        for state, columns, entry in edges:
            table[state, columns] = entry
        flags = np.zeros(states, np.int32)
        for state, verdict in ends.items():
            flags[state] = 1 + verdict
        return Rule(classes, table, flags, 1, tuple(moves))

    value = rule(
        4, {2: 0, 3: 1}, [Move((2,), 1), Move((2,), 2), Move((2,), 3)],
        (1, quote, -1), (1, open_list, -2), (1, opened, -3), (1, digit, 3), (3, digit, 3),
    )  # fmt: skip
    string = rule(
        5, {4: 0}, [Move((2,), None, length, (3,))],
        (1, quote, 2), (2, [a, b, c, other], -1), (2, quote, 4), (3, quote, 4),
    )  # fmt: skip
    array = rule(
        7, {5: 0}, [Move((3, 3), 0, items, (4, 4))],
        (1, open_list, 2), (2, close_list, 5), (2, first, -1), (3, comma, 6), (3, close_list, 5),
        (6, first, -1), (4, close_list, 5),
    )  # fmt: skip
    names = [Move((3,), unseen=1 << i, mark=1 << i) for i in range(3)]
    record = rule(
        8, {7: 0}, [*names, Move((5, 5), 0), Move((6,), unseen=7), Move((7,), seen=1)],
        *((state, [a, b, c], [-1, -2, -3]) for state in (2, 6)),
        (1, opened, 2), (3, colon, 4), (4, first, -4), (5, comma, -5), (5, closed, -6),
    )  # fmt: skip
    return Machine((value, string, array, record))


JSON_TOKENS = [
    b"[[",
    b'["',
    b'"]',
    b'"],[',
    b"]]",
    b'"}]',
    b"12",
    b",1,",
    b"{a:",
    b"{b:",
    b",a:",
    b",c:[",
    b'":',
    b"abc",
    b"abcdef",
    b'"ab',
    b'ab"',
    b'"a","',
    b"}}",
    b"},",
    b"[[[[",
    b"[[[[[",
    b"]" * 9,
    b"1]",
    b"1}",
    b'{a:"',
    b"[1,2,0]",
]
