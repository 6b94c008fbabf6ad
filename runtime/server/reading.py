"""Reading: bodies as JSON, large ones in a thread, so that no other request waits for them.

    router = APIRouter(route_class=ReadingRoute)

JSON that is nested too deep, or holds a number that JSON does not have, is refused as what it is: no JSON.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from pydantic_core import from_json

LARGE_BYTES = 64 * 2**10


class ReadingRequest(Request):
    """A request whose body is read like this."""

    async def json(self) -> Any:
        """The body. Raises JSONDecodeError."""
        if not hasattr(self, "_json"):
            data = await self.body()
            self._json = (
                await run_in_threadpool(_read, data) if len(data) > LARGE_BYTES else _read(data)
            )
        return self._json


class ReadingRoute(APIRoute):
    """A route that reads its bodies like this."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What FastAPI calls for a request."""
        handle = super().get_route_handler()

        async def read_and_handle(request: Request) -> Response:
            return await handle(ReadingRequest(request.scope, request.receive))

        return read_and_handle


def _read(data: bytes) -> Any:
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise json.JSONDecodeError(str(error), data.decode(errors="replace"), 0) from error
