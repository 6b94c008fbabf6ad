"""Regions: plain decimals told apart by where they lie among some bounds.

    line = Line([Decimal(0), Decimal("99.5")])              # ascending: below 0, 0, between, 99.5, above
    line.place(Decimal("99.5"))                             # 3
    classes, regions = read_regions(line, kinds, Digits(64, 20), budget)
    part = read_interval(Interval(Decimal(0), Decimal("99.5")), ([(Interval(), range(-308, 1))], []), budget)

A number that is read digit by digit is, as far as the bounds are concerned, either the beginning of one of them or lies
between two such beginnings, and then further digits say only how many there are. States are made from the last digit
to the first, equal ones once, so the automaton is the smallest. Regions of one kind are not told apart. Of regions -0
is in none, so that each text of zero is judged as one. Slow: some microseconds for each digit of a bound.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ...automata.automaton import Dfa, Table
from ...automata.bytedfa import ByteDfa, Classes
from ...limits import Budget
from .decimals import exponent_of
from .interval import COLUMNS, FRACTION_DIGITS, INTEGER_DIGITS, Interval

Row = tuple[int, ...]
NO_DIGIT: Row = (0,) * 10
WIDTH = len(COLUMNS) + 3  # columns of a table: those, e, '+', and all other bytes
Decades = list[tuple[Interval, range]]  # which d.ddd may stand before which powers of ten


@dataclass(frozen=True, slots=True)
class Digits:
    """How many digits there may be before the point and behind it; none behind it: no point either."""

    whole: int
    fraction: int


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """An automaton over classes of bytes. kinds: int64 [states], the kind of the number that may end there, or 0."""

    table: Table
    kinds: NDArray[np.int64]
    start: int


class Line:
    """The numbers, cut at bounds: region 2 * i + 1 is the i-th bound alone, 2 * i what lies between it and the one
    before."""

    def __init__(self, bounds: Sequence[Decimal]) -> None:
        self.bounds = tuple(bounds)

    @property
    def regions(self) -> int:
        """How many there are."""
        return 2 * len(self.bounds) + 1

    def place(self, value: Decimal) -> int:
        """The region of a number."""
        at = bisect_left(self.bounds, value)
        return 2 * at + (at < len(self.bounds) and self.bounds[at] == value)

    def within(self, interval: Interval) -> range:
        """The regions of an interval whose bounds are among these, or outside of them all."""
        low, high = 0, self.regions - 1
        if interval.low is not None:
            low = self.place(interval.low) + interval.low_open
        if interval.high is not None:
            high = self.place(interval.high) - interval.high_open
        return range(low, high + 1)


def read_regions(
    line: Line, kinds: Sequence[int], digits: Digits, budget: Budget
) -> tuple[Classes, Regions]:
    """The automaton of plain decimals that ends with the kind of their region, from 1 on; 0: such are not read. Its
    start is 0 if none are."""
    negative = bisect_left(line.bounds, Decimal(0))
    below, above = line.bounds[:negative], line.bounds[negative:]
    here, behind = kinds[2 * negative], kinds[2 * negative :]
    if not above or above[0] != 0:
        above, behind = (Decimal(0), *above), (here, here, *behind)
    # Of the magnitudes of negative numbers the first region is empty, and the second is -0.
    turned = [0, 0, *reversed(kinds[: 2 * negative + 1])]
    minus = _Side(digits.whole, (Decimal(0), *(-b for b in reversed(below))), turned)
    return _read(
        _Spelling(digits.fraction, budget), _Side(digits.whole, above, list(behind)), minus
    )


def read_interval(interval: Interval, decades: tuple[Decades, Decades], budget: Budget) -> ByteDfa:
    """The automaton of the plain decimals of an interval, and of d.ddde±x as the decades of positive and of negative
    numbers say. There are no steps."""
    bounds = [b for b in (interval.low, interval.high) if b is not None]
    spelling = _Spelling(max([FRACTION_DIGITS, *(-exponent_of(b) for b in bounds)]), budget)
    plus = _side_of(interval, decades[0], spelling)
    minus = _side_of(_turned(interval), decades[1], spelling)
    if interval.low is not None and interval.low >= 0:
        minus.kinds[1] = 0
    classes, found = _read(spelling, plus, minus)
    return ByteDfa(classes, Dfa(found.table, found.kinds > 0, found.start))


@dataclass(slots=True)
class _Side:
    """Magnitudes. whole: how many digits there may be before the point; bounds: ascending, the first of them 0; kinds:
    of the regions between them; powers: for each region the state to which an e leads behind d.ddd, if any has one."""

    whole: int
    bounds: Sequence[Decimal]
    kinds: list[int]
    powers: Sequence[int] = ()


def _turned(interval: Interval) -> Interval:
    """The same numbers with their signs turned."""
    low, high = interval.low, interval.high
    return Interval(
        None if high is None else high.copy_negate(),
        None if low is None else low.copy_negate(),
        interval.high_open,
        interval.low_open,
    )


def _side_of(interval: Interval, decades: Decades, spelling: "_Spelling") -> _Side:
    own = [b for b in (interval.low, interval.high) if b is not None and b > 0]
    cuts = [b for part, _ in decades for b in (part.low, part.high) if b is not None]
    line = Line(sorted({Decimal(0), *own, *cuts}))
    whole = max([INTEGER_DIGITS, *(bound.adjusted() + 2 for bound in own)])
    kinds = [0] * line.regions
    for region in line.within(interval):
        kinds[region] = 1
    powers: list[set[int]] = [set() for _ in kinds]
    for part, found in decades:
        for region in line.within(part):
            powers[region].update(found)
    return _Side(whole, line.bounds, kinds, [spelling.exponent(found) for found in powers])


def _read(spelling: "_Spelling", plus: _Side, minus: _Side) -> tuple[Classes, Regions]:
    signed = spelling.state(0, _Magnitudes(spelling, minus).begin())
    start = spelling.state(0, _Magnitudes(spelling, plus).begin(), signs=(signed, 0))
    classes = np.full(256, WIDTH - 1, np.uint8)
    classes[list(COLUMNS)] = np.arange(len(COLUMNS))
    classes[list(b"eE")], classes[ord("+")] = len(COLUMNS), len(COLUMNS) + 1
    table = np.array(spelling.rows, np.int32)
    return classes, Regions(table, np.array(spelling.kinds, np.int64), start)


class _Spelling:
    """States, each once. rows: where '-', '.', the digits, e, '+' and other bytes lead."""

    def __init__(self, most: int, budget: Budget) -> None:
        self.most = most  # digits behind the point
        self.rows: list[Row] = [(0,) * WIDTH]
        self.kinds = [0]
        self._budget = budget
        self._known: dict[tuple[int, Row], int] = {(0, self.rows[0]): 0}
        self._fractions: dict[tuple[int, int], list[int]] = {}
        self._exponents: dict[frozenset[int], int] = {}

    def state(
        self, kind: int, digits: Row, point: int = 0, power: int = 0, signs: Row = (0, 0)
    ) -> int:
        """The state at which a number of this kind may end, and from which these lead on. signs: '-' and '+'."""
        key = kind, (signs[0], point, *digits, power, signs[1], 0)
        found = self._known.get(key)
        if found is None:
            self._budget.spend(1)
            found = self._known[key] = len(self.rows)
            self._budget.check_table(found, WIDTH)
            self.rows.append(key[1])
            self.kinds.append(kind)
        return found

    def fraction(self, kind: int, power: int) -> list[int]:
        """The states behind the point and each digit of a number whose kind is known. power: where an e leads."""
        found = self._fractions.get((kind, power))
        if found is None:
            state, most = 0, self.most
            found = self._fractions[kind, power] = [0] * (most + 1)
            for read in reversed(range(most + 1)):
                state = self.state(
                    kind if read else 0, (state,) * 10, power=self.power(power, read)
                )
                found[read] = state if most else 0
        return found

    def power(self, power: int, read: int) -> int:
        """Where an e leads behind so many digits of a fraction."""
        return power if 0 < read <= FRACTION_DIGITS else 0

    def exponent(self, powers: Collection[int]) -> int:
        """The state that reads one of these powers of ten, which may have a sign, and one digit too many."""
        key = frozenset(powers)
        if key not in self._exponents:
            plus = self._counts({power for power in key if power >= 0})
            minus = self._counts({-power for power in key if power < 0})
            signs = self.state(0, minus), self.state(0, plus)
            self._exponents[key] = self.state(0, plus, signs=signs)
        return self._exponents[key]

    def _counts(self, counts: set[int]) -> Row:
        """Where the first digit of one of these leads, up to 999; those below 10 may be written with two."""
        if not counts:
            return NO_DIGIT
        end = self.state(1, NO_DIGIT)

        def ends(first: int) -> Row:
            return tuple([end if n in counts else 0 for n in range(first, first + 10)])

        row: list[int] = []
        for digit in range(10):
            after = [
                self.state(int(n in counts), ends(10 * n) if digit else NO_DIGIT)
                for n in range(10 * digit, 10 * digit + 10)
            ]
            row.append(self.state(int(digit in counts), tuple(after)))
        return tuple(row)


class _Magnitudes:
    """Numbers of one sign."""

    def __init__(self, spelling: _Spelling, side: _Side) -> None:
        self._spelling = spelling
        self._whole = side.whole
        self._bounds = side.bounds
        self._kinds = side.kinds
        self._powers = side.powers
        self._behind: dict[int, list[int]] = {}  # fractions of bounds, by what is before the point
        begun: dict[int, set[int]] = {}  # beginnings of what is before the point, by their length
        for bound in side.bounds:
            whole, _, fraction = f"{bound:f}".partition(".")
            padded = fraction[: spelling.most].ljust(spelling.most, "0")
            self._behind.setdefault(int(whole), []).append(int(padded or "0"))
            for read in range(1, len(whole) + 1):
                begun.setdefault(read, set()).add(int(whole[:read]))
        self._begun = {read: sorted(found) for read, found in begun.items()}

    def begin(self) -> Row:
        """Where the first digit leads."""
        begun: dict[int, int] = {}
        between: list[int] = [0]
        for read in reversed(range(1, self._whole + 1)):
            begun, between = self._step(read, begun, between)
        zero = self._spelling.state(self._kinds[1], NO_DIGIT, self._point(0, alone=False))
        return (zero, *(self._enter(digit, 1, begun, between) for digit in range(1, 10)))

    def _step(
        self, read: int, begun: dict[int, int], between: list[int]
    ) -> tuple[dict[int, int], list[int]]:
        """The states behind so many digits, by beginning and between these, from those behind one more."""
        here, later = self._begun.get(read, []), self._begun.get(read + 1, [])
        spelling, last = self._spelling, read == self._whole
        gaps: list[int] = []
        for at in range(len(here) + 1):
            least = here[at - 1] + 1 if at else 10 ** (read - 1)
            kind, power = self._told(2 * bisect_left(self._bounds, least), read == 1)
            onward = bisect_left(later, 10 * here[at]) if at < len(here) else len(later)
            digits = NO_DIGIT if last else (between[onward],) * 10
            gaps.append(spelling.state(kind, digits, spelling.fraction(kind, power)[0], power))
        states: dict[int, int] = {}
        for whole in filter(None, here):  # behind a 0 there are no digits
            ways = range(10 * whole, 10 * whole + 10)
            digits = NO_DIGIT
            if not last:
                digits = tuple([self._enter(n, read + 1, begun, between) for n in ways])
            kind, power = self._told(self._place(whole), read == 1)
            point = self._point(whole, alone=read == 1)
            states[whole] = spelling.state(kind, digits, point, power)
        return states, gaps

    def _enter(self, whole: int, read: int, begun: dict[int, int], between: list[int]) -> int:
        found = begun.get(whole)
        return between[bisect_left(self._begun.get(read, []), whole)] if found is None else found

    def _told(self, region: int, alone: bool) -> tuple[int, int]:
        """The kind of a region, and where an e leads in it behind one digit alone, with its fraction."""
        return self._kinds[region], self._powers[region] if alone and self._powers else 0

    def _place(self, whole: int) -> int:
        """The region of an integer."""
        at = bisect_left(self._bounds, whole)
        return 2 * at + (at < len(self._bounds) and self._bounds[at] == whole)

    def _point(self, whole: int, *, alone: bool) -> int:
        """The state behind a point, what is before it being known."""
        spelling, most = self._spelling, self._spelling.most
        at = bisect_left(self._bounds, whole)
        bounds = self._behind.get(whole, [])
        if not bounds or not most:
            return spelling.fraction(*self._told(2 * at, alone))[0]
        states: dict[int, int] = {}
        for read in reversed(range(most + 1)):
            scale = 10 ** (most - read)
            following, states = states, {}
            for begun in {bound // scale for bound in bounds}:
                digits: list[int] = []
                for n in range(10 * begun, 10 * begun + 10) if read < most else ():
                    below = bisect_left(bounds, n * scale // 10)
                    told = self._told(2 * (at + below), alone)
                    digits.append(following.get(n, spelling.fraction(*told)[read + 1]))
                below = bisect_left(bounds, begun * scale)
                exact = below < len(bounds) and bounds[below] == begun * scale
                kind, power = self._told(2 * (at + below) + exact, alone)
                onward, power = tuple(digits) or NO_DIGIT, spelling.power(power, read)
                states[begun] = spelling.state(kind if read else 0, onward, power=power)
        return states[0]
