"""Numbers: what the schemas of a site say about them, as rules.

    part = grow_number(sites, site, board, formulas)

One schema alone reads integers without a fraction, and other numbers as `interval` says. Where several schemas judge a
number it is a plain decimal, never -0, see `judged`. A number that is listed, and nothing else asked for, has one
spelling. Slow: automata of bounds with many digits; they are kept by what they say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from ...machine.rule import Rule
from ..board import Board
from ..formula import Formula, substitute
from ..site import NEEDED, Site, Vector, is_plain
from ..sites import Sites
from .amount import Amount, check_step, holds, merge_amounts, read_amount, whole_interval
from .interval import INTEGER_DIGITS, Interval, integer_dfa
from .judged import judge_numbers
from .leaf import rule_of, rule_of_words
from .scientific import number_dfa
from .writing import write_number

WHOLE_DIGITS = INTEGER_DIGITS  # of numbers that several schemas judge


@dataclass(slots=True, eq=False)
class NumberPart:
    """Numbers at one site. rule: the rule that ends with the number of a vector in the goal; judge: a number's one.
    plain: whether only plain decimals are read."""

    vectors: list[Vector]
    rule: Callable[[tuple[Vector, ...]], Rule]
    judge: Callable[[int | Decimal], Vector]
    plain: bool = False


def grow_number(sites: Sites, site: Site, board: Board, formulas: list[Formula]) -> NumberPart:
    """The numbers of a site."""
    amounts = {index: read_amount(node) for index, node in board.locals.items()}

    def judge(value: int | Decimal) -> Vector:
        return tuple(
            substitute(f, lambda index: holds(amounts[index], value)) is True for f in formulas
        )

    if site.need == NEEDED and is_plain(formulas[0], board):
        amount = merge_amounts(list(amounts.values()))
        keep = sites.texts.fragments.keep
        rule = keep(("number", amount), lambda: _plain_rule(amount, sites))
        return NumberPart([] if rule is None else [(True,)], lambda _: _there(rule), judge)
    vectors, make, plain = judge_numbers(sites, site, amounts, formulas)
    return NumberPart(vectors, make, judge, plain)


def adopt_number(rule: Rule, judge: Callable[[int | Decimal], Vector], plain: bool) -> NumberPart:
    """The numbers of a leaf whose rule is known."""
    return NumberPart([(True,)], lambda _: rule, judge, plain)


def _there(rule: Rule | None) -> Rule:
    assert rule is not None
    return rule


def free_number(sites: Sites) -> Rule:
    """Every number."""
    keep = sites.texts.fragments.keep
    return keep("free number", lambda: rule_of(number_dfa(Interval(), sites.budget)))


def _plain_rule(amount: Amount, sites: Sites) -> Rule | None:
    budget = sites.budget
    if amount.listed is not None:
        bare = Amount(amount.interval, amount.integer)
        kept = [v for v in amount.listed if holds(bare, v)]
        if not kept:
            return None
        return rule_of_words({write_number(v): 0 for v in kept}, budget)
    if amount.integer:
        whole = whole_interval(amount)
        check_step(whole.step, budget)
        part = integer_dfa(whole, budget)
    else:
        check_step(amount.interval.step, budget)
        part = number_dfa(amount.interval, budget)
    return None if part.dfa.empty else rule_of(part)
