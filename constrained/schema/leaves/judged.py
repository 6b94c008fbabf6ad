"""Judged numbers: those about which several schemas say something, each to be found true or false.

    vectors, rule = judge_numbers(sites, site, amounts, formulas)

Where all schemas list numbers and no other is asked for, the listed ones are spelled out. Elsewhere a number is a plain
decimal, its region among all bounds decides which schemas still depend on its being a multiple, and what no one asks
for is never built. Where only integers are asked for they have no fraction.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from ...automata.automaton import Table
from ...automata.bytedfa import ByteDfa, Classes, join_classes, representatives
from ...automata.reaching import find_leading
from ...machine.rule import Rule
from ..document import refuse
from ..formula import Atom, Formula, substitute
from ..site import Site, Vector, is_wanted
from ..sites import Sites
from .amount import Amount, check_step, holds, whole_interval
from .decimals import exponent_of
from .interval import INTEGER_DIGITS, Interval, endless_dfa
from .labels import Labels, run_pairs
from .leaf import compact, rule_of_words
from .listing import judge_listed
from .regions import Digits, Line, read_regions
from .writing import write_number

MOST_STEPS = 24  # of which a number may have to be a multiple, each a bit of a label
FRACTION_DIGITS = 20

Amounts = dict[int, Amount]
MakeRule = Callable[[tuple[Vector, ...]], Rule]


def judge_numbers(
    sites: Sites, site: Site, amounts: Amounts, formulas: list[Formula]
) -> tuple[list[Vector], MakeRule, bool]:
    """The vectors of a site that some number has, the rule for those of a goal, and whether all plain decimals are
    read, not only one spelling of each listed number."""
    if all(amount.listed is not None for amount in amounts.values()):
        asking: dict[Decimal, list[int]] = {}
        for index, amount in amounts.items():
            for value in _kept(amount):
                asking.setdefault(value, []).append(index)
        vectors, other = judge_listed(asking, formulas)
        if not site.wants(other):
            return *_spell_out(sites, site, vectors), False
    return *_Judging(sites, site, amounts, formulas).read(), True


def _kept(amount: Amount) -> tuple[Decimal, ...]:
    """The listed numbers that satisfy the rest of it."""
    bare = Amount(amount.interval, amount.integer)
    kept = amount.listed or ()
    return kept if bare == Amount() else tuple([v for v in kept if holds(bare, v)])


def _spell_out(
    sites: Sites, site: Site, vectors: dict[Decimal, Vector]
) -> tuple[list[Vector], MakeRule]:
    def rule(goal: tuple[Vector, ...]) -> Rule:
        texts = {write_number(n): goal.index(v) for n, v in vectors.items() if v in goal}
        return rule_of_words(texts, sites.budget)

    return [v for v in dict.fromkeys(vectors.values()) if site.wants(v)], rule


@dataclass(frozen=True, slots=True)
class _Piece:
    """An amount on a line. regions: a bit for each in which it may hold; step: which step it needs, if any."""

    regions: int
    step: int | None


class _Judging:
    """The numbers of one site, on a line of all bounds."""

    def __init__(self, sites: Sites, site: Site, amounts: Amounts, formulas: list[Formula]) -> None:
        self._sites = sites
        self._site = site
        self._formulas = formulas
        bounds = sorted({b for amount in amounts.values() for b in _bounds(amount)})
        self._line = Line(bounds)
        self._steps: list[Decimal] = []
        known: dict[Amount, _Piece] = {}
        for amount in dict.fromkeys(amounts.values()):
            known[amount] = self._piece(amount)
        self._pieces = {index: known[amount] for index, amount in amounts.items()}
        if len(self._steps) > MOST_STEPS:
            path = next(iter(site.roots))[0].path
            refuse(f"{len(self._steps)} values of multipleOf on one number", path)
        self._digits = self._measure(list(known), bounds)

    def _piece(self, amount: Amount) -> _Piece:
        line = self._line
        if amount.listed is not None:
            return _Piece(sum({1 << line.place(value) for value in _kept(amount)}), None)
        interval = whole_interval(amount) if amount.integer else amount.interval
        inside, step = line.within(interval), interval.step
        if amount.integer:
            step = step or Decimal(1)
        if step is not None and step not in self._steps:
            check_step(step, self._sites.budget)
            self._steps.append(step)
        regions = ((1 << len(inside)) - 1) << inside.start
        return _Piece(regions, None if step is None else self._steps.index(step))

    def _measure(self, amounts: list[Amount], bounds: list[Decimal]) -> Digits:
        """How many digits are read: none behind the point where only integers are asked for."""
        whole = max([INTEGER_DIGITS, *(b.adjusted() + 2 for b in bounds)])
        if all(map(_is_integral, amounts)):
            other = tuple(substitute(f, lambda _: False) is True for f in self._formulas)
            if not self._site.wants(other):
                return Digits(whole, 0)
        behind = [-exponent_of(b) for b in (*bounds, *self._steps)]
        return Digits(whole, max([FRACTION_DIGITS, *behind]))

    def read(self) -> tuple[list[Vector], MakeRule]:
        """The vectors that some number has, and the rules."""
        holding: list[list[int]] = [[] for _ in range(self._line.regions)]
        for index, piece in self._pieces.items():
            left = piece.regions
            while left:
                holding[(left & -left).bit_length() - 1].append(index)
                left &= left - 1
        every = dict.fromkeys(map(frozenset, holding))
        kinds = {each: n if self._is_open(each) else 0 for n, each in enumerate(every, 1)}
        shown = [kinds[frozenset(each)] for each in holding]
        classes, table, labels, start = self._run(shown)
        among = {number: each for each, number in kinds.items()}
        vectors = {
            label: self._vector(among[label >> len(self._steps)], label)
            for label in np.unique(labels).tolist()
            if label
        }

        def rule(goal: tuple[Vector, ...]) -> Rule:
            verdicts = {label: goal.index(v) + 1 for label, v in vectors.items() if v in goal}
            key = "judged", self._key(shown), tuple(verdicts.items())
            return self._sites.texts.fragments.keep(key, lambda: make(verdicts))

        def make(verdicts: dict[int, int]) -> Rule:
            ends = np.array([verdicts.get(n, 0) for n in labels.tolist()], np.int32)
            live = find_leading(table, ends > 0)
            return compact(classes, np.where(live[table], table, 0).astype(np.int32), ends, start)

        return [v for v in dict.fromkeys(vectors.values()) if self._site.wants(v)], rule

    def _is_open(self, holding: frozenset[int]) -> bool:
        """Whether someone may want a number of a region in which these may hold."""

        def known(index: int) -> Formula:
            if index not in holding:
                return False
            return True if self._pieces[index].step is None else Atom(index)

        return is_wanted(tuple(substitute(f, known) for f in self._formulas), self._site)

    def _vector(self, holding: frozenset[int], label: int) -> Vector:
        def known(index: int) -> bool:
            step = self._pieces[index].step
            return index in holding and (step is None or bool(label >> step & 1))

        return tuple(substitute(f, known) is True for f in self._formulas)

    def _run(self, kinds: list[int]) -> tuple[Classes, Table, Labels, int]:
        """Every number of these regions with its kind, and behind that a bit for each step."""
        return self._sites.texts.fragments.keep(self._key(kinds), lambda: self._make(kinds))

    def _key(self, kinds: list[int]) -> Hashable:
        """What equal numbers of these regions have in common."""
        return "regions", self._line.bounds, tuple(kinds), tuple(self._steps), self._digits

    def _make(self, kinds: list[int]) -> tuple[Classes, Table, Labels, int]:
        budget = self._sites.budget
        classes, found = read_regions(self._line, kinds, self._digits, budget)
        table, start, labels = found.table, found.start, found.kinds << len(self._steps)
        for bit, step in enumerate(self._steps if start else ()):
            if step == 1 and not self._digits.fraction:
                labels = np.where(labels > 0, labels | 1 << bit, 0)
                continue
            part = self._multiples(step)
            joint = join_classes([classes, part.classes])
            columns, classes = classes[representatives(joint)], joint
            left = table[:, columns]
            right = part.dfa.table[:, part.classes[representatives(joint)]]
            x, y, table = run_pairs(left, right, (start, part.dfa.start), budget)
            multiple = part.dfa.accepting[y].astype(np.int64) << bit
            labels, start = np.where(labels[x] > 0, labels[x] | multiple, 0), 1
        return classes, table, labels, start

    def _multiples(self, step: Decimal) -> ByteDfa:
        """Every decimal that is a multiple of the step."""
        digits, texts = self._digits.fraction, self._sites.texts
        return texts.fragments.keep(
            ("multiples", step, digits),
            lambda: endless_dfa(Interval(step=step), digits, texts.budget),
        )


def _bounds(amount: Amount) -> tuple[Decimal, ...]:
    """The numbers at which it may begin or cease to hold."""
    if amount.listed is not None:
        return _kept(amount)
    interval = whole_interval(amount) if amount.integer else amount.interval
    return tuple([b for b in (interval.low, interval.high) if b is not None])


def _is_integral(amount: Amount) -> bool:
    """Whether it holds for integers only."""
    if amount.listed is not None:
        return all(value == value.to_integral_value() for value in _kept(amount))
    step = amount.interval.step
    return amount.integer or (step is not None and step == step.to_integral_value())
