"""Constraint: what the user demands of the generated text, as plain values.

    gen("year", regex=r"[12][0-9]{3}")        becomes        Regex(r"[12][0-9]{3}")

Nothing here is checked or compiled: `compiler.check` says whether a constraint can be enforced. This file imports
nothing but the standard library, so that the language can speak of constraints without numpy.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Regex:
    """The whole text matches `pattern`, with the meaning that Python's re.fullmatch gives it."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Choices:
    """The text is exactly one of `texts`."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The text is a JSON value that `schema` (JSON text) accepts.

    whitespace: "compact" writes ", " and ": " as json.dumps does; "any" lets the model choose between nothing, one
    space, or a new line with its indent. any_order: properties may come in every order, not only as declared.
    """

    schema: str
    whitespace: Literal["compact", "any"] = "compact"
    any_order: bool = False


@dataclass(frozen=True, slots=True)
class Ebnf:
    """The text is derived from rule `start` of an EBNF grammar."""

    grammar: str
    start: str = "start"


Constraint = Regex | Choices | JsonSchema | Ebnf
