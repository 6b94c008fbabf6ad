"""Formulas: truth of schemas as expressions over what is judged about one value, folded as far as that is known.

    formula = conjunction([Atom(0), negate(Atom(1))])
    substitute(formula, lambda atom: True if atom == 0 else Atom(atom))     # Not(Atom(1))

An expression is True, False, an Atom, or one of Not, All, Some and One over others. Slow: nothing; formulas have the
size of the schema's own combinations. It refuses to know what an atom stands for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Atom:
    """Something that is judged; its owner knows what."""

    index: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: "Formula"


@dataclass(frozen=True, slots=True)
class All:
    """Every part is true."""

    parts: "tuple[Formula, ...]"


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part is true."""

    parts: "tuple[Formula, ...]"


@dataclass(frozen=True, slots=True)
class One:
    """Exactly one part is true."""

    parts: "tuple[Formula, ...]"


Formula: TypeAlias = bool | Atom | Not | All | Some | One


def conjunction(parts: Iterable[Formula]) -> Formula:
    """True where all parts are."""
    kept: dict[Formula, None] = {}
    for part in parts:
        if part is False:
            return False
        for each in part.parts if isinstance(part, All) else (part,):
            if each is not True:
                kept[each] = None
    return _single(kept, True) if len(kept) < 2 else All(tuple(kept))


def disjunction(parts: Iterable[Formula]) -> Formula:
    """True where some part is."""
    kept: dict[Formula, None] = {}
    for part in parts:
        if part is True:
            return True
        for each in part.parts if isinstance(part, Some) else (part,):
            if each is not False:
                kept[each] = None
    return _single(kept, False) if len(kept) < 2 else Some(tuple(kept))


def _single(kept: dict[Formula, None], empty: bool) -> Formula:
    return next(iter(kept), empty)


def negate(part: Formula) -> Formula:
    """True where the part is not."""
    if isinstance(part, bool):
        return not part
    return part.part if isinstance(part, Not) else Not(part)


def exactly_one(parts: Iterable[Formula]) -> Formula:
    """True where one part is, and no other."""
    kept = [part for part in parts if part is not False]
    sure = sum(part is True for part in kept)
    if sure > 1:
        return False
    unsure = [part for part in kept if part is not True]
    if sure:
        return conjunction(map(negate, unsure))
    return One(tuple(unsure)) if len(unsure) > 1 else (unsure[0] if unsure else False)


def substitute(formula: Formula, value: Callable[[int], Formula]) -> Formula:
    """The formula with each atom replaced, folded."""
    if isinstance(formula, bool):
        return formula
    if isinstance(formula, Atom):
        return value(formula.index)
    if isinstance(formula, Not):
        return negate(substitute(formula.part, value))
    return _fold(
        formula,
        [value(p.index) if type(p) is Atom else substitute(p, value) for p in formula.parts],
    )


def assign(formula: Formula, known: Mapping[int, Formula]) -> Formula:
    """The formula with the atoms that are known replaced, folded."""
    if isinstance(formula, bool):
        return formula
    if isinstance(formula, Atom):
        return known.get(formula.index, formula)
    if isinstance(formula, Not):
        return negate(assign(formula.part, known))
    get = known.get
    return _fold(
        formula, [get(p.index, p) if type(p) is Atom else assign(p, known) for p in formula.parts]
    )


def _fold(formula: All | Some | One, parts: "list[Formula]") -> Formula:
    if isinstance(formula, All):
        return conjunction(parts)
    return disjunction(parts) if isinstance(formula, Some) else exactly_one(parts)


def atoms(formula: Formula) -> Iterator[int]:
    """The atoms in a formula, repeated as they are there."""
    match formula:
        case bool():
            return
        case Atom(index):
            yield index
        case Not(part):
            yield from atoms(part)
        case All(parts) | Some(parts) | One(parts):
            for part in parts:
                yield from atoms(part)
