"""Names: what patternProperties and propertyNames say about the names of properties.

    names = Names(sites, members, declared)
    names.declared["a"]                 # Traits: the patterns that this name matches, the conditions it meets
    names.classes                       # the same for all other names, by what tells them apart
    names.automaton                     # which reads a name and ends in such a class; None: there is only one

Where names may be long, the automaton knows no lengths, and classes go by the stretch of lengths as well (`counted`).
Slow: compiling the patterns; each is compiled once for a compiler.
"""

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..board import Board
from ..formula import Formula, substitute
from ..leaves.counting import Counted
from ..leaves.labels import Labelled, run_together
from ..leaves.texts import Texts, Words
from .undeclared import find_undeclared, has_every, list_begins

if TYPE_CHECKING:
    from ..sites import Sites
    from .objects import Members

MOST_SPELLED = 64  # characters; larger numbers of them are counted by a register
MOST_STATES = 16  # of an automaton whose texts are counted so
MOST_UNROLLED = 4096  # states, for the listed names


@dataclass(frozen=True, slots=True)
class Traits:
    """matched: the patterns that a name matches; holds: for each condition on names, whether it meets it."""

    matched: frozenset[str] = frozenset()
    holds: tuple[bool, ...] = ()


NO_TRAITS = Traits()


class Names:
    """The names at one site, told apart as far as its schemas do."""

    def __init__(self, sites: "Sites", members: "list[Members]", declared: Collection[str]) -> None:
        self.automaton: Labelled | None = None
        self.key: Hashable = None  # what equal automata have in common
        self.counted: Counted | None = None
        self.limits: tuple[
            int, ...
        ] = ()  # the numbers of characters that matter, if they are counted
        self.classes: list[Traits] = [NO_TRAITS]
        self.class_of: dict[tuple[int, int], int] = {}  # by stretch and label of the automaton
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
        self._words = {index: texts.read(node) for index, node in board.locals.items()}
        self._bits = {index: len(patterns) + i for i, index in enumerate(board.locals)}

        def run(words: list[Words]) -> Labelled:
            self.key = "names", tuple(patterns), tuple([each.key for each in words])
            parts = [*found.values(), *map(texts.of_words, words)]
            return texts.fragments.keep(self.key, lambda: run_together(parts, sites.budget))

        self._run(list(self._words.values()), run, max(map(len, declared), default=0))
        if self.limits:
            bare, limits = self.automaton, self.limits
            assert bare is not None, limits
            self.key = "lengths", self.key, limits
            self.counted = texts.fragments.keep(
                self.key, lambda: Counted(bare, limits, sites.budget)
            )
        self._classify(declared, texts)

    def _run(
        self, words: list[Words], run: Callable[[list[Words]], Labelled], longest: int
    ) -> None:
        """Finds the automaton, without lengths where they are to be counted."""
        limits = tuple(sorted({n for each in words for n in each.limits}))
        if limits and limits[-1] > MOST_SPELLED:
            bare = run([each.bare for each in words])
            states = len(bare.labels)
            if states <= MOST_STATES and states * (longest + 1) <= MOST_UNROLLED:
                self.automaton, self.limits = bare, limits
                return
        self.automaton = run(words)

    def place(self, name: str) -> tuple[int, int]:
        """The stretch of lengths that a name is in, and its label."""
        assert self.automaton is not None, name
        return self.counted.place(name) if self.counted else (0, self.automaton.read(name))

    def _classify(self, declared: Collection[str], texts: Texts) -> None:
        self.declared = {name: self._traits(*self.place(name)) for name in declared}
        classes: dict[Traits, int] = {}
        assert self.automaton is not None, declared
        labels = dict.fromkeys(self.automaton.labels[1:].tolist())
        longest = max(map(len, declared), default=-1)
        there = self._find_undeclared(self.automaton, frozenset(declared), texts)
        for phase, start in enumerate((0, *self.limits)):
            for label in self.counted.labels(phase) if self.counted else labels:
                if there is not None and start <= longest and (phase, label) not in there:
                    continue
                traits = self._traits(phase, label)
                self.class_of[phase, label] = classes.setdefault(traits, len(classes))
        self.classes = list(classes)

    def _find_undeclared(
        self, automaton: Labelled, declared: frozenset[str], texts: Texts
    ) -> set[tuple[int, int]] | None:
        """Where there are undeclared names, None for everywhere."""
        if not self.limits:
            begins = texts.fragments.keep(("begins", self.key), lambda: list_begins(automaton))
            if has_every(automaton, begins, declared):
                return None
        return find_undeclared(automaton, declared, self.limits)

    def _traits(self, phase: int, label: int) -> Traits:
        matched = frozenset(text for bit, text in enumerate(self._patterns) if label >> bit & 1)
        length = (0, *self.limits)[phase]

        def value(index: int) -> Formula:
            fits = not self.limits or self._words[index].fits(length)
            return fits and bool(label >> self._bits[index] & 1)

        return Traits(matched, tuple(substitute(f, value) is True for f in self._formulas))


__all__ = ["NO_TRAITS", "Names", "Texts", "Traits"]
