"""The JSON of a Trellis server's state routes, to and from what a Backend speaks of.

    body = prompt_data(prompt, params)
    delta, state = read_delta(event)
    raise read_failure(reply)

It refuses to know connections.
"""

from dataclasses import asdict, fields
from typing import Any, cast

from ...constrained.errors import (
    ConstraintBudget,
    ConstraintError,
    InvalidConstraint,
    UnsupportedConstraint,
)
from ...constrained.spec import Constraint
from ..errors import (
    DeadlineExceeded,
    GenError,
    InvalidAnswer,
    InvalidParams,
    InvalidProgram,
    NoBackend,
    Unsupported,
)
from ..nodes.params import SamplingParams
from ..program.constraints import wire_constraint
from .base import Delta, Finish, Prompt, Token, Usage
from .network import ErrorReply, Refused
from .retry import Busy

USUAL = tuple((f.name, getattr(SamplingParams(), f.name)) for f in fields(SamplingParams))
CONSTRAINT_ERRORS: dict[Any, type[ConstraintError]] = {
    "invalid_constraint": InvalidConstraint,
    "unsupported_constraint": UnsupportedConstraint,
    "constraint_too_large": ConstraintBudget,
}


def prompt_data(prompt: Prompt, params: SamplingParams) -> dict[str, Any]:
    """The body of a call; sampling parameters with their default values are left out."""
    pieces = [
        {"tokens": list(p.tokens)} if p.tokens else {"text": p.text, "special": p.special}
        for p in prompt.pieces
    ]
    given = {name: value for name, usual in USUAL if (value := getattr(params, name)) != usual}
    body: dict[str, Any] = {"pieces": pieces, "params": given}
    if prompt.base is not None:
        body["base"] = cast(Any, prompt.base).id
    return body


def constraint_data(constraint: Constraint) -> dict[str, Any]:
    """A constraint as a Program writes it."""
    return asdict(wire_constraint(constraint))


def read_delta(event: dict[str, Any]) -> tuple[Delta, tuple[str, int] | None]:
    """A Delta without its prefix, and the id and length of the state that comes with it."""
    tokens = tuple(
        Token(id, kind, logprob, tuple((i, t, p) for i, t, p in top), text)
        for id, kind, logprob, top, text in event.get("tokens", ())
    )
    finish = Finish(**event["finish"]) if "finish" in event else None
    usage = Usage(**event["usage"]) if "usage" in event else None
    state = event.get("state")
    delta = Delta(event["text"], event["index"], tokens, finish, usage)
    return delta, None if state is None else (state["id"], state["length"])


def read_failure(reply: ErrorReply) -> Exception:
    """The exception that an error reply tells of."""
    error, message = reply.error, reply.message
    kind = error.get("type")
    if kind in CONSTRAINT_ERRORS:
        path = str(error.get("path") or "")
        return CONSTRAINT_ERRORS[kind](message.removeprefix(f"{path}: ") if path else message, path)
    match kind:
        case "unsupported":
            return Unsupported(message)
        case "invalid_request" if error.get("param") == "params":
            return InvalidParams(message)
        case "invalid_request" | "unknown_state":
            return InvalidProgram(message)
        case "overloaded" | "not_ready" | "unavailable":
            return Busy(message, reply.retry_seconds)
        case "timeout" if error.get("param"):
            return DeadlineExceeded(message, name=error["param"])
        case "timeout":
            return TimeoutError(message)
        case "invalid_answer":
            return InvalidAnswer(message, name=error.get("param"))
        case "run_failed":
            return GenError(message, name=error.get("param"))
        case "closed":
            return NoBackend(message)
        case _:
            return Refused(f"{reply.status} from {reply.url}: {message}")
