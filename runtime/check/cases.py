"""Cases: schemas with instances, a JSON line each.

    for case in read_cases(open("schemas.jsonl", "rb")):
        ...                                     # Case, or BadLine where the line is none

    {"id": "age", "schema": {"type": "integer"}, "tests": [{"data": 7, "valid": true}]}

Lines are read as they are asked for, so that a file of any length takes the memory of one line.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sample:
    """An instance, and whether the schema accepts it."""

    data: object
    valid: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A schema, as JSON text, and its instances."""

    id: str
    schema: str
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no case, and why."""

    id: str
    reason: str


def read_cases(lines: Iterable[bytes | str]) -> Iterator[Case | BadLine]:
    """The cases of some lines; empty lines are passed over. A case without an id has its line's number."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield read_case(line, str(number))


def read_case(line: bytes | str, number: str) -> Case | BadLine:
    """One line."""
    try:
        found = read_value(line)
    except ValueError as error:
        return BadLine(number, f"line {number} is no JSON: {error}")
    if not isinstance(found, dict) or "schema" not in found:
        return BadLine(number, f'line {number} has no "schema"')
    identifier = str(found.get("id", number))
    tests: Any = found.get("tests", [])
    if not isinstance(tests, list) or not all(map(_is_test, tests)):
        return BadLine(identifier, f'line {number}: each of "tests" needs "data" and "valid"')
    samples = tuple(Sample(test["data"], test["valid"]) for test in tests)
    return Case(identifier, json.dumps(found["schema"], ensure_ascii=False), samples)


def read_value(text: bytes | str) -> Any:
    """What a JSON text stands for. Raises ValueError where it is none, or has a number that cannot be told apart from
    others."""
    try:
        return json.loads(
            text, parse_constant=_refuse_constant, parse_float=_read_float, parse_int=_read_integer
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _read_float(text: str) -> float:
    if math.isinf(found := float(text)):
        raise ValueError(f"the number {text[:20]} is too large")
    return found


def _read_integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"a number of {len(text)} digits is too long") from None


def _is_test(test: object) -> bool:
    return isinstance(test, dict) and "data" in test and isinstance(test.get("valid"), bool)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")
