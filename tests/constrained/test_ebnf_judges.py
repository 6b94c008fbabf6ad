"""Grammars against Lark's own parsers: Earley where terminals are single letters, LALR where there are words."""

import random
import warnings
from itertools import product

import lark
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trellis.constrained.ebnf.lower import lower_ebnf
from trellis.constrained.errors import InvalidConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Machine
from trellis.constrained.spec import Ebnf

MOST_THREADS = 200
TEXTS = ["".join(chars) for n in range(6) for chars in product("abc", repeat=n)]


def accepts(machine: Machine, text: str) -> bool | None:
    """Whether a text is accepted; None where the grammar is so ambiguous that the reference walk takes too long."""
    threads = machine.begin()
    for byte in text.encode():
        threads = machine.step(threads, byte)
        if len(threads) > MOST_THREADS:
            return None
    return machine.accepts(threads)


def _nest(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = inner.map(lambda part: f"({part})")
    return st.one_of(
        st.tuples(inner, st.just(" "), inner).map("".join),
        st.tuples(group, st.just(" | "), group).map("".join),
        st.tuples(group, st.sampled_from(["*", "+", "?", "~2", "~1..2"])).map("".join),
        inner.map(lambda part: f"[{part}]"),
        inner.map(lambda part: f"({part} | )"),
    )


ATOMS = st.sampled_from(['"a"', '"b"', '"c"', "start", "x", "y"])
CONTENT = st.recursive(ATOMS, _nest, max_leaves=5)
GRAMMARS = st.lists(CONTENT, min_size=3, max_size=3).map(
    lambda parts: "\n".join(f"{n}: {p}" for n, p in zip(["start", "x", "y"], parts, strict=True))
)


@settings(max_examples=40, deadline=None)
@given(GRAMMARS, st.integers(0, 1 << 30))
def test_random_grammars_against_earley(grammar: str, seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            judge = lark.Lark(grammar, parser="earley", lexer="dynamic_complete")
        except lark.exceptions.LarkError:
            assume(False)
            return
    try:
        machine = lower_ebnf(Ebnf(grammar), Budget(Limits(seconds=5)))
    except InvalidConstraint as error:
        assert "no text can be derived" in str(error)
        machine = None
    for text in [*TEXTS[:13], *random.Random(seed).sample(TEXTS, 20)]:
        expected = _parses(judge, text)
        found = machine is not None and accepts(machine, text)
        assert found is None or found == expected, (grammar, text)


def _parses(judge: lark.Lark, text: str) -> bool:
    try:
        judge.parse(text)
    except lark.exceptions.LarkError:
        return False
    return True


LETTERS = """
start: stmt (";" stmt)*
stmt: "if" expr "then" stmt ["else" stmt "end"] | NAME "=" expr | "do"
expr: expr "+" expr_ | expr_
expr_: NAME | INT | "(" expr ")" | NAME "(" ")"
NAME: /[a-z]+/
INT: /[0-9]+/
%ignore " "
"""
PIECES = ["if", "then", "else", "end", "do", "x", "ifx", "12", "(", ")", "+", "=", ";", " ", " "]


def test_words_against_lalr() -> None:
    judge = lark.Lark(LETTERS, parser="lalr")
    machine = lower_ebnf(Ebnf(LETTERS), Budget(Limits(seconds=5)))
    rng = random.Random(5)
    accepted = 0
    for _ in range(400):
        text = _derive(rng) if rng.random() < 0.5 else "".join(rng.choices(PIECES, k=6))
        expected = _parses(judge, text)
        accepted += expected
        assert accepts(machine, text) == expected, text
    assert accepted > 100


def _derive(rng: random.Random, depth: int = 3) -> str:
    """A random statement, with a piece changed now and then."""

    def expr(deep: int) -> str:
        options = ["x", "7", f"{rng.choice('ab')}()", f"({expr(deep - 1)})" if deep else "y"]
        return rng.choice(options) + (f" + {expr(deep - 1)}" if deep and rng.random() < 0.4 else "")

    def stmt(deep: int) -> str:
        if deep and rng.random() < 0.5:
            tail = f" else {stmt(deep - 1)} end" if rng.random() < 0.5 else ""
            return f"if {expr(deep)} then {stmt(deep - 1)}{tail}"
        return rng.choice(["do", f"x = {expr(deep)}"])

    text = stmt(depth) + "".join(f"; {stmt(1)}" for _ in range(rng.randrange(2)))
    if rng.random() < 0.3:
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(PIECES) + text[at + 1 :]
    return text


@pytest.mark.parametrize("text", ['"a"', r'"a\"b"', '""', r'"\\"', '"a"b"', '"', r'"a\"', '"a\nb"'])
def test_strings_of_common(text: str) -> None:
    grammar = "%import common.ESCAPED_STRING\nstart: ESCAPED_STRING"
    machine = lower_ebnf(Ebnf(grammar), Budget(Limits()))
    assert accepts(machine, text) == _parses(lark.Lark(grammar, parser="lalr"), text)
