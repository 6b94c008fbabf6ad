"""The lines of a recording, to and from what a Backend speaks of.

    line = asked("generate", name, pieces, params, constraint=constraint)      # what a call is found by: line["key"]
    delta, length = read_delta(delta_line(delta))
    raise read_error(error_line(error))

It refuses to know files.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from ...constrained.errors import (
    ConstraintBudget,
    ConstraintError,
    InvalidConstraint,
    Unsatisfiable,
    UnsupportedConstraint,
)
from ...constrained.spec import Constraint
from ..errors import InvalidParams, InvalidProgram, LangError, NoBackend, Unsupported
from ..nodes.params import SamplingParams
from .base import Delta, Finish, Piece, Token, Usage
from .retry import Busy, Unreachable

VERSION = 1
DEFAULTS = SamplingParams()
CONSTRAINT_ERRORS = {
    e.__name__: e
    for e in (ConstraintBudget, InvalidConstraint, Unsatisfiable, UnsupportedConstraint)
}
OTHERS = (Busy, Unreachable, NoBackend, Unsupported, InvalidParams, InvalidProgram)
ERRORS = {e.__name__: e for e in (*OTHERS, TimeoutError, ConnectionError, ValueError)}
# What does not change the answer: how long one waits for it, and what is done afterwards.
APART = ("timeout", "keep", "priority")


class Replayed(LangError):
    """What the recorded backend raised, where that is no error of ours; the message names its kind."""


def asked(
    kind: str,
    name: str,
    pieces: tuple[Piece, ...],
    params: SamplingParams,
    constraint: Constraint | None = None,
    choices: tuple[str, ...] = (),
) -> dict[str, Any]:
    """A call: its text, parameters and constraint, with the hash of all by which it is found again."""
    given = {
        f.name: getattr(params, f.name)
        for f in fields(params)
        if f.name not in APART and getattr(params, f.name) != getattr(DEFAULTS, f.name)
    }
    call = {
        "name": name,
        "prompt": [_piece_line(piece) for piece in pieces],
        "params": given,
        "constraint": constraint_line(constraint),
        "choices": list(choices),
    }
    return {"key": hashed({"kind": kind, **call}), **call}


def hashed(value: Any) -> str:
    """A hash of plain values, the same everywhere."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def pieces_with(pieces: tuple[Piece, ...], more: "str | Sequence[Piece]") -> tuple[Piece, ...]:
    """The pieces and what follows, neighbours of a kind joined, so that a text has one form only."""
    joined = list(pieces)
    for piece in (Piece(more),) if isinstance(more, str) else more:
        last = joined[-1] if joined else None
        if not piece.text and not piece.tokens:
            continue
        if (
            last is not None
            and last.special == piece.special
            and not last.tokens
            and not piece.tokens
        ):
            joined[-1] = Piece(last.text + piece.text, piece.special)
        else:
            joined.append(piece)
    return tuple(joined)


def constraint_line(constraint: Constraint | None) -> dict[str, Any] | None:
    """A constraint, with its kind."""
    return None if constraint is None else {"kind": type(constraint).__name__} | asdict(constraint)


def check_line(constraint: Constraint, error: Exception) -> dict[str, Any]:
    """A constraint that was refused."""
    told = constraint_line(constraint)
    return {"kind": "check", "key": hashed(told), "constraint": told, "error": error_line(error)}


def render_line(
    messages: Sequence[Mapping[str, Any]],
    open_assistant: bool,
    tools: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What a template is asked."""
    told = {
        "messages": [dict(message) for message in messages],
        "open_assistant": open_assistant,
        "tools": [dict(tool) for tool in tools],
    }
    return {"kind": "render", "key": hashed(told), **told}


def token_line(text: str, id: int | None) -> dict[str, Any]:
    """The token that is spelled like a text."""
    return {"kind": "token", "key": text, "id": id}


def delta_line(delta: Delta) -> dict[str, Any]:
    """A Delta; of its prefix the length."""
    line: dict[str, Any] = {"text": delta.text, "index": delta.index}
    if delta.tokens:
        line["tokens"] = [[t.id, t.kind, t.logprob, t.top, t.text] for t in delta.tokens]
    for name, part in (("finish", delta.finish), ("usage", delta.usage)):
        if part is not None:
            line[name] = asdict(part)
    if delta.prefix is not None:
        line["length"] = delta.prefix.length
    return line


def read_delta(line: Mapping[str, Any]) -> tuple[Delta, int | None]:
    """A Delta without its prefix, and that one's length."""
    tokens = tuple(
        Token(id, kind, logprob, tuple((i, t, p) for i, t, p in top), text)
        for id, kind, logprob, top, text in line.get("tokens", ())
    )
    finish = Finish(**line["finish"]) if "finish" in line else None
    usage = Usage(**line["usage"]) if "usage" in line else None
    return Delta(line["text"], line["index"], tokens, finish, usage), line.get("length")


def error_line(error: Exception) -> dict[str, str]:
    """An error by its kind and message; of a constraint's also the path."""
    path = error.path if isinstance(error, ConstraintError) else ""
    message = str(error).removeprefix(f"{path}: ") if path else str(error)
    return {"type": type(error).__name__, "message": message, "path": path}


def read_error(line: Mapping[str, str]) -> Exception:
    """The error again: of its own kind where it is one of ours or of the usual ones, else Replayed."""
    name, message, path = line["type"], line["message"], line["path"]
    if name in CONSTRAINT_ERRORS:
        return CONSTRAINT_ERRORS[name](message, path)
    return ERRORS[name](message) if name in ERRORS else Replayed(f"{name}: {message}")


def _piece_line(piece: Piece) -> dict[str, Any]:
    if piece.tokens:
        return {"tokens": list(piece.tokens)}
    return {"special": piece.text} if piece.special else {"text": piece.text}
