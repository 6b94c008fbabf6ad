"""Numbers as JSON spells them: plain decimals, and d.ddde±x for the whole range of a double.

    part = number_dfa(Interval(low=Decimal("0"), high=Decimal("99.5")), budget)

The latter are read for each x whose decade the bounds contain, and, beyond the digits of plain decimals, for the part
of a decade that they contain. Without bounds the largest is 1.7976931348623157e308 and the smallest 5e-324, so that
every number means something to whoever reads doubles. Slow: some milliseconds.
"""

from dataclasses import dataclass
from decimal import Decimal

from ...automata.bytedfa import ByteDfa
from ...limits import Budget
from ...tokens.trie import words
from .assembly import Assembly
from .decimals import exponent_of, normal, shifted
from .interval import DIGITS, FRACTION_DIGITS, Interval, plain_dfa

LARGEST = Decimal("1.7976931348623157e308")
SMALLEST = Decimal("5e-324")
PLAIN = (
    20  # powers of ten within which a decade that the bounds only touch is left to plain decimals
)


def number_dfa(interval: Interval, budget: Budget) -> ByteDfa:
    """Numbers of the interval. Its start is 0 if there are none."""
    if interval == Interval():
        return _signed(_numbers(Interval(low=Decimal(0)), budget), budget)
    if interval.step is not None:
        return plain_dfa(interval, max(0, -exponent_of(normal(interval.step))), budget)
    return _numbers(interval, budget)


def _numbers(interval: Interval, budget: Budget) -> ByteDfa:
    behind = [-exponent_of(b) for b in (interval.low, interval.high) if b is not None]
    digits = max(FRACTION_DIGITS, *behind, 0)
    parts = [plain_dfa(interval, digits, budget)]
    parts += [found for sign in (1, -1) for found in _scientific(interval, sign, budget)]
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


def _signed(part: ByteDfa, budget: Budget) -> ByteDfa:
    """The same numbers, and each with a minus before it."""
    build = Assembly(budget)
    start, end = build.state(), build.state()
    first, last = build.place(part)
    build.link(start, first)
    build.literal(start, b"-", first)
    build.link(last, end)
    return build.finish(start, end)


@dataclass(frozen=True, slots=True)
class _Range:
    """The magnitudes that one sign allows, above 0 and up to what a double holds."""

    low: Decimal = SMALLEST
    high: Decimal = LARGEST
    low_open: bool = False
    high_open: bool = False

    def within(self, power: int) -> Interval | None:
        """What of 10**power to 10**(power + 1) is allowed, divided by the former; None where nothing is."""
        low, low_open = Decimal(1), False
        high, high_open = Decimal(10), True
        if self.low.adjusted() > power or self.high.adjusted() < power:
            return None
        if self.low.adjusted() == power:
            low, low_open = shifted(self.low, -power), self.low_open
        if self.high.adjusted() == power:
            high, high_open = shifted(self.high, -power), self.high_open
        return Interval(low, high, low_open, high_open)


WHOLE = Interval(Decimal(1), Decimal(10), False, True)


def _range(interval: Interval, sign: int) -> _Range | None:
    low, high = interval.low, interval.high
    low_open, high_open = interval.low_open, interval.high_open
    if sign < 0:
        low, high = (high and high.copy_negate()), (low and low.copy_negate())
        low_open, high_open = high_open, low_open
    found = _Range()
    if low is not None and low >= SMALLEST:
        found = _Range(low, found.high, low_open, False)
    if high is not None and high <= LARGEST:
        found = _Range(found.low, high, found.low_open, high_open)
    return found if found.low <= found.high and found.high > 0 else None


def _scientific(interval: Interval, sign: int, budget: Budget) -> list[ByteDfa]:
    """Numbers d.ddde±x of one sign."""
    span = _range(interval, sign)
    if span is None:
        return []
    lowest, highest = span.low.adjusted(), span.high.adjusted()
    first = lowest if span.within(lowest) == WHOLE else lowest + 1
    last = highest if span.within(highest) == WHOLE else highest - 1
    found: list[ByteDfa] = []
    if first <= last:
        found.append(_decades(_whole_mantissa(budget), range(first, last + 1), sign, budget))
    for power in sorted({lowest, highest} - set(range(first, last + 1))):
        part = span.within(power)
        if part is not None and abs(power) >= PLAIN:
            behind = [-exponent_of(b) for b in (part.low, part.high) if b is not None]
            mantissa = plain_dfa(part, max(FRACTION_DIGITS, *behind), budget)
            if not mantissa.dfa.empty:
                found.append(_decades(mantissa, range(power, power + 1), sign, budget))
    return found


def _decades(mantissa: ByteDfa, powers: range, sign: int, budget: Budget) -> ByteDfa:
    """A mantissa, and each of these powers of ten."""
    build = Assembly(budget)
    start, mark, end = build.state(), build.state(), build.state()
    first, last = build.place(mantissa)
    build.link(start, first)
    build.literal(last, b"e", mark)
    build.literal(last, b"E", mark)
    first, last = build.place(words([s for x in powers for s in _spell_exponent(x)], budget))
    build.link(mark, first)
    build.link(last, end)
    if sign > 0:
        return build.finish(start, end)
    negative = build.state()
    build.literal(negative, b"-", start)
    return build.finish(negative, end)


def _whole_mantissa(budget: Budget) -> ByteDfa:
    """Each d.ddd from 1 to below 10."""
    build = Assembly(budget)
    start, digit, point, end = (build.state() for _ in range(4))
    for d in DIGITS[1:]:
        build.literal(start, bytes([d]), digit)
    build.link(digit, end)
    build.literal(digit, b".", point)
    state = point
    for _ in range(FRACTION_DIGITS):
        following = build.state()
        for d in DIGITS:
            build.literal(state, bytes([d]), following)
        build.link(following, end)
        state = following
    return build.finish(start, end)


def _spell_exponent(x: int) -> list[bytes]:
    digits = {f"{abs(x)}", f"{abs(x):02d}"}
    signs = ("-",) if x < 0 else ("", "+")
    return [(sign + d).encode() for sign in signs for d in digits]
