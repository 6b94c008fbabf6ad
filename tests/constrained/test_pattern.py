"""Regular expressions: each feature by example, and random ones against the re module."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.errors import ConstraintBudget, InvalidConstraint, UnsupportedConstraint
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.regex.charset import EVERYTHING, contains, ignoring_case
from trellis.constrained.regex.pattern import accepts, compile_pattern, compile_search
from trellis.constrained.regex.spelling import spell, utf8

# pattern, texts that match, texts that do not
FEATURES = [
    (r"abc", ["abc"], ["ab", "abcd", ""]),
    (r"", [""], ["a"]),
    (r"a|bc|", ["a", "bc", ""], ["b", "abc"]),
    (r"a*", ["", "aaa"], ["b"]),
    (r"a+?b", ["ab", "aab"], ["b"]),
    (r"(?:ab)?c", ["c", "abc"], ["ac"]),
    (r"a{3}", ["aaa"], ["aa", "aaaa"]),
    (r"a{2,}", ["aa", "aaaaa"], ["a"]),
    (r"a{,2}", ["", "aa"], ["aaa"]),
    (r"a{1,3}", ["a", "aaa"], ["", "aaaa"]),
    (r"a{x}", ["a{x}"], ["a"]),
    (r"(a*)*b", ["b", "aab"], ["a"]),
    (r"(a|b)*abb", ["abb", "babb"], ["ab"]),
    (r"[abc]", ["a", "c"], ["d", "ab"]),
    (r"[^abc]", ["d", "é", "\U0001f600", "\n"], ["a"]),
    (r"[a-cx-z_]", ["b", "y", "_"], ["d"]),
    (r"[]a-]", ["]", "a", "-"], ["b"]),
    (r"[\d\-x]", ["5", "-", "x"], ["y"]),
    (r"[\]\\]", ["]", "\\"], ["["]),
    (r".", ["a", "é", "\r"], ["\n", ""]),
    (r"(?s).", ["\n"], [""]),
    (r"(?s:.)\.", ["\n."], ["\nx"]),
    (r"\d\D", ["1a", "\u0663x"], ["11"]),
    (r"\w+", ["été_1", "\u4f60"], ["a b", "-"]),
    (r"\W", ["-", " "], ["a"]),
    (r"\s\S", [" a", "\u00a0b"], ["ab"]),
    (r"(?a)\w\d", ["a1"], ["é1", "a\u0663"]),
    (r"(?i)straße", ["STRAßE", "straße"], ["STRASE"]),
    (r"(?i:a)b", ["ab", "Ab"], ["aB"]),
    (r"(?i)a(?-i:b)", ["Ab"], ["AB"]),
    (r"(?i)[^a]", ["b"], ["A", "a"]),
    (r"\t\n\r\f\v\a", ["\t\n\r\f\v\a"], ["t"]),
    (r"\x41\u00e9\U0001f600", ["Aé\U0001f600"], ["A"]),
    (r"\N{SNOWMAN}\0\012", ["\u2603\0\n"], ["S"]),
    (r"\.\*\[\{\}\"\/", ['.*[{}"/'], ["a"]),
    (r"\p{Lu}\p{L}", ["Éa"], ["ab"]),
    (r"\P{L}", ["1"], ["a"]),
    (r"^ab$", ["ab"], ["a"]),
    (r"\Aab\Z", ["ab"], ["a"]),
    (r"a^b|c", ["c"], ["ab", "a^b"]),
    (r"(^a|b)(c$|d)", ["ac", "ad", "bc"], ["a"]),
    (r"(?P<year>\d{4})-(?P<month>\d\d)", ["2026-11"], ["2026-1"]),
    (r"a(?#comment)b", ["ab"], ["a"]),
    (r"(?=.*\d)(?=.*[A-Z]).{3,}", ["aA1", "1xyZ"], ["aa1", "A1"]),
    (r"^(?!ab|b$)[ab]+", ["aab", "ba"], ["abb", "b"]),
    (r"(a(b(c(d)?)?)?)?", ["", "a", "abcd"], ["acd"]),
    (r"\U0001f600{2}", ["\U0001f600\U0001f600"], ["\U0001f600"]),
    (r"a{,}b", ["b", "aab"], ["a{,}b"]),
    (r"(?:a$|b)\n?", ["a", "a\n", "b\n"], ["a\n\n"]),
    (r"(?:a\Z|b)\n?", ["a", "b\n"], ["a\n"]),
    (r"(?m)(?:^a$\n?)+", ["a", "a\na", "a\na\n"], ["aa", "a\nb"]),
    ("(?x) a  b # both\n c\\ d", ["abc d"], ["a b", "abcd"]),
    (r"(?x: a b )c ", ["abc "], ["abc"]),
    (r"(?ia)[k-m]É", ["KÉ", "mÉ"], ["\u212aÉ", "ké"]),
    (r"(?i)\u212a[\u017f]", ["kS", "Ks"], ["kx"]),
    (r"a(?=b).*", ["ab", "abx"], ["a", "ac"]),
    (r"(?:a(?!b)|b)*", ["", "aa", "ba"], ["ab"]),
    (r".*(?<=ab)c?", ["ab", "xabc"], ["a", "abcc", "ac"]),
    (r".*(?<!x)y", ["y", "ay"], ["xy", "axy"]),
    (r".*\bfoo\b.*", ["foo", "a foo.", "-foo-"], ["afoo", "food", "foo_"]),
    (r"a\Bb|\B-\B", ["ab", "-"], ["a-"]),
    (r"a++b|a?+a", ["aab", "aa"], ["a"]),
    (r"(?>a|ab)c", ["ac"], ["abc"]),
    (r"(?:ab?)*+c", ["c", "aabc"], ["b"]),
    (r"(?>.*?a)b?", ["a", "xab"], ["aa", "axa"]),
    (r"(?=(?!ab).*c)[a-c]{3}", ["acc", "bbc"], ["abc", "aab"]),
    (r"a(?#once)?(?#, then)b", ["ab", "b"], ["aab"]),
    (r"(?#\)a(?#)b", ["b"], ["ab"]),
    ("(?x)a#\\\nb\nc", ["ac"], ["abc"]),
    (r"(?#all)(?i)(?#cases)a", ["A"], ["b"]),
    ("(?x) # all\n (?i) a # once\n ?", ["A", ""], ["b"]),
    (r"(?:a|ab){2}+c", ["aac"], ["abac", "abc"]),
    (r"(?i)\ufb05[\u0390]", ["\ufb06\u1fd3"], ["st\u0390"]),
]


def budget() -> Budget:
    return Budget(Limits())


@pytest.mark.parametrize(("pattern", "yes", "no"), FEATURES)
def test_feature(pattern: str, yes: list[str], no: list[str]) -> None:
    compiled = compile_pattern(pattern, budget())
    part = spell(compiled, utf8(compiled.alphabet), budget())
    for text in yes:
        assert accepts(compiled, text), text
        assert part.accepts(text.encode()), text
    for text in no:
        assert not accepts(compiled, text), text
        assert not part.accepts(text.encode()), text


# What the re module can read must mean the same to it.
READABLE = [f for f in FEATURES if r"\p" not in f[0] and r"\P" not in f[0] and r"\/" not in f[0]]


@pytest.mark.parametrize(("pattern", "yes", "no"), READABLE)
def test_feature_means_what_re_says(pattern: str, yes: list[str], no: list[str]) -> None:
    assert all(re.fullmatch(pattern, text) for text in yes)
    assert not any(re.fullmatch(pattern, text) for text in no)


@pytest.mark.parametrize(
    ("pattern", "what", "position"),
    [
        (r"(a)\1", "back reference", 5),
        (r"(?P<x>a)(?P=x)", "back reference", 8),
        (r"(a)?(?(1)b)", "conditional", 4),
        (r"\p{Script_Extensions=Greek}", "Unicode property", 27),
        (r"(?L)a", "locale", 3),
    ],
)
def test_refuses_by_name(pattern: str, what: str, position: int | None) -> None:
    with pytest.raises(UnsupportedConstraint, match=re.escape(what)) as caught:
        compile_pattern(pattern, budget())
    assert caught.value.path == f"position {position}"
    shown, caret = str(caught.value).splitlines()[1:]
    assert shown.strip() == pattern and caret.index("^") - 4 == position


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"\p{Greek}", "", "a"),
        (r"\p{Script=Greek}", "αΩ", "aж"),
        (r"\p{sc=Cyrl}", "жЯ", "aα"),
        (r"\p{General_Category=Uppercase_Letter}", "AÉ", "a1"),
        (r"\p{LC}", "aA", "1\u4f60"),
        (r"\P{Alphabetic}", "1 ", "aé"),
        (r"\p{Emoji_Presentation}", "\U0001f600", "a"),
        (r"\p{ASCII}", "a\n", "é"),
        (r"\p{Any}", "a\U0010ffff", ""),
        (r"[^\p{L}\p{Nd}]", " -", "a1é"),
        (r"\p{XID_Start}", "aé", "1_"),
        (r"\p{White_Space}", " \u2028", "a\x1c"),
    ],
)
def test_properties(pattern: str, yes: str, no: str) -> None:
    if not yes:
        with pytest.raises(UnsupportedConstraint, match="Unicode property 'Greek'"):
            compile_pattern(pattern, budget())
        return
    compiled = compile_pattern(pattern, budget())
    assert all(accepts(compiled, char) for char in yes)
    assert not any(accepts(compiled, char) for char in no)


def test_ignoring_case_is_what_re_does() -> None:
    everything = [chr(c) for low, high in EVERYTHING for c in range(low, min(high, 0x1F000) + 1)]
    cased = "".join(c for c in everything if c.lower() != c or c.casefold() != c or c.upper() != c)
    for char in cased[::7] + "iıİßẞſK\ufb05\ufb06\u0390\u1fd3\u03b0\u1fe3":
        found = ignoring_case(((ord(char), ord(char)),))
        expected = set(re.findall(re.escape(char), cased, re.IGNORECASE))
        assert {c for c in cased if contains(found, ord(c))} == expected, char


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "(a",
        "a)",
        "[a",
        "[z-a]",
        "*a",
        "a**",
        "a{3,2}",
        "{2}",
        r"\q",
        "(?z)a",
        r"\x4",
        r"\u12",
        "(?P<1>a)",
        "\\",
    ]
    + [
        "a(?i)b",
        "(?-:a)",
        "(?i-i:a)",
        "(?au:a)",
        "a(?#b",
        "[\\d-z]",
        "^*",
        r"\N{NO SUCH NAME}",
        r"\ud800",
        "\ud800",
    ],
)
def test_rejects(pattern: str) -> None:
    with pytest.raises(InvalidConstraint):
        compile_pattern(pattern, budget())


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", ["1.5", "-0", "+.5"], ["", ".", "-.", "x"]),
        (r"^(?=.*\d)", ["a1\nb"], ["a"]),
        (r"b", ["abc", "b"], ["ac"]),
        (r"^b", ["bc"], ["ab"]),
        (r"b$", ["ab"], ["ba", "b\n"]),
        (r"^[0-9]{5}$", ["12345"], ["123456", "x12345"]),
        (r"^a|b$", ["ax", "xb"], ["xax"]),
        (r"", ["", "x\ny"], []),
        (r"\d", ["x1"], ["\u0663"]),
        (r"^\w+$", ["a_1"], ["é"]),
        (r"^.$", ["é"], ["\u2028", "\r"]),
        (r"^\u{1f600}\cA\ud83d\ude00$", ["\U0001f600\x01\U0001f600"], [""]),
        (r"^[^]$", ["\n", "a"], [""]),
        (r"^(?<name>a)$", ["a"], ["b"]),
        (r"^\s$", ["\ufeff", "\u00a0"], ["a"]),
        (r"\bab\b", ["ab", "x ab."], ["abc", "xab"]),
        (r"^\B$", [""], ["a"]),
        (r"(?i)^ab$", ["AB"], ["abc"]),
        (r"\Aab\z", ["ab"], ["xab"]),
        (r"(?<!a)b", ["b", "cb"], ["ab", "aab"]),
        (r"^\p{L}+$", ["é"], ["1"]),
        (r"^[\w-]+@(?!x\.)\w+\.\w+$", ["a-b@y.z"], ["a@x.z"]),
        (r"^[\w-.]+$", ["a-b.c"], ["a b"]),
        (r"^[+-\d]$", ["+", "-", "5"], [",", "a"]),
    ],
)
def test_search_is_ecma(pattern: str, yes: list[str], no: list[str]) -> None:
    compiled = compile_search(pattern, budget())
    assert all(accepts(compiled, text) for text in yes)
    assert not any(accepts(compiled, text) for text in no)


def _repeats(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = inner.map(lambda p: f"(?:{p})")
    return st.one_of(
        st.tuples(group, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"])).map(
            "".join
        ),
        st.tuples(inner, inner).map("".join),
        st.tuples(group, group).map("|".join),
    )


ATOMS = st.sampled_from(
    ["a", "b", "é", ".", "[ab]", "[^a]", r"\w", "[a-é]", "^", "$", "(?:)", "(?i:A)"]
)
PATTERNS = st.recursive(ATOMS, _repeats, max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(PATTERNS, st.lists(st.text("abAé\n\U0001f600", max_size=6), max_size=12))
def test_random_patterns_against_re(pattern: str, texts: list[str]) -> None:
    compiled = compile_pattern(pattern, budget())
    part = spell(compiled, utf8(compiled.alphabet), budget())
    for text in ["", "a", "b", "ab", "aab", *texts]:
        expected = re.fullmatch(pattern, text) is not None
        assert accepts(compiled, text) == expected, (pattern, text)
        assert part.accepts(text.encode()) == expected, (pattern, text)


@pytest.mark.parametrize(
    "pattern",
    ["(a|b)*a(a|b){20}", "((a{99}){99}){99}", "(?:" * 5 + "a" + "{50})" * 5, r"(?:\b|a)*" * 300],
)
def test_explosions_end_at_the_budget(pattern: str) -> None:
    limits = Limits(seconds=0.3, states=20_000)
    with pytest.raises(ConstraintBudget):
        compile_pattern(pattern, Budget(limits))


def test_harmless_nesting_is_fine_and_deep_nesting_is_not() -> None:
    assert accepts(compile_pattern("(a+)+b", budget()), "aaab")
    with pytest.raises(InvalidConstraint, match="nested too deeply"):
        compile_pattern("(" * 30_00 + "a" + ")" * 30_00, budget())
    with pytest.raises(InvalidConstraint, match="characters"):
        compile_pattern("a" * 10_000, budget())
