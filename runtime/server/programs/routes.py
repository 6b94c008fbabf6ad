"""The routes of programs: sent ones and hosted ones."""

import functools
import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, create_model

from ....lang.backends.base import Backend
from ....lang.function import Function, function
from ....lang.program.program import Program
from ..errors import ERRORS, BadRequest
from ..strict import StrictBody
from .hosted import Hosted
from .result import adapter_of
from .running import run_events, run_whole

KEPT_PROGRAMS = 256


class ProgramBody(StrictBody):
    """A traced program and its arguments. timeout: seconds for the whole run."""

    program: dict[str, Any]
    arguments: dict[str, Any] = {}
    stream: bool = False
    timeout: float | None = Field(default=None, gt=0)


def program_routes(
    backend: Backend, hosted: Mapping[str, Hosted], most_seconds: float
) -> APIRouter:
    """The routes over one backend. most_seconds: no run takes longer."""
    router = APIRouter(prefix="/v1/programs", tags=["programs"], responses=ERRORS)
    read = functools.lru_cache(KEPT_PROGRAMS)(_read)

    @router.post("", summary="Run a traced program")
    async def run(body: ProgramBody, request: Request) -> Any:
        # Reading checks every field of what may be a large document: not on the loop.
        text = json.dumps(body.program)
        program = await run_in_threadpool(read, text)
        seconds = min(body.timeout or most_seconds, most_seconds)
        try:
            program.signature.bind(**body.arguments)
        except TypeError as error:
            raise BadRequest(f"arguments: {error}", "arguments") from error
        begin = functools.partial(
            program.astream, backend=backend, timeout=seconds, **body.arguments
        )
        return run_events(begin) if body.stream else await run_whole(request, begin)

    @router.get("", summary="The functions that are served")
    async def names() -> dict[str, Any]:
        return {"programs": [_described(one) for one in hosted.values()]}

    for one in hosted.values():
        _add(router, one, backend, most_seconds)
    return router


def _add(router: APIRouter, one: Hosted, backend: Backend, most_seconds: float) -> None:
    taken = Body(...) if one.arguments.model_fields else Body(default_factory=dict[str, Any])

    async def run(request: Request, arguments: Any = taken, stream: bool = Query(False)) -> Any:
        given = {name: getattr(arguments, name) for name in type(arguments).model_fields}
        settings = {"backend": backend, "timeout": min(one.function.settings.seconds, most_seconds)}
        begin = functools.partial(one.function.using(**settings).astream, **given)
        return (
            run_events(begin, one.result) if stream else await run_whole(request, begin, one.result)
        )

    run.__annotations__["arguments"] = one.arguments
    result = create_model(f"{one.name}_result", __base__=RunResult, value=(one.result, ...))
    router.add_api_route(
        f"/{one.name}",
        run,
        methods=["POST"],
        summary=one.text.partition("\n")[0],
        name=one.name,
        responses={200: {"model": result}},
        response_model=None,
    )


class RunResult(BaseModel):
    """What a run came to. variables, text, messages: as they ended; usage: tokens and seconds of all its gens."""

    value: Any
    variables: dict[str, Any]
    text: str
    messages: list[dict[str, Any]]
    usage: dict[str, Any]


def _described(one: Hosted) -> dict[str, Any]:
    return {
        "name": one.name,
        "description": one.text,
        "arguments": one.arguments.model_json_schema(),
        "result": {} if one.result is Any else adapter_of(one.result).json_schema(),
    }


def _read(text: str) -> Function[..., Any]:
    return function(Program.from_json(text))
