"""Grammars in llama.cpp's syntax (GBNF), which xgrammar and SGLang read as well.

    grammar = read_gbnf('root ::= "[" [0-9]+ ("," [0-9]+)* "]"', "root", budget)

Rules are `name ::= content`; content is strings, classes, `.`, names, parentheses, `|`, and the repeats * + ? {n}
{n,m} {n,}. `<name>` is a special token of the vocabulary. Comments begin with #. Nothing is ignored between symbols.
"""

import re
from typing import NoReturn

from ..errors import InvalidConstraint
from ..limits import Budget
from ..regex.charset import EVERYTHING, Charset
from ..regex.classes import Mode, PatternText, read_class, read_escape
from ..regex.tree import Chars, Sequence
from .lark_syntax import MOST_CHARS, MOST_NESTING, invalid
from .lark_terminals import OFTEN
from .syntax import Either, Part, Productions, Row, Symbol, Terminal, Times

SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
HEAD = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)[ \t]*::=")
BOUNDS = re.compile(r"\{\s*(\d{0,9})\s*(,?)\s*(\d{0,9})\s*\}")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
TOKEN = re.compile(r"<[^\s<>\[\]]+>")
SPECIAL = b"\xff"  # begins the bytes of a special token, and no text


def read_gbnf(text: str, start: str, budget: Budget) -> Productions:
    """The grammar of a text; without a rule `start` it begins at `root`. Raises InvalidConstraint."""
    if len(text) > MOST_CHARS:
        raise InvalidConstraint(f"the grammar has {len(text)} characters, more than {MOST_CHARS}")
    lone = LONE_SURROGATE.search(text)
    if lone is not None:
        raise invalid(text, lone.start(), "a lone surrogate is no character")
    return _Reader(text, budget).read(start)


class _GrammarText(PatternText):
    """A cursor over a grammar, which says where it is by line and column."""

    def fail(self, message: str) -> NoReturn:
        raise invalid(self.text, self.at, message)

    def skip(self) -> None:
        """Moves behind white space and comments."""
        found = SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Moves behind what matches here, if anything does."""
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found


class _Reader:
    def __init__(self, text: str, budget: Budget) -> None:
        self._text = _GrammarText(text, "python")
        self._budget = budget
        self._grammar = Productions()
        self._rules: dict[str, int] = {}
        self._used: dict[str, int] = {}
        self._terminals: dict[str, int] = {}

    def read(self, start: str) -> Productions:
        text = self._text
        text.skip()
        while text.at < len(text.text):
            begin = text.at
            head = text.match(HEAD)
            if head is None:
                text.fail("a rule is expected: name ::= content")
            number = self._rule(head.group(1))
            if number in self._grammar.rules:
                text.at = begin
                text.fail(f"the rule {head.group(1)} is defined twice")
            self._grammar.rules[number] = self._choice(MOST_NESTING)
        self._check_names()
        if start == "start" and start not in self._rules:
            start = "root"
        if start not in self._rules:
            raise InvalidConstraint(f"the grammar has no rule {start}")
        self._grammar.start = self._rules[start]
        return self._grammar

    def _check_names(self) -> None:
        for name, at in self._used.items():
            if self._rules[name] not in self._grammar.rules:
                self._text.at = at
                self._text.fail(f"the rule {name} is not defined")

    def _rule(self, name: str) -> int:
        if name not in self._rules:
            self._rules[name] = self._grammar.add_rule(name)
        return self._rules[name]

    def _choice(self, depth: int) -> Part:
        if depth == 0:
            self._text.fail("parentheses are nested too deeply")
        parts = [self._row(depth)]
        while self._text.take("|"):
            parts.append(self._row(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _row(self, depth: int) -> Part:
        text = self._text
        parts: list[Part] = []
        text.skip()
        while text.at < len(text.text) and text.peek() not in ("|", ")"):
            if HEAD.match(text.text, text.at):
                break
            self._budget.spend(1)
            parts.append(self._repeated(self._atom(depth)))
        if text.peek() == ")" and depth == MOST_NESTING:
            text.fail("a closing parenthesis too many")
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _atom(self, depth: int) -> Part:
        text = self._text
        begin = text.at
        if text.peek(2) == "(=":
            text.refuse("a lookahead (= ...) is")
        if text.take("("):
            inner = self._choice(depth - 1)
            if not text.take(")"):
                text.fail("a closing parenthesis is missing")
            return inner
        if name := text.match(NAME):
            self._used.setdefault(name.group(), begin)
            return Symbol(self._rule(name.group()))
        if text.peek() not in ('"', "[", ".", "<"):
            text.fail("a string, a class, a name or a group is expected")
        terminal = self._terminal()
        spelling = text.text[begin : text.at]
        if spelling not in self._terminals:
            self._terminals[spelling] = self._grammar.add_terminal(terminal)
        return Row(()) if spelling == '""' else Symbol(self._terminals[spelling])

    def _terminal(self) -> Terminal:
        text = self._text
        begin = text.at
        if token := text.match(TOKEN):
            return Terminal(token.group(), data=SPECIAL + token.group().encode())
        match text.next():
            case '"':
                tree = Sequence(tuple(map(Chars, self._string())))
            case "[":
                tree = Chars(read_class(text, Mode()))
            case ".":
                tree = Chars(EVERYTHING)
            case _:
                text.at = begin
                text.refuse("a token by its number is")
        return Terminal(text.text[begin : text.at], tree)

    def _string(self) -> list[Charset]:
        text = self._text
        chars: list[Charset] = []
        while (char := text.next()) != '"':
            if char == "\n":
                text.fail("the string does not end")
            code = ord(char)
            chars.append(read_escape(text, Mode(), True) if char == "\\" else ((code, code),))
        return chars

    def _repeated(self, part: Part) -> Part:
        """The part with the repeats behind it, which white space may keep apart from it."""
        text = self._text
        text.skip()
        while char := text.peek():
            bounds = text.match(BOUNDS)
            if bounds:
                low, comma, high = bounds.groups()
                most = (int(high) if high else None) if comma else int(low or 0)
                if most is not None and most < int(low or 0):
                    text.fail("the repeat is backwards")
                part = Times(part, int(low or 0), most)
            elif char in OFTEN:
                text.next()
                part = Times(part, *OFTEN[char])
            else:
                break
            text.skip()
        return part
