"""What a supervisor and an operator ask: is it alive, does it work, what is it.

GET  /health             the process answers
GET  /ready              the engine answers between two steps
GET  /health_generate    one token was really generated
GET  /model_info         the model; also /get_model_info
GET  /server_info        settings without secrets, and counts now; also /get_server_info
POST /abort_request      {"rid": "..."} or {"abort_all": true}
"""

import asyncio
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Response

from ....lang.backends.base import Piece, Prompt
from ....lang.nodes.params import SamplingParams
from ..config import ServerConfig
from ..errors import ERRORS, BadRequest, NotReady
from ..probe import Probe
from ..served import Served
from ..source import Job, Source
from ..strict import StrictBody


class AbortBody(StrictBody):
    """Which requests to end."""

    rid: str | None = None
    abort_all: bool = False


def health_routes(source: Source, config: ServerConfig, probe: Probe) -> APIRouter:
    """The routes that a supervisor asks. probe: returns once the engine has answered."""
    router = APIRouter(tags=["health"], responses=ERRORS)

    @router.get("/health", summary="Whether the process answers")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/ready", summary="Whether the engine answers")
    async def ready() -> dict[str, str]:
        await _in_time(probe(), config.ready_seconds)
        return {"status": "ready"}

    @router.get("/health_generate", summary="Whether a token can be generated")
    async def health_generate() -> Response:
        await _in_time(_generate_one(source), config.ready_seconds)
        return Response(status_code=200)

    @router.post("/abort_request", summary="End requests")
    async def abort(body: AbortBody) -> dict[str, int]:
        if (body.rid is None) != body.abort_all:
            raise BadRequest("give one of rid and abort_all: true", "rid")
        return {"aborted": await source.abort(body.rid)}

    return router


def info_routes(served: Served, config: ServerConfig) -> APIRouter:
    """What the model and the server are."""
    router = APIRouter(tags=["info"], responses=ERRORS)

    async def model_info() -> dict[str, Any]:
        return {
            "model_path": served.name,
            "tokenizer_path": served.name,
            "is_generation": True,
            "max_model_len": served.context,
            "vocab_size": served.tokenizer.size,
            "has_chat_template": True,
        }

    async def server_info() -> dict[str, Any]:
        secret = {"api_key", "admin_key"}
        server = {k: v for k, v in asdict(config).items() if k not in secret}
        engine = asdict(served.config) | {"model": served.name}
        return {
            "version": version("trellis"),
            "server": server,
            "engine": engine,
            "stats": await served.ask("stats"),
        }

    for path, route in (("model_info", model_info), ("server_info", server_info)):
        router.add_api_route(f"/{path}", route, methods=["GET"])
        router.add_api_route(f"/get_{path}", route, methods=["GET"], include_in_schema=False)
    return router


async def _in_time(work: Any, seconds: float) -> None:
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError as error:
        raise NotReady(f"the engine has not answered within {seconds:g} seconds") from error


async def _generate_one(source: Source) -> None:
    prompt = Prompt(None, (Piece("1"),))
    params = SamplingParams(max_tokens=1, ignore_eos=True, priority=1)
    job = Job("health", prompt, params, None, None, 0)
    await source.feed([job], lambda item: None)
