"""Listing: values that several schemas list, and what each of them makes of the schemas' truth.

    vectors, other = judge_listed({"a": [0], "b": [0, 2]}, formulas)

Only those formulas are looked at again that depend on a schema which lists the value.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from ..formula import Formula, atoms, substitute
from ..site import Vector

Value = TypeVar("Value", bound=Hashable)


def judge_listed(
    asking: Mapping[Value, Sequence[int]], formulas: Sequence[Formula]
) -> tuple[dict[Value, Vector], Vector]:
    """The vector of each value, and that of all others. asking: the atoms that are true of a value, no other is."""
    about: dict[int, list[int]] = {}  # the formulas that depend on an atom
    for place, formula in enumerate(formulas):
        for index in dict.fromkeys(atoms(formula)):
            about.setdefault(index, []).append(place)
    other = tuple(substitute(formula, lambda _: False) is True for formula in formulas)

    def judge(holding: frozenset[int]) -> Vector:
        found = list(other)
        for place in {place for index in holding for place in about.get(index, ())}:
            found[place] = substitute(formulas[place], holding.__contains__) is True
        return tuple(found)

    sets = {value: frozenset(indices) for value, indices in asking.items()}
    known = {holding: judge(holding) for holding in dict.fromkeys(sets.values())}
    return {value: known[holding] for value, holding in sets.items()}, other
