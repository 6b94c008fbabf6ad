"""Strings: minLength, maxLength, pattern and format, all at once, as one automaton between quotes.

    part = lower_string(node, path, context)

Lengths count code points of the value, not bytes of its spelling. A string without pattern and format may use every
JSON escape; with one, only those that are needed (see `spelling`).
"""

import json
from functools import reduce

from .bytedfa import ByteDfa
from .errors import ConstraintError
from .formats import FORMATS, compile_format
from .pattern import Pattern, any_text, bound_length, compile_search, meet
from .schema_context import Context, Node, pointer, read_count, refuse, reject, require_live
from .spelling import quote

KEYWORDS = frozenset({"minLength", "maxLength", "pattern", "format"})


def lower_string(node: Node, path: str, context: Context) -> ByteDfa:
    """The automaton of a string schema."""
    low = read_count(node, "minLength", path) or 0
    high = read_count(node, "maxLength", path)
    if high is not None and low > high:
        reject(f"minLength {low} is above maxLength {high}", path)
    texts = [_read_text(node, k, path) for k in ("pattern", "format") if k in node]
    key = json.dumps(
        ["string", low, high, *(node.get(k) if k in node else None for k in ("pattern", "format"))]
    )

    def make() -> ByteDfa:
        if not texts:
            return _free(low, high, context)
        return _patterned(node, low, high, path, context)

    return require_live(context.fragment(key, make), path)


def _read_text(node: Node, keyword: str, path: str) -> str:
    value = node[keyword]
    if not isinstance(value, str):
        reject(f"{keyword} must be a string", pointer(path, keyword))
    if keyword == "format" and value not in FORMATS:
        refuse(
            f"the format {value!r} is not enforced; known: {', '.join(sorted(FORMATS))}",
            pointer(path, keyword),
        )
    return value


def _free(low: int, high: int | None, context: Context) -> ByteDfa:
    context.budget.spend(low if high is None else high)
    pattern = any_text(low, high)
    return quote(pattern, context.json_spelling(pattern.alphabet, plain=False), context.budget)


def _patterned(node: Node, low: int, high: int | None, path: str, context: Context) -> ByteDfa:
    budget = context.budget
    found: list[Pattern] = []
    for keyword in ("pattern", "format"):
        value = node.get(keyword)
        if isinstance(value, str):
            found.append(_compile(keyword, value, path, context))
    pattern = reduce(lambda a, b: meet(a, b, budget), found)
    if low > 0 or high is not None:
        pattern = bound_length(pattern, low, high, budget)
    if pattern.dfa.empty:
        reject("no string can satisfy this schema", path)
    return quote(pattern, context.json_spelling(pattern.alphabet, plain=True), budget)


def _compile(keyword: str, value: str, path: str, context: Context) -> Pattern:
    if keyword == "format":
        pattern = compile_format(value, context.budget)
        assert pattern is not None, value
        return pattern
    try:
        return compile_search(value, context.budget)
    except ConstraintError as error:
        raise type(error)(str(error), pointer(path, keyword)) from error
