"""Makers: the value sources that the field tables share. Each returns (JSON value, how the text shows it)."""

from collections.abc import Callable, Sequence
from typing import Any

from draw import Draw
from records import Made, listed

Maker = Callable[[Draw], Made]


def copied(source: Callable[[Draw], str]) -> Maker:
    """A text that stands in the value exactly as in the sentence."""

    def make(draw: Draw) -> Made:
        text = source(draw)
        return text, text

    return make


def picked(options: Sequence[str]) -> Maker:
    """One of a list, copied."""
    return copied(lambda draw: draw.one(options))


def whole(low: int, high: int) -> Maker:
    """A whole number, evenly drawn."""

    def make(draw: Draw) -> Made:
        number = draw.number(low, high)
        return number, str(number)

    return make


def amount(draw: Draw) -> Made:
    """A whole number of any size, large ones sometimes with thousands separators."""
    number = draw.whole()
    return number, f"{number:,}" if number >= 1000 and draw.chance(0.3) else str(number)


def decimal(low: int, high: int, places: int = 1) -> Maker:
    """A number with decimals, shown as JSON shows it."""

    def make(draw: Draw) -> Made:
        number = round(draw.rng.uniform(low, high), places)
        return number, str(number)

    return make


def money(draw: Draw) -> Made:
    """An amount shown with two decimals, or none when it is whole."""
    number = draw.money()
    shown = str(int(number)) if number == int(number) else f"{number:.2f}"
    return number, shown


def flag(draw: Draw) -> Made:
    """True or False; the field's `says` has the words."""
    value = draw.chance(0.5)
    return value, "yes" if value else "no"


def many(source: Callable[[Draw], str], low: int = 1, high: int = 4) -> Maker:
    """A list of different texts, shown as `a, b and c`."""

    def make(draw: Draw) -> Made:
        items = list(dict.fromkeys(source(draw) for _ in range(draw.number(low, high))))
        return items, listed(items)

    return make


def several(options: Sequence[str], low: int = 1, high: int = 4) -> Maker:
    """A list of different entries of one list."""

    def make(draw: Draw) -> Made:
        items: list[Any] = draw.some(options, low, high)
        return items, listed(items)

    return make
