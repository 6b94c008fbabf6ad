"""Document: a Program as plain frozen data; what its JSON holds, field by field.

    Document(name="capital", parameters=(Parameter("country"),), block=Block((Turn(0, "user"), ...), result))

Instructions run in order. Each works on a state, named by a number: 0 is the run's own, `Fork` and `Map` make others.
An instruction that sets something has an id, unique in the Program; values refer to ids that were set before. The
JSON is exactly these fields, `op` telling the instructions apart; what is unknown, missing or of another type is
refused. It refuses to know what makes a Program meaningful: see `check`.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from ..nodes.ir import Method, Role
from .constraints import Constraint
from .values import STRICT, Value

VERSION = 1
StateNumber = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Thinking:
    """The model thinks first; begin, end: its marks, null for its own."""

    max_tokens: Annotated[int, Field(ge=1)]
    begin: str | None = None
    end: str | None = None
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Text:
    """Text is appended."""

    state: StateNumber
    value: Value
    where: str = ""
    op: Literal["text"] = "text"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Gen:
    """An answer is generated. reads: how its text becomes the value; "labels" looks it up in `labels`.

    hint: what the prompt is told of it; feedback: a refused answer is shown to the model.
    """

    id: str
    state: StateNumber
    name: str | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    constraint: Constraint | None = None
    reads: Literal["text", "int", "float", "json", "labels"] = "text"
    labels: dict[str, Any] | None = None
    retries: Annotated[int, Field(ge=0, le=100)] = 0
    feedback: bool = False
    hint: str = ""
    thinking: Thinking | None = None
    where: str = ""
    op: Literal["gen"] = "gen"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Select:
    """The likeliest choice is taken."""

    id: str
    state: StateNumber
    name: str | None
    choices: tuple[str, ...]
    method: Method = "mean"
    where: str = ""
    op: Literal["select"] = "select"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the chat begins. fixed: nothing in it is generated."""

    state: StateNumber
    role: Role
    fixed: bool = False
    where: str = ""
    op: Literal["turn"] = "turn"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class EndTurn:
    """The open turn ends."""

    state: StateNumber
    where: str = ""
    op: Literal["end_turn"] = "end_turn"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Capture:
    """From here on the text belongs to a variable, too."""

    state: StateNumber
    name: str
    where: str = ""
    op: Literal["capture"] = "capture"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class EndCapture:
    """The captured variable is complete."""

    id: str
    state: StateNumber
    name: str
    where: str = ""
    op: Literal["end_capture"] = "end_capture"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Set:
    """A variable gets a value, without any text."""

    id: str
    state: StateNumber
    name: str
    value: Value
    where: str = ""
    op: Literal["set"] = "set"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Fork:
    """Branches go on from here."""

    state: StateNumber
    branches: tuple[StateNumber, ...]
    where: str = ""
    op: Literal["fork"] = "fork"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Join:
    """Branches of one fork come back. by: the variable that "best" goes by; sets: variable to id."""

    state: StateNumber
    branches: tuple[StateNumber, ...]
    how: Literal["variables", "text", "best"] = "variables"
    by: str | None = None
    sets: dict[str, str] = field(default_factory=dict[str, str])
    where: str = ""
    op: Literal["join"] = "join"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Mark:
    """A point to come back to, by its number."""

    state: StateNumber
    mark: StateNumber
    where: str = ""
    op: Literal["mark"] = "mark"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Rewind:
    """Text and variables since the mark are gone."""

    state: StateNumber
    mark: StateNumber
    where: str = ""
    op: Literal["rewind"] = "rewind"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Close:
    """The state ends and gives back what it holds."""

    state: StateNumber
    where: str = ""
    op: Literal["close"] = "close"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Hold:
    """What the state holds so far is the same in every run: it may be computed beforehand."""

    state: StateNumber
    where: str = ""
    op: Literal["hold"] = "hold"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Block:
    """Instructions in order, and the value they come to."""

    body: "tuple[Instruction, ...]" = ()
    result: Value | None = None
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Match:
    """The block whose label the value is written as runs, or the default. sets: variable to id, whichever ran."""

    id: str
    state: StateNumber
    value: Value
    cases: dict[str, Block]
    default: Block | None = None
    sets: dict[str, str] = field(default_factory=dict[str, str])
    where: str = ""
    op: Literal["match"] = "match"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Map:
    """The block runs once per item, each time on a branch of its own; the list of its results is the outcome."""

    id: str
    state: StateNumber
    items: Value
    item: str
    branch: StateNumber
    block: Block
    at_most: Annotated[int, Field(ge=1)] | None = None
    where: str = ""
    op: Literal["map"] = "map"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Repeat:
    """The block runs until `until` is true after it, `at_most` times; its last result is the outcome.

    takes: variable to id: what the variable is when a round begins, set before the loop or by the round before.
    """

    id: str
    state: StateNumber
    block: Block
    at_most: Annotated[int, Field(ge=1)]
    until: Value | None = None
    takes: dict[str, str] = field(default_factory=dict[str, str])
    where: str = ""
    op: Literal["repeat"] = "repeat"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Together:
    """Lanes that do not need each other: each in order, all at once."""

    lanes: "tuple[tuple[Instruction, ...], ...]"
    op: Literal["together"] = "together"
    __pydantic_config__ = STRICT


Leaf = (
    Text | Gen | Select | Turn | EndTurn | Capture | EndCapture | Set | Fork | Join | Mark | Rewind
)
Stated = Leaf | Close | Hold | Match | Map | Repeat
Instruction = Annotated[Stated | Together, Field(discriminator="op")]


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument that a run takes. schema: JSON Schema of it; required: there is no default."""

    name: str
    schema: dict[str, Any] = field(default_factory=dict[str, Any])
    required: bool = True
    default: Any = None
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Document:
    """All of a Program. options: sampling parameters for gens that say nothing else; ahead: constraints to prepare."""

    name: str
    block: Block
    parameters: tuple[Parameter, ...] = ()
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    ahead: tuple[Constraint, ...] = ()
    format: Literal["trellis.program"] = "trellis.program"
    version: Literal[1] = VERSION
    __pydantic_config__ = STRICT
