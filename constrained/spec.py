"""Constraint: what the user demands of the generated text, as plain values.

    gen("year", regex=r"[12][0-9]{3}")        becomes        Regex(r"[12][0-9]{3}")

Nothing here is checked or compiled: `compiler.check` says whether a constraint can be enforced. This file imports
nothing but the standard library, so that the language can speak of constraints without numpy.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias


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
    ascii: everything beyond ASCII is written as \\uXXXX, as json.dumps does by default.
    formats: "assert" holds strings to the formats that are known; "annotate" takes `format` as a remark.
    """

    schema: str
    whitespace: Literal["compact", "any"] = "compact"
    any_order: bool = False
    ascii: bool = False
    formats: Literal["assert", "annotate"] = "assert"


@dataclass(frozen=True, slots=True)
class Ebnf:
    """The text is derived from rule `start` of an EBNF grammar.

    dialect: "lark" is the syntax of the Lark library; "gbnf" is llama.cpp's, with rules written `name ::= ...`, which
    xgrammar and SGLang read as well. There a grammar without a rule `start` begins at `root`.
    """

    grammar: str
    start: str = "start"
    dialect: Literal["lark", "gbnf"] = "lark"


@dataclass(frozen=True, slots=True)
class Tag:
    """A part of a text: `begin`, then a text that `constraint` allows, then `end`."""

    begin: str
    constraint: "Constraint"
    end: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """Free text in which every tag that is begun is finished as it demands; tags do not nest.

    at_least: how many tags the text must have. stop_after_first: the text ends with its first tag. triggers: texts
    after which one of the tags must follow whose `begin` starts with that trigger; without triggers every `begin` is
    its own. The text between tags contains no trigger.
    """

    tags: tuple[Tag, ...]
    at_least: int = 0
    stop_after_first: bool = False
    triggers: tuple[str, ...] = ()


Constraint: TypeAlias = Regex | Choices | JsonSchema | Ebnf | Tagged
