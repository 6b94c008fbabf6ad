"""Escapes and bracketed classes of a regular expression: the parts of its text that name a set of characters.

    text = PatternText(r"[^a-f\\d]", "python")
    chars = read_class(text, Mode())        # the cursor has moved behind the closing bracket

It refuses to know about groups, repeats and anchors: `pattern_parser` meets those first.
"""

import unicodedata
from dataclasses import dataclass
from typing import Literal, NoReturn

from ..caret import point_at
from ..errors import InvalidConstraint, UnsupportedConstraint
from . import charset
from .charset import Charset, complement, ignoring_ascii_case, ignoring_case, normalise, union
from .properties import read_property

Dialect = Literal["python", "ecma"]
CONTROL = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11}


@dataclass(frozen=True, slots=True)
class Mode:
    """The flags in force."""

    ignore_case: bool = False
    dot_all: bool = False
    multi_line: bool = False
    verbose: bool = False
    ascii_only: bool = False


class PatternText:
    """A cursor over the text of a pattern."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text = text
        self.dialect: Dialect = dialect
        self.at = 0

    def peek(self, length: int = 1) -> str:
        """The next characters, fewer at the end."""
        return self.text[self.at : self.at + length]

    def take(self, expected: str) -> bool:
        """Moves behind `expected` if it comes next."""
        if not self.text.startswith(expected, self.at):
            return False
        self.at += len(expected)
        return True

    def next(self) -> str:
        """The next character. Raises InvalidConstraint at the end."""
        if self.at >= len(self.text):
            self.fail("ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def until(self, end: str) -> str:
        """All up to `end`, which is left behind. Raises InvalidConstraint if it does not come."""
        stop = self.text.find(end, self.at)
        if stop < 0:
            self.fail(f"{end!r} is missing")
        found = self.text[self.at : stop]
        self.at = stop + len(end)
        return found

    def fail(self, message: str) -> NoReturn:
        """Raises InvalidConstraint at this position."""
        raise InvalidConstraint(f"{message}\n{self._shown()}", f"position {self.at}")

    def refuse(self, what: str) -> NoReturn:
        """Raises UnsupportedConstraint at this position."""
        raise UnsupportedConstraint(f"{what} not supported\n{self._shown()}", f"position {self.at}")

    def _shown(self) -> str:
        return point_at(self.text, self.at)


def ignoring(chars: Charset, mode: Mode) -> Charset:
    """The set as the flags want it: with the other cases of its members, where case is ignored."""
    if not mode.ignore_case:
        return chars
    return ignoring_ascii_case(chars) if mode.ascii_only else ignoring_case(chars)


def read_escape(text: PatternText, mode: Mode, in_class: bool = False) -> Charset:
    """The set that the escape behind a backslash stands for, under the flags. Of sets like \\w no cases are added."""
    char = text.next()
    named = named_set(char, text.dialect, mode)
    if named is not None:
        return named
    return ignoring(_character(text, char, in_class), mode)


def _character(text: PatternText, char: str, in_class: bool) -> Charset:
    if char in "pP" and (text.dialect == "ecma" or text.peek() == "{"):
        return _property(text, negated=char == "P")
    if char == "b" and in_class:
        return ((8, 8),)
    code = _code_point(text, char, in_class)
    if 0xD800 <= code <= 0xDFFF:
        text.fail("a lone surrogate is no character")
    return ((code, code),)


def named_set(letter: str, dialect: Dialect, mode: Mode) -> Charset | None:
    """What \\d, \\w, \\s and their capitals mean, or None for another letter."""
    if letter not in "dDwWsS":
        return None
    if dialect == "ecma":
        sets = {"d": charset.ASCII_DIGITS, "w": charset.ASCII_WORD, "s": charset.ECMA_SPACE}
        found = sets[letter.lower()]
    elif mode.ascii_only:
        sets = {"d": charset.ASCII_DIGITS, "w": charset.ASCII_WORD, "s": charset.ASCII_SPACE}
        found = sets[letter.lower()]
    else:
        readers = {
            "d": charset.unicode_digits,
            "w": charset.unicode_word,
            "s": charset.unicode_space,
        }
        found = readers[letter.lower()]()
    return complement(found) if letter.isupper() else found


def _property(text: PatternText, negated: bool) -> Charset:
    name = text.until("}") if text.take("{") else text.next()
    found = read_property(name)
    if found is None:
        known = "general categories, scripts and the common binary properties are known"
        text.refuse(f"the Unicode property {name!r} ({known}) is")
    return complement(found) if negated else found


def _code_point(text: PatternText, char: str, in_class: bool) -> int:
    if char in CONTROL:
        return CONTROL[char]
    if char == "x":
        return _hex(text, 2)
    if char == "u":
        return _unicode(text)
    if char.isdigit() and char.isascii():
        return _octal(text, char, in_class)
    if text.dialect == "python" and char in "aUN":
        return _python_only(text, char)
    if text.dialect == "ecma" and char == "c" and text.peek().isascii() and text.peek().isalpha():
        return ord(text.next()) % 32
    if char.isascii() and char.isalpha():
        text.fail(f"unknown escape \\{char}")
    return ord(char)


def _python_only(text: PatternText, char: str) -> int:
    if char == "a":
        return 7
    if char == "U":
        return _hex(text, 8)
    name = text.until("}") if text.take("{") else ""
    try:
        return ord(unicodedata.lookup(name))
    except (KeyError, TypeError):
        text.fail(f"no character is named {name!r}")


def _unicode(text: PatternText) -> int:
    if text.dialect == "ecma" and text.take("{"):
        return _parse_hex(text, text.until("}"))
    code = _hex(text, 4)
    low = text.text[text.at + 2 : text.at + 6]
    if 0xD800 <= code < 0xDC00 and text.peek(2) == "\\u" and _is_low_surrogate(low):
        text.at += 6
        return 0x10000 + (code - 0xD800) * 0x400 + int(low, 16) - 0xDC00
    return code


def _is_low_surrogate(digits: str) -> bool:
    return len(digits) == 4 and digits[0] in "dD" and digits[1] in "cdefCDEF" and _is_hex(digits)


def _is_hex(digits: str) -> bool:
    return bool(digits) and all(c in "0123456789abcdefABCDEF" for c in digits)


def _hex(text: PatternText, length: int) -> int:
    digits = text.peek(length)
    if len(digits) != length:
        text.fail(f"{length} hexadecimal digits are needed")
    text.at += length
    return _parse_hex(text, digits)


def _parse_hex(text: PatternText, digits: str) -> int:
    if not _is_hex(digits) or len(digits) > 8 or int(digits, 16) > charset.LAST:
        text.fail(f"{digits!r} is no code point")
    return int(digits, 16)


def _octal(text: PatternText, first: str, in_class: bool) -> int:
    following = text.peek(2)
    digits = first
    for char in following:
        if char not in "01234567":
            break
        digits += char
    octal = first == "0" or len(digits) == 3 or in_class
    if not octal or not all(c in "01234567" for c in digits):
        text.refuse(f"the back reference \\{first} is")
    text.at += len(digits) - 1
    if int(digits, 8) > 0o377:
        text.fail(f"octal escape \\{digits} is above \\377")
    return int(digits, 8)


def read_class(text: PatternText, mode: Mode) -> Charset:
    """The set that a bracketed class stands for; the opening bracket is already behind the cursor."""
    negated = text.take("^")
    found: list[Charset] = []
    first = True
    while not (text.take("]") if not first or text.dialect == "ecma" else False):
        found.append(_class_item(text, mode))
        first = False
    chars = union(*found)
    return complement(chars) if negated else chars


def _class_item(text: PatternText, mode: Mode) -> Charset:
    at = text.at
    low = _class_atom(text, mode)
    if text.peek() != "-" or text.peek(2) in ("-]", "-"):
        return low
    text.at = at
    ends: list[Charset] = [_class_atom(text, Mode())]
    text.next()
    ends.append(_class_atom(text, Mode()))
    if text.dialect == "ecma" and any(len(e) != 1 or e[0][0] != e[0][1] for e in ends):
        # As browsers have it (the standard's Annex B): next to a set, a hyphen is nothing but that.
        return ignoring(union(*ends, ((0x2D, 0x2D),)), mode)
    first, last = (_single(text, end) for end in ends)
    if first > last:
        text.fail(f"the range {chr(first)}-{chr(last)} is backwards")
    return ignoring(normalise([(first, last)]), mode)


def _single(text: PatternText, chars: Charset) -> int:
    if len(chars) != 1 or chars[0][0] != chars[0][1]:
        text.fail("a range needs single characters at both ends")
    return chars[0][0]


def _class_atom(text: PatternText, mode: Mode) -> Charset:
    char = text.next()
    if char == "\\":
        return read_escape(text, mode, in_class=True)
    return ignoring(((ord(char), ord(char)),), mode)
