"""The routes of programs: sent ones and hosted ones, and what operators see of their runs."""

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
from ..feed import Rounds
from ..reading import ReadingRoute
from ..strict import StrictBody
from .hosted import Hosted
from .result import adapter_of
from .running import run_events, run_whole
from .runs import RunLog

KEPT_PROGRAMS, KEPT_CHARS = 256, 2**16  # longer ones are read again each time


class ProgramBody(StrictBody):
    """A traced program and its arguments. timeout: seconds for the whole run."""

    program: dict[str, Any]
    arguments: dict[str, Any] = {}
    stream: bool = False
    timeout: float | None = Field(default=None, gt=0)


def program_routes(
    backend: Backend, hosted: Mapping[str, Hosted], most_seconds: float, runs: RunLog
) -> APIRouter:
    """The routes over one backend. most_seconds: no run takes longer. runs: where they are noted."""
    router = APIRouter(tags=["programs"], responses=ERRORS, route_class=ReadingRoute)
    rounds = Rounds()
    known = functools.lru_cache(KEPT_PROGRAMS)(_read)

    def read(data: dict[str, Any]) -> Function[..., Any]:
        text = json.dumps(data)
        return known(text) if len(text) <= KEPT_CHARS else _read(text)

    @router.post("/v1/programs", summary="Run a traced program")
    async def run(body: ProgramBody, request: Request) -> Any:
        # Reading checks every field of what may be a large document: not on the loop.
        program = await run_in_threadpool(read, body.program)
        seconds = min(body.timeout or most_seconds, most_seconds)
        try:
            program.signature.bind(**body.arguments)
        except TypeError as error:
            raise BadRequest(f"arguments: {error}", "arguments") from error
        begin = functools.partial(
            program.astream, backend=backend, timeout=seconds, **body.arguments
        )
        opening = functools.partial(runs.open, program.body.__name__, begin)
        return run_events(rounds, opening) if body.stream else await run_whole(request, opening)

    @router.get("/v1/programs", summary="The functions that are served")
    async def names() -> dict[str, Any]:
        return {"programs": [_described(one) for one in hosted.values()]}

    @router.get("/v1/runs", summary="The programs that run, and the last that ended")
    async def noted() -> dict[str, Any]:
        return {"runs": runs.data()}

    for one in hosted.values():
        _add(router, one, backend, most_seconds, runs, rounds)
    return router


def _add(
    router: APIRouter,
    one: Hosted,
    backend: Backend,
    most_seconds: float,
    runs: RunLog,
    rounds: Rounds,
) -> None:
    taken = Body(...) if one.arguments.model_fields else Body(default_factory=dict[str, Any])

    async def run(request: Request, arguments: Any = taken, stream: bool = Query(False)) -> Any:
        given = {name: getattr(arguments, name) for name in type(arguments).model_fields}
        settings = {"backend": backend, "timeout": min(one.function.settings.seconds, most_seconds)}
        begin = functools.partial(one.function.using(**settings).astream, **given)
        opening = functools.partial(runs.open, one.name, begin)
        if stream:
            return run_events(rounds, opening, one.result)
        return await run_whole(request, opening, one.result)

    run.__annotations__["arguments"] = one.arguments
    result = create_model(f"{one.name}_result", __base__=RunResult, value=(one.result, ...))
    router.add_api_route(
        f"/v1/programs/{one.name}",
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
