"""Which terminal a text is, where several are expected: one automaton for all of them.

    lexing = Lexing(grammar, lexicon, budget)
    lexer = lexing.lexer((name, keyword))
    lexer.accepts[state]                # the terminals that may end here
    lexer.longer[state]                 # the bytes before which none may end here

Grammars with a lexer (Lark's) cut a text into the longest terminals: none of those expected ends where the next
character alone makes it, or another of them, longer. A text that is a string as well as a regular expression of at most
the string's priority is the string. In grammars of characters (GBNF) neither holds.
"""

from dataclasses import dataclass

import numpy as np

from ..automata.automaton import Flags, Nfa, Table, determinise, trim
from ..automata.bytedfa import join_classes, representatives
from ..limits import Budget
from .lexicon import Lexicon
from .syntax import Productions


@dataclass(frozen=True, slots=True, eq=False)
class Lexer:
    """table: int32 [states, classes of bytes]; start; accepts: for each state the terminals that it ends; longer: bool
    [states, classes], the bytes that belong to the terminal where one could end."""

    table: Table
    start: int
    accepts: list[list[int]]
    longer: Flags


class Lexing:
    """Lexers for sets of terminals, each made once, all over the same classes of bytes."""

    def __init__(self, grammar: Productions, lexicon: Lexicon, budget: Budget) -> None:
        self.ignored = tuple(n for n in grammar.ignored if n not in lexicon.empty)
        self._grammar = grammar
        self._lexicon = lexicon
        self._budget = budget
        self.classes = join_classes(part.classes for part in lexicon.parts.values())
        self._bytes = representatives(self.classes)
        self._lexers: dict[tuple[int, ...], Lexer] = {}

    @property
    def width(self) -> int:
        """How many classes of bytes there are."""
        return len(self._bytes)

    def spread(self, bits: int) -> Flags:
        """A set of bytes given as bits, by classes; these are finer than any terminal."""
        flags = np.frombuffer(bits.to_bytes(32, "little"), np.uint8)
        return np.unpackbits(flags, bitorder="little")[self._bytes] != 0

    def lexer(self, terminals: tuple[int, ...]) -> Lexer:
        """The lexer of these terminals, which are in ascending order."""
        if terminals not in self._lexers:
            self._lexers[terminals] = self._build(terminals)
        return self._lexers[terminals]

    def _build(self, terminals: tuple[int, ...]) -> Lexer:
        width = self.width
        # State 1 begins them all, state 2 is where columns beyond those of bytes lead: one for each terminal's ends.
        blocks: list[Table] = [np.zeros((3, width + len(terminals)), np.int32)]
        starts: list[int] = []
        count = 3
        for column, number in enumerate(terminals, width):
            part = self._lexicon.parts[number]
            spread = part.dfa.table[1:, part.classes[self._bytes]]
            block = np.zeros((len(spread), width + len(terminals)), np.int32)
            block[:, :width] = np.where(spread > 0, spread + (count - 1), 0)
            block[part.dfa.accepting[1:], column] = 2
            blocks.append(block)
            starts.append(count + part.dfa.start - 1)
            count += len(block)
        self._budget.spend(count)
        self._budget.check_table(count, width + len(terminals))
        accepting = np.arange(count) == 2
        nfa = Nfa(np.concatenate(blocks), accepting, {1: starts} if starts else {}, 1)
        dfa = trim(determinise(nfa, self._budget))
        table, ends = dfa.table[:, :width], dfa.table[:, width:] != 0
        accepts = [self._prefer([terminals[i] for i in np.flatnonzero(row)]) for row in ends]
        longer = (
            self._longer(table, ends.any(1))
            if self._grammar.lexed
            else np.zeros(table.shape, np.bool_)
        )
        return Lexer(table, dfa.start, accepts, longer)

    def _prefer(self, found: list[int]) -> list[int]:
        """Of terminals that all read the same text those that it is taken for."""
        if not self._grammar.lexed or len(found) < 2:
            return found
        terminals = self._grammar.terminals
        best = max((terminals[n].priority for n in found if terminals[n].fixed), default=None)
        if best is None:
            return found
        return [n for n in found if terminals[n].fixed or terminals[n].priority > best]

    def _longer(self, table: Table, ends: Flags) -> Flags:
        """[states, classes]: whether the character that begins with a byte leads to another end."""
        within = (self._bytes >= 0x80) & (self._bytes < 0xC0)
        reached = ends.copy()
        for _ in range(3):  # at most three bytes follow the first
            reached = ends | reached[table[:, within]].any(1)
            reached[0] = False
        return np.where(self._bytes < 0x80, ends[table], reached[table]) & ends[:, None]
