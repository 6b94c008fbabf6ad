"""Messages between a backend and its engine's process. Plain values of fixed types; a wrong one is refused when read.

    Generate(7, prompt, params, constraint)  ->  Deltas([(7, delta), ...]), ..., Done(7)  or  Failed(7, kind, message)

Calls are numbered by who makes them; prefixes are numbered by the engine. It refuses to know how messages travel.
"""

from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from ...constrained import spec
from ...constrained.errors import (
    ConstraintBudget,
    ConstraintError,
    InvalidConstraint,
    Unsatisfiable,
    UnsupportedConstraint,
)
from ...constrained.spec import Constraint
from ...lang.backends.base import ChoiceScore, Finish, Piece, Token, Usage
from ...lang.errors import InvalidParams
from ...lang.nodes.params import SamplingParams
from ..errors import EngineStopped, Overloaded, RequestError


class Ask(msgspec.Struct, frozen=True, tag="prompt", array_like=True):
    """A prompt: number of the prefix it continues, and what follows."""

    base: int | None
    pieces: tuple[Piece, ...]


class Generate(msgspec.Struct, frozen=True, tag="generate", array_like=True):
    """Generate `params.n` answers; constraint: see `constraint_to_wire`."""

    call: int
    prompt: Ask
    params: SamplingParams
    constraint: dict[str, Any] | None


class Score(msgspec.Struct, frozen=True, tag="score", array_like=True):
    """Log-probabilities of choices."""

    call: int
    prompt: Ask
    choices: tuple[str, ...]
    params: SamplingParams


class Hold(msgspec.Struct, frozen=True, tag="hold", array_like=True):
    """Compute a prompt and keep it."""

    call: int
    prompt: Ask
    params: SamplingParams


class Count(msgspec.Struct, frozen=True, tag="count", array_like=True):
    """`more` holders of a prefix: 1 or -1."""

    prefix: int
    more: int


class Cancel(msgspec.Struct, frozen=True, tag="cancel", array_like=True):
    """Nobody waits for this call any more."""

    call: int


class Query(msgspec.Struct, frozen=True, tag="query", array_like=True):
    """Ask the engine's thread something: see `host.ANSWERS`."""

    call: int
    what: str
    arguments: dict[str, Any] = {}


Request = Generate | Score | Hold | Count | Cancel | Query


class KeptPrefix(msgspec.Struct, frozen=True, array_like=True):
    """A prefix that the engine keeps, and its tokens."""

    id: int
    length: int


class WireDelta(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A Delta, its prefix by number."""

    call: int
    text: str
    index: int
    tokens: tuple[Token, ...]
    finish: Finish | None
    usage: Usage | None
    prefix: KeptPrefix | None


class Hello(msgspec.Struct, frozen=True, tag="hello", array_like=True):
    """The engine is ready. context: most tokens of prompt and answer."""

    context: int


class Deltas(msgspec.Struct, frozen=True, tag="deltas", array_like=True):
    """All Deltas of one moment."""

    items: list[WireDelta]


class Done(msgspec.Struct, frozen=True, tag="done", array_like=True):
    """A call has ended well."""

    call: int
    scores: tuple[ChoiceScore, ...] | None = None
    prefix: KeptPrefix | None = None
    answer: Any = None


class Failed(msgspec.Struct, frozen=True, tag="failed", array_like=True):
    """A call failed, or (call 0) the engine could not start. kind: see FAILURES. path: of a constraint."""

    call: int
    kind: str
    message: str
    path: str = ""


Reply = Hello | Deltas | Done | Failed

# The errors of a call that keep their kind on the way; any other is the engine's own mistake.
FAILURES: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        InvalidConstraint,
        Unsatisfiable,
        UnsupportedConstraint,
        ConstraintBudget,
        InvalidParams,
        RequestError,
        Overloaded,
        EngineStopped,
        TimeoutError,
    )
}
KINDS: dict[str, type[Any]] = {
    name: kind
    for name, kind in vars(spec).items()
    if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == spec.__name__
}


def failure(call: int, error: Exception) -> Failed:
    """The message for a call's error."""
    kind = type(error).__name__
    if kind not in FAILURES:
        return Failed(call, "", f"{kind}: {error}")
    path = getattr(error, "path", "")
    message = str(error)
    return Failed(call, kind, message.removeprefix(f"{path}: ") if path else message, path)


def raised(failed: Failed) -> Exception:
    """The error that a Failed message tells of."""
    kind = FAILURES.get(failed.kind)
    if kind is None:
        return RuntimeError(f"the engine made a mistake: {failed.message}")
    if issubclass(kind, ConstraintError):
        return kind(failed.message, failed.path)
    return kind(failed.message)


def constraint_to_wire(constraint: Constraint | None) -> dict[str, Any] | None:
    """A constraint as data: its kind and fields, constraints inside it likewise."""
    return None if constraint is None else _plain(constraint)


def constraint_from_wire(data: dict[str, Any] | None) -> Constraint | None:
    """The constraint. Raises msgspec.ValidationError for what is none."""
    return None if data is None else _value(data)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        own = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {"is": type(value).__name__, **own}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value


def _value(data: Any) -> Any:
    if isinstance(data, dict):
        kind = KINDS.get(data.get("is", ""))
        if kind is None:
            raise msgspec.ValidationError(f"no constraint of kind {data.get('is')!r}")
        names = {f.name for f in fields(kind)}
        if unknown := set(data) - names - {"is"}:
            raise msgspec.ValidationError(f"{data['is']} has no field {sorted(unknown)[0]!r}")
        return kind(**{name: _value(data[name]) for name in names if name in data})
    return tuple(_value(v) for v in data) if isinstance(data, list) else data
