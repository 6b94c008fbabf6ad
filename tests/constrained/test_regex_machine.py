"""Regexes as machines: long repeats are counted, and mean the same as unrolled ones."""

import re

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from trellis.constrained.errors import ConstraintBudget
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Machine
from trellis.constrained.regex.counting import MANY, lower_regex


def lower(pattern: str) -> Machine:
    return lower_regex(pattern, Budget(Limits()))


def accepts(machine: Machine, text: str) -> bool:
    return machine.accepts(machine.walk(text.encode()))


CHARACTERS = st.sampled_from(["a", "[ab]", "[^b]", "é", "[aé]", "."])
COUNTED = st.tuples(CHARACTERS, st.integers(0, 80), st.integers(MANY, 80)).map(
    lambda t: f"{t[0]}{{{min(t[1:])},{max(t[1:])}}}"
)
PLAIN = st.sampled_from(["b?", "x", "(?:xy)?", "b{3}", "é*", "-|x"])
PATTERNS = st.lists(st.one_of(COUNTED, PLAIN.map(lambda p: f"(?:{p})")), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(PATTERNS, st.lists(st.tuples(st.sampled_from("abéx-"), st.integers(0, 90)), max_size=12))
def test_counting_means_what_re_says(parts: list[str], runs: list[tuple[str, int]]) -> None:
    pattern = "".join(parts)
    try:
        machine = lower_regex(pattern, Budget(Limits(seconds=0.1)))
    except ConstraintBudget:  # repeats that overlap, and so are not counted
        event("too large")
        return
    texts = ["", *(c * n for c, n in runs)]
    texts += [a + b for a, b in zip(texts, texts[1:], strict=False)]
    for text in texts:
        assert accepts(machine, text) == (re.fullmatch(pattern, text) is not None), (pattern, text)


@pytest.mark.parametrize("low", [0, 1, 2, 65, 80])
@pytest.mark.parametrize("high", [80, 81, None])
def test_counts_exactly(low: int, high: int | None) -> None:
    pattern = f"x?[é-]{{{low},{'' if high is None else high}}}!"
    machine = lower(pattern)
    assert high is None or len(machine.rules) == 2
    for count in [0, 1, 2, 3, 64, 65, 66, 79, 80, 81, 82]:
        for text in ["é" * count, "é" * count + "!", "x" + "-" * count + "!"]:
            assert accepts(machine, text) == bool(re.fullmatch(pattern, text)), (pattern, text)


def test_a_million_costs_few_states() -> None:
    machine = lower(r"[a-z_]{1,64}=[^;]{0,1000000};?")
    assert sum(len(rule.table) for rule in machine.rules) < 120
    assert not any(move.others for rule in machine.rules for move in rule.moves)


def test_an_unclear_end_costs_states_instead() -> None:
    machine = lower(r".{0,70}a")
    assert len(machine.rules) == 1
    assert accepts(machine, "a" * 71) and not accepts(machine, "a" * 72)
