"""Numbers as JSON spells them: plain decimals, and d.ddde±x for the whole range of a double.

    part = number_dfa(Interval(low=Decimal("0"), high=Decimal("99.5")), budget)

The latter are read for each x whose decade the bounds contain, and, beyond the digits of plain decimals, for the part
of a decade that they contain. Without bounds the largest is 1.7976931348623157e308 and the smallest 5e-324, so that
every number means something to whoever reads doubles. Slow: a millisecond or two.
"""

from dataclasses import dataclass
from decimal import Decimal

from ...automata.bytedfa import ByteDfa
from ...limits import Budget
from .decimals import exponent_of, normal, shifted
from .interval import Interval, plain_dfa
from .regions import Decades, read_interval

WHOLE = Interval(Decimal(1), Decimal(10), False, True)
LARGEST = Decimal("1.7976931348623157e308")
SMALLEST = Decimal("5e-324")
PLAIN = (
    20  # powers of ten within which a decade that the bounds only touch is left to plain decimals
)


def number_dfa(interval: Interval, budget: Budget) -> ByteDfa:
    """Numbers of the interval. Its start is 0 if there are none."""
    if interval.step is not None:
        return plain_dfa(interval, max(0, -exponent_of(normal(interval.step))), budget)
    return read_interval(interval, (_decades(interval, 1), _decades(interval, -1)), budget)


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


def _decades(interval: Interval, sign: int) -> Decades:
    """The d.ddde±x of one sign: of decades that the bounds contain, and, beyond the digits of plain decimals, of those
    that they touch."""
    span = _range(interval, sign)
    if span is None:
        return []
    lowest, highest = span.low.adjusted(), span.high.adjusted()
    first = lowest if span.within(lowest) == WHOLE else lowest + 1
    last = highest if span.within(highest) == WHOLE else highest - 1
    found = [(WHOLE, range(first, last + 1))]
    for power in sorted({lowest, highest} - set(range(first, last + 1))):
        part = span.within(power)
        if part is not None and abs(power) >= PLAIN:
            found.append((part, range(power, power + 1)))
    return found
