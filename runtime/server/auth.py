"""The key. It wraps the whole application, so that no route can be forgotten.

    app = KeyGate(app, "secret")

Only the exact raw path /health is open. Keys are compared through their digests in constant time,
so neither the length nor a common beginning shows. It refuses to know about users and rights.
"""

import hashlib
import hmac

from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import Failure

OPEN_PATHS = (b"/health",)


class KeyGate:
    """An ASGI application that lets through what carries the key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._digest = _digest(key.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._open(scope) or self._known(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            response = Failure(401, "unauthorized", "the API key is missing or wrong").response()
            response.headers["WWW-Authenticate"] = "Bearer"
            await response(scope, receive, send)

    def _open(self, scope: Scope) -> bool:
        raw = scope.get("raw_path") or scope["path"].encode()
        return scope["type"] == "http" and raw.partition(b"?")[0] in OPEN_PATHS

    def _known(self, scope: Scope) -> bool:
        given = [_key(name, value) for name, value in scope["headers"]]
        return any(
            hmac.compare_digest(_digest(key), self._digest) for key in given if key is not None
        )


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
