"""The syntax tree of a regular expression.

    Sequence((Chars(((97, 97),)), Repeat(Chars(((48, 57),)), 1, None)))        is the tree of        a[0-9]+

Groups leave no trace: only the language matters. Whether a quantifier is lazy matters only where the tree is put into
an Atomic.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .charset import EVERYTHING, Charset


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
    """Any one of them; earlier ones are preferred."""

    parts: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Repeat:
    """`body` at least `low` times and at most `high` times (None: without end). lazy: few are preferred."""

    body: "Tree"
    low: int
    high: int | None
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """An anchor: nothing, at the begin of the text or at its end."""

    at_end: bool


@dataclass(frozen=True, slots=True)
class Look:
    """Nothing, where `body` comes next, or, with `behind`, where it has just ended; `negated`: where it does not."""

    body: "Tree"
    negated: bool
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Atomic:
    """The one text for `body` that backtracking would find first, never another."""

    body: "Tree"


Tree = Chars | Sequence | Alternatives | Repeat | Edge | Look | Atomic

NOTHING = Sequence(())
ANY = Chars(EVERYTHING)
ANYTHING = Repeat(ANY, 0, None)


def children(tree: Tree) -> "tuple[Tree, ...]":
    """The trees right below one."""
    match tree:
        case Sequence(parts) | Alternatives(parts):
            return parts
        case Repeat() | Look() | Atomic():
            return (tree.body,)
        case _:
            return ()


def walk(tree: Tree) -> Iterator[Tree]:
    """Every tree in one, itself included; a tree that is in it more than once comes once."""
    seen: set[int] = set()
    stack = [tree]
    while stack:
        tree = stack.pop()
        if id(tree) not in seen:
            seen.add(id(tree))
            yield tree
            stack.extend(children(tree))
