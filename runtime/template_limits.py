"""Bounds on what a single operation of a chat template may take.

    check_product((text, count))        # before text * count
    check_weight((value,))              # before a value is written out, joined or compared

A limit on time ends whatever runs line by line; one call into the interpreter's C code never comes back to be
ended. Such calls are refused beforehand: those that multiply sizes, and those that walk a list which holds
another a thousand times, which holds another a thousand times. It refuses to know templates and Jinja's syntax.
"""

import re
from collections.abc import ItemsView, Iterable, KeysView, Mapping, ValuesView
from typing import Any

from jinja2 import TemplateError
from jinja2.utils import Namespace

MAX_CHARS = 1 << 25
MAX_PRODUCT = 1 << 28
MAX_BITS = 4096
NODE_CHARS = 16
WIDE_FORMAT = re.compile(r"\d{6}")

_NESTING = (Mapping, list, tuple, KeysView, ValuesView, ItemsView, Namespace)
_SIZED = (str, bytes, Mapping, list, tuple)


class TemplateLimit(TemplateError):
    """Rendering passed a limit."""


def check_product(values: Iterable[Any]) -> None:
    """The values' numbers and lengths multiply to a size that can be made. Raises TemplateLimit."""
    product = 1
    for value in values:
        if isinstance(value, int):
            product *= max(abs(value), 1)
        elif isinstance(value, _SIZED):
            product *= max(len(value), 1)
    if product > MAX_PRODUCT:
        raise TemplateLimit("an operation on long values is too large for a template")


def check_number(left: Any, operator: str, right: Any) -> None:
    """left ** right, or left * right, of whole numbers stays short. Raises TemplateLimit."""
    if not isinstance(left, int) or not isinstance(right, int):
        return
    bits = (
        left.bit_length() * abs(right)
        if operator == "**"
        else left.bit_length() + right.bit_length()
    )
    if bits > MAX_BITS:
        raise TemplateLimit("a number is too large for a template")


def check_format(text: str) -> None:
    """A format without room for a width of a hundred thousand or more. Raises TemplateLimit."""
    if WIDE_FORMAT.search(text):
        raise TemplateLimit(f"the format {text!r:.40} is too wide for a template")


def check_weight(values: Iterable[Any]) -> None:
    """What the values hold, each thing as often as it is held, amounts to a long text at most. Raises TemplateLimit."""
    waiting = [value for value in values if isinstance(value, _NESTING)]
    left = MAX_CHARS
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            left -= len(value)
        elif isinstance(value, Namespace):
            raise TemplateLimit("a namespace is too large for a template: write out what is in it")
        elif isinstance(value, _NESTING):
            left -= NODE_CHARS * len(value)
            if left > 0:
                waiting.extend(value)
            if left > 0 and isinstance(value, Mapping):
                waiting.extend(value.values())
        if left < 0:
            raise TemplateLimit("a value that holds others is too large for a template")
