"""Bodies of the state routes: the Backend's own calls as JSON.

Names are the language's: fields of SamplingParams under `params`, constraints as a Program writes them.
"""

import functools
import json
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from ....constrained.spec import Constraint
from ....lang.backends.base import Piece
from ....lang.errors import InvalidParams
from ....lang.nodes.params import SamplingParams
from ....lang.program.constraints import Constraint as ConstraintData
from ....lang.program.constraints import constraint_of
from ..errors import BadRequest, spell
from ..strict import StrictBody

MOST_RELEASED = 65_536
CONSTRAINT_KINDS = frozenset(("regex", "choices", "json_schema", "ebnf", "tagged"))


class PieceBody(StrictBody):
    """Text, or token ids. special: control tokens written out in the text are recognised."""

    text: str = ""
    special: bool = False
    tokens: list[int] = []

    def piece(self) -> Piece:
        """The piece meant."""
        return Piece(self.text, self.special, tuple(self.tokens))


class PromptBody(StrictBody):
    """A state to go on from, and what follows. release: states to let go of, which saves a call."""

    base: str | None = None
    pieces: list[PieceBody] = []
    params: dict[str, Any] = {}
    release: list[str] = Field(default=[], max_length=MOST_RELEASED)

    def sampling(self) -> SamplingParams:
        """The SamplingParams meant. Raises BadRequest."""
        try:
            return SamplingParams().merged(**self.params)
        except (InvalidParams, TypeError) as error:
            raise BadRequest(str(error), "params") from error


class GenerateBody(PromptBody):
    """What to generate."""

    constraint: dict[str, Any] | None = None

    def demanded(self) -> Constraint | None:
        """The constraint meant. Raises BadRequest."""
        return None if self.constraint is None else read_constraint(self.constraint)


class ScoreBody(PromptBody):
    """Choices to score."""

    choices: list[str] = Field(min_length=1, max_length=1024)


class ReleaseBody(StrictBody):
    """States to let go of."""

    ids: list[str] = Field(max_length=MOST_RELEASED)


class RenderBody(StrictBody):
    """Messages for the chat template."""

    messages: list[dict[str, Any]]
    open_assistant: bool = False
    tools: list[dict[str, Any]] = []


class TokenBody(StrictBody):
    """A text that may be one token."""

    text: str = Field(min_length=1, max_length=1024)


class CheckBody(StrictBody):
    """A constraint to check."""

    constraint: dict[str, Any]


def read_constraint(data: dict[str, Any]) -> Constraint:
    """The constraint that JSON data is. Raises BadRequest, naming the field."""
    try:
        # As JSON, since it is as strict about types as JSON can be: a list is what a tuple is written as.
        return constraint_of(_constraints().validate_json(json.dumps(data)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = spell(["constraint", *(p for p in first["loc"] if p not in CONSTRAINT_KINDS)])
        raise BadRequest(f"{path}: {first['msg']}", path) from error


@functools.cache
def _constraints() -> TypeAdapter[ConstraintData]:
    return TypeAdapter(ConstraintData)
