"""Numbers: small ranges exhaustively, large ones at their edges, floats as json.dumps writes them."""

import json
import math
import sys
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trellis.constrained.automata.bytedfa import ByteDfa
from trellis.constrained.limits import Budget, Limits
from trellis.constrained.schema import lower_schema
from trellis.constrained.schema.fragments import Fragments
from trellis.constrained.schema.leaves.interval import Interval, integer_dfa
from trellis.constrained.schema.leaves.scientific import number_dfa
from trellis.constrained.spec import JsonSchema


def integers(**bounds: int | Decimal | bool) -> ByteDfa:
    return integer_dfa(_interval(bounds), Budget(Limits()))


def numbers(**bounds: int | Decimal | bool) -> ByteDfa:
    return number_dfa(_interval(bounds), Budget(Limits()))


def _interval(bounds: dict) -> Interval:
    return Interval(**{k: v if isinstance(v, bool) else Decimal(v) for k, v in bounds.items()})


@pytest.mark.parametrize("low", [None, -120, -17, -1, 0, 1, 9, 10, 99])
@pytest.mark.parametrize("high", [None, -100, -5, 0, 7, 10, 101, 130])
def test_integer_ranges(low: int | None, high: int | None) -> None:
    bounds = {k: v for k, v in (("low", low), ("high", high)) if v is not None}
    part = integers(**bounds)
    for value in range(-140, 150):
        expected = (low is None or value >= low) and (high is None or value <= high)
        assert part.accepts(str(value).encode()) == expected, (low, high, value)
    assert part.dfa.empty == (low is not None and high is not None and low > high)


@pytest.mark.parametrize(
    "text", ["-0", "00", "01", "+1", "1.0", "1e2", "", "-", "1" * 65, "-" + "1" * 65, " 1"]
)
def test_no_integer(text: str) -> None:
    assert not integers().accepts(text.encode())


def test_integer_bounds_of_any_size() -> None:
    part = integers(low=10**25 - 3, high=10**25 + 3)
    assert [d for d in range(-5, 6) if part.accepts(str(10**25 + d).encode())] == list(range(-3, 4))
    assert integers().accepts(b"-9223372036854775808")
    assert integers(low=10**30).accepts(str(10**30).encode())
    half = integers(low=Decimal("-2.5"), high=Decimal("2.5"), low_open=True)
    assert [n for n in range(-5, 6) if half.accepts(str(n).encode())] == [-2, -1, 0, 1, 2]
    opened = integers(low=0, high=4, low_open=True, high_open=True)
    assert [n for n in range(-5, 6) if opened.accepts(str(n).encode())] == [1, 2, 3]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 10, 25])
def test_multiples(step: int) -> None:
    part, wide = integers(step=step, low=-60, high=130), integers(step=step)
    for value in range(-200, 200):
        assert part.accepts(str(value).encode()) == (value % step == 0 and -60 <= value <= 130)
        assert wide.accepts(str(value).encode()) == (value % step == 0)
    fractional = integers(step=Decimal("2.5"))
    assert [n for n in range(12) if fractional.accepts(str(n).encode())] == [0, 5, 10]


@pytest.mark.parametrize(
    ("low", "high", "low_open", "high_open"),
    [
        ("-0.5", "12.25", False, True),
        ("0", "1", True, False),
        ("-3", "-1.75", False, False),
        ("9.99", "10.01", True, True),
    ]
    + [("0.125", "0.125", False, False), ("-1", "1", True, True)],
)
def test_number_ranges(low: str, high: str, low_open: bool, high_open: bool) -> None:
    part = numbers(low=Decimal(low), high=Decimal(high), low_open=low_open, high_open=high_open)
    for thousandths in range(-4000, 13000, 5):
        value = Decimal(thousandths) / 1000
        expected = Decimal(low) <= value <= Decimal(high)
        expected &= not (low_open and value == Decimal(low)) and not (
            high_open and value == Decimal(high)
        )
        for text in {f"{value:f}", f"{value:.3f}", f"{value:.5f}"}:
            assert part.accepts(text.encode()) == expected, text


@pytest.mark.parametrize(
    "text",
    [
        *("01", "1.", ".5", "-", "1e", "1e+", "+1", "1.5e9999", "0x1", "NaN", "Infinity", "1e309"),
        *("1.8e308", "2e308", "1.79769313486231571e308", "4e-324", "1e-325", "0e5"),
    ],
)
def test_no_number(text: str) -> None:
    assert not numbers().accepts(text.encode())


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(sys.float_info.max)
@example(5e-324)
@example(-sys.float_info.min)
def test_every_float_as_json_writes_it(value: float) -> None:
    text = json.dumps(value).encode()
    assert FREE.accepts(text)
    assert ABOVE.accepts(text) == (value > 0 or text == b"0.0")


FREE, ABOVE = numbers(), numbers(low=0)


@settings(max_examples=60, deadline=None)
@given(
    st.decimals(-2000, 2000, places=2), st.decimals(-2000, 2000, places=1), st.floats(-3000, 3000)
)
def test_scientific_spelling_stays_within_bounds(low: Decimal, high: Decimal, value: float) -> None:
    part = numbers(low=low, high=high)
    text = f"{value:.3e}"
    if part.accepts(text.encode()):
        assert low <= Decimal(text) <= high
    assert part.accepts(f"{low:f}".encode()) == (low <= high and not str(low).startswith("-0.00"))


@pytest.mark.parametrize("step", ["0.01", "0.25", "0.5", "3", "1.5"])
def test_decimal_multiples(step: str) -> None:
    part = numbers(step=Decimal(step))
    for hundredths in range(-700, 700):
        value = Decimal(hundredths) / 100
        for text in {f"{value:f}", f"{value.normalize():f}"}:
            allowed = len(text.partition(".")[2]) <= len(step.partition(".")[2])
            assert part.accepts(text.encode()) == (
                value % Decimal(step) == 0 and allowed and text != "-0"
            ), text


def test_every_exponent_of_a_float() -> None:
    assert all(FREE.accepts(repr(math.ldexp(1.1, e)).encode()) for e in range(-1074, 1024, 7))


@settings(max_examples=100, deadline=None)
@given(
    st.decimals("-9.99", "9.99", places=2),
    st.integers(-330, 320),
    st.decimals("1", "9.999", places=3),
    st.integers(-1, 1),
    st.booleans(),
)
def test_bounds_beyond_plain_digits(
    bound: Decimal, power: int, mantissa: Decimal, off: int, below: bool
) -> None:
    """A text with an exponent is allowed wherever its decade or, far out, its value is within a bound."""
    limit = bound.scaleb(power)
    part = numbers(high=limit) if below else numbers(low=limit)
    value = mantissa.scaleb(limit.adjusted() + off).copy_sign(limit)
    inside = value <= limit if below else value >= limit
    text = f"{value.normalize():e}".replace("E", "e").encode()
    readable = Decimal("5e-324") <= abs(value) <= Decimal("1.7976931348623157e308")
    if not inside or not readable:
        assert not part.accepts(text)
    elif abs(value.adjusted()) >= 20:
        assert part.accepts(text)


def test_many_listed_numbers_beside_another_schema() -> None:
    listed = list(range(0, 160, 2))
    schema = json.dumps({"anyOf": [{"enum": listed}, {"minimum": 1000}]})
    machine = lower_schema(JsonSchema(schema), Budget(Limits(seconds=10)), Fragments(1 << 20))
    for value in (*range(-3, 165), 999, 1000, 123_456):
        accepted = machine.accepts(machine.walk(str(value).encode()))
        assert accepted == (value in listed or value >= 1000), value
