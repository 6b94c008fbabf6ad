"""Docs: what a docstring says of a function, and of each of its parameters.

    summary, parameters = read_docs(function)          # "Get the weather.", {"city": "name of the city"}

The three common ways are understood: `Args:` with indented names (Google), `Parameters` over dashes (NumPy) and
`:param city:` (Sphinx). What fits none of them belongs to the summary. It refuses to know types.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any

SECTION = re.compile(
    r"(args|arguments|parameters|params|returns|return|yields|raises|examples?|notes?):?\s*$", re.I
)
ARGUMENTS = re.compile(r"(args|arguments|parameters|params):?\s*$", re.I)
DASHES = re.compile(r"-{3,}\s*$")
FIELD = re.compile(r":param\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)")
OTHER_FIELD = re.compile(r":(return|returns|rtype|raises|type)\b.*")
NAMED = re.compile(r"(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*(?::\s*(.*))?$")


def read_docs(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The description of a function, and of its parameters by name; both may be empty."""
    lines = (inspect.getdoc(function) or "").splitlines()
    summary: list[str] = []
    told: dict[str, list[str]] = {}
    section = "summary"
    for index, line in enumerate(lines):
        following = lines[index + 1] if index + 1 < len(lines) else ""
        if begun := _section(line, following):
            section = begun
        elif found := FIELD.match(line.strip()):
            section = "field"
            told[found[1]] = [found[2]]
        elif OTHER_FIELD.match(line.strip()):
            section = "skipped"
        elif section == "summary":
            summary.append(line)
        elif section == "field" and told and line.strip():
            next(reversed(told.values())).append(line)
        elif section in ("google", "numpy"):
            _read_argument(line, section, told)
    return _joined(summary), {name: _joined(words) for name, words in told.items()}


def _section(line: str, following: str) -> str | None:
    """The way of the section that begins at this line, if one does."""
    text = line.strip()
    if not SECTION.match(text) or line[:1].isspace():
        return None
    way = "numpy" if DASHES.match(following.strip()) else "google" if text.endswith(":") else None
    if way is None:
        return None
    return way if ARGUMENTS.match(text) else "skipped"


def _read_argument(line: str, way: str, told: dict[str, list[str]]) -> None:
    """A line of a section of arguments: a name begins at the section's own indent, its text goes deeper."""
    text = line.strip()
    if not text or DASHES.match(text):
        return
    indent = len(line) - len(line.lstrip())
    begins = (
        indent == 0 if way == "numpy" else bool(NAMED.match(text)) and ":" in text and indent <= 4
    )
    found = NAMED.match(text) if begins else None
    if found is not None:
        name = found[1].lstrip("*")
        told[name] = [found[2]] if way == "google" and found[2] else []
    elif told:
        next(reversed(told.values())).append(text)


def _joined(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
