"""Regular expression text to syntax tree.

    tree = parse(r"[a-z]+\\d{2,4}", "python", limits)

Two dialects: "python" reads what the `re` module reads and gives it the same meaning; "ecma" is what JSON Schema asks
for (ASCII \\d and \\w, `.` without all line ends, `$` at the end alone), and reads besides what authors of schemas are
used to: leading flags as in (?i), \\A, \\Z and \\z. What is no regular language (back references, conditionals) is
refused by name and position.
"""

import re
from dataclasses import replace

from ..errors import InvalidConstraint
from ..limits import Limits
from .charset import EVERYTHING, Charset, complement
from .classes import Dialect, Mode, PatternText, ignoring, named_set, read_class, read_escape
from .tree import Alternatives, Atomic, Chars, Edge, Look, Repeat, Sequence, Tree

NEW_LINE: Charset = ((10, 10),)
LINE_ENDS: dict[Dialect, Charset] = {
    "python": NEW_LINE,
    "ecma": ((10, 10), (13, 13), (0x2028, 0x2029)),
}
REFUSED_GROUPS = {"(?P=": "the back reference (?P=...)", "(?(": "the conditional (?(...)"}
# Of remarks; what a backslash stands before does not end them.
COMMENT = re.compile(r"(?:[^)\\]|\\.)*", re.DOTALL)
LINE = re.compile(r"(?:[^\n\\]|\\.)*", re.DOTALL)
ANCHORS = frozenset({"^", "$", r"\A", r"\Z", r"\z", r"\b", r"\B"})
# What `$` means in Python: the end, or before a line end that is the end.
BEFORE_LAST_LINE_END = Look(Sequence((Repeat(Chars(NEW_LINE), 0, 1), Edge(at_end=True))), False)


def parse(pattern: str, dialect: Dialect, limits: Limits, mode: Mode | None = None) -> Tree:
    """The tree of a pattern. Raises InvalidConstraint or UnsupportedConstraint with the position."""
    if len(pattern) > limits.pattern_chars:
        raise InvalidConstraint(
            f"the pattern has {len(pattern)} characters, more than {limits.pattern_chars}"
        )
    if any(0xD800 <= ord(c) <= 0xDFFF for c in pattern):
        raise InvalidConstraint("the pattern has a lone surrogate, which no text can contain")
    text = PatternText(pattern, dialect)
    mode = _leading_flags(text, mode or Mode())
    tree = _alternatives(text, mode, limits.nesting)
    if text.at < len(pattern):
        text.fail("a closing parenthesis too many")
    return _settle_ends(tree)


def _settle_ends(tree: Tree) -> Tree:
    """Behind the last `$` of a text nothing can follow, not even a line end: there it is the plain end."""
    if tree == BEFORE_LAST_LINE_END:
        return Edge(at_end=True)
    if isinstance(tree, Alternatives):
        return Alternatives(tuple(map(_settle_ends, tree.parts)))
    if isinstance(tree, Sequence) and tree.parts:
        return Sequence((*tree.parts[:-1], _settle_ends(tree.parts[-1])))
    return tree


def _leading_flags(text: PatternText, mode: Mode) -> Mode:
    while _skip(text, mode) and text.peek(2) == "(?":
        end = text.text.find(")", text.at)
        letters = text.text[text.at + 2 : end]
        if end < 0 or not letters.isalpha() or not letters.isascii():
            break
        text.at += 2
        mode = _read_flags(text, mode, closing=")")
    return mode


def _read_flags(text: PatternText, mode: Mode, closing: str) -> Mode:
    """Flags as in (?i) or (?s-i: up to the closing character."""
    names = {"i": "ignore_case", "s": "dot_all", "m": "multi_line", "x": "verbose"}
    seen = ""
    while not text.take(closing):
        letter = text.next()
        switch_on = "-" not in seen
        if letter in names:
            mode = replace(mode, **{names[letter]: switch_on})
        elif letter in "au" and switch_on and text.dialect == "python":
            mode = replace(mode, ascii_only=letter == "a")
        elif letter == "L":
            text.refuse("the locale flag L is")
        elif letter == ")":
            text.fail("flags for all that follows stand only at the very begin; elsewhere (?i:...)")
        elif letter != "-" or closing == ")" or not switch_on:
            text.fail(f"unknown flag {letter!r}")
        seen += letter
    _check_flags(text, seen)
    return mode


def _check_flags(text: PatternText, seen: str) -> None:
    on, minus, off = seen.partition("-")
    if minus and not off and (text.dialect == "python" or not on):
        text.fail("a flag is missing behind the minus")
    if set(on) & set(off):
        text.fail(f"the flag {min(set(on) & set(off))!r} is switched both on and off")
    if {"a", "u"} <= set(on):
        text.fail("the flags 'a' and 'u' exclude each other")


def _alternatives(text: PatternText, mode: Mode, depth: int) -> Tree:
    if depth == 0:
        text.fail("groups are nested too deeply")
    parts = [_sequence(text, mode, depth)]
    while text.take("|"):
        parts.append(_sequence(text, mode, depth))
    return parts[0] if len(parts) == 1 else Alternatives(tuple(parts))


def _sequence(text: PatternText, mode: Mode, depth: int) -> Tree:
    parts: list[Tree] = []
    while _skip(text, mode) and text.peek() not in ("|", ")"):
        begin = text.at
        atom = _atom(text, mode, depth)
        anchor = text.text[begin : text.at] in ANCHORS
        parts.append(_quantified(text, mode, atom, anchor))
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts))


def _skip(text: PatternText, mode: Mode) -> bool:
    """Moves behind what means nothing: comments as (?#...), under the flag x white space, too; whether more comes."""
    while char := text.peek():
        if text.dialect == "python" and text.take("(?#"):
            text.at = _behind(COMMENT, text)
            if not text.take(")"):
                text.fail("')' is missing")
        elif mode.verbose and char in " \t\n\r\f\v#":
            text.next()
            text.at = _behind(LINE, text) if char == "#" else text.at
        else:
            return True
    return False


def _behind(remark: re.Pattern[str], text: PatternText) -> int:
    found = remark.match(text.text, text.at)
    return found.end() if found else text.at


def _atom(text: PatternText, mode: Mode, depth: int) -> Tree:
    """One character, class, anchor or group."""
    char = text.peek()
    if char == "(":
        return _group(text, mode, depth)
    text.next()
    if char == "[":
        return Chars(read_class(text, mode))
    if char == ".":
        return Chars(EVERYTHING if mode.dot_all else complement(LINE_ENDS[text.dialect]))
    if char in "^$":
        return _edge(text.dialect, mode, at_end=char == "$")
    if char == "\\":
        return _escape(text, mode)
    if char in "*+?" or (char == "{" and _bounds(text, text.at - 1) is not None):
        text.at -= 1
        text.fail(f"nothing for {char} to repeat")
    return Chars(ignoring(((ord(char), ord(char)),), mode))


def _edge(dialect: Dialect, mode: Mode, at_end: bool) -> Tree:
    if mode.multi_line:
        # No character other than a line end is next to this place.
        return Look(Chars(complement(LINE_ENDS[dialect])), negated=True, behind=not at_end)
    return BEFORE_LAST_LINE_END if at_end and dialect == "python" else Edge(at_end)


def _escape(text: PatternText, mode: Mode) -> Tree:
    letter = text.peek()
    if letter in ("b", "B"):
        text.next()
        return _word_boundary(text.dialect, mode, negated=letter == "B")
    if letter in ("A", "Z") or (letter == "z" and text.dialect == "ecma"):
        text.next()
        return Edge(at_end=letter != "A")
    if text.dialect == "ecma" and letter == "k":
        text.refuse("the back reference \\k is")
    return Chars(read_escape(text, mode))


def _word_boundary(dialect: Dialect, mode: Mode, negated: bool) -> Tree:
    """A place between a word character and none; negated: any other, in Python only of a text that is not empty."""
    chars = named_set("w", dialect, mode)
    assert chars is not None
    word = Chars(chars)
    inside = Sequence((Look(word, False, True), Look(word, negated=not negated)))
    outside = Sequence((Look(word, True, True), Look(word, negated=negated)))
    if not negated or dialect == "ecma":
        return Alternatives((inside, outside))
    some = Chars(EVERYTHING)
    besides = Alternatives((Look(some, False, True), Look(some, False)))
    return Alternatives((inside, Sequence((outside, besides))))


def _group(text: PatternText, mode: Mode, depth: int) -> Tree:
    for prefix, what in REFUSED_GROUPS.items():
        if text.text.startswith(prefix, text.at):
            text.refuse(f"{what} is")
    text.next()
    for prefix, behind in (("?<", True), ("?", False)):
        for sign, negated in (("=", False), ("!", True)):
            if text.take(prefix + sign):
                return Look(_inside(text, mode, depth), negated, behind)
    if text.dialect == "python" and text.take("?>"):
        return Atomic(_inside(text, mode, depth))
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


def _quantified(text: PatternText, mode: Mode, atom: Tree, anchor: bool) -> Tree:
    _skip(text, mode)
    bounds = _bounds(text, text.at)
    if bounds is None:
        return atom
    low, high, behind = bounds
    if anchor:
        text.fail("an anchor cannot be repeated")
    if high is not None and low > high:
        text.fail(f"the repeat {{{low},{high}}} is backwards")
    text.at = behind
    possessive = text.dialect == "python" and text.take("+")
    lazy = not possessive and text.take("?")
    if _bounds(text, text.at) is not None:
        text.fail("a repeat of a repeat needs a group")
    tree = Repeat(atom, low, high, lazy)
    return _possessive(tree) if possessive else tree


def _possessive(tree: Repeat) -> Tree:
    """A repeat that gives nothing back, nor does any of its rounds. Of single characters: as many as come."""
    if not isinstance(tree.body, Chars):
        return Atomic(replace(tree, body=Atomic(tree.body)))
    if tree.high is None:
        return Sequence((tree, Look(tree.body, negated=True)))
    full = Repeat(tree.body, tree.high, tree.high)
    if tree.low == tree.high:
        return full
    short = Repeat(tree.body, tree.low, tree.high - 1)
    return Alternatives((full, Sequence((short, Look(tree.body, negated=True)))))


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
    if not low and text.dialect == "ecma":
        return None
    return int(low or 0), int(high) if high else None, end + 1


def _is_count(digits: str, may_be_empty: bool) -> bool:
    return (
        may_be_empty if not digits else digits.isascii() and digits.isdigit() and len(digits) < 10
    )
