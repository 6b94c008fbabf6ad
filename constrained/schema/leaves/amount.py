"""Amounts: what type, minimum, maximum, multipleOf, enum and const say about a number.

    amount = read_amount(node)
    holds(amount, Decimal("1.5"))
    merge_amounts([amount, other])          # what holds where both do

Everything is exact: decimals as they are written, fractions where they are divided. It refuses to know texts.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from ...limits import Budget
from ..document import Json, refuse, reject
from ..node import NUMBER_KEYWORDS, Node, listed
from .decimals import exponent_of, normal, shifted
from .interval import Interval

MOST_DIGITS = 400


@dataclass(frozen=True, slots=True)
class Amount:
    """What one or several schemas say about a number."""

    interval: Interval = Interval()
    integer: bool = False
    listed: tuple[Decimal, ...] | None = None


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
        keyword = "enum" if "enum" in words else "const"
        kept = tuple(dict.fromkeys(_checked(node, v, keyword) for v in found))
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


def merge_amounts(amounts: list[Amount]) -> Amount:
    """What holds where all of these do."""
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


def whole_interval(amount: Amount) -> Interval:
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


def check_step(step: Decimal | None, budget: Budget) -> None:
    """Refuses a step whose remainders need too many states, before any is built."""
    if step is not None:
        remainders = int("".join(map(str, normal(step).as_tuple().digits)))
        if remainders > budget.limits.states:
            budget.spend(remainders)


def _read_number(node: Node, value: Json, keyword: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        reject(f"{keyword} must be a number", node.at(keyword))
    return _checked(node, value, keyword)


def _checked(node: Node, value: int | Decimal, keyword: str) -> Decimal:
    number = Decimal(value)
    if abs(number.adjusted()) > MOST_DIGITS or -exponent_of(number) > MOST_DIGITS:
        refuse(f"{keyword} has more than {MOST_DIGITS} digits", node.at(keyword))
    return number


def _tighter(
    closed: Decimal | None, opened: Decimal | None, sign: int
) -> tuple[Decimal | None, bool]:
    """The bound that excludes more, and whether it excludes itself; sign 1 for lower bounds."""
    if opened is None:
        return closed, False
    if closed is None or opened * sign >= closed * sign:
        return opened, True
    return closed, False
