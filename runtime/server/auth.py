"""The keys. They wrap the whole application, so that no route can be forgotten.

    app = KeyGate(app, "secret", "operator's secret")

Only the exact raw path /health is open. Operators' routes (ADMIN) take the admin key alone; where an api key is set
and no admin key they are closed. Without any key all is open: then the server should listen on this machine only.
Keys are compared through their digests in constant time, so neither the length nor a common beginning shows. Paths
are judged as they were sent: a path that is written in another way is no exempt one. It refuses to know about users.
"""

import hashlib
import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import Failure

OPEN_PATHS = (b"/health",)
ADMIN_PATHS = frozenset(
    (
        "/v1/cache",
        "/v1/cache/pin",
        "/v1/runs",
        "/flush_cache",
        "/abort_request",
        "/server_info",
        "/get_server_info",
    )
)
WRONG_KEY = "the API key is missing or wrong"
NO_ADMIN = "this route is for operators: start the server with --admin-key and send that key"


class KeyGate:
    """An ASGI application that lets through what carries the key."""

    def __init__(self, app: ASGIApp, key: str | None, admin_key: str | None = None) -> None:
        self._app = app
        self._key = None if key is None else _digest(key.encode())
        self._admin = None if admin_key is None else _digest(admin_key.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        failure = None if scope["type"] == "lifespan" else self._judge(scope)
        if failure is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            response = failure.response(scope["path"])
            if failure.status == 401:
                response.headers["WWW-Authenticate"] = "Bearer"
            await response(scope, receive, send)

    def _judge(self, scope: Scope) -> Failure | None:
        """Why this request must not pass; None if it may."""
        # The route is found by the decoded path, so that is what decides who may take it.
        if scope["path"].rstrip("/") in ADMIN_PATHS:
            return self._judge_admin(scope)
        if self._key is None or self._open(scope) or self._carries(scope, self._key):
            return None
        if self._admin is not None and self._carries(scope, self._admin):
            return None
        return Failure(401, "unauthorized", WRONG_KEY)

    def _judge_admin(self, scope: Scope) -> Failure | None:
        if self._admin is not None:
            allowed = self._carries(scope, self._admin)
            return None if allowed else Failure(401, "unauthorized", WRONG_KEY)
        return None if self._key is None else Failure(403, "forbidden", NO_ADMIN)

    def _open(self, scope: Scope) -> bool:
        raw = scope.get("raw_path") or scope["path"].encode()
        return scope["type"] == "http" and raw.partition(b"?")[0] in OPEN_PATHS

    def _carries(self, scope: Scope, digest: bytes) -> bool:
        given = [_key(name, value) for name, value in scope["headers"]]
        return any(hmac.compare_digest(_digest(key), digest) for key in given if key is not None)


def _key(name: bytes, value: bytes) -> bytes | None:
    """The key that a header holds, if it is one that can."""
    if name == b"x-api-key":
        return value.strip()
    if name == b"authorization":
        scheme, _, key = value.partition(b" ")
        return key.strip() if scheme.lower() == b"bearer" else None
    return None


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
