"""Grammars to machines.

    machine = lower_ebnf(Ebnf(text), budget)

In Lark's dialect a text is accepted if it can be cut into terminals, with what is ignored between them, that the start
rule derives, where no terminal ends before a character that alone makes it, or another terminal that is expected at its
place, longer: behind `if` another letter would make a NAME, if one may stand there. A string is preferred to a regular
expression of at most its priority that reads the same text, where both are expected. So texts are read as by Lark's
LALR parser with its contextual lexer, but for four things: of two regular expressions that read the same text both are
tried, an end is allowed where only two or more further characters would make the terminal longer (`1` in `1.5`), a
higher priority does not make up for being shorter (in `ifx` Lark reads IF.2 before NAME, here it is a NAME), and the
grammar need not be LALR. Priorities of rules choose among derivations and change nothing. In GBNF, whose symbols are
characters, any way to cut a text will do.

Grammars that are regular become one rule. What stays recursive is called, and a stack of 64 frames ends the nesting.
"""

from functools import reduce

from ..errors import InvalidConstraint
from ..limits import Budget
from ..machine.rule import Machine
from ..spec import Ebnf
from .bounds import Bounds
from .choice import Chooser
from .gbnf_reader import read_gbnf
from .inlining import inline
from .lark_reader import read_lark
from .lexicon import Lexicon
from .lexing import Lexing
from .network import Network, draw
from .recursion import (
    cut_left_recursion,
    drop_empty,
    find_productive,
    keep_productive,
)
from .syntax import Productions
from .writing import Writer


def lower_ebnf(constraint: Ebnf, budget: Budget) -> Machine:
    """The machine of a grammar. Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget."""
    return lower_productions(_read(constraint, budget), budget)


def _read(constraint: Ebnf, budget: Budget) -> Productions:
    if constraint.dialect == "lark":
        return read_lark(constraint.grammar, constraint.start, budget)
    if constraint.dialect != "gbnf":
        raise InvalidConstraint(f'dialect must be "lark" or "gbnf", got {constraint.dialect!r}')
    return read_gbnf(constraint.grammar, constraint.start, budget)


def lower_productions(grammar: Productions, budget: Budget) -> Machine:
    """The machine of a grammar that was read. Raises InvalidConstraint, UnsupportedConstraint, ConstraintBudget."""
    lexicon = Lexicon(grammar, budget)
    networks = {symbol: draw(part, budget) for symbol, part in grammar.rules.items()}
    filled = frozenset(grammar.terminals) - lexicon.empty
    productive = find_productive(networks, filled | lexicon.nullable)
    if grammar.start not in productive:
        name = grammar.names[grammar.start]
        raise InvalidConstraint(f"no text can be derived from the rule {name}")
    nullable = find_productive(networks, frozenset(lexicon.nullable))
    networks = drop_empty(keep_productive(networks, productive, budget), nullable, budget)
    networks = keep_productive(networks, find_productive(networks, filled), budget)
    entry = len(grammar.names)
    row = ((grammar.start, 1),) if grammar.start in networks else ()
    networks[entry] = Network((row, ()), (grammar.start in nullable, True))
    firsts = {number: lexicon.first(number) for number in filled}
    tails = {number: _tail(number, grammar, lexicon) for number in filled}
    networks = cut_left_recursion(networks, budget)
    networks = inline(networks, entry, Bounds(firsts, tails), budget)
    lexing = Lexing(grammar, lexicon, budget)
    return Writer(lexing, Chooser(networks, firsts, budget), budget).write(entry)


def _tail(number: int, grammar: Productions, lexicon: Lexicon) -> int:
    """The bytes that may go on where a terminal, and what is ignored behind it, could end."""
    ignored = [n for n in grammar.ignored if n not in lexicon.empty]
    # The longest terminal is read anyway where there is a lexer.
    own = 0 if grammar.lexed else lexicon.tail(number)
    return reduce(lambda bits, number: bits | lexicon.first(number), ignored, own)
