"""Terminals as automata over bytes.

    lexicon = Lexicon(productions, budget)
    lexicon.parts[number].accepts(b"if")

All automata here read at least one byte; `nullable` says which terminals could be empty. A regular expression with lazy
quantifiers reads what `re.match` would take, and then only whole.
"""

import numpy as np

from ..automata.automaton import Dfa, Flags
from ..automata.bytedfa import ByteDfa
from ..errors import UnsupportedConstraint
from ..limits import Budget
from ..regex.looking import looks_beyond
from ..regex.pattern import compile_tree
from ..regex.spelling import spell, utf8
from ..regex.tree import Atomic, Chars, Repeat, Sequence, Tree, walk
from ..tokens import trie
from .syntax import Productions, Terminal


class Lexicon:
    """The automata of a grammar's terminals, by number."""

    def __init__(self, grammar: Productions, budget: Budget) -> None:
        self.nullable: set[int] = set()
        self.empty: set[int] = set()  # those that read nothing but the empty text
        self.parts: dict[int, ByteDfa] = {}
        for number, terminal in grammar.terminals.items():
            self._add(number, _compile(terminal, budget))

    def _add(self, number: int, part: ByteDfa) -> None:
        dfa = part.dfa
        if dfa.accepting[dfa.start]:
            self.nullable.add(number)
            table = np.concatenate([dfa.table, dfa.table[dfa.start : dfa.start + 1]])
            part = ByteDfa(part.classes, Dfa(table, np.append(dfa.accepting, False), dfa.states))
        if not part.dfa.table[part.dfa.start].any():
            self.empty.add(number)
        self.parts[number] = part

    def first(self, number: int) -> int:
        """The bytes that a terminal can begin with, as bits."""
        part = self.parts[number]
        return _bits(part.dfa.table[part.dfa.start][part.classes] != 0)

    def tail(self, number: int) -> int:
        """The bytes that could go on where a terminal may end already, as bits."""
        part = self.parts[number]
        return _bits((part.dfa.table[part.dfa.accepting][:, part.classes] != 0).any(0))


def _bits(flags: Flags) -> int:
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def _compile(terminal: Terminal, budget: Budget) -> ByteDfa:
    if terminal.data is not None:
        return trie.words([terminal.data], budget)
    tree = terminal.tree
    assert tree is not None, terminal.name
    text = _text(tree)
    if text is not None:
        return trie.words([text.encode()], budget)
    if looks_beyond(tree, budget):
        raise UnsupportedConstraint(
            f"the terminal {terminal.name} looks at what stands before or behind it, which is not supported"
        )
    if any(isinstance(part, Repeat) and part.lazy for part in walk(tree)):
        tree = Atomic(tree)
    pattern = compile_tree(tree, budget)
    return spell(pattern, utf8(pattern.alphabet), budget)


def _text(tree: Tree) -> str | None:
    """The only text of a tree of plain characters."""
    parts = tree.parts if isinstance(tree, Sequence) else (tree,)
    found: list[str] = []
    for part in parts:
        if (
            not isinstance(part, Chars)
            or len(part.chars) != 1
            or part.chars[0][0] != part.chars[0][1]
        ):
            return None
        found.append(chr(part.chars[0][0]))
    return "".join(found)
