"""Server-sent events: each a JSON object with what is new, then `data: [DONE]`.

    return EventStream(events)          # events: an async generator of JSON objects

Nothing is sent before the first event exists, so an error until then has its own status; a later
one is the last event. A client that leaves closes the generator, and that ends the work behind it.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .errors import ClientLeft, describe
from .source import unless_left

Events = AsyncGenerator[dict[str, Any], None]


class EventResponse(Response):
    """A response that is made of events."""

    media_type = "text/event-stream"
    end = b"data: [DONE]\n\n"

    def __init__(self) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})

    @property
    def start(self) -> dict[str, Any]:
        """What is sent before the first event."""
        return {"type": "http.response.start", "status": 200, "headers": self.raw_headers}


class EventStream(EventResponse):
    """A response that sends events as they come."""

    def __init__(self, events: Events) -> None:
        super().__init__()
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events) as events:
            with suppress(ClientLeft):
                await unless_left(receive, self._send(events, scope, receive, send))

    async def _send(self, events: Events, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            first = await anext(events, None)
        except (
            Exception
        ) as error:  # the table turns every one into a status; what it does not know, it logs
            await describe(error).response(scope["path"])(scope, receive, send)
            return
        await send(self.start)
        try:
            if first is not None:
                await send(_part(self.write(first)))
            async for event in events:
                await send(_part(self.write(event)))
        except Exception as error:
            await send(_part(self.write(describe(error).body(scope["path"]))))
        await send({"type": "http.response.body", "body": self.end, "more_body": False})

    def write(self, data: dict[str, Any]) -> str:
        """One event as text."""
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        return f"data: {text}\n\n"


class NamedEventStream(EventStream):
    """The same for APIs whose events carry their type as a name, and where the last one says that it is."""

    end = b""

    def write(self, data: dict[str, Any]) -> str:
        """One event as text, under its name."""
        return f"event: {data['type']}\n{super().write(data)}"


def _part(text: str) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}
