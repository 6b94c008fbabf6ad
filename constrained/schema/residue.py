"""Residues: what is left of the formulas over one value once some atoms are known.

    residues = Residues(unevaluated, wants)
    left = residues.of(truths, whens)
    left = residues.learn(left, {2: False})     # the same object for what is left alike
    left.wanted                                 # whether someone can use what it may come to

Most of what is learnt about a value says nothing new about its schemas: then nothing is computed, and what was learnt
once is not worked out again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from .formula import All, Atom, Formula, assign, atoms, substitute

Truths = tuple[Formula, ...]
Whens = tuple[tuple[Formula, ...], ...]


@dataclass(slots=True, eq=False)
class Residue:
    """truths: of the roots; whens: for each unevaluated keyword that still matters, when each of its evaluators counts.
    open: the atoms on which something still depends; wanted: whether some vector that is still possible is of use;
    plain: whether each truth is known, or only says that some atoms hold; after: what is left once more is known, if
    anyone asked."""

    truths: Truths
    whens: Whens
    open: frozenset[int]
    wanted: bool
    plain: bool
    after: "dict[tuple[tuple[int, Formula], ...], Residue]" = field(
        default_factory=dict["tuple[tuple[int, Formula], ...]", "Residue"]
    )


class Residues:
    """All residues over one value. unevaluated: the atoms that `whens` belong to; wants: whether some vector that
    truths can still come to is of use."""

    def __init__(self, unevaluated: Iterable[int], wants: Callable[[Truths], bool]) -> None:
        self._unevaluated = tuple(unevaluated)
        self._wants = wants
        self._known: dict[tuple[Truths, Whens], Residue] = {}

    def of(self, truths: Truths, whens: Whens) -> Residue:
        """The residue of these formulas."""
        found = self._known.get((truths, whens))
        if found is None:
            every = (*truths, *(when for each in whens for when in each))
            open_ = frozenset(index for formula in every for index in atoms(formula))
            plain = not any(whens) and all(map(_is_plain, truths))
            found = Residue(truths, whens, open_, self._wants(truths), plain)
            self._known[truths, whens] = found
        return found

    def learn(self, left: Residue, known: dict[int, Formula]) -> Residue:
        """What is left of a residue once these atoms are known as well."""
        news = tuple([item for item in known.items() if item[0] in left.open])
        if not news:
            return left
        found = left.after.get(news)
        if found is None:
            found = self._learn(left, dict(news))
            if found is not left:
                left.after[news] = found
        return found

    def _learn(self, left: Residue, known: dict[int, Formula]) -> Residue:
        if not left.whens:
            return self.of(tuple(assign(f, known) for f in left.truths), ())

        value = partial(_resolve, known)
        truths = tuple(substitute(f, value) for f in left.truths)
        found = dict(zip(self._unevaluated, left.whens, strict=True))
        open_ = {index for formula in truths for index in atoms(formula)}
        stack = [index for index in found if index in open_]
        while stack:
            more = {
                i for when in found[stack.pop()] for i in atoms(substitute(when, value))
            } - open_
            open_ |= more
            stack += [index for index in found if index in more]
        whens = tuple(
            tuple(substitute(when, value) for when in whens) if index in open_ else ()
            for index, whens in found.items()
        )
        return self.of(truths, whens)


def _resolve(known: dict[int, Formula], index: int) -> Formula:
    """What is known of an atom, and of all that this in turn speaks about but the atom itself."""
    found = known.get(index, Atom(index))
    if isinstance(found, bool | Atom):
        return found
    return substitute(found, lambda i: Atom(i) if i == index else _resolve(known, i))


def _is_plain(formula: Formula) -> bool:
    parts = formula.parts if isinstance(formula, All) else (formula,)
    return isinstance(formula, bool) or all(isinstance(part, Atom) for part in parts)
