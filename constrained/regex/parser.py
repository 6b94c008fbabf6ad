"""Regular expression text to syntax tree.

    tree = parse(r"[a-z]+\\d{2,4}", "python", limits)

Two dialects: "python" reads what the `re` module reads and gives it the same meaning; "ecma" is what JSON Schema asks
for (ASCII \\d and \\w, `.` without all line ends). What is no regular language, or is not enforced exactly (lookbehind,
back references, word boundaries, possessive quantifiers), is refused by name and position.
"""

from dataclasses import replace

from .charset import EVERYTHING, Charset, complement, ignoring_case
from .errors import InvalidConstraint
from .limits import Limits
from .pattern_class import Dialect, Mode, PatternText, read_class, read_escape
from .pattern_tree import Alternatives, Chars, Edge, Look, Repeat, Sequence, Tree

LINE_ENDS: dict[Dialect, Charset] = {
    "python": ((10, 10),),
    "ecma": ((10, 10), (13, 13), (0x2028, 0x2029)),
}
REFUSED_GROUPS = {
    "(?<=": "lookbehind (?<=...)",
    "(?<!": "lookbehind (?<!...)",
    "(?P=": "the back reference (?P=...)",
    "(?(": "the conditional (?(...)",
    "(?>": "the atomic group (?>...)",
}
REFUSED_FLAGS = {"m": "multi-line", "x": "verbose", "L": "locale"}


def parse(pattern: str, dialect: Dialect, limits: Limits) -> Tree:
    """The tree of a pattern. Raises InvalidConstraint or UnsupportedConstraint with the position."""
    if len(pattern) > limits.pattern_chars:
        raise InvalidConstraint(
            f"the pattern has {len(pattern)} characters, more than {limits.pattern_chars}"
        )
    if any(0xD800 <= ord(c) <= 0xDFFF for c in pattern):
        raise InvalidConstraint("the pattern has a lone surrogate, which no text can contain")
    text = PatternText(pattern, dialect)
    mode = _leading_flags(text) if dialect == "python" else Mode()
    tree = _alternatives(text, mode, limits.nesting)
    if text.at < len(pattern):
        text.fail("a closing parenthesis too many")
    return tree


def _leading_flags(text: PatternText) -> Mode:
    mode = Mode()
    while text.peek(2) == "(?":
        end = text.text.find(")", text.at)
        letters = text.text[text.at + 2 : end]
        if end < 0 or not letters.isalpha() or not letters.isascii():
            break
        text.at += 2
        mode = _read_flags(text, mode, closing=")")
    return mode


def _read_flags(text: PatternText, mode: Mode, closing: str) -> Mode:
    """Flags as in (?i) or (?s-i: up to the closing character."""
    switch_on = True
    while not text.take(closing):
        letter = text.next()
        if letter == "-" and closing == ":" and switch_on:
            switch_on = False
        elif letter == "i":
            mode = replace(mode, ignore_case=switch_on)
        elif letter == "s":
            mode = replace(mode, dot_all=switch_on)
        elif letter in "au" and switch_on and text.dialect == "python":
            mode = replace(mode, ascii_only=letter == "a")
        elif letter in REFUSED_FLAGS:
            text.refuse(f"the {REFUSED_FLAGS[letter]} flag {letter} is")
        else:
            text.fail(f"unknown flag {letter!r}")
    return mode


def _alternatives(text: PatternText, mode: Mode, depth: int) -> Tree:
    if depth == 0:
        text.fail("groups are nested too deeply")
    parts = [_sequence(text, mode, depth)]
    while text.take("|"):
        parts.append(_sequence(text, mode, depth))
    return parts[0] if len(parts) == 1 else Alternatives(tuple(parts))


def _sequence(text: PatternText, mode: Mode, depth: int) -> Tree:
    parts: list[Tree] = []
    while text.at < len(text.text) and text.peek() not in ("|", ")"):
        atom = _atom(text, mode, depth)
        if atom is not None:
            parts.append(_quantified(text, atom))
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts))


def _atom(text: PatternText, mode: Mode, depth: int) -> Tree | None:
    """One character, class, anchor or group; None for a comment."""
    char = text.peek()
    if char == "(":
        return _group(text, mode, depth)
    text.next()
    if char == "[":
        return Chars(read_class(text, mode))
    if char == ".":
        return Chars(EVERYTHING if mode.dot_all else complement(LINE_ENDS[text.dialect]))
    if char in "^$":
        return Edge(at_end=char == "$")
    if char == "\\":
        return _escape(text, mode)
    if char in "*+?" or (char == "{" and _bounds(text, text.at - 1) is not None):
        text.fail(f"nothing for {char} to repeat")
    return _chars(((ord(char), ord(char)),), mode)


def _chars(chars: Charset, mode: Mode) -> Tree:
    return Chars(ignoring_case(chars) if mode.ignore_case else chars)


def _escape(text: PatternText, mode: Mode) -> Tree:
    letter = text.peek()
    if letter in ("b", "B"):
        text.refuse(f"the word boundary \\{letter} is")
    if text.dialect == "python" and letter in ("A", "Z"):
        text.next()
        return Edge(at_end=letter == "Z")
    if text.dialect == "ecma" and letter == "k":
        text.refuse("the back reference \\k is")
    return _chars(read_escape(text, mode), mode)


def _group(text: PatternText, mode: Mode, depth: int) -> Tree | None:
    for prefix, what in REFUSED_GROUPS.items():
        if text.text.startswith(prefix, text.at):
            text.refuse(f"{what} is")
    position = text.at
    text.next()
    if text.peek(2) in ("?=", "?!"):
        negated = text.peek(2) == "?!"
        text.at += 2
        return Look(_inside(text, mode, depth), negated, position)
    if text.take("?#") and text.dialect == "python":
        text.until(")")
        return None
    if text.take("?P<") or text.take("?<"):
        if not text.until(">").isidentifier():
            text.fail("a group name must be an identifier")
    elif text.take("?") and not text.take(":"):
        mode = _read_flags(text, mode, closing=":")
    return _inside(text, mode, depth)


def _inside(text: PatternText, mode: Mode, depth: int) -> Tree:
    inner = _alternatives(text, mode, depth - 1)
    if not text.take(")"):
        text.fail("a closing parenthesis is missing")
    return inner


def _quantified(text: PatternText, atom: Tree) -> Tree:
    bounds = _bounds(text, text.at)
    if bounds is None:
        return atom
    grouped = text.text[text.at - 1] == ")"
    low, high, text.at = bounds
    if isinstance(atom, Look) or (isinstance(atom, Edge) and not grouped):
        text.fail("an anchor or a lookahead cannot be repeated")
    if high is not None and low > high:
        text.fail(f"the repeat {{{low},{high}}} is backwards")
    if text.take("+"):
        text.refuse("a possessive quantifier is")
    text.take("?")  # lazy: the same texts match
    if _bounds(text, text.at) is not None:
        text.fail("a repeat of a repeat needs a group")
    return Repeat(atom, low, high)


def _bounds(text: PatternText, at: int) -> tuple[int, int | None, int] | None:
    """(least, most, position behind) of the quantifier at a position, or None if there is none."""
    simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
    char = text.text[at : at + 1]
    if char in simple:
        return *simple[char], at + 1
    end = text.text.find("}", at)
    if char != "{" or end < 0:
        return None
    low, comma, high = text.text[at + 1 : end].partition(",")
    if not _is_count(low, may_be_empty=bool(comma)) or not _is_count(high, may_be_empty=True):
        return None
    if not comma:
        return int(low), int(low), end + 1
    if not low and (not high or text.dialect == "ecma"):
        return None
    return int(low or 0), int(high) if high else None, end + 1


def _is_count(digits: str, may_be_empty: bool) -> bool:
    return (
        may_be_empty if not digits else digits.isascii() and digits.isdigit() and len(digits) < 10
    )
