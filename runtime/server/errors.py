"""Errors of the server: one table from exception to status; shapes.py says it as each API does.

    {"error": {"message": "temperature must be between 0 and 100, got -1",
               "type": "invalid_request", "param": "sampling_params.temperature"}}

400s are the caller's, 429 and 503 may be tried again and say when, 500 is ours and is logged with
its trace. It refuses to know which route failed.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from ...constrained.errors import ConstraintBudget, ConstraintError, UnsupportedConstraint
from ...lang.errors import (
    DeadlineExceeded,
    InvalidAnswer,
    InvalidProgram,
    NoBackend,
    ProgramError,
    Unsupported,
)
from ..errors import ConfigError, EngineStopped, Overloaded, RequestError
from .shapes import error_body

log = logging.getLogger("trellis.server")


class BadRequest(Exception):
    """A request that cannot be meant. param: the field, as the caller wrote it."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class FieldError(Exception):
    """Another exception, and the field that it is the fault of."""

    def __init__(self, cause: Exception, param: str | None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.param = param


class UnknownState(Exception):
    """There is no such state: it was released, has expired, or never existed."""

    param = "base"


class UnknownModel(Exception):
    """There is no model of that name here."""

    param = "model"


class UnknownResponse(Exception):
    """There is no such response: it was not stored, was deleted, or has made room for others."""


class NotReady(Exception):
    """The engine does not answer."""


class ClientLeft(Exception):
    """The caller closed the connection; nobody reads the reply."""


class ErrorFields(BaseModel):
    """What went wrong. param: the field at fault, as the caller wrote it. path: the place in a constraint."""

    message: str
    type: str
    param: str | None
    path: str | None = None


class ErrorBody(BaseModel):
    """The body of every reply that is an error."""

    error: ErrorFields


# What every route may reply besides what it is for.
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request cannot be meant, or not now."},
    "5XX": {"model": ErrorBody, "description": "The engine does not answer, or failed."},
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What is said about an exception. retry_after: seconds. path: where in a constraint."""

    status: int
    type: str
    message: str
    param: str | None = None
    retry_after: int | None = None
    path: str | None = None

    def body(self, route: str = "") -> dict[str, Any]:
        """The body of the reply, in the shape of the API that the route belongs to."""
        return error_body(route, self)

    def response(self, route: str = "") -> JSONResponse:
        """The reply to a request of that route."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return JSONResponse(self.body(route), self.status, headers)


# The first row whose class fits decides. The message is the exception's own.
TABLE: tuple[tuple[type[Exception], int, str, int | None], ...] = (
    (BadRequest, 400, "invalid_request", None),
    (ConstraintBudget, 413, "constraint_too_large", None),
    (UnsupportedConstraint, 400, "unsupported_constraint", None),
    (ConstraintError, 400, "invalid_constraint", None),
    (Unsupported, 400, "unsupported", None),
    (InvalidProgram, 400, "invalid_request", None),
    (RequestError, 400, "invalid_request", None),
    (ConfigError, 400, "invalid_request", None),
    (UnknownState, 404, "unknown_state", None),
    (UnknownModel, 404, "model_not_found", None),
    (UnknownResponse, 404, "not_found", None),
    (Overloaded, 429, "overloaded", 1),
    (NotReady, 503, "not_ready", 2),
    (EngineStopped, 503, "unavailable", 5),
    (NoBackend, 503, "unavailable", 5),
    (TimeoutError, 504, "timeout", None),
    (ClientLeft, 499, "client_left", None),
)
HTTP_TYPES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}


def describe(error: Exception) -> Failure:
    """What to say about an exception; one that no row knows is ours, and is logged."""
    if isinstance(error, FieldError):
        return replace(describe(error.cause), param=error.param)
    if isinstance(error, RequestValidationError):
        return _describe_body(error.errors())
    if isinstance(error, ProgramError) and not isinstance(error, InvalidProgram):
        return _describe_run(error)
    if isinstance(error, HTTPException):
        kind = HTTP_TYPES.get(error.status_code, "invalid_request")
        return Failure(error.status_code, kind, str(error.detail))
    for family, status, kind, retry_after in TABLE:
        if isinstance(error, family):
            param = getattr(error, "param", None)
            path = getattr(error, "path", None) or None
            message = str(error) or type(error).__name__
            return Failure(status, kind, message, param, retry_after, path)
    log.error("a request failed", exc_info=error)
    return Failure(500, "internal", "an error of the server; its log has the details")


def install_errors(app: FastAPI) -> None:
    """Every exception of a route leaves through the table."""

    def answer(request: Request, error: Exception) -> JSONResponse:
        return describe(error).response(request.scope["path"])

    for family in (
        FieldError,
        ProgramError,
        RequestValidationError,
        HTTPException,
        *(row[0] for row in TABLE),
        Exception,
    ):
        app.add_exception_handler(family, answer)


def unknown_field(name: str, known: Sequence[str]) -> str:
    """The message for a field that does not exist, with the likeliest meant one."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"unknown field {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _describe_run(error: ProgramError) -> Failure:
    """A run of a program that failed: by what made it fail, where that is known; a program's own error is its own."""
    message = str(error)
    if isinstance(error, DeadlineExceeded):
        return Failure(504, "timeout", message, error.name)
    cause = error.__cause__
    if isinstance(cause, tuple(row[0] for row in TABLE)):
        return replace(describe(cause), message=message, param=error.name)
    kind = "invalid_answer" if isinstance(error, InvalidAnswer) else "run_failed"
    return Failure(422, kind, message, error.name)


def _describe_body(errors: Sequence[Any]) -> Failure:
    """The first mistake in a body.

    Of a field that takes several types, each failed one is listed: the deepest counts.
    """
    first = max(errors, key=lambda e: len(e["loc"]))
    if first["type"] == "json_invalid":
        return Failure(400, "invalid_request", f"the body is not JSON: {first['ctx']['error']}")
    path = [part for part in first["loc"][1:] if isinstance(part, int) or _is_field(part)]
    if first["type"] == "unknown_field":
        return Failure(400, "invalid_request", first["msg"], spell([*path, first["ctx"]["field"]]))
    if not path:
        message = "the body must be a JSON object, sent with Content-Type: application/json"
        return Failure(400, "invalid_request", message)
    message = f"{spell(path)}: {first['msg'][:1].lower()}{first['msg'][1:]}"
    return Failure(400, "invalid_request", message, spell(path))


def _is_field(part: str) -> bool:
    """Whether a part of a location names a field; the others name the type that was tried."""
    return part.isidentifier() and part.islower() and part not in ("str", "int", "float", "bool")


def spell(path: Sequence[str | int]) -> str:
    """A path into the body as a caller would write it: `sampling_params[1].stop`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
