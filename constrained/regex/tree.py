"""The syntax tree of a regular expression.

    Sequence((Chars(((97, 97),)), Repeat(Chars(((48, 57),)), 1, None)))        is the tree of        a[0-9]+

Groups leave no trace: only the language matters. So do lazy quantifiers.
"""

from dataclasses import dataclass

from .charset import Charset


@dataclass(frozen=True, slots=True)
class Chars:
    """One code point of a set."""

    chars: Charset


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; nothing at all when empty."""

    parts: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Any one of them."""

    parts: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Repeat:
    """`body` at least `low` times and at most `high` times (None: without end)."""

    body: "Tree"
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Edge:
    """An anchor: nothing, at the begin of the text or at its end."""

    at_end: bool


@dataclass(frozen=True, slots=True)
class Look:
    """A lookahead: nothing, where `body` comes next or, if negated, does not. position: in the pattern's text."""

    body: "Tree"
    negated: bool
    position: int


Tree = Chars | Sequence | Alternatives | Repeat | Edge | Look
