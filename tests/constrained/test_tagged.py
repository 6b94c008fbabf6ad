"""Structural tags: free text, triggers cut anywhere, counts, special tokens, and what is refused."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.ebnf.lower import lower_ebnf
from trellis.constrained.errors import InvalidConstraint, UnsupportedConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.machine.rule import Machine
from trellis.constrained.regex.counting import lower_regex
from trellis.constrained.spec import Constraint, Ebnf, Regex, Tag, Tagged
from trellis.constrained.tags.tagged import lower_tagged


def lower_inner(constraint: Constraint) -> Machine:
    if isinstance(constraint, Regex):
        return lower_regex(constraint.pattern, Budget(Limits()))
    assert isinstance(constraint, Ebnf)
    return lower_ebnf(constraint, Budget(Limits()))


def lower(*tags: Tag, specials: frozenset[str] = frozenset(), **options: object) -> Machine:
    tagged = Tagged(tags, **options)  # type: ignore[arg-type]  # options of several types
    return lower_tagged(tagged, lower_inner, Budget(Limits()), specials)


def accepts(machine: Machine, text: str | bytes) -> bool:
    return machine.accepts(machine.walk(text if isinstance(text, bytes) else text.encode()))


NUMBER = Tag("<n>", Regex(r"\d+"), "</n>")
NESTED = Tag("<e>", Ebnf('start: "(" start? ")"'), "</e>")


def test_free_text_until_a_tag() -> None:
    machine = lower(NUMBER, NESTED)
    for text in ["", "hé <n \U0001f600", "a<n>12</n>b<e>(())</e>", "<<n>1</n><n>2</n>", "</n><e"]:
        assert accepts(machine, text), text
    for text in ["<n>", "<n>x</n>", "<n>1", "<n>1</n", "x<e>(</e>", "<n>1<n>2</n>", "<e></e>"]:
        assert not accepts(machine, text), text
    assert not machine.walk(b"a<n>x") and not machine.walk(b"\xff") and not machine.walk(b"\xc3a")


@pytest.mark.parametrize(("at_least", "counts"), [(0, "0123"), (1, "123"), (2, "23"), (3, "3")])
def test_at_least(at_least: int, counts: str) -> None:
    machine = lower(NUMBER, at_least=at_least)
    for count in range(4):
        assert accepts(machine, "a <n>1</n>" * count + "<n") == (str(count) in counts)


@pytest.mark.parametrize("at_least", [0, 1])
def test_stop_after_first(at_least: int) -> None:
    machine = lower(NUMBER, NESTED, at_least=at_least, stop_after_first=True)
    assert accepts(machine, "ab<n>1</n>") and accepts(machine, "<e>()</e>")
    assert not accepts(machine, "ab<n>1</n>x") and not accepts(machine, "<n>1</n><n>1</n>")
    assert accepts(machine, "free") == (at_least == 0)


def test_triggers() -> None:
    tags = (
        Tag("<f=a>", Regex("x"), "!"),
        Tag("<f=ab>", Regex("y?"), "!"),
        Tag("<g", Regex("z"), ""),
    )
    machine = lower(*tags, triggers=("<f=", "<g"))
    assert all(
        accepts(machine, t) for t in ["<f", "<f=a>x!", "<f=ab>!", "<f=ab>y!q", "<gz", "<gzz"]
    )
    assert not any(accepts(machine, t) for t in ["<f=", "<f=c>x!", "<f=ab>x!", "<g", "<gy"])


def test_special_tokens() -> None:
    tag = Tag("<tool>", Regex(r"\d+"), "</tool>")
    machine = lower(tag, specials=frozenset({"<tool>", "</tool>", "<eos>"}))
    assert accepts(machine, "<tool>free") and accepts(machine, b"\xc3\xa9\xff<tool>1\xff</tool>z")
    for data in [
        b"\xff<tool>",
        b"\xff<tool>1</tool>",
        b"\xff<eos>",
        b"\xff<tx",
        b"\xc3\xff<tool>1",
    ]:
        assert not accepts(machine, data), data


def test_a_tag_ends_at_the_first_end() -> None:
    machine = lower(Tag("[", Regex(r"(?s).*"), "]"), at_least=1)
    assert accepts(machine, "a[b]c]d") and accepts(machine, "[]")
    assert not any(rule.lingers for rule in machine.rules)
    open_end = lower(Tag("N", Regex(r"a|abc"), ""))
    assert all(accepts(open_end, text) for text in ["Na", "Nab", "Nabc", "NaNabcx"])
    assert not accepts(open_end, "NaNb")


@pytest.mark.parametrize("end", ["]", "]]", "a]", ""])
@pytest.mark.parametrize(
    ("inner", "same"),
    [
        (Regex("[^x]{2,100}"), "[^x]{2,100}"),
        (Ebnf("start: A start A | A A\nA: /[^x]/"), "([^x][^x])+"),
    ],
)
def test_what_counts_or_recurs_may_go_on_with_its_end_text(
    inner: Constraint, same: str, end: str
) -> None:
    machine = lower(Tag("[", inner, end), at_least=1)
    for text in ["", "a", "aa", "a]", "]]", "aaaaa", "a]a]", "ax", "aax"]:
        body = text + end
        ends = [n for n in range(len(body) + 1) if re.fullmatch(same, body[:n])]
        assert accepts(machine, "[" + body) == any(body.startswith(end, n) for n in ends), text


@settings(max_examples=200, deadline=None)
@given(
    st.text("<n>/1é ", max_size=12),
    st.lists(st.sampled_from(["<n>", "1", "</n>", "<", "é"]), max_size=8),
)
def test_against_re(text: str, pieces: list[str]) -> None:
    machine = lower(NUMBER)
    judge = re.compile(r"(?s)(?:(?!<n>).|<n>[0-9]+</n>)*")
    for sample in (text, "".join(pieces)):
        assert accepts(machine, sample) == (judge.fullmatch(sample) is not None), sample


@pytest.mark.parametrize(
    ("tagged", "message"),
    [
        (Tagged(()), "at least one tag"),
        (Tagged((Tag("", Regex("a"), "b"),)), "begin text"),
        (Tagged((NUMBER,), at_least=-1), "only 0 to"),
        (Tagged((NUMBER,), at_least=2, stop_after_first=True), "only 0 to 1 can"),
        (Tagged((NUMBER,), at_least=10**30), "only 0 to 1048576 can"),
        (
            Tagged((Tag("<" * 9000, Regex("a"), ">"),)),
            "tag 0: its begin text has 9000 characters, more than",
        ),
        (Tagged((NUMBER, Tag("x<n>", Regex("a"), "b"))), "can never be read"),
        (Tagged((NUMBER,), triggers=("<m",)), "exactly one trigger"),
        (Tagged((Tag("a", Regex("b?"), ""),)), "needs an end text"),
        (Tagged((Tag("a", Regex("b"), "\ud800"),)), "tag 0: its end text has a lone surrogate"),
        (Tagged((NUMBER, Tag("a", Regex("(b"), ""))), "tag 1, position 2: a closing parenthesis"),
        (Tagged((NUMBER,), triggers=("<", "\ud800")), "trigger has a lone surrogate"),
    ],
)
def test_rejects(tagged: Tagged, message: str) -> None:
    with pytest.raises(InvalidConstraint, match=message):
        lower_tagged(tagged, lower_inner, Budget(Limits()))


def test_refuses_nested_tags() -> None:
    with pytest.raises(UnsupportedConstraint, match="tags in it"):
        lower(Tag("<", Tagged((NUMBER,)), ">"))


def test_a_hundred_tools_stay_small() -> None:
    tags = [Tag(f"<function=name_{n}>", Regex("[a-z]+"), "</function>") for n in range(100)]
    machine = lower(*tags, triggers=("<function=",))
    assert len(machine.rules[0].table) < 1500
    assert accepts(machine, "x <function=name_42>abc</function>")
