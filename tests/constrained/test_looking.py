"""Lookarounds, word boundaries, atomic groups and possessive repeats, nested at random, against the re module."""

import re
import warnings
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trellis.constrained.errors import ConstraintBudget
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.regex.looking import looks_beyond
from trellis.constrained.regex.parser import parse
from trellis.constrained.regex.pattern import accepts, compile_pattern, compile_search

ATOMS = st.sampled_from(
    ["a", "b", "-", ".", "[ab]", "[^a]", r"\w", r"\b", r"\B", "^", "$", "\n", "(?:)", r"\A", r"\Z"]
)
BEHIND = st.sampled_from(
    ["a", "ab", r"\w", "[^a]", "a|b", r"\ba", "^a", "$", r"a(?=b)", "(?<!b)a", r"(?!-)\w", "."]
)
QUANTIFIERS = st.sampled_from(
    ["*", "+", "?", "{2}", "{1,2}", "*?", "+?", "??", "*+", "++", "?+", "{1,2}+"]
)
TEXTS = ["".join(chars) for n in range(5) for chars in product("ab-\n", repeat=n)]


def _nest(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = inner.map(lambda p: f"(?:{p})")
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(group, st.just("|"), group).map("".join),
        st.tuples(group, QUANTIFIERS).map("".join),
        st.tuples(st.sampled_from(["(?=", "(?!", "(?>", "(?m:"]), inner, st.just(")")).map("".join),
        st.tuples(st.sampled_from(["(?<=", "(?<!"]), BEHIND, st.just(")")).map("".join),
    )


PATTERNS = st.recursive(ATOMS, lambda inner: _nest(inner), max_leaves=6)


@settings(max_examples=250, deadline=None)
@given(PATTERNS)
def test_means_what_re_says(pattern: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            judge = re.compile(pattern)
        except re.error:
            assume(False)
            return
    compiled = compile_pattern(pattern, Budget(Limits()))
    for text in TEXTS:
        assert accepts(compiled, text) == (judge.fullmatch(text) is not None), (pattern, text)


SEARCHED = st.lists(
    st.sampled_from(
        ["a", "b", "[ab]", "[^a]", r"\b", "^", "$", "(?=a)", "(?!b)", "(?<=a)", "(?<!b)", "(?:a|^)"]
    ),
    min_size=1,
    max_size=4,
).map("".join)


@settings(max_examples=100, deadline=None)
@given(SEARCHED)
def test_search_finds_what_re_finds(pattern: str) -> None:
    compiled = compile_search(pattern, Budget(Limits()))
    for text in ["".join(chars) for n in range(4) for chars in product("ab-", repeat=n)]:
        assert accepts(compiled, text) == (re.search(pattern, text) is not None), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "beyond"),
    [
        *[("a(?=b)", True), ("a(?=b)b", False), (r"if\b", True), ("(?<!a)b", True), ("a$", True)],
        *[(r"\".*?(?<!\\)(\\\\)*\"", False), ("^a", True), ("ab(?<=ab)", True), ("a|b*", False)],
    ],
)
def test_knows_what_looks_beyond_its_end(pattern: str, beyond: bool) -> None:
    assert looks_beyond(parse(pattern, "python", Limits()), Budget(Limits())) == beyond


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:" + "".join(f"(?=.*{c}.{{{n}}})" for n, c in enumerate("abcdefghij")) + ".)*",
        "(?>(?:a|b)*a(?:a|b){18})c",
        ".*(?<=a.{20})b",
    ],
)
def test_explosions_end_at_the_budget(pattern: str) -> None:
    with pytest.raises(ConstraintBudget):
        compile_pattern(pattern, Budget(Limits(seconds=0.3, states=20_000)))
