"""Decimals as they are: what Decimal's own operations would round to 28 digits.

normal(Decimal("1.50"))         # Decimal("1.5")
"""

from decimal import Decimal


def normal(value: Decimal) -> Decimal:
    """The same number without zeros at its end; an integer may become one with an exponent."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), value
    kept = "".join(map(str, digits)).lstrip("0").rstrip("0")
    if not kept:
        return Decimal(0)
    exponent += len("".join(map(str, digits)).lstrip("0")) - len(kept)
    return Decimal((sign, tuple(map(int, kept)), exponent))


def shifted(value: Decimal, places: int) -> Decimal:
    """The number times 10 ** places."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), value
    return Decimal((sign, digits, exponent + places))


def exponent_of(value: Decimal) -> int:
    """The power of ten of the last digit."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), value
    return exponent
