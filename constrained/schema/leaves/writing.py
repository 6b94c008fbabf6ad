"""Writing: JSON strings as json.dumps writes them, each in one spelling, as text and as automata.

    write_text("a\\n")                                   # '"a\\\\n"'
    part = quote(pattern, one_spelling(pattern.alphabet, ascii=False), budget)

Names of properties, and strings about which a schema says more than their length, are spelled so: what a pattern or an
enum fixes then stays fixed in the text. Free strings may use every escape that JSON has.
"""

import json
from bisect import bisect_right
from collections.abc import Callable
from decimal import Decimal

import numpy as np

from ...automata.bytedfa import distinct_columns
from ...regex.charset import LAST, Alphabet
from ...regex.spelling import BACKSLASH, QUOTE, SHORT_ESCAPES, Spelling
from ..document import Json, reject
from .decimals import exponent_of, normal
from .interval import INTEGER_DIGITS

HEX = b"0123456789abcdef"
UNESCAPED = json.JSONEncoder(ensure_ascii=False)
SURROGATES = range(0xD800, 0xE000)


def write_text(text: str, ascii: bool) -> bytes:
    """A string as it is spelled. Raises InvalidConstraint for a lone surrogate, which no text can contain."""
    try:
        return UNESCAPED.encode(text).encode() if not ascii else _write_ascii(text)
    except UnicodeEncodeError:
        reject("a string has a lone surrogate, which no text can contain", "")


def _write_ascii(text: str) -> bytes:
    text.encode()
    return json.dumps(text).encode()


def write_number(value: int | Decimal) -> bytes:
    """A number as it is spelled: plain digits where they are few, else with an exponent."""
    if isinstance(value, int):
        return str(value).encode()
    bare = normal(value)
    exponent = exponent_of(bare)
    if bare.adjusted() < (20 if exponent < 0 else INTEGER_DIGITS) and exponent >= -20:
        return f"{bare:f}".encode()
    digits = "".join(map(str, bare.as_tuple().digits))
    sign = "-" if value < 0 else ""
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{value.adjusted():+03d}".encode()


def write_value(value: Json, ascii: bool) -> bytes:
    """A JSON value as json.dumps writes it, numbers as above."""
    match value:
        case dict():
            parts = [write_text(k, ascii) + b": " + write_value(v, ascii) for k, v in value.items()]
            return b"{" + b", ".join(parts) + b"}"
        case list():
            return b"[" + b", ".join(write_value(v, ascii) for v in value) + b"]"
        case str():
            return write_text(value, ascii)
        case None | bool():
            return json.dumps(value).encode()
        case _:
            return write_number(value)


def one_spelling(alphabet: Alphabet, ascii: bool) -> Spelling:
    """How the characters of an alphabet are written between quotes, each in one way."""
    return _Writer(alphabet, ascii).finish()


class _Writer:
    """Grows the trie from its leaves. An entry is a node above 0, or -1 - k at the end of a character of class k."""

    def __init__(self, alphabet: Alphabet, ascii: bool) -> None:
        self._starts, self._ids = alphabet.starts, alphabet.ids
        self._rows: list[dict[int, int]] = [{}]
        self._uniform: dict[tuple[str, int, int], int] = {}
        self._rows[0] = self._root(ascii)

    def _root(self, ascii: bool) -> dict[int, int]:
        row = {code: self._leaf(code) for code in range(0x20, 0x7F if ascii else 0x80)}
        del row[QUOTE], row[BACKSLASH]
        escapes = {letter: self._leaf(code) for letter, code in SHORT_ESCAPES.items()}
        short = set(SHORT_ESCAPES.values())
        controls = [c for c in range(0x20) if c not in short]
        if ascii:
            escapes[ord("u")] = self._units(0, 4, set(controls))
        else:
            escapes[ord("u")] = self._controls(controls)
            row |= {0xC0 + i: self._block(i * 64, 1) for i in range(2, 32)}
            row |= {0xE0 + i: self._block(i << 12, 2) for i in range(16)}
            row |= {0xF0 + i: self._block(i << 18, 3) for i in range(5)}
        row[BACKSLASH] = self._node(escapes)
        return row

    def _leaf(self, code: int) -> int:
        return -1 - self._ids[bisect_right(self._starts, code) - 1]

    def _class(self, low: int, size: int) -> int | None:
        at = bisect_right(self._starts, low) - 1
        whole = at + 1 == len(self._starts) or self._starts[at + 1] >= low + size
        return self._ids[at] if whole else None

    def _node(self, row: dict[int, int]) -> int:
        row = {byte: entry for byte, entry in row.items() if entry}
        if not row:
            return 0
        self._rows.append(row)
        return len(self._rows) - 1

    def _shared(
        self, what: str, size: int, kind: int | None, make: Callable[[], dict[int, int]]
    ) -> int:
        if kind is None:
            return self._node(make())
        key = (what, size, kind)
        if key not in self._uniform:
            self._uniform[key] = self._node(make())
        return self._uniform[key]

    def _controls(self, controls: list[int]) -> int:
        """The entry behind \\u where only control characters may follow."""
        last = [
            self._node({HEX[c % 16]: self._leaf(c) for c in controls if c // 16 == high})
            for high in range(2)
        ]
        inside = self._node({HEX[high]: node for high, node in enumerate(last)})
        return self._node({HEX[0]: self._node({HEX[0]: inside})})

    def _block(self, low: int, left: int) -> int:
        """The entry after which `left` more bytes of UTF-8 choose among the code points from `low`."""
        if left == 0:
            return self._leaf(low)
        size = 64**left
        shortest = {1: 0x80, 2: 0x800, 3: 0x10000}[left]
        regular = low >= shortest and low + size <= LAST + 1
        regular = regular and not (low <= 0xD800 < low + size)
        kind = self._class(low, size) if regular else None
        step = size // 64

        def row() -> dict[int, int]:
            return {
                0x80 + i: self._block(low + i * step, left - 1)
                for i in range(64)
                if (regular or left == 1 or low + i * step >= shortest)
                and low + i * step <= LAST
                and not (left == 2 and low + i * step in SURROGATES)
            }

        return self._shared("utf8", size, kind, row)

    def _units(self, low: int, left: int, controls: set[int]) -> int:
        """The entry after which `left` hexadecimal digits choose among UTF-16 units that need an escape."""
        if left == 0:
            if low in SURROGATES:
                return self._pair(0x10000 + (low - 0xD800) * 0x400) if low < 0xDC00 else 0
            return self._leaf(low) if low >= 0x7F or low in controls else 0
        size = 16**left
        mixed = low < 0x80 or (low < 0xE000 and low + size > 0xD800)
        kind = None if mixed else self._class(low, size)
        step = size // 16

        def row() -> dict[int, int]:
            return {HEX[i]: self._units(low + i * step, left - 1, controls) for i in range(16)}

        return self._shared("unit", size, kind, row)

    def _pair(self, first: int) -> int:
        """The entry behind a high surrogate: \\udc00 to \\udfff choose among 1024 code points."""

        def row() -> dict[int, int]:
            third = {HEX[12 + i]: self._low(first + i * 256, 2) for i in range(4)}
            second = self._node({HEX[13]: self._node(third)})
            return {BACKSLASH: self._node({ord("u"): second})}

        return self._shared("pair", 0x400, self._class(first, 0x400), row)

    def _low(self, low: int, left: int) -> int:
        if left == 0:
            return self._leaf(low)
        size = 16**left

        def row() -> dict[int, int]:
            return {HEX[i]: self._low(low + i * (size // 16), left - 1) for i in range(16)}

        return self._shared("low", size, self._class(low, size), row)

    def finish(self) -> Spelling:
        """The trie as tables. Children come before their parents, but for the root."""
        wide = np.zeros((len(self._rows) + 1, 256), np.int32)
        leaves: list[tuple[int, ...]] = [()]
        for number, row in enumerate(self._rows):
            wide[number, list(row)] = list(row.values())
            if number:
                found = {k for e in row.values() for k in ((-1 - e,) if e < 0 else leaves[e])}
                leaves.append(tuple(sorted(found)))
        wide[-1, QUOTE] = 1  # a class of its own
        first, classes = distinct_columns(wide)
        return Spelling(classes, wide[:-1, first], leaves)
