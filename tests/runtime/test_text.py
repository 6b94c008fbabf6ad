"""TextStream: stops are found wherever they fall, and nothing of them is given out."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trellis.constrained.compiling.compiler import Compiler
from trellis.constrained.spec import Regex
from trellis.constrained.tokens.vocabulary import Vocabulary
from trellis.runtime.stops import RegexSearch
from trellis.runtime.text import TextStream


class Letters:
    """A decoder whose token ids are code points."""

    def push(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))

    def flush(self) -> str:
        return ""


VOCABULARY = Vocabulary([bytes([byte]) for byte in range(256)], frozenset[int]())
COMPILER = Compiler(VOCABULARY, lambda text: list(text.encode()))


def stream(*stops: str, regex: str | None = None) -> TextStream:
    search = None if regex is None else RegexSearch(COMPILER.compile(Regex(regex)))
    return TextStream(Letters(), stops, search)


def feed(text: TextStream, content: str, sizes: Sequence[int]) -> str:
    out, at = "", 0
    for size in (*sizes, len(content)):
        out += text.push([ord(c) for c in content[at : at + size]])
        at += size
    return out + text.flush()


@pytest.mark.parametrize(
    ("content", "stops", "given_out", "stopped"),
    [
        ("hello world", (), "hello world", None),
        ("hello\nworld", ("\n",), "hello", "\n"),
        ("a</s>b", ("</s>",), "a", "</s>"),
        ("a</b", ("</s>",), "a</b", None),
        ("xaab", ("ab", "aa"), "x", "aa"),
        ("ends with part </", ("</s>",), "ends with part </", None),
    ],
)
def test_stop_strings(
    content: str, stops: tuple[str, ...], given_out: str, stopped: str | None
) -> None:
    for size in (1, 2, 3, len(content)):
        text = stream(*stops)
        assert feed(text, content, [size] * len(content)) == given_out
        assert text.stopped == stopped


def test_held_back_only_while_a_stop_may_form() -> None:
    text = stream("</s>")
    assert text.push([ord(c) for c in "ab<"]) == "ab"
    assert text.push([ord("b")]) == "<b"


@given(st.text("ab\n<", max_size=30), st.lists(st.integers(1, 5), max_size=30))
def test_any_split_gives_the_same_text(content: str, sizes: list[int]) -> None:
    whole = stream("<a", "\n\n")
    split = stream("<a", "\n\n")
    assert feed(whole, content, [len(content)]) == feed(split, content, sizes)
    assert whole.stopped == split.stopped


def test_kept_tokens_lie_before_the_stop() -> None:
    text = stream("!")
    assert text.push([ord(c) for c in "abc!d"]) == "abc"
    assert (text.kept, text.tail) == (3, "")


def test_kept_is_nothing_when_the_stop_comes_first() -> None:
    text = stream("!")
    text.push([ord("!")])
    assert (text.kept, text.tail) == (0, "")


@pytest.mark.parametrize(
    ("content", "regex", "given_out", "stopped"),
    [
        ("call 555-1234 now", r"\d{3}-\d{4}", "call ", "555-1234"),
        ("abcabd", "abd", "abc", "abd"),
        ("no match here 12", r"\d{3}", "no match here 12", None),
        ("naïve ☂ rain", "☂", "naïve ", "☂"),
        ("aaab", "a*b", "", "aaab"),
        ("xx", "y*", "xx", None),
    ],
)
def test_stop_regex(content: str, regex: str, given_out: str, stopped: str | None) -> None:
    for size in (1, 2, 5, len(content)):
        text = stream(regex=regex)
        assert feed(text, content, [size] * len(content)) == given_out
        assert text.stopped == stopped


def test_a_stop_regex_takes_linear_time_whatever_it_is() -> None:
    text = stream(regex="(a+)+b")
    assert feed(text, "a" * 2000, [50] * 40) == "a" * 2000


@given(st.text("abc1", max_size=24), st.lists(st.integers(1, 4), max_size=24))
def test_regex_and_strings_together_in_any_split(content: str, sizes: list[int]) -> None:
    whole, split = (stream("cc", regex="b+1") for _ in range(2))
    assert feed(whole, content, [len(content)]) == feed(split, content, sizes)
    assert whole.stopped == split.stopped
