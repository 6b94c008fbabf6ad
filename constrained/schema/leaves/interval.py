"""JSON numbers within bounds, as automata over their spelling.

    part = number_dfa(Interval(low=Decimal("0"), high=Decimal("99.5")), budget)
    part = integer_dfa(Interval(low=Decimal(1)), budget)

Spellings. Integers: `-?(0|[1-9][0-9]*)`, never -0, a fraction or an exponent. Numbers: plain decimals with at most 20
digits behind the point (more if a bound has more); and d.ddde±x with x from -307 to 307, wherever the bounds contain
the whole decade of that x. That covers what json.dumps writes for every float up to 1e308. Where no bound ends the
digits, 20 before the point are the most. All comparisons are exact: digit by digit, no floating point.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from ...automata.automaton import minimise, trim
from ...automata.bytedfa import ByteDfa, explore
from ...limits import Budget
from ...regex.pattern import compile_pattern
from ...regex.spelling import spell, utf8
from ...tokens.trie import words
from .assembly import Assembly

INTEGER_DIGITS = 20
FRACTION_DIGITS = 20
LARGEST_EXPONENT = 307
DIGITS = b"0123456789"


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


@dataclass(frozen=True, slots=True)
class _Spot:
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


def number_dfa(interval: Interval, budget: Budget) -> ByteDfa:
    """Numbers of the interval. Its start is 0 if there are none."""
    if (
        interval.high is None
        and interval.step is None
        and not interval.low
        and not interval.low_open
    ):
        return _free(interval.low is None, budget)
    behind = [-_exponent(b) for b in (interval.low, interval.high) if b is not None]
    digits = max(FRACTION_DIGITS, *behind, 0)
    if interval.step is not None:
        return plain_dfa(interval, max(0, -_exponent(interval.step.normalize())), budget)
    parts = [plain_dfa(interval, digits, budget)]
    parts += [part for sign in (1, -1) if (part := _scientific(interval, sign, budget)) is not None]
    parts = [p for p in parts if not p.dfa.empty]
    if len(parts) <= 1:
        return parts[0] if parts else plain_dfa(interval, digits, budget)
    build = Assembly(budget)
    start, end = build.state(), build.state()
    for part in parts:
        first, last = build.place(part)
        build.link(start, first)
        build.link(last, end)
    return build.finish(start, end)


def _free(negative: bool, budget: Budget) -> ByteDfa:
    """Every number, or every one from 0 on."""
    fraction, exponent = (
        rf"(?:\.[0-9]{{1,{FRACTION_DIGITS}}})?",
        "(?:[0-9]{1,2}|[12][0-9]{2}|30[0-7])",
    )
    plain = rf"(?:0|[1-9][0-9]{{0,{INTEGER_DIGITS - 1}}}){fraction}"
    scientific = rf"[1-9]{fraction}[eE][+-]?{exponent}"
    found = compile_pattern(rf"{'-?' if negative else ''}(?:{plain}|{scientific})", budget)
    return spell(found, utf8(found.alphabet), budget)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), value
    return exponent


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
    whole, _, fraction = f"{abs(value):f}".partition(".")
    return _Digits(abs(value), whole.lstrip("0") or "0", fraction, is_open)


def _magnitudes(interval: Interval, sign: int) -> _Magnitudes | None:
    """The magnitudes that one sign allows; zero belongs to the positive ones, and to both where both have more."""
    low, high = interval.low, interval.high
    low_open, high_open = interval.low_open, interval.high_open
    if sign < 0:
        low, high = (None if high is None else -high), (None if low is None else -low)
        low_open, high_open = high_open, low_open
    if high is not None and (high < 0 or (high == 0 and (high_open or sign < 0))):
        return None
    if low is None or low < 0:
        low, low_open = Decimal(0), False
    return _Magnitudes(_digits(low, low_open), None if high is None else _digits(high, high_open))


class _Plain:
    """The rules of plain spellings, for `explore`."""

    def __init__(self, interval: Interval, fraction_digits: int, whole_digits: int) -> None:
        self._fraction_digits = fraction_digits
        self._whole_digits = whole_digits
        step = interval.step or Decimal(0)
        # A multiple of n / 10**scale: the digits, as one integer scaled up, are a multiple of n.
        self._scale = max(0, -_exponent(step.normalize()))
        self._step = int(step.scaleb(self._scale))
        self.signs = {name: _magnitudes(interval, sign) for name, sign in (("+", 1), ("-", -1))}

    def follow(self, spot: object) -> Iterable[tuple[bytes, _Spot]]:
        assert isinstance(spot, _Spot)
        if spot.sign == "":
            if self.signs["-"] is not None:
                yield b"-", _Spot("-", "start")
            if self.signs["+"] is not None:
                yield from self.follow(_Spot("+", "start"))
            return
        if spot.part in ("zero", "whole") and self._fraction_digits:
            point = self._point(spot)
            if point is not None:
                yield b".", point
        if spot.part != "zero":
            if not self._step and spot.low and spot.high and spot.part != "start":
                # Already between the bounds: all digits lead to the same.
                found = self._digit(spot, "5")
                if found is not None:
                    yield DIGITS, found
                return
            for digit in DIGITS:
                found = self._digit(spot, chr(digit))
                if found is not None:
                    yield bytes([digit]), found

    def _digit(self, spot: _Spot, digit: str) -> _Spot | None:
        bounds = self._bounds(spot)
        if spot.part in ("point", "fraction"):
            return self._fraction_digit(spot, digit)
        rest = (spot.rest * 10 + int(digit)) % self._step if self._step else 0
        at = spot.read
        most = (
            max(self._whole_digits, len(bounds.low.whole) + 1)
            if bounds.high is None
            else len(bounds.high.whole)
        )
        if at >= most:
            return None
        low = _compare(spot.low, digit, bounds.low.whole, at, beyond=1)
        high = (
            -1
            if bounds.high is None
            else _compare(spot.high, digit, bounds.high.whole, at, beyond=1)
        )
        part = "zero" if at == 0 and digit == "0" else "whole"
        return _Spot(spot.sign, part, at + 1, low, high, rest)

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
        return None if low < 0 or high > 0 else _Spot(spot.sign, "point", 0, low, high, spot.rest)

    def _order(self, spot: _Spot) -> tuple[int, int]:
        """How the digits before the point, if they are all, stand to the bounds'."""
        bounds = self._bounds(spot)
        low = _shorter(spot.low, spot.read, bounds.low.whole)
        return low, -1 if bounds.high is None else _shorter(spot.high, spot.read, bounds.high.whole)

    def accepts(self, spot: object) -> bool:
        assert isinstance(spot, _Spot)
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


def plain_dfa(
    interval: Interval, fraction_digits: int, budget: Budget, whole_digits: int = INTEGER_DIGITS
) -> ByteDfa:
    """Plain decimals of the interval with at most so many digits behind the point."""
    rules = _Plain(interval, fraction_digits, whole_digits)
    found = explore(_Spot("", "start"), rules.follow, rules.accepts, budget)
    dfa = trim(found.dfa)
    # Without a step nearly every state differs from the others, and finding that out takes longer than building them.
    return ByteDfa(found.classes, dfa if interval.step is None else minimise(dfa))


def _scientific(interval: Interval, sign: int, budget: Budget) -> ByteDfa | None:
    """Numbers d.ddde±x of one sign, for each x whose whole decade lies in the interval."""
    bounds = _magnitudes(interval, sign)
    if bounds is None:
        return None
    exponents = _whole_decades(bounds)
    if not exponents:
        return None
    build = Assembly(budget)
    start, digit, mark, end = (build.state() for _ in range(4))
    for d in DIGITS[1:]:
        build.literal(start, bytes([d]), digit)
    state = _mantissa_digits(build, digit, mark)
    build.literal(state, b"e", mark)
    build.literal(state, b"E", mark)
    first, last = build.place(words([s for x in exponents for s in _spell_exponent(x)], budget))
    build.link(mark, first)
    build.link(last, end)
    if sign > 0:
        return build.finish(start, end)
    negative = build.state()
    build.literal(negative, b"-", start)
    return build.finish(negative, end)


def _whole_decades(bounds: _Magnitudes) -> range:
    """The x for which all of 10**x to 10**(x + 1), without the latter, is allowed."""
    first, last = -LARGEST_EXPONENT, LARGEST_EXPONENT
    low = bounds.low.value
    if low:
        starts_there = low == Decimal(1).scaleb(low.adjusted()) and not bounds.low.open
        first = max(first, low.adjusted() + (not starts_there))
    if bounds.high is not None:
        # Zero has no first digit, and no decade is below it.
        last = min(last, bounds.high.value.adjusted() - 1) if bounds.high.value else first - 1
    return range(first, last + 1)


def _mantissa_digits(build: Assembly, digit: int, mark: int) -> int:
    """`.ddd` after the first digit, each place of which may be followed by the exponent; returns the last place."""
    build.literal(digit, b"e", mark)
    build.literal(digit, b"E", mark)
    state, point = build.state(), build.state()
    build.literal(digit, b".", point)
    for d in DIGITS:
        build.literal(point, bytes([d]), state)
    for _ in range(FRACTION_DIGITS - 1):
        build.literal(state, b"e", mark)
        build.literal(state, b"E", mark)
        following = build.state()
        for d in DIGITS:
            build.literal(state, bytes([d]), following)
        state = following
    return state


def _spell_exponent(x: int) -> list[bytes]:
    digits = {f"{abs(x)}", f"{abs(x):02d}"}
    signs = ("-",) if x < 0 else ("", "+")
    return [(sign + d).encode() for sign in signs for d in digits]
