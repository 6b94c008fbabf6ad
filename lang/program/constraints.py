"""Constraints on the wire: those of `constrained.spec`, told apart by `kind`.

    wire = wire_constraint(spec.Regex("x+"))         # raises Untraceable for a kind that no Program knows
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
from ..errors import Untraceable
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
    kind: Literal["json_schema"] = "json_schema"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Ebnf:
    """The text is derived from rule `start` of the grammar."""

    grammar: str
    start: str = "start"
    kind: Literal["ebnf"] = "ebnf"
    __pydantic_config__ = STRICT


Constraint = Annotated[Regex | Choices | JsonSchema | Ebnf, Field(discriminator="kind")]


def constraint_of(constraint: Constraint) -> Spec:
    """The constraint as the engine knows it."""
    match constraint:
        case Regex(pattern=pattern):
            return RegexSpec(pattern)
        case Choices(texts=texts):
            return ChoicesSpec(texts)
        case JsonSchema(schema=schema, whitespace=whitespace, any_order=any_order):
            return JsonSchemaSpec(schema, whitespace, any_order)
        case Ebnf(grammar=grammar, start=start):
            return EbnfSpec(grammar, start)


def wire_constraint(constraint: Spec) -> Constraint:
    """The constraint as a Program holds it. Raises Untraceable for a kind it does not know."""
    match constraint:
        case RegexSpec(pattern=pattern):
            return Regex(pattern)
        case ChoicesSpec(texts=texts):
            return Choices(texts)
        case JsonSchemaSpec(schema=schema, whitespace=whitespace, any_order=any_order):
            return JsonSchema(schema, whitespace, any_order)
        case EbnfSpec(grammar=grammar, start=start):
            return Ebnf(grammar, start)
        case other:
            raise Untraceable(f"no Program can hold a constraint of kind {type(other).__name__}")
