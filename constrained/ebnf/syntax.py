"""A grammar as its readers hand it over: rules made of symbols, whatever syntax they were written in.

    grammar = Productions()
    digit = grammar.add_terminal(Terminal("DIGIT", tree))
    pair = grammar.add_rule("pair")
    grammar.rules[pair] = Row((Symbol(digit), Times(Symbol(pair), 0, 1)))

Terminals and rules are numbered together. It refuses to know how texts are derived.
"""

from dataclasses import dataclass, field

from ..regex.tree import Tree


@dataclass(frozen=True, slots=True, eq=False)
class Terminal:
    """A piece of text. tree: what it reads, characters; data: or the very bytes.

    fixed: a string, not a regular expression. priority: among terminals that read the same text.
    """

    name: str
    tree: Tree | None = None
    data: bytes | None = None
    fixed: bool = False
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """A terminal or a rule, by its number."""

    number: int


@dataclass(frozen=True, slots=True)
class Row:
    """One after the other; nothing when empty."""

    parts: "tuple[Part, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """Any one of them."""

    parts: "tuple[Part, ...]"


@dataclass(frozen=True, slots=True)
class Times:
    """`body` at least `low` times and at most `high` times (None: without end)."""

    body: "Part"
    low: int
    high: int | None


Part = Symbol | Row | Either | Times


@dataclass(slots=True, eq=False)
class Productions:
    """Terminals and rules by number.

    ignored: terminals that may stand before and behind every other one. lexed: terminals are the longest possible, and
    strings are preferred to regular expressions.
    """

    terminals: dict[int, Terminal] = field(default_factory=dict[int, Terminal])
    rules: dict[int, Part] = field(default_factory=dict[int, Part])
    names: list[str] = field(default_factory=list[str])
    ignored: list[int] = field(default_factory=list[int])
    lexed: bool = False
    start: int = -1

    def add_terminal(self, terminal: Terminal) -> int:
        """The number of a new terminal."""
        self.names.append(terminal.name)
        self.terminals[len(self.names) - 1] = terminal
        return len(self.names) - 1

    def add_rule(self, name: str) -> int:
        """The number of a new rule, whose content is still to be set."""
        self.names.append(name)
        return len(self.names) - 1
