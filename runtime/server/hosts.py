"""Host names: a page of the web must not reach a server on this machine by giving its own name this address.

    app = HostGate(app, ("localhost", "127.0.0.1"))

A browser sends the page's own name as Host, whatever address the name leads to; names that are not allowed are
refused. OriginGate does the same for the page that a request comes from. It refuses to know about keys.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import Failure


class HostGate:
    """An ASGI application that answers to some host names only."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app = app
        self._names = frozenset(name.strip().lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._allowed(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            message = "this server does not answer to that host name: allow it with --allowed-hosts"
            await Failure(421, "unknown_host", message).response(scope["path"])(
                scope, receive, send
            )

    def _allowed(self, scope: Scope) -> bool:
        given = [
            value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"
        ]
        return len(given) == 1 and _without_port(given[0]) in self._names


def _without_port(host: str) -> str:
    """`localhost:30000` and `[::1]:30000` without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


class OriginGate:
    """An ASGI application that no page of another origin can use from a visitor's browser.

    A browser names the page a request comes from; what is no browser names none, and passes.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origin.strip().lower().rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._allowed(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            message = "this server does not answer to pages of that origin: allow it with --allowed-origins"
            failure = Failure(403, "unknown_origin", message)
            await failure.response(scope["path"])(scope, receive, send)

    def _allowed(self, scope: Scope) -> bool:
        given = {name: value.decode("latin-1").lower() for name, value in scope["headers"]}
        origin = given.get(b"origin")
        if origin is not None:
            own = urlsplit(origin).netloc == given.get(b"host")
            return own or origin in self._origins or "*" in self._origins
        # A picture or a link of another page: it may open the page here, and nothing else.
        return given.get(b"sec-fetch-site") != "cross-site" or scope["path"] == "/"
