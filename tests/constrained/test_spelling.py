"""Spellings: UTF-8 at all its corners, and every way a JSON string may write a character."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trellis.constrained.limits import Budget, Limits
from trellis.constrained.regex.pattern import (
    Pattern,
    accepts,
    any_text,
    bound_length,
    compile_pattern,
    meet,
)
from trellis.constrained.regex.spelling import json as json_spelling
from trellis.constrained.regex.spelling import quote, spell, utf8

CORNERS = [
    0,
    0x1F,
    0x20,
    0x22,
    0x2F,
    0x5C,
    0x7E,
    0x7F,
    0x80,
    0x7FF,
    0x800,
    0xD7FF,
    0xE000,
    0xFFFD,
    0xFFFF,
]
CORNERS += [0x10000, 0x103FF, 0x10400, 0x1F600, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF]
BROKEN = [
    b"\x80",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x80\x80",
    b"\xed\xa0\x80",
    b"\xf0\x80\x80\x80",
    b"\xf4\x90\x80\x80",
]
BROKEN += [b"\xf5\x80\x80\x80", b"\xff", b"\xc3", b"\xe2\x82", b"\xc3(", b"\xf0\x9f\x98"]


def budget() -> Budget:
    return Budget(Limits())


def test_utf8_corners() -> None:
    anything = any_text(1, 1)
    part = spell(anything, utf8(anything.alphabet), budget())
    assert all(part.accepts(chr(code).encode()) for code in CORNERS)
    assert not any(part.accepts(data) for data in BROKEN)


def test_utf8_tells_all_neighbours_apart() -> None:
    for code in CORNERS[5:]:
        pattern = compile_pattern(f"\\U{code:08x}", budget())
        part = spell(pattern, utf8(pattern.alphabet), budget())
        near = [
            c for c in (code - 1, code, code + 1) if 0 <= c <= 0x10FFFF and not 0xD800 <= c < 0xE000
        ]
        assert [c for c in near if part.accepts(chr(c).encode())] == [code]


def escapes(code: int) -> set[bytes]:
    """Every spelling of a character in a JSON string, but for the case of hexadecimal digits."""
    found = {
        json.dumps(chr(code))[1:-1].encode(),
        json.dumps(chr(code), ensure_ascii=False)[1:-1].encode(),
    }
    units = chr(code).encode("utf-16-be")
    pairs = [units[i : i + 2].hex() for i in range(0, len(units), 2)]
    found |= {
        "".join(f"\\u{p}" for p in pairs).encode(),
        "".join(f"\\u{p.upper()}" for p in pairs).encode(),
    }
    return found | ({b"\\/"} if code == 0x2F else set())


@pytest.mark.parametrize("code", CORNERS)
def test_every_json_spelling(code: int) -> None:
    anything = any_text(1, 1)
    part = quote(anything, json_spelling(anything.alphabet, plain=False), budget())
    plain = quote(anything, json_spelling(anything.alphabet, plain=True), budget())
    for escape in escapes(code):
        assert json.loads(b'"' + escape + b'"') == chr(code)
        assert part.accepts(b'"' + escape + b'"'), escape
        needless = escape == b"\\/" or (0x20 <= code < 0x7F and escape.startswith(b"\\u"))
        assert plain.accepts(b'"' + escape + b'"') == (not needless), escape


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "",
        '"a',
        'a"',
        '"\n"',
        '"\\"',
        '"\\x41"',
        '"\\u12"',
        '"\\ud800"',
        '"\\udc00"',
        '"\\ud800\\u0041"',
        '"""',
    ]
    + ['"\\ud83d\\ud83d"', '"\\U0041"', "'a'", '"a" '],
)
def test_what_is_no_json_string(text: str) -> None:
    anything = any_text(0, None)
    part = quote(anything, json_spelling(anything.alphabet, plain=False), budget())
    assert not part.accepts(text.encode())


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=8), st.integers(0, 4), st.integers(0, 4))
def test_length_counts_code_points(text: str, low: int, extra: int) -> None:
    pattern = any_text(low, low + extra)
    part = quote(pattern, json_spelling(pattern.alphabet, plain=False), budget())
    expected = low <= len(text) <= low + extra
    assert accepts(pattern, text) == expected
    for ascii_only in (True, False):
        assert part.accepts(json.dumps(text, ensure_ascii=ascii_only).encode()) == expected


@pytest.mark.parametrize(
    "pattern", [r'[a-z"\\]+', r"(?s).é.", r"\w*", "\U0001f600|\U0001f601+", r"[^\x00-\x1f/]*"]
)
def test_patterns_hold_through_escapes(pattern: str) -> None:
    compiled = compile_pattern(pattern, budget())
    part = quote(compiled, json_spelling(compiled.alphabet, plain=True), budget())
    for text in [
        "a",
        'q"\\z',
        "aéb",
        "\né\t",
        "",
        "\U0001f600",
        "\U0001f601\U0001f601",
        "a/b",
        "w_1",
    ]:
        for ascii_only in (True, False):
            spelled = json.dumps(text, ensure_ascii=ascii_only).encode()
            assert part.accepts(spelled) == accepts(compiled, text), text


def test_meet_and_bound_length() -> None:
    both = meet(compile_pattern("[a-m]*", budget()), compile_pattern("[h-zé]*", budget()), budget())
    assert [t for t in ("", "h", "a", "z", "hm", "é") if accepts(both, t)] == ["", "h", "hm"]
    short = bound_length(both, 1, 2, budget())
    assert [t for t in ("", "h", "hm", "hmh") if accepts(short, t)] == ["h", "hm"]
    assert isinstance(short, Pattern)
