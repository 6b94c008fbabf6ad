"""A program to host, and the lines that a server writes about it."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trellis.runtime.server.telemetry.logs import JsonLines

PROGRAM = '''
import trellis as tr

@tr.function
def capital(s, country: str) -> str:
    """The capital of a country."""
    s += tr.user(f"The capital of {country}?")
    s += tr.assistant(tr.gen("city", max_tokens=5))
    s += tr.user("And its river?")
    s += tr.assistant(tr.gen("river", max_tokens=5))
    return s["city"]

@tr.function
def broken(s) -> str:
    s += tr.gen("word", max_tokens=3)
    assert s["word"]
    raise RuntimeError("the program's own words")
'''


@pytest.fixture
def programs(tmp_path: Path) -> str:
    path = tmp_path / "app.py"
    path.write_text(PROGRAM)
    return str(path)


class Lines(logging.Handler):
    """What a server that writes JSON would have written. Formatted at once: a line knows its request only then."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._form = JsonLines()

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self._form.format(record))

    def named(self, event: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.texts) if line["event"] == event]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, log = Lines(), logging.getLogger("trellis")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)
    log.setLevel(before)
