"""Names: what patternProperties and propertyNames say about the names of properties.

    names = Names(sites, members, declared)
    names.declared["a"]                 # Traits: the patterns that this name matches, the conditions it meets
    names.classes                       # the same for all other names, by what tells them apart
    names.automaton                     # which reads a name and ends in such a class; None: there is only one

Slow: compiling the patterns; each is compiled once for a compiler.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .board import Board
from .formula import Formula, substitute
from .leaves.labels import Labelled, run_together
from .leaves.texts import Texts

if TYPE_CHECKING:
    from .objects import Members
    from .sites import Sites


@dataclass(frozen=True, slots=True)
class Traits:
    """matched: the patterns that a name matches; holds: for each condition on names, whether it meets it."""

    matched: frozenset[str] = frozenset()
    holds: tuple[bool, ...] = ()


NO_TRAITS = Traits()


class Names:
    """The names at one site, told apart as far as its schemas do."""

    def __init__(self, sites: "Sites", members: "list[Members]", declared: frozenset[str]) -> None:
        self.automaton: Labelled | None = None
        self.key: Hashable = None  # what equal automata have in common
        self.classes: list[Traits] = [NO_TRAITS]
        self.class_of: dict[int, int] = {}  # label of the automaton to class
        self.declared = dict.fromkeys(declared, NO_TRAITS)
        patterns = list(dict.fromkeys(text for m in members for text in m.patterns))
        conditions = [m for m in members if m.names is not None]
        if not patterns and not conditions:
            return
        texts = sites.texts
        found = {
            text: texts.pattern(text, m.node.at("patternProperties", text))
            for m in members
            for text in m.patterns
        }
        self._patterns = patterns
        self._formulas: list[Formula] = []
        board = Board(sites.nodes, "string")
        for number, each in enumerate(conditions):
            assert each.names is not None
            each.checks = number
            self._formulas.append(board.truth(each.names))
        self._board = board
        words = tuple(texts.read(node).key for node in board.locals.values())
        self._bits = {index: len(patterns) + i for i, index in enumerate(board.locals)}
        self.key = "names", tuple(patterns), words
        self.automaton = texts.fragments.keep(
            self.key,
            lambda: run_together(
                [*found.values(), *map(texts.of_node, board.locals.values())], sites.budget
            ),
        )
        self._classify(declared, self.automaton)

    def _classify(self, declared: frozenset[str], automaton: Labelled) -> None:
        self.declared = {name: self._traits(automaton.read(name)) for name in declared}
        classes: dict[Traits, int] = {}
        for label in dict.fromkeys(automaton.labels[1:].tolist()):
            self.class_of[label] = classes.setdefault(self._traits(label), len(classes))
        self.classes = list(classes)

    def _traits(self, label: int) -> Traits:
        matched = frozenset(text for bit, text in enumerate(self._patterns) if label >> bit & 1)

        def value(index: int) -> Formula:
            return bool(label >> self._bits[index] & 1)

        return Traits(matched, tuple(substitute(f, value) is True for f in self._formulas))


__all__ = ["NO_TRAITS", "Names", "Texts", "Traits"]
