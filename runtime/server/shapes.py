"""Shapes of errors: every API says what went wrong in its own way, whoever finds it: a route, a gate or a stream.

    body = error_body("/v1/messages", Failure(400, "invalid_request", "max_tokens must be ..."))

By the path alone, since keys and limits are judged before any route is known. It refuses to know exceptions.
"""

import secrets
from typing import Any, Protocol

OPENAI_PATHS = (
    "/v1/models",
    "/v1/chat/",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
)
ANTHROPIC_PATHS = ("/v1/messages",)
OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


class Said(Protocol):
    """What is said about a failure. param: the field at fault. path: the place in a constraint."""

    @property
    def status(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def param(self) -> str | None: ...
    @property
    def path(self) -> str | None: ...


def error_body(route: str, said: Said) -> dict[str, Any]:
    """The body of an error reply on a path."""
    if route.startswith(ANTHROPIC_PATHS):
        usual = "invalid_request_error" if said.status < 500 else "api_error"
        kind = ANTHROPIC_TYPES.get(said.status, usual)
        # This API has no place of its own for the field.
        named = said.param is None or said.param in said.message
        message = said.message if named else f"{said.param}: {said.message}"
        return {
            "type": "error",
            "error": {"type": kind, "message": message},
            "request_id": f"req_{secrets.token_hex(12)}",
        }
    error = {"message": said.message, "type": said.type, "param": said.param}
    if said.path is not None:
        error["path"] = said.path
    if route.startswith(OPENAI_PATHS):
        usual = "invalid_request_error" if said.status < 500 else "server_error"
        error |= {"type": OPENAI_TYPES.get(said.status, usual), "code": said.type}
    return {"error": error}
