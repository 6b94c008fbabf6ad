"""JSON numbers within bounds, as automata over their plain spelling.

    part = integer_dfa(Interval(low=Decimal(1)), budget)
    part = plain_dfa(Interval(low=Decimal("0"), high=Decimal("99.5")), 20, budget)

Spellings. Integers: `-?(0|[1-9][0-9]*)`, never -0, a fraction or an exponent. Others: plain decimals with at most so
many digits behind the point. Where no bound ends the digits, 64 before the point are the most, or 20 of a multiple. All
comparisons are exact: digit by digit, no floating point. Numbers with an exponent are in scientific.py.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal, NamedTuple

import numpy as np

from ...automata.automaton import Dfa, minimise, trim
from ...automata.bytedfa import ByteDfa, Classes, distinct_columns, join_classes, representatives
from ...automata.product import intersect
from ...limits import Budget
from .decimals import exponent_of, normal, shifted

INTEGER_DIGITS, MULTIPLE_DIGITS = 64, 20
FRACTION_DIGITS = 20
DIGITS = b"0123456789"
COLUMNS = b"-." + DIGITS  # of the tables of plain decimals; all other bytes are the last column


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers from low to high (None: no bound), without the bound itself where it is open, multiples of `step`."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False
    step: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _Digits:
    """A bound on a magnitude, as the digits before and behind the point."""

    value: Decimal
    whole: str
    fraction: str
    open: bool

    def done(self, read: int) -> bool:
        """Whether only zeros are left after this many digits behind the point."""
        return not self.fraction[read:].strip("0")


class _Spot(NamedTuple):
    """A place inside a number. read: digits of this part; low, high: order against the bounds (-1 below, 0 equal so
    far, 1 above); rest: remainder of the digits so far."""

    sign: Literal["", "+", "-"]
    part: Literal["start", "zero", "whole", "point", "fraction"]
    read: int = 0
    low: int = 0
    high: int = 0
    rest: int = 0


@dataclass(frozen=True, slots=True)
class _Magnitudes:
    """Which magnitudes one sign allows."""

    low: _Digits
    high: _Digits | None


def integer_dfa(interval: Interval, budget: Budget) -> ByteDfa:
    """Integers of the interval. Its start is 0 if there are none."""
    return plain_dfa(_round_in(interval), 0, budget)


def _round_in(interval: Interval) -> Interval:
    """The same integers, between closed integer bounds."""
    low, high = interval.low, interval.high
    if low is not None:
        least = math.ceil(Fraction(low))
        low = Decimal(least + (interval.low_open and least == low))
    if high is not None:
        most = math.floor(Fraction(high))
        high = Decimal(most - (interval.high_open and most == high))
    return replace(interval, low=low, high=high, low_open=False, high_open=False)


def _digits(value: Decimal, is_open: bool) -> _Digits:
    whole, _, fraction = f"{value.copy_abs():f}".partition(".")
    return _Digits(value.copy_abs(), whole.lstrip("0") or "0", fraction, is_open)


def _magnitudes(interval: Interval, sign: int) -> _Magnitudes | None:
    """The magnitudes that one sign allows; zero belongs to the positive ones, and to both where both have more."""
    low, high = interval.low, interval.high
    low_open, high_open = interval.low_open, interval.high_open
    if sign < 0:
        low, high = (high and high.copy_negate()), (low and low.copy_negate())
        low_open, high_open = high_open, low_open
    if high is not None and (high < 0 or (high == 0 and (high_open or sign < 0))):
        return None
    if low is None or low < 0:
        low, low_open = Decimal(0), False
    return _Magnitudes(_digits(low, low_open), None if high is None else _digits(high, high_open))


class _Plain:
    """The rules of plain spellings, for `explore`."""

    def __init__(self, interval: Interval, fraction_digits: int, whole_digits: int | None) -> None:
        self._fraction_digits = fraction_digits
        self._whole_digits = whole_digits
        step = interval.step or Decimal(0)
        # A multiple of n / 10**scale: the digits, as one integer scaled up, are a multiple of n.
        self._scale = max(0, -exponent_of(normal(step)))
        self._step = int(shifted(step, self._scale))
        self.signs = {name: _magnitudes(interval, sign) for name, sign in (("+", 1), ("-", -1))}

    def follow(self, spot: _Spot) -> Iterator[tuple[slice, _Spot]]:
        """The columns of the bytes that lead on, with where to; see COLUMNS."""
        if spot.sign == "":
            if self.signs["-"] is not None:
                yield slice(0, 1), _Spot("-", "start")
            if self.signs["+"] is not None:
                yield from self.follow(_Spot("+", "start"))
            return
        if spot.part in ("zero", "whole") and self._fraction_digits:
            point = self._point(spot)
            if point is not None:
                yield slice(1, 2), point
        if spot.part != "zero":
            between = spot.low and spot.high and spot.part != "start"
            if between and not self._step:
                # Already between the bounds: all digits lead to the same.
                found = self._digit(spot, "5")
                if found is not None:
                    yield slice(2, 12), found
            elif spot.low > 0 and spot.high < 0 and spot.part == "whole":
                yield from self._between(spot)
            else:
                for digit in range(10):
                    found = self._digit(spot, str(digit))
                    if found is not None:
                        yield slice(2 + digit, 3 + digit), found

    def _more(self, spot: _Spot) -> int | None:
        """How many digits before the point have been read after one more, as far as that matters; None if there may be
        no more."""
        bounds, more = self._bounds(spot), spot.read + 1
        if bounds.high is not None:
            return more if more <= len(bounds.high.whole) else None
        known = len(bounds.low.whole) + 1
        if self._whole_digits is None:
            return min(more, known)
        return more if more <= max(self._whole_digits, known) else None

    def _between(self, spot: _Spot) -> Iterator[tuple[slice, _Spot]]:
        """One more digit before the point, where only the remainder is still asked for."""
        sign, _, _, low, high, rest = spot
        more = self._more(spot)
        if more is not None:
            for digit in range(10):
                after = (rest * 10 + digit) % self._step
                yield slice(2 + digit, 3 + digit), _Spot(sign, "whole", more, low, high, after)

    def _digit(self, spot: _Spot, digit: str) -> _Spot | None:
        bounds = self._bounds(spot)
        if spot.part in ("point", "fraction"):
            return self._fraction_digit(spot, digit)
        rest = (spot.rest * 10 + int(digit)) % self._step if self._step else 0
        at, more = spot.read, self._more(spot)
        if more is None:
            return None
        low = _compare(spot.low, digit, bounds.low.whole, at, beyond=1)
        high = (
            -1
            if bounds.high is None
            else _compare(spot.high, digit, bounds.high.whole, at, beyond=1)
        )
        part = "zero" if at == 0 and digit == "0" else "whole"
        return _Spot(spot.sign, part, more, low, high, rest)

    def _fraction_digit(self, spot: _Spot, digit: str) -> _Spot | None:
        bounds = self._bounds(spot)
        if spot.read >= self._fraction_digits:
            return None
        rest = spot.rest
        if self._step and spot.read >= self._scale:
            if digit != "0":
                return None
        elif self._step:
            rest = (rest * 10 + int(digit)) % self._step
            if rest and spot.read + 1 == self._scale:
                return None
        low = _compare(spot.low, digit, bounds.low.fraction.ljust(spot.read + 1, "0"), spot.read, 1)
        high = -1
        if bounds.high is not None:
            high = _compare(
                spot.high, digit, bounds.high.fraction.ljust(spot.read + 1, "0"), spot.read, 1
            )
        return (
            None
            if low < 0 or high > 0
            else _Spot(spot.sign, "fraction", spot.read + 1, low, high, rest)
        )

    def _point(self, spot: _Spot) -> _Spot | None:
        low, high = self._order(spot)
        if self._step and spot.rest and not self._scale:
            return None
        return None if low < 0 or high > 0 else _Spot(spot.sign, "point", 0, low, high, spot.rest)

    def _order(self, spot: _Spot) -> tuple[int, int]:
        """How the digits before the point, if they are all, stand to the bounds'."""
        bounds = self._bounds(spot)
        low = _shorter(spot.low, spot.read, bounds.low.whole)
        return low, -1 if bounds.high is None else _shorter(spot.high, spot.read, bounds.high.whole)

    def accepts(self, spot: _Spot) -> bool:
        """Whether the number may end here."""
        if spot.part in ("start", "point"):
            return False
        bounds = self._bounds(spot)
        behind = spot.read if spot.part == "fraction" else 0
        low, high = (spot.low, spot.high) if spot.part == "fraction" else self._order(spot)
        if self._step and spot.rest * 10 ** max(0, self._scale - behind) % self._step:
            return False
        if self._fraction_digits == 0 and spot.sign == "-" and spot.part == "zero":
            return False  # -0
        above = low > 0 or (low == 0 and bounds.low.done(behind) and not bounds.low.open)
        if bounds.high is None:
            return above
        return above and (
            high < 0 or (high == 0 and not (bounds.high.open and bounds.high.done(behind)))
        )

    def _bounds(self, spot: _Spot) -> _Magnitudes:
        bounds = self.signs[spot.sign]
        assert bounds is not None, spot
        return bounds


def _compare(so_far: int, digit: str, bound: str, at: int, beyond: int) -> int:
    """Order against a bound after one more digit; `beyond` once there are more digits than the bound has."""
    if at >= len(bound):
        return beyond
    return so_far or (digit > bound[at]) - (digit < bound[at])


def _shorter(order: int, read: int, whole: str) -> int:
    return -1 if read < len(whole) else order


def _explore(rules: _Plain, budget: Budget) -> ByteDfa:
    """The automaton of all spots."""
    first = _Spot("", "start")
    numbers, order, rows = {first: 1}, [first], [[0] * 13]
    for spot in order:
        budget.spend(1)
        row = [0] * 13
        for columns, target in rules.follow(spot):
            number = numbers.setdefault(target, len(numbers) + 1)
            if number > len(order):
                order.append(target)
            row[columns] = [number] * (columns.stop - columns.start)
        rows.append(row)
    table = np.array(rows, np.int32)
    kept, merged = distinct_columns(table)
    classes = np.full(256, merged[12], np.uint8)
    classes[list(COLUMNS)] = merged[:12]
    flags = np.array([False, *map(rules.accepts, order)])
    return ByteDfa(classes, Dfa(table[:, kept], flags, 1))


def plain_dfa(
    interval: Interval, fraction_digits: int, budget: Budget, whole_digits: int | None = None
) -> ByteDfa:
    """Plain decimals of the interval with at most so many digits behind the point."""
    if whole_digits is None:
        whole_digits = INTEGER_DIGITS if interval.step is None else MULTIPLE_DIGITS
    if interval.step is None:
        # Nearly every state differs from the others, and finding that out takes longer than building them.
        found = _explore(_Plain(interval, fraction_digits, whole_digits), budget)
        return ByteDfa(found.classes, trim(found.dfa))
    bare = plain_dfa(replace(interval, step=None), fraction_digits, budget, whole_digits)
    classes, (first, second) = align([bare, endless_dfa(interval, fraction_digits, budget)])
    return ByteDfa(classes, intersect(first, second, budget))


def endless_dfa(interval: Interval, fraction_digits: int, budget: Budget) -> ByteDfa:
    """As plain_dfa, with any number of digits before the point."""
    found = _explore(_Plain(interval, fraction_digits, None), budget)
    dfa = trim(found.dfa)
    return ByteDfa(found.classes, dfa if interval.step is None else minimise(dfa))


def align(parts: list[ByteDfa]) -> tuple[Classes, list[Dfa]]:
    """The classes that tell apart what one of the parts does, and the parts over these."""
    classes = join_classes([part.classes for part in parts])
    columns = representatives(classes)
    return classes, [
        Dfa(p.dfa.table[:, p.classes[columns]], p.dfa.accepting, p.dfa.start) for p in parts
    ]
