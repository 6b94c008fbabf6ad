"""Requests: each has an id, which its reply carries, and which every line of the log about it has.

    app = RequestGate(app, telemetry)
    current_id()                        # of `current`, for all that the request comes to

A client names its request by `X-Request-Id`; one that does not gets an id of the server's making. It refuses to know
what requests ask for.
"""

import re
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .current import within
from .telemetry import Telemetry

NAMED = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
HEADER = b"x-request-id"


class RequestGate:
    """An ASGI application whose requests have ids, and are told of when they have ended."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id = _id_of(scope)
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (HEADER, id.encode())]}
            await send(message)

        with within(id), self._telemetry.request(scope) as told:
            try:
                await self._app(scope, receive, send_named)
            finally:
                told(status)


def _id_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == HEADER and NAMED.fullmatch(value):
            return value.decode()
    return uuid.uuid4().hex
