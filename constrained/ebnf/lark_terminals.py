"""Terminals of Lark's syntax as trees of regular expressions.

    tree = Terminals(find, wrong, budget).read(module, node)

`find` gives the node of a named terminal, `wrong` the error that shows where a grammar is wrong. A terminal's parts are
put together as if they were one regular expression, each in parentheses: `/a|b/ "c"` is (a|b)c.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import lark

from ..errors import ConstraintError, InvalidConstraint
from ..limits import Budget
from ..regex.charset import ignoring_case
from ..regex.classes import Mode
from ..regex.parser import parse
from ..regex.tree import Alternatives, Chars, Repeat, Sequence, Tree

Node = lark.Tree[lark.Token]
MOST_DEPTH = 150  # of trees in trees: three for a pair of parentheses
OFTEN = {"*": (0, None), "+": (1, None), "?": (0, 1)}
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "\\": "\\", '"': '"'}


@dataclass(frozen=True, slots=True)
class Place:
    """A named terminal in one of the grammars read."""

    module: str
    name: str


Wrong = Callable[
    [str, Node, str], InvalidConstraint
]  # from a module, the place in it, and what is wrong


def read_count(module: str, node: Node, wrong: Wrong) -> tuple[int, int | None]:
    """Least and most rounds of a node `often` or `times`. Raises InvalidConstraint."""
    operators = [str(child) for child in node.children[1:]]
    if node.data == "often":
        return OFTEN[operators[0]]
    low, high = int(operators[0]), int(operators[-1])
    if low < 0 or high < low:
        raise wrong(module, node, f"the repeat ~{low}..{high} is backwards or negative")
    return low, high


def read_literal(token: lark.Token, budget: Budget) -> Tree:
    """The tree of a string or of a regular expression with its flags. Raises as the regex parser does."""
    text = str(token)
    end = text.rindex(text[0])
    flags, inner = text[end + 1 :], text[1:end]
    if text[0] == "/":
        mode = Mode("i" in flags, "s" in flags, "m" in flags, "x" in flags)
        return parse(inner, "python", budget.limits, mode)
    chars = [((ord(c), ord(c)),) for c in read_string(inner)]
    return Sequence(tuple(Chars(ignoring_case(c) if flags else c) for c in chars))


def read_string(text: str) -> str:
    """The text between the quotes of a string, its escapes resolved; unknown ones stay as they are."""

    def resolve(found: re.Match[str]) -> str:
        escape = found.group(1)
        if len(escape) > 1:
            return chr(int(escape[1:], 16))
        return ESCAPED.get(escape, found.group())

    try:
        found = ESCAPE.sub(resolve, text)
        found.encode()
    except (ValueError, OverflowError):
        raise InvalidConstraint(f"the string {text!r} has an escape that is no character") from None
    return found


class Terminals:
    """Reads terminals; each named one once."""

    def __init__(
        self,
        find: Callable[[str, str, Node | None], tuple[str, Node]],
        wrong: Wrong,
        budget: Budget,
    ) -> None:
        self._find = find
        self._wrong = wrong
        self._budget = budget
        self._known: dict[Place, Tree] = {}
        self._open: list[Place] = []
        self._depth = 0

    def named(self, module: str, name: str, user: Node | None = None) -> Tree:
        """The tree of a named terminal; user: where another terminal names it. Raises InvalidConstraint."""
        place = Place(module, name)
        if place in self._open or len(self._open) >= self._budget.limits.nesting:
            chain = " -> ".join(p.name for p in [*self._open[-4:], place])
            assert user is not None, chain
            raise self._wrong(module, user, f"terminals refer to each other without end: {chain}")
        if place not in self._known:
            self._open.append(place)
            self._known[place] = self.read(*self._find(module, name, user))
            self._open.pop()
        return self._known[place]

    def read(self, module: str, node: Node | lark.Token) -> Tree:
        """The tree of a terminal's content. Raises InvalidConstraint."""
        self._budget.spend(1)
        assert isinstance(node, lark.Tree), node
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise InvalidConstraint("terminals are nested too deeply")
        tree = self._read(module, node)
        self._depth -= 1
        return tree

    def _read(self, module: str, node: Node) -> Tree:
        match node.data:
            case "choice" | "row":
                parts = tuple(self.read(module, child) for child in node.children)
                kind = Alternatives if node.data == "choice" else Sequence
                return parts[0] if len(parts) == 1 else kind(parts)
            case "alternative":
                return self.read(module, node.children[0])
            case "often" | "times":
                return Repeat(
                    self.read(module, node.children[0]), *read_count(module, node, self._wrong)
                )
            case "maybe":
                return Repeat(self.read(module, node.children[0]), 0, 1)
            case "name":
                return self.named(module, str(node.children[0]), node)
            case "literal":
                return _literal(node, self._budget)
            case "range":
                return read_range(module, node, self._wrong)
            case _:
                raise self._wrong(module, node, "a template cannot be part of a terminal")


def _literal(node: Node, budget: Budget) -> Tree:
    token = node.children[0]
    assert isinstance(token, lark.Token)
    try:
        return read_literal(token, budget)
    except ConstraintError as error:
        raise type(error)(
            f"in {_short(token)}: {error}", f"line {token.line} column {token.column}"
        ) from None


def _short(token: lark.Token) -> str:
    return token if len(token) <= 40 else token[:37] + "..."


def read_range(module: str, node: Node, wrong: Wrong) -> Tree:
    """The tree of "a".."z". Raises InvalidConstraint."""
    ends = [read_string(str(child)[1:-1]) for child in node.children]
    if any(len(end) != 1 for end in ends) or ends[0] > ends[1]:
        what = f"from {ends[0]!r} to {ends[1]!r}"
        raise wrong(module, node, f"a range goes from one character to a later one, not {what}")
    return Chars(((ord(ends[0]), ord(ends[1])),))
