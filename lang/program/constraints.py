"""Constraints on the wire: those of `constrained.spec`, told apart by `kind`.

    wire = wire_constraint(RegexSpec("x+"))
    constraint = constraint_of(wire)

It refuses to know whether a constraint can be enforced: backends check that.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from ...constrained.spec import Choices as ChoicesSpec
from ...constrained.spec import Constraint as Spec
from ...constrained.spec import Ebnf as EbnfSpec
from ...constrained.spec import JsonSchema as JsonSchemaSpec
from ...constrained.spec import Regex as RegexSpec
from ...constrained.spec import Tag as TagSpec
from ...constrained.spec import Tagged as TaggedSpec
from .values import STRICT


@dataclass(frozen=True, slots=True)
class Regex:
    """The whole text matches the pattern."""

    pattern: str
    kind: Literal["regex"] = "regex"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Choices:
    """The text is one of these."""

    texts: tuple[str, ...]
    kind: Literal["choices"] = "choices"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The text is JSON that the schema (JSON text) accepts."""

    schema: str
    whitespace: Literal["compact", "any"] = "compact"
    any_order: bool = False
    ascii: bool = False
    formats: Literal["assert", "annotate"] = "assert"
    kind: Literal["json_schema"] = "json_schema"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Ebnf:
    """The text is derived from rule `start` of the grammar."""

    grammar: str
    start: str = "start"
    dialect: Literal["lark", "gbnf"] = "lark"
    kind: Literal["ebnf"] = "ebnf"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Tag:
    """A part of a text: begin, what the constraint allows, end."""

    begin: str
    constraint: "Constraint"
    end: str
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Tagged:
    """Free text with tags in it."""

    tags: tuple[Tag, ...]
    at_least: Annotated[int, Field(ge=0)] = 0
    stop_after_first: bool = False
    triggers: tuple[str, ...] = ()
    kind: Literal["tagged"] = "tagged"
    __pydantic_config__ = STRICT


Constraint = Annotated[Regex | Choices | JsonSchema | Ebnf | Tagged, Field(discriminator="kind")]


def constraint_of(constraint: Constraint) -> Spec:
    """The constraint as the engine knows it."""
    match constraint:
        case Regex(pattern=pattern):
            return RegexSpec(pattern)
        case Choices(texts=texts):
            return ChoicesSpec(texts)
        case JsonSchema() as one:
            return JsonSchemaSpec(one.schema, one.whitespace, one.any_order, one.ascii, one.formats)
        case Ebnf(grammar=grammar, start=start, dialect=dialect):
            return EbnfSpec(grammar, start, dialect)
        case Tagged() as one:
            tags = tuple(TagSpec(t.begin, constraint_of(t.constraint), t.end) for t in one.tags)
            return TaggedSpec(tags, one.at_least, one.stop_after_first, one.triggers)


def wire_constraint(constraint: Spec) -> Constraint:
    """The constraint as a Program holds it."""
    match constraint:
        case RegexSpec(pattern=pattern):
            return Regex(pattern)
        case ChoicesSpec(texts=texts):
            return Choices(texts)
        case JsonSchemaSpec() as one:
            return JsonSchema(one.schema, one.whitespace, one.any_order, one.ascii, one.formats)
        case EbnfSpec(grammar=grammar, start=start, dialect=dialect):
            return Ebnf(grammar, start, dialect)
        case TaggedSpec() as one:
            tags = tuple(Tag(t.begin, wire_constraint(t.constraint), t.end) for t in one.tags)
            return Tagged(tags, one.at_least, one.stop_after_first, one.triggers)
