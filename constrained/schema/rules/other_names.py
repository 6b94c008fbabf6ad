"""Other names: those that no schema lists, beside a trie of those that are.

    others = OtherNames(draft, part, base, ends)
    state = others.step(others.start, 0x61)         # where a byte leads in their automaton
    others.lay(at, state)                           # a state of the draft goes on as that one does

Where any name may come, the rest of one behind a whole character is read by a rule of its own, and no automaton is
copied unless a listed name has characters of several bytes.
"""

from collections.abc import Container

import numpy as np

from ...automata.bytedfa import ByteDfa
from ...regex.pattern import any_text
from ...regex.spelling import QUOTE, spell
from ..leaves.texts import Texts
from .draft import Draft

BETWEEN = 1  # the state between two characters, where any name may come


PLAIN = frozenset(range(0x20, 0x7F)) - {0x5C}  # bytes of a name that are characters of their own


class OtherNames:
    """The names that are not listed. part: the automaton that reads them, its states in the draft behind `base`; ends:
    what follows their closing quote, by state. 0 stands for names that cannot be others."""

    def __init__(self, draft: Draft, part: ByteDfa, base: int, ends: dict[int, int]) -> None:
        self._draft = draft
        self._part = part
        self._base = base
        self._ends = ends
        self._steps: dict[tuple[int, int], int] = {}
        self._following: dict[int, frozenset[int]] = {}
        self.start = part.dfa.start

    def step(self, state: int, byte: int) -> int:
        """Where a byte leads."""
        found = self._steps.get((state, byte))
        if found is None:
            found = int(self._part.dfa.table[state, self._part.classes[byte]]) if state else 0
            self._steps[state, byte] = found
        return found

    def goes_on(self, state: int, listed: Container[int]) -> bool:
        """Whether some byte that is not listed leads on from a state."""
        return state > 0 and any(byte not in listed for byte in self.leads(state))

    def leads(self, state: int) -> frozenset[int]:
        """The bytes that lead on from a state."""
        found = self._following.get(state)
        if found is None:
            ways = self._part.dfa.table[state, self._part.classes]
            ends = [QUOTE] if state in self._ends else []
            found = self._following[state] = frozenset([*np.flatnonzero(ways).tolist(), *ends])
        return found

    def lay(self, at: int, state: int) -> None:
        """A state of the draft goes on as one of the automaton does; edges that are written later stand for these."""
        if state:
            self._draft.row(at, self._base, state)
            if state in self._ends:
                self._draft.edge(at, QUOTE, self._ends[state])

    def branches(self, text: bytes, state: int) -> tuple[int, int]:
        """How many bytes of the rest of a listed name another name may have in common with it and one byte more, at
        least 1 if some other one leads on at all, else 0; and the state behind so many."""
        found, behind = 0, state
        for at, byte in enumerate(text):
            if self.goes_on(state, text[at : at + 1]):
                found, behind = at + 1, self.step(state, byte)
            state = self.step(state, byte)
        return found, behind

    def chain(self, text: bytes, target: int, state: int) -> int:
        """The first of the states that read the rest of a listed name, behind which stands `target`, or nothing (0);
        0 if neither it nor another leads on."""
        states = [state]
        for byte in text[:-1]:
            states.append(self.step(states[-1], byte))
        last = len(text)
        if not target:
            open_ = (i for i in range(last, 0, -1) if self.goes_on(states[i - 1], text[i - 1 : i]))
            last = next(open_, 0)
            if not last:
                return 0
        first = self._draft.chain(text[:last], target if last == len(text) else 0, 0)
        for at, each in enumerate(states[:last], first):
            self.lay(at, each)
        return first


class AnyNames(OtherNames):
    """Where any name may be another. entry: what reads the rest of one behind a character; part: None where no listed
    name has a character of several bytes."""

    def __init__(self, draft: Draft, entry: int, part: ByteDfa | None) -> None:
        self.entry = entry
        self.plain = part is None
        self.start = BETWEEN
        if part is None:
            self._draft = draft
        else:
            base = draft.copy(part)
            draft.spread(base + BETWEEN, entry)
            super().__init__(draft, part, base, {})

    def step(self, state: int, byte: int) -> int:
        """Where a byte leads."""
        if self.plain or (state == BETWEEN and byte in PLAIN):
            return state
        return super().step(state, byte)

    def goes_on(self, state: int, listed: Container[int]) -> bool:
        """Whether some byte that is not listed leads on from a state."""
        return state == BETWEEN or super().goes_on(state, listed)

    def lay(self, at: int, state: int) -> None:
        """A state of the draft goes on as one of the automaton does."""
        if state == BETWEEN:
            self._draft.spread(at, self.entry)
        else:
            super().lay(at, state)

    def branches(self, text: bytes, state: int) -> tuple[int, int]:
        """As that of other names, which may go on where a listed one ends."""
        return len(text), 0

    def chain(self, text: bytes, target: int, state: int) -> int:
        """As that of other names; in one go where all characters are plain."""
        if self.plain or (state == BETWEEN and PLAIN.issuperset(text)):
            return self._draft.chain(text, target, self.entry)
        return super().chain(text, target, state)


def spell_any(texts: Texts) -> ByteDfa:
    """The automaton that reads the characters of a name, without its end."""

    def make() -> ByteDfa:
        every = any_text(0, None)
        return spell(every, texts.spelling(every), texts.budget)

    return texts.fragments.keep(("other names", texts.ascii), make)
