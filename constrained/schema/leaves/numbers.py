"""Numbers: type integer, minimum, maximum, multipleOf, enum and const.

    part = grow_number(sites, site, board, formulas)

One schema alone reads integers without a fraction, and other numbers as `interval` says. Where several schemas judge a
number it is a plain decimal, never -0, and their automata run side by side: 1.0 is an integer for all of them. A number
that a schema lists has one spelling. Slow: automata of bounds with many digits; they are kept by what they say.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from ...automata.automaton import Table
from ...automata.bytedfa import ByteDfa, Classes
from ...automata.product import unite
from ...automata.reaching import find_leading
from ...machine.rule import Rule
from ..board import Board
from ..document import Json, refuse, reject
from ..formula import Formula, substitute
from ..node import NUMBER_KEYWORDS, Node, listed
from ..sites import NEEDED, Site, Sites, Vector, is_plain
from .decimals import normal, shifted
from .interval import INTEGER_DIGITS, Interval, align, endless_dfa, integer_dfa, plain_dfa
from .labels import Labels, run_pairs
from .leaf import compact, rule_of, rule_of_words
from .scientific import number_dfa
from .writing import write_number

MOST_PIECES = 61  # conditions on one number, each a bit of a label
MOST_DIGITS = 400
WHOLE_DIGITS, FRACTION_DIGITS = INTEGER_DIGITS, 20  # of numbers that several schemas judge


@dataclass(frozen=True, slots=True)
class Amount:
    """What one or several schemas say about a number."""

    interval: Interval = Interval()
    integer: bool = False
    listed: tuple[Decimal, ...] | None = None


@dataclass(slots=True, eq=False)
class NumberPart:
    """Numbers at one site. rule: the rule that ends with the number of a vector in the goal; judge: a number's one.
    plain: whether only plain decimals are read."""

    vectors: list[Vector]
    rule: Callable[[tuple[Vector, ...]], Rule]
    judge: Callable[[int | Decimal], Vector]
    plain: bool = False


def read_amount(node: Node) -> Amount:
    """The keywords of a node. Raises InvalidConstraint, UnsupportedConstraint."""
    known = node.cache.get("amount")
    if isinstance(known, Amount):
        return known
    words: dict[str, Json] = dict(node.words)
    for keyword, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(words.get(keyword), bool):  # draft 4
            open_ = words.pop(keyword)
            if open_ and bound in words:
                words[keyword] = words.pop(bound)
    numbers = {k: _read_number(node, words[k], k) for k in NUMBER_KEYWORDS if k in words}
    step = numbers.get("multipleOf")
    if step is not None and step <= 0:
        reject("multipleOf must be above 0", node.at("multipleOf"))
    low, low_open = _tighter(numbers.get("minimum"), numbers.get("exclusiveMinimum"), 1)
    high, high_open = _tighter(numbers.get("maximum"), numbers.get("exclusiveMaximum"), -1)
    values = listed(node)
    kept = None
    if values is not None:
        found = [v for v in values if isinstance(v, int | Decimal) and not isinstance(v, bool)]
        kept = tuple(dict.fromkeys(_checked(node, v, "enum") for v in found))
    amount = Amount(Interval(low, high, low_open, high_open, step), node.integer, kept)
    node.cache["amount"] = amount
    return amount


def holds(amount: Amount, value: int | Decimal) -> bool:
    """Whether a number satisfies this."""
    number, interval = Fraction(value), amount.interval
    low, high, step = interval.low, interval.high, interval.step
    return (
        (not amount.integer or number.denominator == 1)
        and (low is None or (number > low if interval.low_open else number >= low))
        and (high is None or (number < high if interval.high_open else number <= high))
        and (step is None or (number / Fraction(step)).denominator == 1)
        and (amount.listed is None or value in amount.listed)
    )


def grow_number(sites: Sites, site: Site, board: Board, formulas: list[Formula]) -> NumberPart:
    """The numbers of a site."""
    amounts = {index: read_amount(node) for index, node in board.locals.items()}

    def judge(value: int | Decimal) -> Vector:
        return tuple(
            substitute(f, lambda index: holds(amounts[index], value)) is True for f in formulas
        )

    if site.need == NEEDED and is_plain(formulas[0], board):
        amount = _merge(list(amounts.values()))
        keep = sites.texts.fragments.keep
        rule = keep(("number", amount), lambda: _plain_rule(amount, sites))
        return NumberPart([] if rule is None else [(True,)], lambda _: _there(rule), judge)
    vectors, make = _together(sites, site, amounts, formulas)
    return NumberPart(vectors, make, judge, plain=True)


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


def _merge(amounts: list[Amount]) -> Amount:
    if len(amounts) == 1:
        return amounts[0]
    lows = [(a.interval.low, a.interval.low_open) for a in amounts if a.interval.low is not None]
    highs = [
        (a.interval.high, a.interval.high_open) for a in amounts if a.interval.high is not None
    ]
    low, low_open = max(lows, default=(None, False), key=lambda b: (b[0] or 0, b[1]))
    high, high_open = min(highs, default=(None, False), key=lambda b: (b[0] or 0, not b[1]))
    steps = [a.interval.step for a in amounts if a.interval.step is not None]
    lists = [a.listed for a in amounts if a.listed is not None]
    both = tuple(v for v in lists[0] if all(v in o for o in lists)) if lists else None
    step = _least_multiple(steps) if steps else None
    interval = Interval(low, high, low_open, high_open, step)
    return Amount(interval, any(a.integer for a in amounts), both)


def _least_multiple(steps: list[Decimal]) -> Decimal:
    found = Fraction(steps[0])
    for step in map(Fraction, steps[1:]):
        top = math.lcm(found.numerator * step.denominator, step.numerator * found.denominator)
        found = Fraction(top, found.denominator * step.denominator)
    return _decimal(found)


def _decimal(value: Fraction) -> Decimal:
    """A fraction whose denominator has no prime factors but 2 and 5, as it is."""
    places = value.denominator.bit_length()
    scaled = value * 10**places
    assert scaled.denominator == 1, value
    return normal(shifted(Decimal(scaled.numerator), -places))


def _whole(amount: Amount) -> Interval:
    """The interval of an integer: its step is a whole number."""
    interval = amount.interval
    if interval.step is None:
        return interval
    step = Fraction(interval.step)
    return Interval(
        interval.low,
        interval.high,
        interval.low_open,
        interval.high_open,
        Decimal(step.numerator),  # the least multiple of n/d and 1, in lowest terms, is n
    )


def _check_step(step: Decimal | None, sites: Sites) -> None:
    """Refuses a step whose remainders need too many states, before any is built."""
    if step is not None:
        remainders = int("".join(map(str, normal(step).as_tuple().digits)))
        if remainders > sites.budget.limits.states:
            sites.budget.spend(remainders)


def _plain_rule(amount: Amount, sites: Sites) -> Rule | None:
    budget = sites.budget
    if amount.listed is not None:
        bare = Amount(amount.interval, amount.integer)
        kept = [v for v in amount.listed if holds(bare, v)]
        if not kept:
            return None
        return rule_of_words({write_number(v): 0 for v in kept}, budget)
    if amount.integer:
        whole = _whole(amount)
        _check_step(whole.step, sites)
        part = integer_dfa(whole, budget)
    else:
        _check_step(amount.interval.step, sites)
        part = number_dfa(amount.interval, budget)
    return None if part.dfa.empty else rule_of(part)


def _together(
    sites: Sites, site: Site, amounts: dict[int, Amount], formulas: list[Formula]
) -> tuple[list[Vector], Callable[[tuple[Vector, ...]], Rule]]:
    """Plain decimals judged by several schemas."""
    intervals = {i: tuple(_intervals(amount)) for i, amount in amounts.items()}
    pieces = list(dict.fromkeys(intervals.values()))
    if len(pieces) > MOST_PIECES:
        path = next(iter(site.roots))[0].path
        refuse(f"{len(pieces)} conditions on one number, more than {MOST_PIECES}", path)
    key = "decimals", tuple(pieces)
    keep = sites.texts.fragments.keep
    classes, table, reach = keep(key, lambda: _run_decimals(pieces, sites))
    place = {index: 2 << pieces.index(found) for index, found in intervals.items()}
    vectors = {
        label: tuple(
            substitute(f, lambda i, n=label: bool(n & place.get(i, 0))) is True for f in formulas
        )
        for label in dict.fromkeys(reach.tolist())
        if label & 1
    }
    wanted = [v for v in dict.fromkeys(vectors.values()) if site.wants(v)]

    def rule(goal: tuple[Vector, ...]) -> Rule:
        verdicts = {n: goal.index(v) + 1 for n, v in vectors.items() if v in goal}
        ends = np.array([verdicts.get(n, 0) for n in reach.tolist()], np.int32)

        def make() -> Rule:
            live = find_leading(table, ends > 0)
            return compact(classes, np.where(live[table], table, 0).astype(np.int32), ends, 1)

        return keep((*key, ends.tobytes()), make)

    return wanted, rule


def _run_decimals(
    pieces: list[tuple[Interval, ...]], sites: Sites
) -> tuple[Classes, Table, Labels]:
    """Every plain decimal, told apart by which of these unions of intervals it is in."""
    every = [each for found in pieces for each in found]
    for each in every:
        _check_step(each.step, sites)
    bounds = [b for i in every for b in (i.low, i.high, i.step) if b is not None]
    fraction = max([FRACTION_DIGITS, *(-_exponent(b) for b in bounds)])
    whole = max([WHOLE_DIGITS, *(b.adjusted() + 2 for b in bounds)])
    decimals = sites.texts.fragments.keep(
        ("every decimal", fraction, whole), lambda: _decimals(fraction, whole, sites)
    )
    parts = [
        _unite([endless_dfa(i, fraction, sites.budget) for i in found], sites) for found in pieces
    ]
    return _run(sites, [decimals, *parts])


def _unite(parts: list[ByteDfa], sites: Sites) -> ByteDfa:
    """What one of the parts accepts; nothing where there is none."""
    if not parts:
        return plain_dfa(Interval(Decimal(1), Decimal(0)), 0, sites.budget)
    while len(parts) > 1:  # two at a time, so that none is gone through often
        pairs = [align(parts[i : i + 2]) for i in range(0, len(parts) - 1, 2)]
        joint = [ByteDfa(c, unite(a, b, sites.budget)) for c, (a, b) in pairs]
        parts = [*joint, *parts[2 * len(joint) :]]
    return parts[0]


def _decimals(fraction: int, whole: int, sites: Sites) -> ByteDfa:
    """Every plain decimal but -0, so that each text of zero is judged as one."""
    zero = Decimal(0)
    below = plain_dfa(Interval(high=zero, high_open=True), fraction, sites.budget, whole)
    above = plain_dfa(Interval(low=zero), fraction, sites.budget, whole)
    return _unite([below, above], sites)


def _intervals(amount: Amount) -> list[Interval]:
    """The intervals whose union the amount is."""
    if amount.listed is not None:
        bare = Amount(amount.interval, amount.integer)
        return [Interval(v, v) for v in amount.listed if holds(bare, v)]
    if not amount.integer:
        return [amount.interval]
    interval = _whole(amount)
    step = interval.step or Decimal(1)
    return [Interval(interval.low, interval.high, interval.low_open, interval.high_open, step)]


def _run(sites: Sites, parts: list[ByteDfa]) -> tuple[Classes, Table, Labels]:
    """The automata side by side, as long as the first of them goes on."""
    classes, (first, *others) = align(parts)
    table, start = first.table, first.start
    labels = first.accepting.astype(np.int64)
    for bit, part in enumerate(others, 1):
        x, y, joint = run_pairs(table, part.table, (start, part.start), sites.budget)
        labels = labels[x] | part.accepting[y].astype(np.int64) << bit
        alive = find_leading(joint, labels & 1 > 0)
        table, start = np.where(alive[joint], joint, 0).astype(np.int32), 1
    return classes, table, labels


def _read_number(node: Node, value: Json, keyword: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        reject(f"{keyword} must be a number", node.at(keyword))
    return _checked(node, value, keyword)


def _checked(node: Node, value: int | Decimal, keyword: str) -> Decimal:
    number = Decimal(value)
    if abs(number.adjusted()) > MOST_DIGITS or -_exponent(number) > MOST_DIGITS:
        refuse(f"{keyword} has more than {MOST_DIGITS} digits", node.at(keyword))
    return number


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), value
    return exponent


def _tighter(
    closed: Decimal | None, opened: Decimal | None, sign: int
) -> tuple[Decimal | None, bool]:
    """The bound that excludes more, and whether it excludes itself; sign 1 for lower bounds."""
    if opened is None:
        return closed, False
    if closed is None or opened * sign >= closed * sign:
        return opened, True
    return closed, False
