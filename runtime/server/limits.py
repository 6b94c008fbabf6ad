"""The size of a body, enforced while it is read, so that no more than the limit is ever held.

    app = BodyLimit(app, max_bytes=10 * 2**20)

A declared length that is too large is refused before the first byte. It refuses to know what the
bytes mean.
"""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import describe


class BodyLimit:
    """An ASGI application whose requests have bodies of at most `max_bytes`."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared(scope) > self._max_bytes:
            await describe(self._error()).response(scope["path"])(scope, receive, send)
            return
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                raise self._error()
            return message

        await self._app(scope, limited, send)

    def _error(self) -> HTTPException:
        return HTTPException(413, f"the body is larger than {self._max_bytes} bytes")


def _declared(scope: Scope) -> int:
    """Content-Length; 0 when it is absent or no number, as the bytes are counted anyway."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0
