"""Host names: a page of the web must not reach a server on this machine by giving its own name this address.

    app = HostGate(app, ("localhost", "127.0.0.1"))

A browser sends the page's own name as Host, whatever address the name leads to; names that are not allowed are
refused. It refuses to know about keys.
"""

from collections.abc import Sequence

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
