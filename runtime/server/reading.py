"""Reading: bodies as JSON and as what they mean, large ones in a thread, so that no other request waits for them.

    router = APIRouter(route_class=ReadingRoute)
    turn = await work_out(request, body.turn)     # what is made of the body, likewise

JSON that is nested too deep, or holds a number that JSON does not have, is refused as what it is: no JSON.
"""

import json
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from .errors import ClientLeft

LARGE_BYTES = 64 * 2**10
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class ReadingRequest(Request):
    """A request whose body is read like this. large: whether that is work for a thread."""

    large = False

    async def read(self, model: type[BaseModel]) -> None:
        """Reads a large body as the model that it has to be. Raises RequestValidationError."""
        data = await self.body()
        self.large = len(data) > LARGE_BYTES
        if self.large:
            self._json = await run_in_threadpool(_validated, data, model)

    async def understood(self, model: type[M]) -> M:
        """The body as the model that it has to be. Raises RequestValidationError, or ClientLeft if it does not come."""
        try:
            data = await self.body()
        except ClientDisconnect as error:
            raise ClientLeft("the client closed the connection") from error
        if not data or not _is_json(self.headers.get("content-type", "")):
            raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "no JSON"}])
        self.large = len(data) > LARGE_BYTES
        return await work_out(self, partial(_validated, data, model))

    async def json(self) -> Any:
        """The body; a large one that was read is its model already. Raises JSONDecodeError."""
        if not hasattr(self, "_json"):
            self._json = _parsed(await self.body())
        return self._json


class ReadingRoute(APIRoute):
    """A route that reads its bodies like this."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What FastAPI calls for a request."""
        handle = super().get_route_handler()
        model: Any = None if self.body_field is None else self.body_field.field_info.annotation

        async def read_and_handle(request: Request) -> Response:
            reading = ReadingRequest(request.scope, request.receive)
            if model is not None:
                await reading.read(model)
            return await handle(reading)

        return read_and_handle


async def work_out(request: Request, work: Callable[[], T]) -> T:
    """The result of work on a body: in a thread, where the body is large."""
    if isinstance(request, ReadingRequest) and request.large:
        return await run_in_threadpool(work)
    return work()


def _is_json(content_type: str) -> bool:
    kind, _, form = content_type.partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (form == "json" or form.endswith("+json"))


def _parsed(data: bytes) -> Any:
    try:
        # Words of callers would stay in a cache of its own, up to 16,384 of them.
        return from_json(data, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise json.JSONDecodeError(str(error), data.decode(errors="replace"), 0) from error


def _validated(data: bytes, model: type[M]) -> M:
    try:
        return model.model_validate(_parsed(data))
    except json.JSONDecodeError as error:
        wrong = {"type": "json_invalid", "loc": ("body", 0), "ctx": {"error": error.msg}}
        raise RequestValidationError([wrong]) from error
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        wrongs = [{**one, "loc": ("body", *one["loc"])} for one in found]
        raise RequestValidationError(wrongs) from error
